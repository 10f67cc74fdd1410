"""Values of a request's members, each of the type that its field has.

Each raises InvalidRequest, which names the field and the type. `null` is as good as absent.
"""

from collections.abc import Mapping
from typing import Any

from translators.chat.validation_errors import wrong_type
from translators.json_codec import JsonObject


def text(owner: Mapping[str, Any], name: str, at: str) -> str | None:
    value = owner.get(name)
    if value is not None and value.__class__ is not str:
        raise wrong_type(path(at, name), "a string", value)
    return value


def word(owner: Mapping[str, Any], name: str, at: str) -> str | None:
    """An enum's value, in capitals."""
    value = text(owner, name, at)
    return None if value is None else value.upper()


def flag(owner: Mapping[str, Any], name: str, at: str) -> bool | None:
    value = owner.get(name)
    if value is not None and value.__class__ is not bool:
        raise wrong_type(path(at, name), "a boolean", value)
    return value


def number(owner: Mapping[str, Any], name: str, at: str) -> float | int | None:
    """Also one that is written as a string, as protobuf's JSON form writes int64."""
    value = read_number(owner.get(name))
    if value is not None and value.__class__ not in (int, float):
        raise wrong_type(path(at, name), "a number", value)
    found: float | int | None = value
    return found


def integer(owner: Mapping[str, Any], name: str, at: str) -> int | None:
    value = number(owner, name, at)
    if value is None:
        return None
    if value.__class__ is float and not value.is_integer():
        raise wrong_type(path(at, name), "an integer", value)
    return int(value)


def read_number(value: Any) -> Any:
    """The number that a string of at most 32 characters says; anything else as it is."""
    if value.__class__ is not str or len(value) > 32:
        return value
    try:
        return int(value)
    except ValueError:
        pass
    try:
        number = float(value)
    except ValueError:
        return value
    return number if number - number == 0 else value


def array(owner: Mapping[str, Any], name: str, at: str) -> list[Any]:
    """An empty one where there is none; what is no array is one of itself alone."""
    value = owner.get(name)
    if value is None:
        return []
    return value if value.__class__ is list else [value]


def strings(owner: Mapping[str, Any], name: str, at: str) -> list[str]:
    found = array(owner, name, at)
    for i, value in enumerate(found):
        if value.__class__ is not str:
            raise wrong_type(f"{path(at, name)}[{i}]", "a string", value)
    return found


def record(owner: Mapping[str, Any], name: str, at: str) -> JsonObject | None:
    """An object."""
    value = owner.get(name)
    if value is not None and value.__class__ is not dict:
        raise wrong_type(path(at, name), "an object", value)
    return value


def path(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
