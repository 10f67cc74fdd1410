"""The keywords of one JSON Schema node that Gemini reads otherwise or not at all: what each
becomes, and when that is a loss.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from translators.chat.json_schema import Schema

Lost = Callable[[str, str], None]
"""Told a keyword and why its effect is gone."""

KEPT: Final = frozenset({
    "$id", "$anchor", "type", "description", "minItems", "maxItems", "minimum", "maximum",
    "required", "propertyOrdering", "default",
})  # fmt: skip
"""Taken over as they are."""

ANNOTATIONS: Final = frozenset({
    "$schema", "$comment", "$vocabulary", "$defs", "definitions", "examples", "example",
    "discriminator", "readOnly", "writeOnly",
    "deprecated", "contentEncoding", "contentMediaType", "title", "strict", "xml", "externalDocs",
    "property_ordering",
})  # fmt: skip
"""Left out in silence: they constrain nothing (`$defs` counts only at the root, where it is
handled)."""

NO_OPS: Final[dict[str, tuple[Any, ...]]] = {
    "uniqueItems": (False,), "minProperties": (0,), "unevaluatedProperties": (True,),
    "unevaluatedItems": (True,), "not": (False,),
}  # fmt: skip

_FORMATS: Final = {
    "string": frozenset({"date-time", "date", "time", "enum"}),
    "number": frozenset({"float", "double"}),
    "integer": frozenset({"int32", "int64"}),
}
_TYPE_OF: Final = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def types_of(schema: Schema) -> list[str]:
    """The types a node allows by name, without null."""
    kind = schema.get("type")
    return [
        one
        for one in (kind if kind.__class__ is list else (kind,))
        if one.__class__ is str and one != "null"
    ]


def _const(schema: Schema, made: Schema, lost: Lost) -> None:
    value = schema["const"]
    kind = _TYPE_OF.get(value.__class__)
    if kind is None:
        lost("const", "Gemini takes only text and numbers as fixed values")
        return
    made.setdefault("type", kind)
    if value.__class__ is bool:
        lost("const", "Gemini cannot fix a truth value")
    elif value == "":
        lost("const", "Gemini takes no empty text as a fixed value")
    elif value is not None:
        made["enum"] = [value]


def _enum(schema: Schema, made: Schema, lost: Lost) -> None:
    values = schema["enum"]
    if values.__class__ is not list:
        return
    if values and all(v.__class__ is str and v for v in values):  # nearly all are
        made.setdefault("type", "string")
        made["enum"] = list(values)
        return
    kept = [v for v in values if v.__class__ in (str, int, float) and v != ""]
    booleans = {v for v in values if v.__class__ is bool}
    others = len(values) - len(kept) - sum(v is None or v.__class__ is bool for v in values)
    if others or (booleans and (kept or len(booleans) == 1)):
        lost("enum", "Gemini takes only numbers and text that is not empty as members")
    kinds = {_TYPE_OF[v.__class__] for v in kept} or ({"boolean"} if booleans else set())
    if "type" not in made and len(kinds) == 1:
        made["type"] = kinds.pop()
    if None in values:
        _allow_null(made)
    if kept:
        made["enum"] = kept


def _nullable(schema: Schema, made: Schema, lost: Lost) -> None:
    if schema["nullable"] is True:
        _allow_null(made)


def _allow_null(made: Schema) -> None:
    kind = made.get("type")
    if kind.__class__ is str and kind != "null":
        made["type"] = [kind, "null"]
    elif kind.__class__ is list and "null" not in kind:
        made["type"] = [*kind, "null"]
    elif kind is None and "anyOf" in made and {"type": "null"} not in made["anyOf"]:
        made["anyOf"] = [*made["anyOf"], {"type": "null"}]


def _format(schema: Schema, made: Schema, lost: Lost) -> None:
    value, kinds = schema["format"], types_of(made) or ["string"]
    if value.__class__ is str and any(value in _FORMATS.get(kind, ()) for kind in kinds):
        made["format"] = value
    else:
        _describe("format", value, made, lost)


def _described(keyword: str) -> Callable[[Schema, Schema, Lost], None]:
    def rule(schema: Schema, made: Schema, lost: Lost) -> None:
        if schema[keyword] != 0:
            _describe(keyword, schema[keyword], made, lost)

    return rule


def _describe(keyword: str, value: Any, made: Schema, lost: Lost) -> None:
    text = f"({keyword}: {value})"
    before = made.get("description")
    made["description"] = f"{before} {text}" if before else text
    lost(keyword, "Gemini does not enforce it: the description says it")


def _exclusive(keyword: str, inclusive: str, step: int) -> Callable[[Schema, Schema, Lost], None]:
    """A limit that is not reached itself: for whole numbers the next one is, else it is let in.
    Draft 4 writes true beside it.
    """

    def rule(schema: Schema, made: Schema, lost: Lost) -> None:
        limit = schema[keyword]
        if limit is False:
            return
        if limit is True:
            limit = schema.get(inclusive)
        if limit.__class__ not in (int, float):
            lost(keyword, "Gemini knows inclusive limits only")
            return
        reached: float = limit
        if types_of(made) == ["integer"]:
            reached = math.floor(limit) + 1 if step > 0 else math.ceil(limit) - 1
        else:
            lost(keyword, "Gemini knows inclusive limits only")
        known = made.get(inclusive)
        if known.__class__ in (int, float):
            reached = max(known, reached) if step > 0 else min(known, reached)
        made[inclusive] = reached

    return rule


RULES: Final[dict[str, Callable[[Schema, Schema, Lost], None]]] = {
    "const": _const,
    "enum": _enum,
    "nullable": _nullable,
    "format": _format,
    "minLength": _described("minLength"),
    "maxLength": _described("maxLength"),
    "pattern": _described("pattern"),
    "exclusiveMinimum": _exclusive("exclusiveMinimum", "minimum", 1),
    "exclusiveMaximum": _exclusive("exclusiveMaximum", "maximum", -1),
}
"""Applied to a node after its plain keywords, in this order."""


def close(made: Schema, lost: Lost) -> None:
    """What Gemini demands of a finished node: required names exist, arrays say what is in them."""
    required = made.get("required")
    if required is not None:
        known = made.get("properties", {})
        names = [name for name in required if name in known] if required.__class__ is list else []
        if names != required:
            lost("required", "Gemini refuses a required name without a property")
        made["required"] = names
        if not names:
            del made["required"]
    kind = made.get("type")
    is_array = kind == "array" or (kind.__class__ is list and "array" in kind)
    if is_array and "prefixItems" not in made and not made.get("items"):
        made["items"] = {"type": "string"}
        lost("items", "Gemini wants to know what is in an array: text is assumed")


def merge(made: Schema, branch: Schema) -> bool:
    """Add a branch of allOf to its parent. False if both say something different of the same thing:
    the parent's word stands.
    """
    agreed = True
    for keyword, value in branch.items():
        mine = made.get(keyword)
        if keyword == "properties" and mine.__class__ is dict and value.__class__ is dict:
            agreed &= all(mine.get(name, schema) == schema for name, schema in value.items())
            made[keyword] = {**value, **mine}
        elif keyword == "required" and mine.__class__ is list and value.__class__ is list:
            made[keyword] = list(dict.fromkeys([*mine, *value]))
        elif keyword not in made:
            made[keyword] = value
        elif keyword not in ANNOTATIONS and keyword not in (
            "description",
            "default",
            "additionalProperties",
        ):
            agreed &= mine == value
    return agreed
