"""Resumption: a text that breaks off in the middle is continued by the next target, as one stream;
else the honest error event.
"""

from typing import Any

import pytest

from gateway.dispatch.text_continuation import INSTRUCTION
from tests.api.failing import BROKEN, Reply, World, chunks_of, said, world
from tests.fakes import InTurn, Reset, Step, openai_chunk, sse
from translators.json_codec import dumps

RESUME = {"resume": True}
TEXT = "It was a dark and stormy night; the rain fell in torrents."
FIRST, REST = TEXT[:25], TEXT[25:]
DONE = b"data: [DONE]\n\n"


def usage(prompt: int, completion: int) -> bytes:
    counted = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    head = {
        "id": "chatcmpl-up",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-served",
    }
    return b"data: " + dumps({**head, "choices": [], "usage": counted}) + b"\n\n"


def broken(text: str = FIRST, *more: bytes) -> list[Step]:
    """A stream that ends after `text` without its end mark."""
    return sse(*chunks_of(text, finish=None), *more)


def whole(*texts: str) -> list[Step]:
    return sse(*chunks_of(*texts), DONE)


def assert_one_stream(reply: Reply) -> None:
    """One role, one finish, one end; nothing after it."""
    choices = [choice for event in reply.events for choice in event.get("choices", ())]
    assert [choice["delta"]["role"] for choice in choices if "role" in choice["delta"]] == [
        "assistant"
    ]
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    assert reply.text.count(b"[DONE]") == 1
    assert reply.text.endswith(DONE)
    assert len({event["id"] for event in reply.events}) == 1


def messages(w: World, call: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = w.fake.received[call].body["messages"]
    return found


USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize("end", [[], [Reset()]], ids=["ended", "reset"])
async def test_the_next_target_is_told_to_go_on(end: list[Step]) -> None:
    first = [*sse(*chunks_of(FIRST, finish=None), end=not end), *end]
    async with world(RESUME, one=first, two=whole(REST)) as w:
        reply = await w.ask("stream")
        assert (reply.status, reply.content) == (200, TEXT)
        assert_one_stream(reply)
        assert reply.headers["x-llm-router-resumable"] == "true"
        resumed = [{"provider": "two", "model": "m", "after_characters": len(FIRST)}]
        assert [event["x_llm_router"] for event in reply.events if "x_llm_router" in event] == [
            {"resumed": resumed}
        ]
        assert messages(w, 1) == [
            USER,
            {"role": "assistant", "content": FIRST},
            {"role": "user", "content": INSTRUCTION},
        ]
        assert [attempt[:2] for attempt in await w.attempts()] == [
            ("one", "first"),
            ("two", "resume"),
        ]
        record = w.running.gateway.records.find(reply.headers["x-llm-router-decision"])
        assert record is not None
        assert (record.outcome()["resumed"], record.outcome()["outcome"]) == (resumed, "ok")
        assert w.ended()[0].resumed == 1


async def test_a_model_that_takes_it_goes_on_with_its_own_message() -> None:
    async with world(
        RESUME,
        {"two": {"model": {"prefill": True}}},
        one=broken("It was a dark "),
        two=whole(" and stormy night"),
    ) as w:
        reply = await w.ask("stream")
        assert reply.content == "It was a dark and stormy night"
        assert messages(w, 1) == [USER, {"role": "assistant", "content": "It was a dark"}]


async def test_what_the_second_repeats_is_left_out() -> None:
    async with world(
        RESUME,
        one=broken(),
        two=whole("a dark and ", "stormy night; the rain", " fell in torrents."),
    ) as w:
        reply = await w.ask("stream")
        assert reply.content == TEXT
        assert_one_stream(reply)


async def test_when_the_second_breaks_too_a_third_goes_on() -> None:
    async with world(
        RESUME,
        one=broken("It was a dark "),
        two=broken("and stormy night; " * 30),
        three=whole("the rain"),
    ) as w:
        reply = await w.ask("stream")
        assert reply.content == "It was a dark " + "and stormy night; " * 30 + "the rain"
        assert_one_stream(reply)
        assert [(target, why) for target, why, _ in await w.attempts()] == [
            ("one", "first"),
            ("two", "resume"),
            ("three", "resume"),
        ]


async def test_targets_that_break_are_not_asked_in_turns_for_ever() -> None:
    async with world(RESUME, one=broken("one goes on " * 40), two=broken("two goes on " * 40)) as w:
        reply = await w.ask("stream")
        assert_broken_off(reply, "one goes on " * 40 + "two goes on " * 40)
        assert w.asked() == ["one", "two"]


async def test_a_second_that_does_not_answer_leaves_it_to_the_third() -> None:
    async with world(RESUME, one=broken(), two=BROKEN, three=whole(REST)) as w:
        reply = await w.ask("stream")
        assert reply.content == TEXT
        assert await w.attempts() == [
            ("one", "first", "truncated"),
            ("two", "resume", "server_error"),
            ("three", "resume", "ok"),
        ]


async def test_usage_is_everybodys() -> None:
    async with world(
        RESUME, one=broken(FIRST, usage(10, 6)), two=sse(*chunks_of(REST), usage(30, 8), DONE)
    ) as w:
        reply = await w.ask("stream", stream_options={"include_usage": True})
        (told,) = [event["usage"] for event in reply.events if event.get("usage")]
        assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (
            40,
            14,
            54,
        )
        counted = w.ended()[0].usage
        assert counted is not None
        assert (counted.prompt, counted.completion) == (40, 14)


async def test_the_rest_has_what_is_left_of_the_callers_limit() -> None:
    async with world(RESUME, one=broken("word " * 40), two=whole("end")) as w:
        await w.ask("stream", max_completion_tokens=100)
        assert w.fake.received[1].body["max_completion_tokens"] == 50


async def test_thoughts_of_the_second_are_not_shown_in_the_middle_of_a_text() -> None:
    thinks = sse(
        openai_chunk({"role": "assistant", "reasoning_content": "I was cut off"}),
        *chunks_of(REST)[1:],
        DONE,
    )
    async with world(RESUME, one=broken(), two=thinks) as w:
        reply = await w.ask("stream")
        assert reply.content == TEXT
        assert b"cut off" not in reply.text


def assert_broken_off(reply: Reply, shown: str = FIRST) -> None:
    """The honest end: one error event, no finish reason, no [DONE]."""
    assert (reply.status, reply.code) == (200, "stream_truncated")
    assert reply.content == shown
    assert b"[DONE]" not in reply.text
    assert not [c for event in reply.events for c in event.get("choices", ()) if c["finish_reason"]]


FUNCTION = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [FUNCTION]},
        {"response_format": {"type": "json_object"}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "s", "schema": {"type": "object"}},
            }
        },
        {"reasoning_effort": "low"},
    ],
    ids=["tools", "json_object", "json_schema", "reasoning"],
)
async def test_never_for_what_another_model_cannot_continue(body: dict[str, Any]) -> None:
    async with world(RESUME, one=broken(), two=whole(REST)) as w:
        reply = await w.ask("stream", **body)
        assert_broken_off(reply)
        assert "x-llm-router-resumable" not in reply.headers
        assert w.asked() == ["one"]


async def test_never_once_thoughts_were_shown() -> None:
    thinks = sse(
        openai_chunk({"role": "assistant", "reasoning_content": "hm"}),
        *chunks_of(FIRST, finish=None)[1:],
    )
    async with world(RESUME, one=thinks, two=whole(REST)) as w:
        assert_broken_off(await w.ask("stream"))
        assert w.asked() == ["one"]


async def test_never_once_it_was_finished() -> None:
    """All but the end mark was there: nothing is left to continue."""
    async with world(
        RESUME, one=[*sse(*chunks_of(FIRST), b"data: {oops\n\n")], two=whole(REST)
    ) as w:
        reply = await w.ask("stream")
        assert b"[DONE]" not in reply.text
        assert w.asked() == ["one"]


async def test_never_unless_the_persona_says_so() -> None:
    async with world(one=broken(), two=whole(REST)) as w:
        assert_broken_off(await w.ask("stream"))
        assert w.asked() == ["one"]


async def test_when_nobody_goes_on_the_error_is_told_and_counts_once() -> None:
    policy = {"resilience": {"breaker": {"min_calls": 2}}}
    async with world(RESUME, policy=policy, one=InTurn(broken(), whole(TEXT)), two=BROKEN) as w:
        assert_broken_off(await w.ask("stream"))
        assert await w.attempts() == [
            ("one", "first", "truncated"),
            ("two", "resume", "server_error"),
        ]
        assert [event.outcome for event in w.ended()] == ["stream_aborted"]
        assert (await w.ask("stream")).content == TEXT, (
            "one failure is below the two that set a target aside"
        )
        assert w.asked() == ["one", "two", "one"]


async def test_a_failure_that_may_not_move_on_is_not_resumed() -> None:
    persona = {"resume": True, "on_failure": {"move_on": ["connect"], "retries": 0}}
    async with world(persona, one=broken(), two=whole(REST)) as w:
        assert_broken_off(await w.ask("stream"))
        assert w.asked() == ["one"]


async def test_the_native_route_resumes_too() -> None:
    async with world(RESUME, one=broken(), two=whole(REST)) as w:
        reply = await w.native("stream")
        assert b"event: error" not in reply.text
        assert REST.encode() in reply.text


async def test_a_whole_answer_says_nothing_of_it() -> None:
    async with world(RESUME, one=said(TEXT, "stream")) as w:
        reply = await w.ask("stream")
        assert (reply.content, b"x_llm_router" in reply.text) == (TEXT, False)
