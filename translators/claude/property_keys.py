"""Property keys in the letters Claude allows: in schemas and in what is written by them, there and
back.

Pure functions of the names in one tool's schema: the same history gives the same bytes.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from translators.chat.json_schema import Schema, below, changed_below, pointer_of, same_or, steps_of
from translators.chat.schema_check import MAX_PLAIN_KEY, is_plain
from translators.json_codec import dumps_str

_FORBIDDEN: Final = re.compile(r"[^a-zA-Z0-9_.-]")

NO_KEYS: Final[Mapping[str, str]] = MappingProxyType({})


def keys_of(schema: Schema) -> dict[str, str]:
    """For each property key in the schema that Claude refuses, at any depth, the one that stands
    for it.
    """
    names: dict[str, None] = {}
    stack: list[Any] = [schema]
    while stack:
        node = stack.pop()
        if node.__class__ is dict:
            if (properties := node.get("properties")).__class__ is dict:
                names.update(dict.fromkeys(properties))
            stack.extend(node.values())
        elif node.__class__ is list:
            stack.extend(node)
    found: dict[str, str] = {}
    for name in names:
        if not is_plain(name):
            salt = ""
            while (alias := _alias(name, salt)) in names:
                salt += "#"
            found[name] = alias
    return found


def _alias(name: str, salt: str) -> str:
    digest = sha256((name + salt).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_FORBIDDEN.sub('_', name)[: MAX_PLAIN_KEY - 9]}_{digest}"


def aliased(schema: Schema, keys: Mapping[str, str]) -> Schema:
    """The schema with `keys` in place of those that Claude refuses; a new one, where it has any."""
    made: Schema = _Aliasing(schema, keys).node(schema)
    return made


class _Aliasing:
    def __init__(self, root: Schema, keys: Mapping[str, str]) -> None:
        self._root = root
        self._keys = keys

    def node(self, node: Any) -> Any:
        if node.__class__ is not dict:
            return node
        return same_or(node, {word: self._value(word, value) for word, value in node.items()})

    def _value(self, word: str, value: Any) -> Any:
        if word in _VALUES:
            return renamed(value, self._keys)
        if word in _NAMES and value.__class__ is list:
            return self._names(value)
        if word == "dependentRequired" and value.__class__ is dict:
            return {self._name(name): self._names(needed) for name, needed in value.items()}
        if word == "$ref" and value.__class__ is str and value.startswith("#/"):
            return self._pointer(value)
        value = changed_below(word, value, self.node)
        if word in _HOLDERS and value.__class__ is dict and not self._keys.keys().isdisjoint(value):
            return {self._name(name): member for name, member in value.items()}
        return value

    def _name(self, name: str) -> str:
        return self._keys.get(name, name)

    def _names(self, names: Any) -> Any:
        return (
            [self._name(name) if name.__class__ is str else name for name in names]
            if names.__class__ is list
            else names
        )

    def _pointer(self, reference: str) -> str:
        node: Any = self._root
        steps: list[str] = []
        held = names = False  # by a property's name, or by any other
        for step in steps_of(reference):
            steps.append(self._name(step) if held else step)
            word = not held and not names and node.__class__ is dict
            held, names = word and step in _HOLDERS, word and step in _OTHER_NAMES
            node = below(node, step)
        return pointer_of(steps)


_VALUES: Final = frozenset({"default", "const", "enum", "examples", "example"})
"""Keywords whose values are written like arguments."""
_NAMES: Final = frozenset({"required", "propertyOrdering"})
_HOLDERS: Final = frozenset({"properties", "dependentSchemas"})
_OTHER_NAMES: Final = frozenset({"patternProperties", "$defs", "definitions"})


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """`value` with other keys in all of its objects; itself if it has none of them."""
    if value.__class__ is dict:
        return same_or(
            value, {names.get(name, name): renamed(member, names) for name, member in value.items()}
        )
    if value.__class__ is list:
        made = [renamed(member, names) for member in value]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made
    return value


def renamed_text(text: str, names: Mapping[str, str]) -> str:
    """The same for JSON text that was cut off: whatever looks like one of the keys."""
    for name, other in names.items():
        text = text.replace(dumps_str(name), dumps_str(other))
    return text
