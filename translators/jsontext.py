"""JSON text ⇄ plain values, the only place that knows which JSON library is used.

pydantic-core's reader and writer come with a dependency we have and cost a third of the standard library's.
They keep integers of any size, keep `1.0` a float, refuse NaN and lone surrogates on reading, and stop at 200 levels of nesting.
"""

import math
import re
from typing import Any, Final

from pydantic_core import PydanticSerializationError, from_json, to_json

_SPACED_COLON: Final = re.compile(rb'"[ \t\r\n]+:').search

MAX_DEPTH: Final = 200
"""Levels of nesting that `loads` accepts. `dumps` accepts 255, so a value read here can be wrapped and written again."""


def loads(text: bytes | str) -> Any:
    """Read one JSON text. Raises ValueError with the position of the first error."""
    return from_json(text, allow_inf_nan=False, cache_strings="keys")


def dumps(value: Any) -> bytes:
    """Write compact UTF-8 JSON, keys in their order. Raises ValueError for what JSON cannot say."""
    try:
        return to_json(value)
    except PydanticSerializationError as error:
        raise ValueError(str(error)) from None


def dumps_str(value: Any) -> str:
    """The same as text: the form OpenAI gives tool arguments in."""
    return dumps(value).decode()


def first_flaw(text: bytes, value: Any) -> str | None:
    """What a parsed document hides: a repeated key (the parser kept the last) or a number too large for a float.

    Costs one walk over `value` and three scans of `text`; the exact search for the repeated key runs only on suspicion.
    """
    keys, infinite = _count_keys(value)
    if infinite:
        return "a number is too large"
    if text.count(b'":') - text.count(b'\\":') == keys and not _SPACED_COLON(text):
        return None
    written = _KeyScan(text)
    return f"the key {written.repeated!r} appears twice in one object" if written.repeated is not None else None


def _count_keys(value: Any) -> tuple[int, bool]:
    """Keys of all objects in `value`, and whether a number in it is infinite."""
    keys, infinite = 0, False
    stack: list[Any] = [[value]]
    while stack:
        node = stack.pop()
        if node.__class__ is dict:
            keys += len(node)
            node = node.values()
        for child in node:
            kind = child.__class__
            if kind is dict or kind is list:
                stack.append(child)
            elif kind is float and not math.isfinite(child):
                infinite = True
    return keys, infinite


class _KeyScan:
    """Finds a key that stands twice in one object, in a text already known to be valid JSON."""

    def __init__(self, text: bytes) -> None:
        self.repeated: str | None = None
        stack: list[set[str] | None] = []
        i, n = 0, len(text)
        while i < n and self.repeated is None:
            c = text[i]
            if c == 0x22:
                end = _string_end(text, i)
                after = end
                while after < n and text[after] in b" \t\r\n":
                    after += 1
                if after < n and text[after] == 0x3A and stack and (seen := stack[-1]) is not None:
                    key = str(from_json(text[i:end]))
                    if key in seen:
                        self.repeated = key
                    seen.add(key)
                i = end
                continue
            if c == 0x7B:
                stack.append(set())
            elif c == 0x5B:
                stack.append(None)
            elif c in (0x7D, 0x5D):
                stack.pop()
            i += 1


def _string_end(text: bytes, start: int) -> int:
    """Index after the closing quote of the string that opens at `start`."""
    i = start + 1
    while True:
        quote = text.index(b'"', i)
        escape = text.find(b"\\", i, quote)
        if escape < 0:
            return quote + 1
        i = escape + 2
