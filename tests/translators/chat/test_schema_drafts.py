"""translators.chat.schema_drafts: schemas of older drafts say the same in the words of the
newest."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from translators.chat.request import ChatRequest
from translators.chat.schema_drafts import modern, with_modern_schemas

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
NOTHING = {"type": "null"}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        # Until draft 4 a limit is exclusive by a truth value beside it.
        ({"minimum": 0, "exclusiveMinimum": True}, {"exclusiveMinimum": 0}),
        ({"exclusiveMaximum": True, "maximum": 9.5}, {"exclusiveMaximum": 9.5}),
        ({"minimum": 0, "exclusiveMinimum": False, "maximum": 9, "exclusiveMaximum": True},
         {"minimum": 0, "exclusiveMaximum": 9}),
        ({"exclusiveMinimum": True}, {}),
        ({"exclusiveMinimum": 3, "minimum": 1}, {"exclusiveMinimum": 3, "minimum": 1}),
        # Draft 3.
        ({"type": "any", "description": "x"}, {"description": "x"}),
        ({"type": ["string", "any"]}, {}),
        ({"divisibleBy": 5}, {"multipleOf": 5}),
        ({"properties": {"a": {"type": "string", "required": True}, "b": {"required": False}}},
         {"properties": {"a": TEXT, "b": {}}, "required": ["a"]}),
        ({"properties": {"a": {"required": True}, "b": {}}, "required": ["b"]},
         {"properties": {"a": {}, "b": {}}, "required": ["b", "a"]}),
        ({"type": "object", "required": True}, {"type": "object"}),
        ({"extends": TEXT}, {"allOf": [TEXT]}),
        ({"allOf": [NUMBER], "extends": [{"id": "#x"}, TEXT]}, {"allOf": [NUMBER, {"$anchor": "x"},
         TEXT]}),
        ({"disallow": "string"}, {"not": TEXT}),
        ({"disallow": ["string", {"minimum": 1, "exclusiveMinimum": True}], "not": NUMBER},
         {"not": {"anyOf": [TEXT, {"exclusiveMinimum": 1}, NUMBER]}}),
        # A list of items, until 2019-09.
        ({"items": [TEXT, NUMBER]}, {"prefixItems": [TEXT, NUMBER]}),
        ({"additionalItems": False, "items": [TEXT]}, {"items": False, "prefixItems": [TEXT]}),
        ({"items": [TEXT], "additionalItems": {"divisibleBy": 2}}, {"prefixItems": [TEXT],
         "items": {"multipleOf": 2}}),
        ({"items": TEXT, "additionalItems": False}, {"items": TEXT}),
        ({"items": []}, {}),
        # Dependencies of both kinds.
        ({"dependencies": {"a": ["b"], "c": {"properties": {"d": {"divisibleBy": 2}}}, "e": "f",
         "g": False}},
         {"dependentRequired": {"a": ["b"], "e": ["f"]},
          "dependentSchemas": {"c": {"properties": {"d": {"multipleOf": 2}}}, "g": False}}),
        ({"dependencies": {"a": ["b"]}, "dependentRequired": {"c": ["d"]}},
         {"dependentRequired": {"c": ["d"], "a": ["b"]}}),
        # Names of schemas.
        ({"id": "http://x.example/a"}, {"$id": "http://x.example/a"}),
        ({"id": "http://x.example/a#"}, {"$id": "http://x.example/a#"}),
        ({"$id": "#here"}, {"$anchor": "here"}),
        ({"$id": "#/properties/a"}, {}),
        ({"id": {"type": "string"}}, {"id": {"type": "string"}}),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
         {"type": "object"}),
        ({"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "#"},
         {"$ref": "#"}),
        # OpenAPI 3.0.
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": ["string", "number"], "nullable": True}, {"type": ["string", "number", "null"]}),
        ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"],
         "enum": ["a", None]}),
        ({"enum": ["a", None], "nullable": True}, {"enum": ["a", None]}),
        ({"nullable": True, "description": "x"}, {"description": "x"}),
        ({"anyOf": [TEXT], "nullable": True}, {"anyOf": [TEXT, NOTHING]}),
        ({"$ref": "#/$defs/a", "description": "x", "nullable": True}, {"description": "x",
         "anyOf": [{"$ref": "#/$defs/a"}, NOTHING]}),
        ({"type": "string", "const": "a", "nullable": True}, {"anyOf": [{"type": "string",
         "const": "a"}, NOTHING]}),
        ({"type": "string", "nullable": False}, TEXT),
        # What the newest draft's own schema refuses, and what says nothing.
        ({"type": ["string", "string"]}, {"type": ["string"]}),
        ({"required": ["a", "b", "a"]}, {"required": ["a", "b"]}),
        ({"type": "string", "description": None, "enum": None, "default": None}, {"type": "string",
         "default": None}),
        ({"examples": {"one": 1}}, {}),
    ],
)  # fmt: skip
def test_each_old_word_has_a_new_one(older: dict[str, Any], newer: dict[str, Any]) -> None:
    before = deepcopy(older)
    assert modern(older) == newer
    assert older == before
    assert modern(modern(older)) == newer


@pytest.mark.parametrize(
    "place",
    [
        lambda schema: {"properties": {"a": schema}},
        lambda schema: {"patternProperties": {"^a": schema}},
        lambda schema: {"additionalProperties": schema},
        lambda schema: {"items": {"items": schema}},
        lambda schema: {"prefixItems": [True, schema]},
        lambda schema: {"anyOf": [{}, {"allOf": [{"oneOf": [schema]}]}]},
        lambda schema: {"not": {"if": schema, "then": schema, "else": schema}},
        lambda schema: {"$defs": {"a": schema}, "definitions": {"a": schema}},
        lambda schema: {"dependentSchemas": {"a": {"contains": {"propertyNames": schema}}}},
    ],
    ids=range(9),
)
def test_old_words_are_found_wherever_a_schema_stands(place: Any) -> None:
    newest = place({"exclusiveMinimum": 1})
    assert modern(place({"minimum": 1, "exclusiveMinimum": True})) == newest
    assert modern(newest) is newest


def test_names_are_no_words() -> None:
    """A property may be called like a keyword of any draft; and so may what is said of it."""
    names = (
        "id",
        "required",
        "items",
        "dependencies",
        "nullable",
        "extends",
        "type",
        "$schema",
        "divisibleBy",
        "exclusiveMinimum",
    )
    schema = {
        "type": "object",
        "properties": {name: {"type": "boolean", "default": True} for name in names},
        "required": list(names),
        "default": {"id": "x", "nullable": True},
        "examples": [{"required": True}],
        "enum": [{"type": "any"}],
        "dependentRequired": {"id": ["type"]},
        "additionalProperties": False,
    }
    assert modern(schema) is schema


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("#/properties/a/items/1", "#/properties/a/prefixItems/1"),
        ("#/properties/a/additionalItems", "#/properties/a/items"),
        ("#/dependencies/b~1c", "#/dependentSchemas/b~1c"),
        ("#/properties/items/items", "#/properties/items/items"),
        ("#/definitions/items/x", "#/definitions/items/x"),
        (
            "#/properties/a/items/99999999999999999999/items",
            "#/properties/a/prefixItems/99999999999999999999/items",
        ),
        ("#", "#"),
        ("http://x.example/items", "http://x.example/items"),
    ],
)
def test_references_lead_where_they_led(older: str, newer: str) -> None:
    schema = {
        "properties": {
            "a": {"items": [TEXT, NUMBER], "additionalItems": TEXT},
            "items": {"items": TEXT},
            "b": {"$ref": older},
        },
        "dependencies": {"b/c": {"required": ["a"]}},
        "definitions": {"items": {"x": TEXT}},
    }
    assert modern(schema)["properties"]["b"] == {"$ref": newer}


WORDS = st.sampled_from([
    "type", "properties", "items", "additionalItems", "required", "dependencies", "extends",
    "disallow", "allOf", "anyOf", "not", "enum",
    "nullable", "id", "$id", "$ref", "$schema", "minimum", "exclusiveMinimum", "const", "examples",
    "definitions", "dependentRequired",
])  # fmt: skip
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from(["any", "string", "#/items/0", "#x", "", "object"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.sampled_from(["a", "$b"]), inner, max_size=4)
    ),
    max_leaves=25,
)


@given(st.dictionaries(WORDS, JUNK, max_size=6))
@example({"dependentRequired": [], "dependencies": {"a": ["b"]}})
@example({"dependencies": {"a": {}}, "dependentSchemas": 1})
@settings(max_examples=300, deadline=None)
def test_junk_stops_nothing(schema: dict[str, Any]) -> None:
    """Where the hub does not look there may stand anything: it never raises, changes nothing in
    place, and comes to an end.
    """
    before = deepcopy(schema)
    made = modern(schema)
    assert schema == before
    assert modern(modern(made)) == modern(made)


def test_a_request_without_schemas_is_itself() -> None:
    for body in (
        {},
        {"tools": [], "functions": None, "response_format": {"type": "json_object"}},
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": None}},
                {"type": "custom", "custom": {"name": "g"}},
            ]
        },
        {"response_format": {"type": "json_schema", "json_schema": {"name": "r"}}},
    ):
        request = ChatRequest({"messages": [], **body})
        assert with_modern_schemas(request) is request
