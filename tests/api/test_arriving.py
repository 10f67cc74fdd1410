"""A stream whose pieces come alone is written where they arrive, one whose pieces come together by
its task: callers see the same, and so does all that is kept of an answer.
"""

import asyncio
import re
from typing import Any

import aiohttp
import pytest

from gateway.telemetry.events import RequestEnded
from tests.bench import transcripts
from tests.fakes import End, Pause, Step, fake_upstream, openai_chunk, sse
from tests.serving import serving

USER = [{"role": "user", "content": "How is it in Oslo?"}]
CHAT: dict[str, Any] = {"messages": USER, "stream": True, "stream_options": {"include_usage": True}}
MESSAGES: dict[str, Any] = {"messages": USER, "stream": True, "max_tokens": 100}
TOOL = {"type": "function", "function": {"name": "weather_1", "parameters": {"type": "object"}}}
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
_ONES_OWN = re.compile(rb'(?<=[":])(?:chatcmpl-|msg_|call_|toolu_)\w+|(?<="created":)\d+')


def alone(events: list[bytes]) -> list[Step]:
    """Each in a read of its own."""
    steps = [step for event in events for step in (event, Pause(0.01))]
    return [*sse(end=False), *steps, End()]


async def answer_of(
    spoken: str, target: str, body: dict[str, Any], steps: list[Step]
) -> tuple[bytes, RequestEnded]:
    """What the caller gets, but for ids and times, and what is told of it."""
    async with (
        fake_upstream(**{target: steps}) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        asked = {**body, "model": f"on_{target}"}
        async with session.post(f"{running.url}{PATHS[spoken]}", json=asked) as answer:
            assert answer.status == 200
            text = await answer.read()
        async with asyncio.timeout(5):  # who leaves before it is told would be told as gone
            while not (ended := [e for e in running.events if isinstance(e, RequestEnded)]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    return _ONES_OWN.sub(b"", text), ended[0]


@pytest.mark.parametrize("calls", [False, True])
@pytest.mark.parametrize("target", ["openai", "claude", "gemini"])
@pytest.mark.parametrize("spoken", ["chat", "messages"])
async def test_pieces_that_come_alone_are_what_they_are_together(
    spoken: str, target: str, calls: bool
) -> None:
    body = CHAT if spoken == "chat" else MESSAGES
    if calls and spoken == "chat":
        body = {**body, "tools": [TOOL]}
    events = transcripts.events(target, calls)
    if not calls:  # some of its 200 texts are enough
        events = [*events[:8], *events[-5:]]
    together, told = await answer_of(spoken, target, body, sse(*events))
    singly, told_singly = await answer_of(spoken, target, body, alone(events))
    assert singly == together
    assert told_singly.outcome == told.outcome == "ok"
    assert told_singly.usage == told.usage
    assert told_singly.finish_reason == told.finish_reason


async def test_a_stop_sequence_that_comes_alone_ends_the_answer() -> None:
    """Messages takes more of them than OpenAI: the gateway looks for them itself."""
    body = {**MESSAGES, "stop_sequences": ["!", "?", ";", ":", "END"]}
    events = [openai_chunk({"content": text}) for text in ("a", "b", "c END d", "e", "f")]
    end = [openai_chunk({}, "stop"), b"data: [DONE]\n\n"]
    together, _ = await answer_of("messages", "openai", body, sse(*events, *end))
    singly, _ = await answer_of("messages", "openai", body, alone([*events, *end]))
    assert b'"stop_sequence":"END"' in singly
    assert b'"e"' not in singly
    assert re.findall(rb'"text":"([^"]*)"', singly)[-1] == b"c "
    assert (
        singly.rpartition(b"event: message_delta")[2].split(b'"usage"')[0]
        == (together.rpartition(b"event: message_delta")[2].split(b'"usage"')[0])
    )


async def test_of_several_answers_one_that_ends_first_ends_no_other() -> None:
    def of(index: int, text: str, reason: str | None = None) -> bytes:
        return openai_chunk({"content": text} if text else {}, reason).replace(
            b'"index":0', b'"index":%d' % index
        )

    events = [of(0, "a"), of(1, "A"), of(0, "b"), of(0, "", "stop"), of(1, "B"), of(1, "C")]
    events += [of(1, "", "length"), b"data: [DONE]\n\n"]
    body = {**CHAT, "n": 2}
    together, _ = await answer_of("chat", "openai", body, sse(*events))
    singly, told = await answer_of("chat", "openai", body, alone(events))
    assert singly == together
    assert told.finish_reason == "stop"
