"""translators.chat.emulation: what models are told that cannot be forced, and what their answers
are held against.
"""

from typing import Any

import pytest

from translators.chat.chunks import Chunk
from translators.chat.emulation import (
    ANY_OBJECT,
    NOT_CALLED,
    NOT_IN_SCHEMA,
    ForcedCall,
    begins_call,
    forced_call,
    unfollowed,
    unfollowed_stream,
)


def tool(name: str, kind: str = "function") -> dict[str, Any]:
    return {"type": kind, kind: {"name": name}}


TOOLS = [tool("find"), tool("shell", "custom")]
HOSTED = {"type": "web_search"}


def allowed(mode: str, *tools: dict[str, Any]) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


DEMANDS: dict[str, tuple[dict[str, Any], ForcedCall | None]] = {
    "nothing": ({"tools": TOOLS}, None),
    "auto": ({"tools": TOOLS, "tool_choice": "auto"}, None),
    "none": ({"tools": TOOLS, "tool_choice": "none"}, None),
    "any": ({"tools": TOOLS, "tool_choice": "required"}, ForcedCall(("find", "shell"), False)),
    "a function": ({"tools": TOOLS, "tool_choice": tool("find")}, ForcedCall(("find",), True)),
    "a custom tool": (
        {"tools": TOOLS, "tool_choice": tool("shell", "custom")},
        ForcedCall(("shell",), True),
    ),
    "a flat name": (
        {"tools": TOOLS, "tool_choice": {"type": "function", "name": "find"}},
        ForcedCall(("find",), True),
    ),
    "a name that is not declared": ({"tools": TOOLS, "tool_choice": tool("lost")}, None),
    "allowed, if any": ({"tools": TOOLS, "tool_choice": allowed("auto", tool("find"))}, None),
    "one that is allowed": (
        {"tools": TOOLS, "tool_choice": allowed("required", tool("find"))},
        ForcedCall(("find",), True),
    ),
    "allowed ones nobody knows": (
        {"tools": TOOLS, "tool_choice": allowed("required", tool("lost"))},
        ForcedCall(("find", "shell"), False),
    ),
    "an older function": (
        {"functions": [{"name": "find"}], "function_call": {"name": "find"}},
        ForcedCall(("find",), True, "function_call"),
    ),
    "older functions, free": ({"functions": [{"name": "find"}], "function_call": "auto"}, None),
    "any, or the provider's own": (
        {"tools": [*TOOLS, HOSTED], "tool_choice": "required"},
        ForcedCall((), False),
    ),
    "the provider's own": (
        {"tools": [*TOOLS, HOSTED], "tool_choice": HOSTED},
        ForcedCall((), False),
    ),
    "one of both kinds": (
        {"tools": [*TOOLS, HOSTED], "tool_choice": allowed("required", tool("find"), HOSTED)},
        ForcedCall((), False),
    ),
}


@pytest.mark.parametrize("name", DEMANDS)
def test_what_a_tool_choice_demands(name: str) -> None:
    body, expected = DEMANDS[name]
    assert forced_call(body) == expected


def test_what_the_model_is_told() -> None:
    end = "whatever else you say: an answer without that call cannot be used."
    assert (
        ForcedCall(("find", "shell"), False).instruction()
        == f"Answer with a call of one of the tools, {end}"
    )
    assert (
        ForcedCall(("find",), True).instruction() == f'Answer with a call of the tool "find", {end}'
    )
    told = ForcedCall(("find", "shell"), True).instruction(lambda name: name.upper())
    assert told == f'Answer with a call of one of the tools "FIND", "SHELL", {end}'


def answer(content: Any = None, *called: str, finish: str = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more}
    if called:
        message["tool_calls"] = [
            {"id": f"c{n}", "type": "function", "function": {"name": name}}
            for n, name in enumerate(called)
        ]
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}


FIND = frozenset({"find"})
CALLS: dict[str, tuple[dict[str, Any], str | None]] = {
    "a call": (answer(None, "find"), None),
    "text and a call": (answer("Let me see.", "find"), None),
    "a call among others": (answer(None, "other", "find"), None),
    "an older call": (answer(None, function_call={"name": "find", "arguments": "{}"}), None),
    "a custom call": (
        {
            "choices": [
                {
                    "message": {"tool_calls": [{"custom": {"name": "find"}}]},
                    "finish_reason": "tool_calls",
                }
            ]
        },
        None,
    ),
    "text": (answer("I would rather talk."), NOT_CALLED),
    "nothing": (answer(), NOT_CALLED),
    "another call": (answer(None, "other"), NOT_CALLED),
    "a message that is none": (
        {"choices": [{"message": None, "finish_reason": "stop"}]},
        NOT_CALLED,
    ),
    "text that was cut off": (answer("I would", finish="length"), None),
    "filtered": (answer("", finish="content_filter"), None),
    "refused": (answer(None, refusal="I will not."), None),
    "paused": (
        {
            "choices": [
                {**answer("x")["choices"][0], "provider_specific": {"stop_reason": "pause_turn"}}
            ]
        },
        None,
    ),
    "one of two without": (
        {"choices": [*answer(None, "find")["choices"], *answer("no")["choices"]]},
        NOT_CALLED,
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_whether_the_call_came(name: str) -> None:
    completion, expected = CALLS[name]
    assert unfollowed(completion, FIND, None, "pause_turn") == expected


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
DOCUMENTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "valid": (answer('{"n": 1}'), None),
    "valid in parts": (
        answer([{"type": "text", "text": '{"n":'}, {"type": "text", "text": "1}"}]),
        None,
    ),
    "not valid": (answer('{"n": "1"}'), NOT_IN_SCHEMA),
    "prose around it": (answer('Here you are: {"n": 1}'), NOT_IN_SCHEMA),
    "broken": (answer('{"n": 1'), NOT_IN_SCHEMA),
    "empty": (answer(""), NOT_IN_SCHEMA),
    "nothing": (answer(), NOT_IN_SCHEMA),
    "cut off": (answer('{"n": 1', finish="length"), None),
    "refused": (answer(None, refusal="I will not."), None),
    "a call, which is no answer yet": (answer("Let me see.", "find"), None),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_whether_the_json_came(name: str) -> None:
    completion, expected = DOCUMENTS[name]
    assert unfollowed(completion, frozenset(), SCHEMA) == expected


def test_an_object_is_asked_for_where_no_schema_is() -> None:
    assert unfollowed(answer("{}"), frozenset(), ANY_OBJECT) is None
    assert unfollowed(answer("[1]"), frozenset(), ANY_OBJECT) == NOT_IN_SCHEMA


def test_nothing_asked_nothing_checked() -> None:
    assert unfollowed(answer("anything"), frozenset(), None) is None


def test_where_a_call_has_to_come_it_is_enough() -> None:
    assert unfollowed(answer("not JSON", "find"), FIND, SCHEMA) is None
    assert unfollowed(answer('{"n": 1}'), FIND, SCHEMA) == NOT_CALLED


def test_the_chunks_of_a_stream_are_one_answer() -> None:
    pieces = [
        Chunk({"role": "assistant", "content": ""}),
        Chunk({"content": '{"n"'}),
        Chunk({"content": ":1}"}),
        Chunk({}, "stop"),
    ]
    assert unfollowed_stream(pieces, frozenset(), SCHEMA) is None
    assert unfollowed_stream(pieces[:2] + pieces[3:], frozenset(), SCHEMA) == NOT_IN_SCHEMA
    assert unfollowed_stream(pieces, FIND, None) == NOT_CALLED


def piece(name: str | None) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": {"name": name, "arguments": ""}}]}


@pytest.mark.parametrize(
    ("delta", "must_call", "expected"),
    [
        (piece("find"), FIND, True),
        (piece("other"), FIND, False),
        (piece("other"), frozenset(), True),
        (piece(None), frozenset(), False),
        ({"content": "find"}, FIND, False),
        ({"function_call": {"name": "find"}}, FIND, True),
        (None, FIND, False),
    ],
)
def test_when_a_call_begins(
    delta: dict[str, Any] | None, must_call: frozenset[str], expected: bool
) -> None:
    assert begins_call(delta, must_call) is expected
