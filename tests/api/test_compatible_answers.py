"""Answers of servers that are compatible with OpenAI, each in its way, as callers of a whole
gateway see them.
"""

from typing import Any

import pytest

from tests.api.failing import MODES, chunks_of, said, world
from tests.fakes import Step, json_answer, openai_chunk, openai_completion, sse

DONE = b"data: [DONE]\n\n"
ROLE = openai_chunk({"role": "assistant", "content": ""})


def ended(reason: Any, mode: str, *texts: str) -> list[Step]:
    """An answer that ends with `reason`, after `texts`."""
    if mode == "stream":
        return sse(
            ROLE,
            *(openai_chunk({"content": text}) for text in texts),
            openai_chunk({}, reason),
            DONE,
        )
    completion = openai_completion("".join(texts))
    completion["choices"][0]["finish_reason"] = reason
    return json_answer(completion)


def uncounted(text: str) -> list[Step]:
    return json_answer(
        {name: value for name, value in openai_completion(text).items() if name != "usage"}
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("error", "server_error"),
        ("insufficient_system_resource", "overloaded"),
        ("timeout", "timeout"),
        ({"type": "abort"}, "server_error"),
    ],
)
async def test_an_answer_that_ends_as_broken_is_asked_for_elsewhere(
    reason: Any, outcome: str, mode: str
) -> None:
    async with world(one=ended(reason, mode), two=said("second", mode)) as w:
        reply = await w.ask(mode)
        assert (reply.status, reply.content, w.asked()) == (200, "second", ["one", "two"])
        assert (await w.attempts())[0] == ("one", "first", outcome)


async def test_after_content_a_broken_end_is_the_callers_to_see() -> None:
    async with world(
        one=ended("network_error", "stream", "half"), two=said("second", "stream")
    ) as w:
        reply = await w.ask("stream")
        assert (reply.content, reply.code, w.asked()) == ("half", "upstream_error", ["one"])
        assert DONE not in reply.text


async def test_an_unknown_reason_is_warned_of() -> None:
    async with world(one=ended("eos", "json", "x")) as w:
        reply = await w.ask()
        assert reply.headers["x-llm-router-warning"] == "unknown_finish_reason"
        assert reply.document["choices"][0]["finish_reason"] == "stop"
    async with world(one=ended("eos", "stream", "x")) as w:
        assert (await w.ask("stream")).events[-1]["x_llm_router"] == {
            "warnings": ["unknown_finish_reason"]
        }


async def test_a_stream_where_json_was_asked_for() -> None:
    async with world(one=sse(*chunks_of("one ", "two"), DONE)) as w:
        reply = await w.ask()
        assert (reply.status, reply.content) == (200, "one two")
        assert reply.headers["content-type"].startswith("application/json")


async def test_a_json_answer_always_has_a_usage() -> None:
    """What the provider did not count is estimated, and said to be."""
    async with world(one=uncounted("four words of answer")) as w:
        reply = await w.ask()
        usage = reply.document["usage"]
        assert usage["prompt_tokens"] > 0
        assert 2 <= usage["completion_tokens"] <= 8
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert reply.headers["x-llm-router-warning"] == "usage_estimated"
        assert w.ended()[0].usage is None, "what nobody counted is not on record"
        native = (await w.native()).document
        assert native["usage"] == {**usage, "cost_usd": None}


async def test_a_counted_usage_is_the_providers() -> None:
    async with world(one=json_answer(openai_completion())) as w:
        reply = await w.ask()
        assert reply.document["usage"] == {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "total_tokens": 5,
        }
        assert "x-llm-router-warning" not in reply.headers


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
async def test_the_native_stream_tells_reasoning(name: str) -> None:
    async with world(
        one=sse(
            ROLE,
            openai_chunk({name: "hm"}),
            openai_chunk({"content": "7"}),
            openai_chunk({}, "stop"),
            DONE,
        )
    ) as w:
        text = (await w.native("stream")).text
        assert b'event: delta\ndata: {"reasoning":"hm"}\n\n' in text
        assert b'event: delta\ndata: {"content":"7"}\n\n' in text


async def test_the_native_answer_tells_reasoning_once() -> None:
    completion = openai_completion("7")
    completion["choices"][0]["message"]["reasoning"] = "hm"
    async with world(one=json_answer(completion)) as w:
        message = (await w.native()).document["message"]
        assert message == {"role": "assistant", "content": "7", "reasoning": "hm"}
