"""Looks at what a caller of this API sent, and refuses in OpenAI's words."""

from typing import Any

from translators.chat.validation_errors import wrong_type
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject


def text(value: Any, at: str) -> str:
    """A string. Raises InvalidRequest."""
    if value.__class__ is not str:
        if value is None:
            raise InvalidRequest(
                f"Missing required parameter: '{at}'.", at, "missing_required_parameter"
            )
        raise wrong_type(at, "a string", value)
    said: str = value
    return said


def optional_text(value: Any, at: str) -> str | None:
    """A string, or None. Raises InvalidRequest."""
    return None if value is None else text(value, at)


def mapping(value: Any, at: str) -> JsonObject:
    """An object. Raises InvalidRequest."""
    if value.__class__ is not dict:
        raise wrong_type(at, "an object", value)
    found: JsonObject = value
    return found


def array(value: Any, at: str) -> list[Any]:
    """An array. Raises InvalidRequest."""
    if value.__class__ is not list:
        raise wrong_type(at, "an array", value)
    found: list[Any] = value
    return found


def boolean(value: Any, at: str) -> bool:
    """A boolean. Raises InvalidRequest."""
    if value.__class__ is not bool:
        raise wrong_type(at, "a boolean", value)
    said: bool = value
    return said


def unknown_value(value: Any, at: str, known: str) -> InvalidRequest:
    """What is said of a value that is none of the `known` ones."""
    return InvalidRequest(
        f"Invalid value: {str(value)[:100]!r}. Supported values are: {known}.", at, "invalid_value"
    )
