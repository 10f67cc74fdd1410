"""A conversation of a Messages caller that moves between providers, in and between call rounds: no
refusal, nothing of it lost.
"""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.messages_stack import PERSONAS, Stack, messages_stack
from tests.api.test_messages_sdk import WEATHER

THINKING: Any = [
    None,
    {"type": "adaptive", "display": "summarized"},
    {"type": "adaptive", "display": "omitted"},
]


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with messages_stack() as found:
        yield found


async def answer_of(stack: Stack, asked: dict[str, Any], streams: bool) -> Any:
    if not streams:
        return await stack.client.messages.create(**asked)
    async with stack.client.messages.stream(**asked) as stream:
        return await stream.get_final_message()


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("thinking", THINKING)
@pytest.mark.parametrize("order", [*itertools.permutations(PERSONAS)][::5], ids="-".join)
async def test_every_turn_may_be_another_providers(
    stack: Stack, order: tuple[str, ...], thinking: Any, streams: bool
) -> None:
    """Each asks for two calls; the results go to the next one, which answers the round. Then back
    the same way.
    """
    history: list[Any] = []
    seen: set[str] = set()
    for turn, persona in enumerate([*order, *order[::-1]]):
        said = (
            f'turn {turn} [[sim: think]] [[sim: call get_weather {{"city":"a"}}]] [[sim: call'
            ' get_weather {"city":"b"}]]'
        )
        history = [*history, {"role": "user", "content": said}]
        asked: dict[str, Any] = {"max_tokens": 9000, "tools": [WEATHER], "messages": history}
        if thinking is not None:
            asked["thinking"] = thinking
        called = await answer_of(stack, {**asked, "model": persona}, streams)
        calls = [block for block in called.content if block.type == "tool_use"]
        assert [call.input for call in calls] == [{"city": "a"}, {"city": "b"}]
        assert seen.isdisjoint(call.id for call in calls)
        seen.update(call.id for call in calls)
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": f"sun {turn}"}
            for call in calls
        ]
        history = [
            *history,
            {"role": "assistant", "content": called.content},
            {"role": "user", "content": results},
        ]
        following = order[(turn + 1) % len(order)]
        ended = await answer_of(stack, {**asked, "messages": history, "model": following}, streams)
        assert ended.stop_reason == "end_turn"
        assert ended.content[-1].type == "text"
        history = [*history, {"role": "assistant", "content": ended.content}]


async def test_what_a_provider_signed_comes_back_to_it_after_a_detour(stack: Stack) -> None:
    """Signed reasoning travels with its caller: a gateway that remembers nothing still gives it
    back.
    """
    asked: dict[str, Any] = {
        "max_tokens": 9000,
        "tools": [WEATHER],
        "thinking": {"type": "adaptive", "display": "omitted"},
        "messages": [
            {"role": "user", "content": 'x [[sim: think]] [[sim: call get_weather {"city":"a"}]]'}
        ],
    }
    called = await stack.client.messages.create(**asked, model="on_responses")
    call = called.content[-1]
    assert call.type == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sun"}
    history = [
        *asked["messages"],
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": [result]},
    ]
    async with messages_stack() as fresh:
        for persona in ("on_claude", "on_gemini", "on_chat", "on_responses"):
            answer = await fresh.client.messages.create(
                **{**asked, "messages": history}, model=persona
            )
            assert answer.stop_reason == "end_turn"
        sent = [str(arrival.body) for arrival in fresh.simulator.requests]
    assert ["encrypted_content': '" in body for body in sent] == [False, False, False, True]
    assert not any("llmr1." in body for body in sent)
