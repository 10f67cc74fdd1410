"""What is said about a field that breaks a rule: OpenAI's sentences and error codes."""

from collections.abc import Mapping
from typing import Any

from translators.errors import InvalidRequest
from translators.json_codec import JsonObject


def type_name(value: Any) -> str:
    """A JSON type with its article, as error messages say it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def wrong_type(param: str, expected: str, value: Any) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid type for '{param}': expected {expected}, but got {type_name(value)} instead.",
        param,
        "invalid_type",
    )


def missing(param: str) -> InvalidRequest:
    return InvalidRequest(
        f"Missing required parameter: '{param}'.", param, "missing_required_parameter"
    )


def not_one_of(param: str, value: Any, allowed: tuple[str, ...]) -> InvalidRequest:
    shown = ", ".join(f"'{a}'" for a in allowed)
    return InvalidRequest(
        f"Invalid value: {str(value)[:80]!r}. Supported values are: {shown}.",
        param,
        "invalid_value",
    )


def out_of_range(param: str, value: float, low: float, high: float | None) -> InvalidRequest:
    below = value < low
    rule = (
        f"expected a value >= {low:g}" if below or high is None else f"expected a value <= {high:g}"
    )
    kind = "integer" if value.__class__ is int else "decimal"
    code = f"{kind}_{'below_min' if below else 'above_max'}_value"
    return InvalidRequest(
        f"Invalid '{param}': {rule}, but got {str(value)[:40]} instead.", param, code
    )


def too_long(param: str, length: int, most: int) -> InvalidRequest:
    rule = (
        f"array too long. Expected an array with maximum length {most}, but got {length} instead."
    )
    return InvalidRequest(f"Invalid '{param}': {rule}", param, "array_above_max_length")


def require_string(owner: Mapping[str, Any], name: str, at: str) -> None:
    value = owner.get(name)
    if value is None:
        raise missing(f"{at}.{name}")
    if value.__class__ is not str:
        raise wrong_type(f"{at}.{name}", "a string", value)


def require_object(owner: Mapping[str, Any], name: str, at: str) -> JsonObject:
    value = owner.get(name)
    if value is None:
        raise missing(f"{at}.{name}")
    if value.__class__ is not dict:
        raise wrong_type(f"{at}.{name}", "an object", value)
    found: JsonObject = value
    return found
