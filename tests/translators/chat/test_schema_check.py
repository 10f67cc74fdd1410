"""translators.chat.schema_check: what is usual needs no second look, and nothing else is taken for
it.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translators.chat.request import parse
from translators.chat.schema_check import check_schema, is_usual, is_usual_object
from translators.chat.schema_drafts import NEWEST, _Older, modern
from translators.claude.property_keys import keys_of
from translators.errors import InvalidRequest

USUAL: list[dict[str, Any]] = [
    {"type": "object", "properties": {}},
    {
        "type": "object",
        "properties": {
            "a": {"type": "string", "minLength": 1},
            "b-c.d": {"type": "array", "items": {"type": "integer"}},
        },
    },
    {
        "type": "object",
        "properties": {"a": {"enum": ["x", None, 1]}},
        "required": ["a"],
        "additionalProperties": False,
    },
    {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "A"}
        },
    },
    {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/b"}},
        "$defs": {"b": {"type": "object", "properties": {"c": {}}}},
    },
    {
        "type": "object",
        "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "default": 1.5},
    },
    {"type": "object", "properties": {"a": {"type": ["string", "null"], "minLength": 1}}},
]


@pytest.mark.parametrize("schema", USUAL, ids=range(len(USUAL)))
def test_usual_schemas(schema: dict[str, Any]) -> None:
    assert is_usual_object(schema)
    assert _Older(schema).node(schema) is schema
    assert keys_of(schema) == {}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "any"},
        {"type": "strng"},
        {"type": ["string", "any"]},
        {"type": ["string", "strng"]},
        {"type": ["string", "string"]},
        {"type": ["string", {"type": "null"}]},
        {"type": [1]},
        {"type": []},
        {"minimum": 0, "exclusiveMinimum": True},
        {"items": [{"type": "string"}]},
        {"properties": {"$filter": {}}},
        {"properties": {"with space": {}}},
        {"properties": {"x" * 65: {}}},
        {"properties": {"": {}}},
        {"properties": {"naïve": {}}},
        {"properties": {"a": {"required": True}}},
        {"required": ["a", "a"]},
        {"required": [1]},
        {"description": None},
        {"nullable": True},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"id": "x"},
        {"definitions": {}},
        {"properties": {"a": True}},
        {"anyOf": [5]},
        5,
        None,
    ],
)
def test_what_needs_a_second_look(schema: Any) -> None:
    assert not is_usual(schema)
    assert not is_usual(
        schema
        if schema.__class__ is not dict
        else {"type": "object", "properties": {"deep": {"anyOf": [schema]}}}
    )


@pytest.mark.parametrize("word", ["$ref", "anyOf", "oneOf", "allOf"])
def test_a_root_of_alternatives_is_not_usual(word: str) -> None:
    schema = {"type": "object", word: "#" if word == "$ref" else []}
    assert is_usual(schema)
    assert not is_usual_object(schema)


def test_words_of_draft_3_are_let_pass() -> None:
    """They are for the dialects to translate: `any` is no type, and each property says whether it
    is required.
    """
    check_schema(
        {
            "type": "object",
            "properties": {"a": {"type": "any", "required": True}, "b": {"required": False}},
        },
        "s",
    )
    with pytest.raises(InvalidRequest) as caught:
        check_schema({"properties": {"a": {"type": {"any": 1}}}}, "s")
    assert caught.value.param == "s.properties.a.type"


TOOL = {"type": "function", "function": {"name": "f", "parameters": USUAL[1]}}
ODD = {
    "type": "function",
    "function": {"name": "g", "parameters": {"type": "object", "properties": {"@type": {}}}},
}


@pytest.mark.parametrize(
    ("more", "usual"),
    [
        ({}, True),
        ({"tools": [TOOL, {"type": "function", "function": {"name": "h"}}]}, True),
        ({"tools": [TOOL, ODD]}, False),
        ({"functions": [TOOL["function"]]}, True),
        ({"functions": [ODD["function"]]}, False),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "r", "schema": USUAL[2]},
                }
            },
            True,
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "r", "schema": {"type": "any"}},
                }
            },
            False,
        ),
    ],
)
def test_a_request_knows_whether_its_schemas_are_usual(more: dict[str, Any], usual: bool) -> None:
    assert (
        parse({"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}).usual_schemas
        is usual
    )


KEYS = st.sampled_from(["a", "b_c", "d.e-f", "$x", "y z", "é", "k" * 70])
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "any"},
            {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
            {"title": None},
            True,
        ]
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "x", ["string", "null"], ["x"], []]),
            "properties": st.dictionaries(KEYS, inner, max_size=3),
            "items": inner | st.lists(inner, max_size=2),
            "anyOf": st.lists(inner, max_size=2),
            "additionalProperties": inner | st.booleans(),
            "required": st.lists(KEYS, max_size=2) | st.just(True),
            "$defs": st.dictionaries(KEYS, inner, max_size=2),
            "description": st.sampled_from(["x", None]),
            "default": st.just({"$x": 1}) | st.none(),
        },
    ),
    max_leaves=12,
)


@given(SCHEMAS)
@settings(max_examples=300, deadline=None)
def test_what_is_usual_is_right_as_it_is(schema: Any) -> None:
    if is_usual(schema):
        check_schema(schema, "s")
        assert _Older(schema).node(schema) is schema
        assert keys_of(schema) == {}


@given(
    SCHEMAS,
    st.sampled_from([None, NEWEST, f"{NEWEST}#", "http://json-schema.org/draft-07/schema#"]),
)
@settings(max_examples=300, deadline=None)
def test_a_draft_that_is_named_changes_nothing_else(schema: Any, draft: str | None) -> None:
    if schema.__class__ is dict and draft is not None:
        schema = {"$schema": draft, **schema}
    assert _Older(schema).node(schema) == modern(schema)
    assert (_Older(schema).node(schema) is schema) == (modern(schema) is schema)
