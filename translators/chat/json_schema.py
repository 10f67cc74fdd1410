"""Where schemas stand inside of a JSON Schema, by position: what stands under `properties` is a
name, never a keyword.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from translators.json_codec import JsonObject

Schema = JsonObject
"""A JSON Schema: nothing is known of it before it is looked at."""
Change = Callable[[Any], Any]
"""What is made of one schema: another one, or itself."""

NAMED: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
)
"""Keywords that hold schemas by name."""
LISTED: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
SINGLE: Final = frozenset({
    "items", "additionalProperties", "additionalItems", "contains", "propertyNames", "not", "if",
    "then", "else", "unevaluatedItems",
    "unevaluatedProperties", "contentSchema",
})  # fmt: skip

MAX_DIGITS: Final = 9
"""Of a place in an array, as a pointer has it: Python refuses to read numbers of thousands of them.
"""


def changed_below(word: str, value: Any, change: Change) -> Any:
    """The value of the keyword `word` with each schema in it changed; the same object if none
    is."""
    if word in SINGLE:
        return change(value)
    if word in NAMED and value.__class__ is dict:
        return same_or(value, {name: change(member) for name, member in value.items()})
    if word in LISTED and value.__class__ is list:
        made = [change(member) for member in value]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made
    return value


def same_or(old: Schema, new: Schema) -> Schema:
    """`old` if `new` holds the very same things under the same names."""
    if len(old) == len(new) and all(
        name in new and new[name] is value for name, value in old.items()
    ):
        return old
    return new


def steps_of(pointer: str) -> Iterator[str]:
    """The names that a local JSON Pointer (`#/$defs/item`) leads over."""
    for step in pointer.split("/")[1:]:
        yield step.replace("~1", "/").replace("~0", "~")


def pointer_of(steps: list[str]) -> str:
    return "/".join(["#", *(step.replace("~", "~0").replace("/", "~1") for step in steps)])


def below(node: Any, step: str) -> Any:
    """What one step of a pointer leads to, or None."""
    if node.__class__ is list:
        return (
            node[int(step)]
            if step.isdecimal() and len(step) < MAX_DIGITS and int(step) < len(node)
            else None
        )
    return node.get(step) if node.__class__ is dict else None
