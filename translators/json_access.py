"""Parts of a document that may hold anything: of the kind that is expected, or empty."""

from collections.abc import Mapping
from typing import Any

from translators.json_codec import JsonObject


def as_object(value: Any) -> JsonObject:
    """The value if it is an object, else an empty one."""
    return value if value.__class__ is dict else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if value.__class__ is list else []


def object_at(holder: Mapping[str, Any], name: str) -> JsonObject:
    """The object under `name`, or an empty one."""
    value = holder.get(name)
    return value if value.__class__ is dict else {}


def int_at(holder: Mapping[str, Any], name: str) -> int:
    """The whole number under `name`, or 0."""
    value = holder.get(name)
    return value if value.__class__ is int else 0
