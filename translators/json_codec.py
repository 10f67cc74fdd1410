"""JSON text ⇄ plain values, the only place that knows which JSON library is used.

pydantic-core's reader and writer come with a dependency we have and cost a third of the standard
library's. They keep integers of any size, keep `1.0` a float, refuse NaN and lone surrogates on
reading, and stop at 200 levels of nesting.
"""

import math
import re
from codecs import BOM_UTF8
from typing import Any, Final

from pydantic_core import PydanticSerializationError, from_json, to_json

JsonObject = dict[str, Any]
"""A JSON object of any shape, as `loads` gives it."""

_SPACE: Final = b" \t\r\n"
_MARK: Final = re.compile(rb'["{}\[\]]').search
_SLICE: Final = 1024 * 1024
"""Bytes scanned in one call: a thread that scans a big document lets others run between two of
them."""
_WINDOW: Final = 64 * 1024
_LONG_NUMBERS: Final = re.compile(rb"\d{310,}").findall
_SAMPLED: Final = 1024
"""Bytes from which on a look at some of them pays."""
_DENSE: Final = 12
"""Bytes for each quote, up to which there are many."""
_QUOTE: Final = b"\\u0022"
_MOST_BACKSLASHES: Final = 8
"""Before one quote, up to which counting them in the text takes less than a look at each string."""
_SURROGATES: Final = re.compile(
    rb"\\(?:\\|u[dD](?:[89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2}))"
).finditer
"""Escapes of surrogates: whole pairs, and halves without the other. And escaped backslashes, behind
which no escape begins."""
_HALF: Final = len(b"\\ud83d")
_PAIR: Final = 2 * _HALF
_REPLACEMENT: Final = b"\\ufffd"

MAX_DEPTH: Final = 200
"""Levels of nesting that `loads` accepts. `dumps` accepts 255, so a value read here can be wrapped
and written again."""


def loads(text: bytes | str) -> Any:
    """Read one JSON text. Raises ValueError with the position of the first error."""
    return from_json(text, allow_inf_nan=False, cache_strings="keys")


def loads_repaired(text: bytes) -> Any:
    """The same for a text of a model's: where half of a surrogate pair is escaped in it, U+FFFD is
    read instead. A byte order mark before it is forgiven (RFC 8259, 8.1).
    """
    try:
        return from_json(
            text, allow_inf_nan=False, cache_strings="keys"
        )  # `loads`, but every event of a stream is read here
    except ValueError:
        unmarked = text.removeprefix(BOM_UTF8)
        repaired = repaired_surrogates(unmarked) or unmarked
        if repaired is text:
            raise
        return loads(repaired)


def dumps(value: Any) -> bytes:
    """Write compact UTF-8 JSON, keys in their order. Raises ValueError for what JSON cannot say.

    A number that was too large when it was read (`1e400`) is null.
    """
    try:
        return to_json(value, inf_nan_mode="null")
    except PydanticSerializationError as error:
        raise ValueError(str(error)) from None


def dumps_str(value: Any) -> str:
    """The same as text: the form OpenAI gives tool arguments in."""
    return dumps(value).decode()


def repaired_surrogates(text: bytes) -> bytes | None:
    """`text` with U+FFFD for every escaped half of a surrogate pair that stands without the other;
    None if there is none.

    JSON's grammar allows such an escape (RFC 8259, section 8.2), no UTF-8 can say it, and `loads`
    refuses it. Takes linear time, and in a thread it lets others run.
    """
    pieces: list[bytes] = []
    kept = at = 0
    while at < len(text):
        end = at + _SLICE
        for found in _SURROGATES(text, at, end + _PAIR):
            start = found.start()
            if start >= end:
                break
            at = found.end()
            if at - start == _HALF:
                pieces += (text[kept:start], _REPLACEMENT)
                kept = at
        at = max(at, end)
    return b"".join((*pieces, text[kept:])) if pieces else None


def holds_more_than(text: bytes, values: int, keys: int) -> bool:
    """Whether a JSON text holds more values, or keys, than that: counted without making them, in
    pieces between which others may run.

    A number longer than any float takes as long to read as a thousand others, and counts so.
    """
    inside = False  # a string goes on
    start = 0
    while start < len(text):
        piece = text[start : start + _WINDOW]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # an escape stays whole
            piece = text[start : start + _WINDOW + 1]
        start += len(piece)
        if inside and b'"' not in piece:
            continue
        parts = piece.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        between = b"".join(parts[inside::2])
        inside ^= len(parts) % 2 == 0
        keys -= between.count(b":")
        values -= (
            between.count(b",")
            + between.count(b"[")
            + between.count(b"{")
            + 1000 * len(_LONG_NUMBERS(between))
        )
        if keys < 0 or values < 0:
            return True
    return False


def first_flaw(text: bytes, value: Any) -> str | None:
    """What a parsed document hides: a repeated key (the parser kept the last) or a number too large
    for a float.
    """
    return looked_at(text, value)[0]


def looked_at(text: bytes, value: Any) -> tuple[str | None, bool]:
    """`first_flaw` of a parsed document; and whether its text was seen to be what `dumps` writes
    of it.

    A document written anew that is the very text hides nothing. Of any other the quotes are
    counted, as a key that was dropped has left its own in `text`; the exact search runs only if
    there are others than those of `value`. They are counted in what was written anew where that
    takes less time than a walk over the values and a search for escaped ones.
    """
    escapes = b"\\" in text
    written = -1 if escapes and len(text) < _SLICE else _written_quotes(text)
    if len(text) < _SLICE and (written < 0 or len(text) < written * _DENSE):
        anew = to_json(value, inf_nan_mode="strings")
        if anew == text:
            return None, True
        if _says_as_much(text, anew):
            return None, False
        written = _written_quotes(text)
    inside = _escaped_quotes(text) if escapes else 0
    quotes, infinite = _count_quotes(value, inside is None)
    if infinite:
        return "a number is too large", False
    if inside is not None:
        if written - inside == quotes:
            return None, False
    elif written == quotes and _QUOTE not in text:  # one written so could make up for another
        return None, False
    repeated = _repeated_key(text)
    if repeated is None:
        return None, False
    return f"the key {repeated!r} appears twice in one object", False


def _says_as_much(text: bytes, anew: bytes) -> bool:
    """Whether a value, written `anew`, is seen to be all of `text`: it has as many quotes, and no
    number that is too large: such a one became "Infinity", which could make up for a key.
    """
    return (
        _QUOTE not in text
        and anew.count(b'"') == _written_quotes(text)
        and b'Infinity"' not in anew
    )


def _count_quotes(value: Any, inside: bool) -> tuple[int, bool]:
    """The quotes around all keys and strings in `value`, with those `inside` them if asked to; and
    whether a number is infinite.
    """
    quotes, infinite = 0, False
    stack: list[Any] = [[value]]
    while stack:
        node = stack.pop()
        if node.__class__ is dict:
            quotes += 2 * len(node)
            if inside:
                for key in node:
                    quotes += key.count('"')
            node = node.values()
        for child in node:
            kind = child.__class__
            if kind is str:
                quotes += 2
                if inside:
                    quotes += child.count('"')
            elif kind is dict or kind is list:
                stack.append(child)
            elif kind is float and not math.isfinite(child):
                infinite = True
    return quotes, infinite


def _written_quotes(text: bytes) -> int:
    """How many there are. Where less than every 17th byte is one, as every 61st byte shows, leaving
    them out counts them two to fifteen times as fast.
    """
    if len(text) < _SAMPLED:
        return text.count(b'"')
    dense = text[::61].count(b'"') * 1024 > len(text)  # a prime: texts repeat themselves
    if len(text) <= _SLICE:
        return text.count(b'"') if dense else len(text) - len(text.replace(b'"', b""))
    if dense:
        return sum(text.count(b'"', start, start + _SLICE) for start in range(0, len(text), _SLICE))
    left = sum(
        len(text[start : start + _SLICE].replace(b'"', b""))
        for start in range(0, len(text), _SLICE)
    )
    return len(text) - left


def _escaped_quotes(text: bytes) -> int | None:
    """The quotes inside strings that are written with a backslash; None where counting them takes
    long.

    Such a quote has an odd number of backslashes before it: those with one, less those with two,
    and those with three, less those with four, and so on.
    """
    escaped, mark = 0, b'"'
    for sign in (1, -1) * (_MOST_BACKSLASHES // 2):
        mark = b"\\" + mark
        found = sum(
            text.count(mark, start, start + _SLICE + len(mark) - 1)
            for start in range(0, len(text), _SLICE)
        )
        if not found:
            return escaped
        escaped += sign * found
    return None


def _repeated_key(text: bytes) -> str | None:
    """The first key that stands twice in one object, in a text already known to be valid JSON."""
    stack: list[set[str] | None] = []
    mark = _MARK(text)
    while mark is not None:
        i, kind = mark.start(), mark[0]
        after = i + 1
        if kind == b'"':
            after = _string_end(text, i)
            if (seen := stack[-1] if stack else None) is not None and _is_key(text, after):
                key = str(from_json(text[i:after]))
                if key in seen:
                    return key
                seen.add(key)
        elif kind in (b"{", b"["):
            stack.append(set() if kind == b"{" else None)
        else:
            stack.pop()
        mark = _MARK(text, after)
    return None


def _is_key(text: bytes, after: int) -> bool:
    while after < len(text) and text[after] in _SPACE:
        after += 1
    return text[after : after + 1] == b":"


def _string_end(text: bytes, start: int) -> int:
    """Index after the closing quote of the string that opens at `start`: the first with an even
    number of backslashes before it.
    """
    quote = start
    while True:
        quote = text.index(b'"', quote + 1)
        before = quote - 1
        while text[before] == 0x5C:
            before -= 1
        if (quote - before) % 2:
            return quote + 1
