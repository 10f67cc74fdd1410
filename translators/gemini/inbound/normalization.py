"""A body in one spelling: keys in camelCase, whichever of its two spellings a client uses.

The API reads both, mixed within one object; google-genai and ADK send both.
"""

import re
from typing import Any, Final

from translators.errors import InvalidRequest
from translators.json_codec import JsonObject

_SNAKE: Final = re.compile(rb'"[A-Za-z]*_\w*"\s*:').search
_JOINT: Final = re.compile(r"_+([a-z0-9])")
_VERBATIM: Final = frozenset({
    "args", "response", "partMetadata", "labels", "parametersJsonSchema", "responseJsonSchema",
    "default", "example", "enum", "const",
})  # fmt: skip
"""What is the caller's own below, keys included; and values of schemas."""
_NAMED: Final = frozenset({"properties", "$defs", "defs", "definitions", "patternProperties"})
"""Directly below, the names are the caller's own."""


def normalized(body: JsonObject, text: bytes) -> JsonObject:
    """`body`, or a copy of it with all keys in camelCase. `text`: its JSON text, b"" if unknown.

    Raises InvalidRequest where one object has both spellings of a key.
    """
    if text and (text.find(b"_") < 0 or _SNAKE(text) is None):
        return body
    return _object(body, "")


def camel_case(name: str) -> str:
    return _JOINT.sub(lambda match: match[1].upper(), name.lstrip("_")) if "_" in name else name


def _object(value: JsonObject, at: str) -> JsonObject:
    found: JsonObject = {}
    for name, inner in value.items():
        key = camel_case(name)
        path = f"{at}.{key}" if at else key
        if key in found:
            raise InvalidRequest(
                f"'{path}' is there in both of its spellings.", path, "invalid_value"
            )
        if key in _VERBATIM:
            found[key] = inner
        elif key in _NAMED and inner.__class__ is dict:
            found[key] = {own: _value(each, f"{path}.{own}") for own, each in inner.items()}
        else:
            found[key] = _value(inner, path)
    return found


def _value(value: Any, at: str) -> Any:
    if value.__class__ is dict:
        return _object(value, at)
    if value.__class__ is list:
        return [_value(each, f"{at}[{i}]") for i, each in enumerate(value)]
    return value
