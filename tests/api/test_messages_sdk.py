"""The official Anthropic SDK against a whole gateway and the simulator, on each kind of target."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest

from tests.api.messages_stack import PERSONAS, Stack, messages_stack

WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with messages_stack() as found:
        yield found


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_plain_answer_is_a_message_of_the_name_that_was_asked(
    stack: Stack, persona: str
) -> None:
    answer = await stack.client.messages.create(
        model=persona, max_tokens=200, system="Be brief.", messages=user("Hello \u2028 there")
    )
    assert (persona, "end_turn") == (answer.model, answer.stop_reason)
    assert answer.content[0].type == "text"
    assert "Hello \u2028 there" in answer.content[0].text
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_stream_adds_up_to_what_it_says_and_what_it_cost(
    stack: Stack, persona: str
) -> None:
    async with stack.client.messages.stream(
        model=persona, max_tokens=200, messages=user("Hello [[sim: usage 150 9]]")
    ) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        answer = await stream.get_final_message()
    assert (persona, "end_turn") == (answer.model, answer.stop_reason)
    assert answer.content[0].type == "text"
    assert text == answer.content[0].text
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (150, 9)


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("streams", [False, True])
async def test_two_calls_and_their_results_make_a_round(
    stack: Stack, persona: str, streams: bool
) -> None:
    said = 'Go [[sim: call get_weather {"city":"Bern"}]] [[sim: call get_weather {"city":"Rome"}]]'
    asked: Any = {"model": persona, "max_tokens": 400, "tools": [WEATHER], "messages": user(said)}
    if streams:
        async with stack.client.messages.stream(**asked) as stream:
            answer = await stream.get_final_message()
    else:
        answer = await stack.client.messages.create(**asked)
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Bern"}, {"city": "Rome"}]
    assert answer.stop_reason == "tool_use"
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"sun {i}"}
        for i, call in enumerate(calls)
    ]
    history = [
        *user(said),
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": results[::-1]},
    ]
    after = await stack.client.messages.create(**{**asked, "messages": history})
    assert after.content
    assert after.stop_reason == "end_turn"


@pytest.mark.parametrize("persona", PERSONAS)
async def test_reasoning_is_shown_to_who_asked_and_comes_back(stack: Stack, persona: str) -> None:
    said = 'Go [[sim: think]] [[sim: call get_weather {"city":"Bern"}]]'
    asked: Any = {
        "model": persona,
        "max_tokens": 9000,
        "tools": [WEATHER],
        "thinking": {"type": "adaptive", "display": "summarized"},
        "messages": user(said),
    }
    async with stack.client.messages.stream(**asked) as stream:
        answer = await stream.get_final_message()
    call = answer.content[-1]
    assert call.type == "tool_use"
    history = [
        *user(said),
        {"role": "assistant", "content": answer.content},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sun"}],
        },
    ]
    after = await stack.client.messages.create(**{**asked, "messages": history})
    assert after.stop_reason == "end_turn"


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_stop_sequence_is_told(stack: Stack, persona: str) -> None:
    async with stack.client.messages.stream(
        model=persona,
        max_tokens=200,
        stop_sequences=["STOP"],
        messages=user("one two STOP three"),
    ) as stream:
        answer = await stream.get_final_message()
    assert answer.content[0].type == "text"
    assert "STOP" not in answer.content[0].text
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "STOP")


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_cut_answer_says_max_tokens(stack: Stack, persona: str) -> None:
    answer = await stack.client.messages.create(
        model=persona, max_tokens=200, messages=user("Hello [[sim: length]]")
    )
    assert answer.stop_reason == "max_tokens"


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.InternalServerError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.APIStatusError),
    ],
)
async def test_errors_raise_the_sdks_class(
    stack: Stack, persona: str, status: int, raised: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(raised) as error:
        await stack.client.messages.create(
            model=persona, max_tokens=200, messages=user(f"Hello [[sim: error {status}]]")
        )
    body: Any = error.value.body
    assert body["type"] == "error"
    assert error.value.request_id


@pytest.mark.parametrize("persona", PERSONAS)
async def test_an_error_in_the_middle_of_a_stream_is_raised(stack: Stack, persona: str) -> None:
    with pytest.raises(anthropic.APIStatusError):
        async with stack.client.messages.stream(
            model=persona, max_tokens=200, messages=user("Hello you [[sim: stream-error]]")
        ) as stream:
            await stream.get_final_message()


async def test_what_is_wrong_is_told_with_its_path(stack: Stack) -> None:
    with pytest.raises(anthropic.BadRequestError) as error:
        await stack.client.post(
            "/v1/messages", cast_to=object, body={"model": "on_chat", "messages": user("x")}
        )
    body: Any = error.value.body
    assert body["error"] == {
        "type": "invalid_request_error",
        "message": "max_tokens: Field required",
    }
    assert error.value.response.headers["x-should-retry"] == "false"
    assert body["request_id"] == error.value.response.headers["request-id"]


async def test_an_unknown_model_is_not_found(stack: Stack) -> None:
    with pytest.raises(anthropic.NotFoundError) as error:
        await stack.client.messages.create(model="nope", max_tokens=5, messages=user("x"))
    body: Any = error.value.body
    assert body["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("persona", ["claude_first", "claude_last"])
@pytest.mark.parametrize("streams", [False, True])
async def test_failover_goes_from_a_relay_to_a_translation_and_back(
    stack: Stack, persona: str, streams: bool
) -> None:
    first = "claude" if persona == "claude_first" else "openai"
    asked: Any = {
        "model": persona,
        "max_tokens": 200,
        "messages": user(f"Hello [[sim: fail {first}]]"),
    }
    if streams:
        async with stack.client.messages.stream(**asked) as stream:
            answer = await stream.get_final_message()
    else:
        answer = await stack.client.messages.create(**asked)
    assert (persona, "end_turn") == (answer.model, answer.stop_reason)
    assert [first, {"claude": "openai", "openai": "claude"}[first]] == [
        arrival.dialect for arrival in stack.simulator.requests
    ]
