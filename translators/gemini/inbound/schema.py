"""Schemas, in OpenAPI's form or as JSON Schema, as the hub's JSON Schema.

Types come in capitals in both forms. The order of keys is kept.
"""

from typing import Any, Final

from translators.gemini.inbound.normalization import camel_case
from translators.gemini.inbound.values import read_number
from translators.json_codec import JsonObject

_LEFT_OUT: Final = frozenset({"propertyOrdering", "example", "nullable"})
_NUMBERS: Final = frozenset({
    "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minContains", "maxContains",
})  # fmt: skip
_NAMED: Final = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SCHEMAS: Final = frozenset({
    "items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else",
    "unevaluatedProperties", "unevaluatedItems", "additionalItems",
})  # fmt: skip
_KEYWORDS: Final = frozenset(
    {*_LEFT_OUT, *_NUMBERS, *_NAMED, *_LISTS, *_SCHEMAS, "type", "format", "enum"}
)
_UNSPECIFIED: Final = "type_unspecified"


def json_schema(schema: Any) -> Any:
    """The same as JSON Schema. What is no object (`true`) is as it is."""
    if schema.__class__ is not dict:
        return schema
    found: JsonObject = {}
    for name, value in schema.items():
        key = _keyword(name)
        if (
            key in _LEFT_OUT
            or (key == "format" and value == "enum")
            or (value is None and key == "type")
        ):
            continue
        if key == "type":
            if (kind := _type(value)) is not None:
                found[key] = kind
        else:
            found[key] = _of_keyword(key, value)
    if schema.get("nullable") is True:
        _allow_null(found)
    return found


def _keyword(name: str) -> str:
    """A keyword's own spelling; what is none is left as it is."""
    key = camel_case(name) if "_" in name else name
    return key if key in _KEYWORDS else name


def _of_keyword(key: str, value: Any) -> Any:
    if key in _NUMBERS:
        return read_number(value)
    if key in _NAMED and value.__class__ is dict:
        return {own: json_schema(each) for own, each in value.items()}
    if key in _LISTS and value.__class__ is list:
        return [json_schema(each) for each in value]
    if key in _SCHEMAS:
        listed = value.__class__ is list
        return [json_schema(each) for each in value] if listed else json_schema(value)
    return value


def _type(value: Any) -> Any:
    """None: nothing is said."""
    if value.__class__ is str:
        kind = value.lower()
        return None if kind == _UNSPECIFIED else kind
    if value.__class__ is list:
        return [each.lower() if each.__class__ is str else each for each in value]
    return value


def _allow_null(schema: JsonObject) -> None:
    kind = schema.get("type")
    if kind.__class__ is str and kind != "null":
        schema["type"] = [kind, "null"]
    elif kind.__class__ is list and "null" not in kind:
        schema["type"] = [*kind, "null"]
    if (listed := schema.get("enum")).__class__ is list and None not in listed:
        schema["enum"] = [*listed, None]
    if (branches := schema.get("anyOf")).__class__ is list and {"type": "null"} not in branches:
        schema["anyOf"] = [*branches, {"type": "null"}]
