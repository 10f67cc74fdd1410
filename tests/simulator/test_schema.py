"""Values made for a JSON schema: they fit it, and they end."""

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel, TypeAdapter

from gateway.simulator.schema import example


class Leaf(BaseModel):
    kind: Literal["leaf"]
    size: Annotated[int, Ge(3)]


class Tree(BaseModel):
    left: "Tree | Leaf | None"
    right: "Tree | Leaf"
    children: list["Tree"]


@pytest.mark.parametrize(
    "kind",
    [
        Tree,
        Literal["a", "b"],
        str | None,
        list[int],
        tuple[int, str],
        dict[str, int],
        Annotated[str, MinLen(20)],
        Annotated[str, MaxLen(2)],
        Annotated[list[Leaf], MinLen(3)],
        Annotated[int, Gt(4), Lt(6)],
        Annotated[int, Le(-3)],
        Annotated[int, Lt(0)],
        Annotated[int, MultipleOf(7), Ge(10)],
        Annotated[float, Gt(0), Lt(0.1)],
        Annotated[float, Ge(9)],
        Annotated[float, Lt(-5)],
        Annotated[float, MultipleOf(0.5), Gt(1)],
    ],
    ids=str,
)
def test_a_value_fits_its_schema(kind: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    adapter.validate_python(example(adapter.json_schema()), strict=False)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": 7}, 7),
        ({"type": "string", "nullable": True}, "example"),
        ({"type": "array", "minItems": 2, "items": {"type": "boolean"}}, [True, True]),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "null"}, None),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"properties": {"a": {"type": "number"}}}, {"a": 1.5}),
        (
            {"type": "object", "required": ["b"], "additionalProperties": {"type": "integer"}},
            {"b": 1},
        ),
        (
            {
                "allOf": [
                    {"properties": {"a": {"const": 1}}},
                    {"properties": {"b": {"const": 2}}, "required": ["b"]},
                ]
            },
            {"a": 1, "b": 2},
        ),
        (
            {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/x~1y"}], "$defs": {"x/y": {"const": 3}}},
            3,
        ),
        ({"$ref": "#/nowhere"}, "example"),
        (True, "example"),
    ],
)
def test_made_values(schema: Any, expected: Any) -> None:
    assert example(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"type": "array", "minItems": 10**12, "items": {"type": "array", "minItems": 10**12}},
        {"$ref": "#"},
    ],
)
def test_a_schema_without_an_end_ends(schema: Any) -> None:
    example(schema)
