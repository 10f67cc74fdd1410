"""The shape of the JSON Schemas in a request, as far as every provider needs it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from translators.chat.validation_errors import type_name
from translators.errors import InvalidRequest

_SCHEMA_TYPES: Final = frozenset(
    {"object", "array", "string", "number", "integer", "boolean", "null"}
)
_ANY_TYPE: Final = "any"
"""Draft 3's word for no type at all."""

_PLAIN_KEY: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}").fullmatch
MAX_PLAIN_KEY: Final = 64

_USUAL_TEXTS: Final = frozenset(
    {"description", "title", "format", "pattern", "const", "default", "$ref"}
)
_USUAL_NUMBERS: Final = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "minItems", "maxItems", "const",
    "minProperties", "maxProperties", "default",
})  # fmt: skip
_USUAL_FLAGS: Final = frozenset(
    {
        "additionalProperties",
        "uniqueItems",
        "const",
        "default",
        "deprecated",
        "readOnly",
        "writeOnly",
    }
)
_USUAL_INNER: Final = frozenset({"items", "additionalProperties"})
_USUAL_BRANCHES: Final = frozenset({"anyOf", "oneOf", "allOf"})
_USUAL_LISTS: Final = frozenset({"enum", "examples", "default"})
_ROOT_OF_MANY: Final = frozenset({"$ref", "anyOf", "oneOf", "allOf"})


def is_usual_object(schema: Any) -> bool:
    """Whether a schema is usual, and that of an object without alternatives: what every provider
    takes for the arguments of a tool.
    """
    return (
        schema.__class__ is dict
        and schema.get("type") == "object"
        and _ROOT_OF_MANY.isdisjoint(schema)
        and is_usual(schema)
    )


def is_usual(schema: Any) -> bool:
    """Whether a schema is seen at one look to be right: with nothing in it that is invalid, of an
    older draft, or an odd property key.

    Nearly all are. Of the others `check_schema` tells which are wrong.
    """
    nodes: list[Any] = [schema]
    try:
        for node in nodes:  # it grows meanwhile
            for word, value in node.items():
                kind = value.__class__
                if kind is str:
                    if word == "type":
                        if value not in _SCHEMA_TYPES:
                            return False
                    elif word not in _USUAL_TEXTS:
                        return False
                elif kind is dict or kind is list:
                    if not _add_inner(word, value, nodes):
                        return False
                elif word not in (
                    _USUAL_FLAGS
                    if kind is bool
                    else _USUAL_NUMBERS
                    if kind is int or kind is float
                    else _NULL
                ):
                    return False
    except (TypeError, AttributeError):  # no schema, or a name that is no text
        return False
    return True


_NULL: Final = frozenset({"default"})


def _add_inner(word: str, value: Any, nodes: list[Any]) -> bool:
    """Add the schemas that the object or array under `word` is or holds. Whether it is a
    usual one."""
    if value.__class__ is dict:
        if word == "properties":
            nodes += value.values()
            return are_plain(value)
        if word in _USUAL_INNER:
            nodes.append(value)
            return True
        if word == "$defs":
            nodes += value.values()
            return True
        return word == "default"
    if word == "required":
        "".join(value)  # a TypeError where one is no text
        return len(set(value)) == len(value)
    if word == "type":
        return bool(value) and _SCHEMA_TYPES.issuperset(value) and len(set(value)) == len(value)
    if word in _USUAL_BRANCHES:
        nodes += value
        return True
    return word in _USUAL_LISTS


def are_plain(names: Iterable[str]) -> bool:
    """Whether all property keys are made of up to 64 letters that every provider takes.

    Together they are an identifier, if each is made of its letters, as nearly all are.
    """
    together = "_".join(names)
    return (
        together.isidentifier() and together.isascii() and len(together) <= MAX_PLAIN_KEY
    ) or all(map(is_plain, names))


def is_plain(name: str) -> bool:
    return _PLAIN_KEY(name) is not None


_TEXTS_IN_ORDER: Final = ("format", "description", "$ref", "pattern")
_TEXTS: Final = frozenset(_TEXTS_IN_ORDER)
_NESTED: Final = frozenset(
    {"properties", "$defs", "definitions", "required", "items", "anyOf", "oneOf", "allOf"}
)


def check_schema(schema: Any, at: str) -> None:
    """The shape of a JSON Schema as far as every provider needs it. Raises InvalidRequest naming
    the place in it.
    """
    if schema.__class__ is bool:
        return
    if schema.__class__ is not dict:
        raise InvalidRequest(
            f"Invalid schema at '{at}': expected an object, but got {type_name(schema)}.",
            at,
            "invalid_function_parameters",
        )
    kind = schema.get("type")
    if kind is not None:
        _check_type(kind, f"{at}.type")
    if not _TEXTS.isdisjoint(schema):
        _check_texts(schema, at)
    if _NESTED.isdisjoint(schema):  # most places in a schema name a type and describe it
        return
    for name in ("properties", "$defs", "definitions"):
        members = schema.get(name)
        if members is not None:
            if members.__class__ is not dict:
                raise InvalidRequest(
                    f"Invalid schema at '{at}.{name}': expected an object, but got"
                    f" {type_name(members)}.",
                    f"{at}.{name}",
                    "invalid_function_parameters",
                )
            for key, member in members.items():
                check_schema(member, f"{at}.{name}.{key}")
    required = schema.get("required")
    if required.__class__ is bool:  # draft 3 says so of each property
        required = None
    if required is not None and (
        required.__class__ is not list or not all(r.__class__ is str for r in required)
    ):
        raise InvalidRequest(
            f"Invalid schema at '{at}.required': expected an array of strings.",
            f"{at}.required",
            "invalid_function_parameters",
        )
    if (items := schema.get("items")) is not None and items.__class__ is not list:
        check_schema(items, f"{at}.items")
    for name in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(name)
        if branches is not None:
            if branches.__class__ is not list:
                raise InvalidRequest(
                    f"Invalid schema at '{at}.{name}': expected an array.",
                    f"{at}.{name}",
                    "invalid_function_parameters",
                )
            for i, branch in enumerate(branches):
                check_schema(branch, f"{at}.{name}[{i}]")


def _check_type(kind: Any, at: str) -> None:
    for one in kind if kind.__class__ is list else (kind,):
        if one.__class__ is not str or (one not in _SCHEMA_TYPES and one != _ANY_TYPE):
            shown = str(one)[:40]
            raise InvalidRequest(
                f"Invalid schema at '{at}': {shown!r} is not a JSON Schema type.",
                at,
                "invalid_function_parameters",
            )


def _check_texts(schema: Mapping[str, Any], at: str) -> None:
    for name in _TEXTS_IN_ORDER:
        text = schema.get(name)
        if text is not None and text.__class__ is not str:
            raise InvalidRequest(
                f"Invalid schema at '{at}.{name}': expected a string.",
                f"{at}.{name}",
                "invalid_function_parameters",
            )
