"""translators.claude.property_keys: keys that Claude refuses go there under others, and come back
as the caller's own.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.claude import streams
from tests.translators.claude.golden import build
from translators import claude
from translators.claude.property_keys import aliased, keys_of, renamed, renamed_text
from translators.dialect import AnswerShape, Envelope
from translators.json_codec import dumps

LONG = "settings__approved__countries__of__all__regions__in__this__account__list"
ODD = ("$filter", "@type", "page size", "filter[name]", "größe", LONG, "")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "$filter": {"type": "string", "default": "x"},
        "top": {
            "type": "object",
            "properties": {"@type": {"$ref": "#/$defs/a b"}, LONG: {"type": "integer"}},
            "required": ["@type"],
        },
        "list": {
            "type": "array",
            "items": {"type": "object", "properties": {"page size": {"type": "integer"}}},
        },
    },
    "required": ["$filter", "top"],
    "dependentRequired": {"$filter": ["top"]},
    "$defs": {
        "a b": {
            "type": "object",
            "properties": {"@type": {"const": {"@type": 1}}},
            "examples": [{"@type": 2}],
        }
    },
}
KEYS = keys_of(SCHEMA)
USER = {"role": "user", "content": "hi"}


def tool(schema: Any = SCHEMA, name: str = "search", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": schema, **more}}


def sent(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        build({"model": "claude-sonnet-5", "request": {"messages": [USER, *messages], **more}}).body
    )
    return body


@pytest.mark.parametrize("key", ODD)
def test_a_key_is_made_of_letters_that_claude_takes(key: str) -> None:
    (alias,) = keys_of({"properties": {key: {}, "a": {}}}).values()
    assert alias.isascii()
    assert 0 < len(alias) <= 64
    assert all(letter.isalnum() or letter in "_.-" for letter in alias)
    assert keys_of({"properties": {alias: {}}}) == {}


def test_two_keys_stay_two_and_others_are_left_alone() -> None:
    first = keys_of({"properties": {"a b": {}, "a?b": {}, "a_b": {}}})
    assert len({*first.values(), "a_b"}) == 3
    taken = first["a b"]
    assert keys_of({"properties": {"a b": {}, taken: {}}})["a b"] not in (taken, "a b")


def test_every_place_of_a_key_is_renamed() -> None:
    a, t, p = KEYS["$filter"], KEYS["@type"], KEYS["page size"]
    assert aliased(SCHEMA, KEYS) == {
        "type": "object",
        "properties": {
            a: {"type": "string", "default": "x"},
            "top": {
                "type": "object",
                "properties": {t: {"$ref": "#/$defs/a b"}, KEYS[LONG]: {"type": "integer"}},
                "required": [t],
            },
            "list": {
                "type": "array",
                "items": {"type": "object", "properties": {p: {"type": "integer"}}},
            },
        },
        "required": [a, "top"],
        "dependentRequired": {a: ["top"]},
        "$defs": {
            "a b": {"type": "object", "properties": {t: {"const": {t: 1}}}, "examples": [{t: 2}]}
        },
    }


def test_references_follow_the_keys_that_they_lead_over() -> None:
    schema = {
        "properties": {
            "a/b": {"type": "string"},
            "c": {"$ref": "#/properties/a~1b"},
            "d": {"$ref": "#/$defs/a~1b"},
        },
        "dependentSchemas": {"a/b": {"required": ["c", 5]}},
        "$defs": {"a/b": {}},
    }
    made = aliased(schema, keys_of(schema))
    alias = keys_of(schema)["a/b"]
    assert (made["properties"]["c"], made["properties"]["d"]) == (
        {"$ref": f"#/properties/{alias}"},
        {"$ref": "#/$defs/a~1b"},
    )
    assert made["dependentSchemas"] == {alias: {"required": ["c", 5]}}


def test_tools_are_declared_under_the_other_keys() -> None:
    upstream = build(
        {
            "model": "claude-sonnet-5",
            "request": {"messages": [USER], "tools": [tool(), tool({}, "plain")]},
        }
    )
    body = json.loads(upstream.body)
    assert body["tools"][0]["input_schema"] == aliased(SCHEMA, KEYS)
    assert [(note.kind, note.param) for note in upstream.notes] == [
        ("emulated", "tools.search.parameters")
    ]
    assert upstream.shape.tool_keys == {"search": {alias: key for key, alias in KEYS.items()}}


def test_examples_of_a_tool_and_functions_too() -> None:
    examples = [{"$filter": "a", "top": {"@type": {}}}]
    body = sent(tools=[{**tool(), "input_examples": examples}])
    assert body["tools"][0]["input_examples"] == renamed(examples, KEYS)
    assert sent(functions=[tool()["function"]])["tools"][0]["input_schema"] == aliased(SCHEMA, KEYS)


def test_a_strict_tool_is_one() -> None:
    schema = {
        "type": "object",
        "properties": {"a b": {"type": "string"}},
        "required": ["a b"],
        "additionalProperties": False,
    }
    (written,) = sent(tools=[tool(schema, strict=True)])["tools"]
    assert written == {
        "name": "search",
        "input_schema": aliased(schema, keys_of(schema)),
        "strict": True,
    }


def test_the_history_speaks_of_the_same_keys() -> None:
    """In whichever form a call is given; what is no argument of such a tool stays as it is."""
    arguments = {"$filter": "a", "top": {"@type": {"x": ["$filter"]}, "other key": 1}}
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": given}}
        for n, (name, given) in enumerate(
            (("search", dumps(arguments).decode()), ("search", arguments), ("other", arguments))
        )
    ]
    block = {"type": "tool_use", "id": "c3", "name": "search", "input": arguments}
    results = [{"role": "tool", "tool_call_id": f"c{n}", "content": "1"} for n in range(4)]
    body = sent(
        {"role": "assistant", "content": [block], "tool_calls": calls}, *results, tools=[tool()]
    )
    inputs = {block["id"]: block["input"] for block in body["messages"][1]["content"]}
    assert inputs == {
        "c0": renamed(arguments, KEYS),
        "c1": renamed(arguments, KEYS),
        "c2": arguments,
        "c3": renamed(arguments, KEYS),
    }
    assert list(inputs["c0"]["top"]) == [KEYS["@type"], "other key"]


SHAPE = AnswerShape(
    declared_tools=frozenset({"search", "plain"}),
    tool_keys={"search": {alias: key for key, alias in KEYS.items()}},
)
ARGUMENTS = {
    "$filter": 'a "quoted" page size',
    "top": {"@type": {"ü": [1.0, None]}, LONG: 3},
    "list": [{"page size": 1}],
}
WRITTEN = dumps(renamed(ARGUMENTS, KEYS)).decode()


def called(
    name: str, fragments: list[str], reason: str = "tool_use", shape: AnswerShape = SHAPE
) -> dict[str, str]:
    """Name and arguments of the one call in a streamed answer."""
    pieces = streams.block(0, streams.tool(name), *streams.json_input(*fragments))
    found: dict[str, str] = {}
    for delta in streams.deltas(streams.answer(pieces, reason=reason), shape):
        for function in (
            [delta["function_call"]]
            if "function_call" in delta
            else [call["function"] for call in delta["tool_calls"]]
        ):
            found |= {field: found.get(field, "") + value for field, value in function.items()}
    return found


@pytest.mark.parametrize("size", [11, 40, 1000])
def test_streamed_arguments_come_back_under_the_callers_keys(size: int) -> None:
    fragments = [WRITTEN[at : at + size] for at in range(0, len(WRITTEN), size)]
    assert called("search", fragments) == {"name": "search", "arguments": dumps(ARGUMENTS).decode()}
    assert called("plain", fragments)["arguments"] == WRITTEN


def test_streamed_arguments_that_were_cut_off() -> None:
    cut = WRITTEN[: WRITTEN.index("[1.0")]
    whole = dumps(ARGUMENTS).decode()
    assert called("search", [cut], "max_tokens")["arguments"] == whole[: whole.index("[1.0")]


@pytest.mark.parametrize(
    ("fragments", "expected"), [([], "{}"), (["{}"], "{}"), (["[1]"], "[1]"), (["{oops"], "{oops")]
)
def test_streamed_arguments_of_any_kind(fragments: list[str], expected: str) -> None:
    assert called("search", fragments)["arguments"] == expected


def test_a_legacy_call_too() -> None:
    shape = SHAPE._replace(legacy_functions=True, one_tool_call=True)
    assert called("search", [WRITTEN], shape=shape) == {
        "name": "search",
        "arguments": dumps(ARGUMENTS).decode(),
    }


def test_whole_answers_come_back_under_the_callers_keys() -> None:
    blocks = [
        {"type": "tool_use", "id": f"t{n}", "name": name, "input": json.loads(WRITTEN)}
        for n, name in enumerate(("search", "plain"))
    ]
    answer = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": blocks,
        "stop_reason": "tool_use",
    }
    message = claude.parse_response(
        dumps(answer), Envelope(id="i", created=1, model="m", shape=SHAPE)
    )["choices"][0]["message"]
    first, second = (json.loads(call["function"]["arguments"]) for call in message["tool_calls"])
    assert (first, second) == (ARGUMENTS, json.loads(WRITTEN))


def test_an_array_of_odd_objects_is_wrapped_and_unwrapped() -> None:
    """Both rewritings at once: arguments that are no object, with keys that Claude refuses."""
    schema = {
        "type": "array",
        "items": {"type": "object", "properties": {"$k": {"type": "string"}}},
    }
    upstream = build(
        {"model": "claude-sonnet-5", "request": {"messages": [USER], "tools": [tool(schema)]}}
    )
    (alias,) = keys_of(schema).values()
    declared = json.loads(upstream.body)["tools"][0]["input_schema"]["properties"]["value"]
    assert declared["items"]["properties"] == {alias: {"type": "string"}}
    call = called("search", [dumps({"value": [{alias: "x"}]}).decode()], shape=upstream.shape)
    assert call["arguments"] == '[{"$k":"x"}]'


NAMES = st.sampled_from([*ODD, "a", "top"])
VALUES = st.recursive(
    st.sampled_from([None, 1, "$filter", "ö"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=6,
)
KEYS_OF_ALL = keys_of({"properties": {name: {} for name in (*ODD, "a", "top")}})


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_there_and_back_nothing_is_another(value: dict[str, Any]) -> None:
    keys = KEYS_OF_ALL
    back = {alias: key for key, alias in keys.items()}
    assert renamed(renamed(value, keys), back) == value
    assert renamed_text(dumps(renamed(value, keys)).decode(), back) == dumps(value).decode()
