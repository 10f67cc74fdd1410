"""Ranges and vocabularies are the target's: what one refuses another may take, and who takes
nothing of it says why in OpenAI's words.
"""

from typing import Any, Final

import pytest

from tests.api.failing import MODES, World, said, world
from tests.api.test_seen_elsewhere import claude_answer, claude_stream, text_block
from tests.fakes import Received, Step

OPENAIS: Final[dict[str, Any]] = {
    "model": {
        "ranges": "openai",
        "message_fields": [],
        "call_id_form": "short",
        "max_tools": 128,
        "media_in_tool_results": False,
    }
}
"""A server with OpenAI's own rules."""
TOOL: Final = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
ODD: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"temperature": 3}, "temperature", "integer_above_max_value"),
    ({"top_p": 1.5}, "top_p", "decimal_above_max_value"),
    ({"top_k": -7}, "top_k", "integer_below_min_value"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"stop": list("abcdefghijklmnop")}, "stop", "array_above_max_length"),
    ({"reasoning_effort": "extreme"}, "reasoning_effort", "invalid_value"),
    ({"verbosity": "chatty"}, "verbosity", "invalid_value"),
    ({"tools": [TOOL], "tool_choice": "force"}, "tool_choice", "invalid_value"),
    (
        {"response_format": {"type": "grammar", "grammar": "x"}},
        "response_format.type",
        "invalid_value",
    ),
]


def claude(received: Received) -> list[Step]:
    return (
        claude_stream(text_block("hi"))
        if received.body.get("stream")
        else claude_answer({"type": "text", "text": "hi"})
    )


async def asked(there: World, mode: str, native: bool, **body: Any) -> Any:
    return await (there.native if native else there.ask)(mode, **body)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("fields", "param", "code"), ODD, ids=[param for _, param, _ in ODD])
async def test_the_next_target_takes_what_the_first_refuses(
    fields: dict[str, Any], param: str, code: str, mode: str
) -> None:
    model = {
        "thinking": {"kind": "effort", "levels": ["low"]},
        "capabilities": ["streaming", "tool_calling", "json_schema", "reasoning"],
    }
    rows = {
        "one": {"model": {**OPENAIS["model"], **model}},
        "two": {"model": {**model, "max_tokens_parameter": "max_tokens"}},
    }
    async with world(targets=rows, one=said("never", mode), two=said("hi", mode)) as there:
        reply = await there.ask(mode, **fields)
        assert (reply.status, reply.content, there.asked()) == (200, "hi", ["two"])
        sent = there.fake.received[0].body
        assert {name: sent[name] for name in fields} == fields


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("fields", "param", "code"), ODD, ids=[param for _, param, _ in ODD])
async def test_who_is_served_by_nobody_is_told_the_rule(
    fields: dict[str, Any], param: str, code: str, native: bool
) -> None:
    capable = {
        "capabilities": ["streaming", "tool_calling", "json_schema", "reasoning"],
        "thinking": {"kind": "effort", "levels": ["low"]},
    }
    rows = {"one": {"model": {**OPENAIS["model"], **capable}}}
    async with world(targets=rows, one=said("never")) as there:
        reply = await asked(there, "json", native, **fields)
        assert (reply.status, reply.document["error"]["param"], reply.code, there.asked()) == (
            400,
            param,
            code,
            [],
        )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("native", [False, True])
async def test_no_limit_is_none_where_there_is_no_such_word(mode: str, native: bool) -> None:
    async with world(targets={"one": OPENAIS}, one=said("hi", mode)) as there:
        reply = await asked(there, mode, native, max_tokens=-1)
        sent = there.fake.received[0].body
        assert (reply.status, "max_tokens" in sent, "max_completion_tokens" in sent) == (
            200,
            False,
            False,
        )
        if not native:
            assert reply.headers["x-llm-router-dropped-params"] == "max_tokens=emulated"


@pytest.mark.parametrize("mode", MODES)
async def test_claude_does_what_it_can(mode: str) -> None:
    row = {"dialect": "claude"}
    async with world(targets={"one": row}, one=claude) as there:
        stops = list("abcdefghijklmnop")
        reply = await there.ask(
            mode,
            max_tokens=-1,
            top_k=-1,
            stop=stops,
            tools=[TOOL],
            tool_choice="any",
            reasoning_effort="default",
        )
        sent = there.fake.received[0].body
        assert (reply.status, reply.headers["x-llm-router-dropped-params"]) == (
            200,
            "max_tokens=emulated",
        )
        assert (sent["stop_sequences"], sent["tool_choice"], "top_k" in sent) == (
            stops,
            {"type": "any"},
            False,
        )
        assert sent["max_tokens"] == 10_000


@pytest.mark.parametrize("mode", MODES)
async def test_a_reasoning_budget_is_relayed_to_a_server_that_knows_one(mode: str) -> None:
    asked_for = {"max_tokens": 2000, "exclude": True}
    model = {
        "thinking": {"kind": "effort", "levels": ["low"]},
        "capabilities": ["streaming", "reasoning"],
    }
    async with world(targets={"one": {"model": model}}, one=said("hi", mode)) as there:
        reply = await there.ask(mode, reasoning=asked_for)
        assert (reply.status, there.fake.received[0].body["reasoning"]) == (200, asked_for)
        assert "x-llm-router-dropped-params" not in reply.headers


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [0, -1])
async def test_less_than_one_answer_is_one_question(n: int, mode: str) -> None:
    """What a server makes of it is its own affair."""
    async with world(one=said("hi", mode)) as there:
        reply = await there.ask(mode, n=n)
        assert (reply.status, [received.body["n"] for received in there.fake.received]) == (
            200,
            [n],
        )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [9, 10**9])
async def test_very_many_answers_are_no_questions(n: int, mode: str) -> None:
    async with world(one=said("never", mode)) as there:
        reply = await there.ask(mode, n=n)
        assert (reply.status, reply.document["error"]["param"], there.asked()) == (400, "n", [])


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": -(10**300)},
        {"max_tokens": -1},
        {"max_tokens": 0, "temperature": -5},
        {"top_k": -(10**18)},
    ],
)
@pytest.mark.parametrize("path", ["route", "tokens"])
async def test_what_only_looks_at_a_request_takes_such_values(
    fields: dict[str, Any], path: str
) -> None:
    async with world(one=said("never")) as there:
        reply = await there.check(f"/api/v1/{path}", **fields)
        assert (reply.status, there.asked()) == (200, [])
