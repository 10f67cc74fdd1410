"""Schemas narrowed to what Claude's grammars hold."""

from typing import Any

import pytest

from translators.claude.request.schema import Narrowed, Unrepresentable
from translators.claude.request.tool_schema import is_object_root, object_root

A = {"type": "string"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "properties": {"a": A}}, obj(a=A)),
        ({"type": "object", "properties": {"a": A}, "additionalProperties": True}, obj(a=A)),
        ({"properties": {"a": A}}, {"properties": {"a": A}, "additionalProperties": False}),
        (
            {"type": ["object", "null"], "properties": {}},
            {"type": ["object", "null"], "properties": {}, "additionalProperties": False},
        ),
        (
            {"type": "object", "additionalProperties": False},
            {"type": "object", "additionalProperties": False},
        ),
        ({"items": {"type": "object", "properties": {}}}, {"items": obj()}),
        ({"prefixItems": [{"minLength": 1}]}, {"prefixItems": [{"description": "minLength: 1"}]}),
        ({"items": True, "minItems": 1}, {"items": True, "minItems": 1}),
        ({"oneOf": [A, {"type": "null"}]}, {"anyOf": [A, {"type": "null"}]}),
        ({"allOf": [A]}, A),
        (
            {
                "allOf": [obj(a=A), {"type": "object", "properties": {"b": A}, "required": ["b"]}],
                "required": ["a"],
            },
            {"required": ["a", "b"], **obj(a=A, b=A)},
        ),
        (
            {"allOf": [{"title": "x"}, {"title": "y"}, {"description": "z"}]},
            {"title": "x", "description": "z"},
        ),
        ({"allOf": [{"oneOf": [A]}], "default": "q"}, {"default": "q", "anyOf": [A]}),
        (
            {"$defs": {"a": {"type": "string", "pattern": "x"}}, "$ref": "#/$defs/a"},
            {
                "$defs": {"a": {"type": "string", "description": 'pattern: "x"'}},
                "$ref": "#/$defs/a",
            },
        ),
        (
            {"allOf": [{"$ref": "#/definitions/a"}], "definitions": {"a": A}},
            {"definitions": {"a": A}, "type": "string"},
        ),
        (
            {"format": "uuid", "const": "x", "enum": ["x", 1, None]},
            {"format": "uuid", "const": "x", "enum": ["x", 1, None]},
        ),
        (
            {
                "properties": {"a": {"required": True, "allOf": 5, "prefixItems": 1, "$defs": 2}},
                "required": 5,
            },
            {
                "properties": {"a": {"required": True, "prefixItems": [], "$defs": {}}},
                "required": 5,
                "additionalProperties": False,
            },
        ),
        ({"nullable": False, "type": "string", "$id": "x", "$comment": "y"}, A),
    ],
)
def test_narrowed(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert Narrowed(schema).schema == expected


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "object"}, "it has an object of any keys"),
        (
            {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
            "it has an object of any keys",
        ),
        ({"$ref": "#"}, "the schema is recursive"),
        (
            {
                "$defs": {
                    "a": {"items": {"$ref": "#/$defs/b"}},
                    "b": {"anyOf": [{"$ref": "#/$defs/a"}]},
                },
                "$ref": "#/$defs/a",
            },
            "the schema is recursive",
        ),
        ({"$ref": "https://e.example/s"}, "it refers to another document"),
        ({"anyOf": [A], "oneOf": [A]}, "it has both 'oneOf' and 'anyOf'"),
        (
            {"allOf": [{"type": "string"}, {"type": "integer"}]},
            "the parts of 'allOf' differ in 'type'",
        ),
        (
            {"allOf": [obj(a=A), obj(a={"type": "integer"})]},
            "the parts of 'allOf' differ in a property",
        ),
        ({"allOf": [{"$ref": "#/$defs/none"}]}, "a '$ref' leads nowhere"),
        ({"allOf": [{"$ref": "http://e.example"}]}, "a '$ref' leads nowhere"),
        ({"allOf": [True]}, "a '$ref' leads nowhere"),
        ({"allOf": [{"title": "x"}] * 201}, "its 'allOf' parts are too many"),
        ({"enum": [{"a": 1}]}, "'enum' holds objects or arrays"),
        ({"const": [1]}, "'const' holds objects or arrays"),
        ({"type": "array", "items": [A]}, "'items' is a list"),
    ],
)
def test_what_no_grammar_can_hold(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(Unrepresentable, match=why.replace("$", r"\$")):
        Narrowed(schema)


def test_counts_for_the_limits_of_strict_tools() -> None:
    """Optional parameters and unions, at any depth."""
    schema = {
        "type": "object",
        "properties": {
            "a": A,
            "b": {
                "type": "object",
                "properties": {"c": {"anyOf": [A, {"type": ["string", "null"]}]}},
            },
        },
        "required": ["a"],
    }
    narrowed = Narrowed(schema)
    assert (narrowed.optional, narrowed.unions) == (2, 2)


def test_keywords_that_moved_are_named_once() -> None:
    narrowed = Narrowed(
        {
            "properties": {
                "a": {"minimum": 1},
                "b": {"minimum": 2},
                "c": {"properties": {"d": A}, "additionalProperties": A},
            }
        }
    )
    assert narrowed.moved == ["minimum", "additionalProperties"]


def test_the_schema_of_the_caller_is_left_alone() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
    Narrowed(schema)
    assert schema == {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}


def test_references_that_multiply_end_soon() -> None:
    """Thirty definitions of which each names the next one twice are a thousand million schemas."""
    definitions = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(30)} | {
        "d30": {"type": "object"}
    }
    schema = {"$ref": "#/$defs/d0", "$defs": definitions}
    with pytest.raises(Unrepresentable):
        Narrowed(schema)
    assert object_root({"anyOf": [{"$ref": "#/$defs/d0"}], "$defs": definitions})[0][
        "required"
    ] == ["value"]


def test_references_that_meet_again_do_not_recur() -> None:
    definitions = {
        "a": {"anyOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/c"}]},
        "b": {"items": {"$ref": "#/$defs/c"}},
        "c": {"items": {"$ref": "#/$defs/d"}},
        "d": A,
    }
    schema = {"$ref": "#/$defs/a", "$defs": definitions}
    assert Narrowed(schema).schema == schema


def test_references_over_too_many_schemas() -> None:
    """Many references into one large schema would each walk over all of it."""
    nested: dict[str, Any] = {"enum": ["x"] * 3000}
    for _ in range(100):
        nested = {"properties": {"a": nested}}
    refs = [{"$ref": "#/$defs/n" + "/properties/a" * i} for i in range(100)]
    with pytest.raises(Unrepresentable, match="too many schemas"):
        Narrowed({"anyOf": refs, "$defs": {"n": nested}})


def test_a_long_chain_of_references() -> None:
    definitions: dict[str, Any] = {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(2000)} | {
        "d2000": {"type": "object", "properties": {}}
    }
    schema = {"$ref": "#/$defs/d0", "$defs": definitions}
    assert Narrowed(schema).schema["$ref"] == "#/$defs/d0"
    assert is_object_root(schema)
