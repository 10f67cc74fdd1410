"""JSON of megabytes, read and written a piece at a time: what reads or writes it in one go lets no
other thread run meanwhile. Nothing here is worth it for less than LONG bytes.

A text is read in pieces, each of which is JSON by itself; members and elements are read in runs.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import from_json

from translators.json_codec import dumps, loads, loads_repaired, repaired_surrogates
from translators.pieces import LONG, PIECE, grown, joined

_WINDOW: Final = 64 * 1024
"""Bytes of a value up to which it is read, or written, at once."""
_MOST_LEVELS: Final = 32
"""How deep values are looked for that are longer; far fewer than `loads` and `dumps` go further
down from there."""
_ESCAPE: Final = len("\\u0041")
_PAIR: Final = 2 * _ESCAPE
_SPACE: Final = re.compile(rb"[ \t\n\r]*+").match
_INSIDE: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL).match
_FLAT: Final = re.compile(rb'[^"\[\]{}]{4096,65536}(?=,)').match
"""Numbers and the like, up to a comma."""
_SCAN: Final = json.JSONDecoder(parse_float=len, parse_int=len, parse_constant=len).raw_decode
"""Tells where a value ends. What it makes of it is thrown away: `loads` is the judge."""
_CUT: Final = len("e+")
"""How much of a number that a window cuts may stand there beside what is a number by itself."""
_TOGETHER: Final = 8
"""Pieces by which a text grows."""
_SMALL: Final = frozenset({int, float, bool, type(None)})
_MEMBER: Final = 8
"""What a value weighs beside its text: about its bytes."""


def loads_answer(text: bytes) -> Any:
    """What `loads_repaired` gives; of a long text what `loads_long` gives."""
    if len(text) <= LONG:
        try:
            return from_json(
                text, allow_inf_nan=False, cache_strings="keys"
            )  # `loads_repaired` at its best, but every event of a stream is read here
        except ValueError:
            return loads_repaired(text)
    try:
        return loads_long(text)
    except ValueError:
        if (repaired := repaired_surrogates(text)) is None:
            raise
        return loads_long(repaired)


def loads_long(text: bytes) -> Any:
    """What `loads` gives. A byte order mark is forgiven.

    Raises ValueError for what is not JSON, for a number or a key of more than 64 KB, and for a
    value of more than that which is nested more than 32 levels deep.
    """
    reader = _Reader(text)
    value, end = reader.value(reader.skip(3 if text.startswith(b"\xef\xbb\xbf") else 0))
    if reader.skip(end) != len(text):
        raise ValueError(f"trailing characters at byte {end}")
    return value


def dumps_long(value: Any) -> bytes:
    """What `dumps` gives. Raises ValueError for what JSON cannot say."""
    return joined(_written(value))


def dumps_sized(value: Any, size: int) -> bytes:
    """`dumps` or, if `value` was made of more than LONG bytes, `dumps_long`."""
    return dumps(value) if size <= LONG else dumps_long(value)


class _Reader:
    """Reads one document. Places are indexes into its text."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._window = ""
        """A character for each byte."""
        self._begin = 0
        self._is_last = False
        self._closed = 0

    def skip(self, at: int) -> int:
        """The place behind the white space at `at`."""
        space = _SPACE(self._text, at)
        return at if space is None else space.end()

    def value(self, at: int, level: int = 0) -> tuple[Any, int]:
        """The value at `at`, and the place behind it."""
        end = self._end(at)
        return self._long(at, level) if end is None else (loads(self._text[at:end]), end)

    def _end(self, at: int) -> int | None:
        """The place behind the value at `at`. None if it is longer than a window, or broken."""
        for _ in range(2):
            try:
                end = _SCAN(self._window, at - self._begin)[1]
                if end + _CUT < len(self._window) or self._is_last:
                    return self._begin + end
            except (ValueError, RecursionError):
                pass
            self._begin = at
            self._window = self._text[at : at + _WINDOW].decode("latin-1")
            self._is_last = at + _WINDOW >= len(self._text)
        return None

    def _long(self, at: int, level: int) -> tuple[Any, int]:
        kind = self._text[at : at + 1]
        if kind == b'"':
            return self._string(at + 1)
        if kind in (b"{", b"[") and level < _MOST_LEVELS:
            read = self._object if kind == b"{" else self._array
            return read(self.skip(at + 1), level + 1)
        raise ValueError(f"no value, or too long or too deep a one, at byte {at}")

    def _string(self, at: int) -> tuple[str, int]:
        whole = grown(self._inside(at))
        return whole, self._closed

    def _inside(self, at: int) -> Iterator[str]:
        """The pieces of the string whose inside begins at `at`. Then `_closed` is behind it."""
        text, read = self._text, list[str]()
        while at < len(text):
            end = boundary(text, at, at + PIECE)
            piece = text[at:end]
            if piece.find(b'"') >= 0:
                inside = _INSIDE(piece)
                assert inside is not None  # it matches nothing, too
                piece = piece[: inside.end()]
            read.append(loads(b'"%b"' % piece))
            at += len(piece)
            if at < end or len(read) == _TOGETHER:
                yield "".join(read)
                read.clear()
            if at < end:
                self._closed = at + 1
                return
        raise ValueError("a string has no end")

    def _object(self, at: int, level: int) -> tuple[dict[str, Any], int]:
        text, found = self._text, dict[str, Any]()
        if text[at : at + 1] == b"}":
            return found, at + 1
        while True:
            end = self._end(at)
            if text[at : at + 1] != b'"' or end is None:
                raise ValueError(f"no key, or too long a one, at byte {at}")
            colon = self.skip(end)
            if text[colon : colon + 1] != b":":
                raise ValueError(f"a colon is missing at byte {colon}")
            name = loads(text[at:end])
            found[name], end = self.value(self.skip(colon + 1), level)
            at, over = self._next(end, b"}")
            if over:
                return found, at

    def _array(self, at: int, level: int) -> tuple[list[Any], int]:
        text, found = self._text, list[Any]()
        if text[at : at + 1] == b"]":
            return found, at + 1
        run, begin = at, at  # what is found but not read yet is from `run` to `begin`
        while True:
            flat = _FLAT(text, at, at + _WINDOW)
            end = self._end(at) if flat is None else flat.end()
            if end is None:
                found += loads(b"[%b]" % text[run:begin])
                value, end = self._long(at, level)
                found.append(value)
                run = end
            begin = end
            at, over = self._next(end, b"]")
            if over or begin - run >= _WINDOW // 2 or run == begin:
                found += loads(b"[%b]" % text[run:begin])
                run = begin = at
            if over:
                return found, at

    def _next(self, end: int, closing: bytes) -> tuple[int, bool]:
        """Where it goes on behind a member or an element that ends at `end`, and whether it was the
        last.
        """
        at = self.skip(end)
        mark = self._text[at : at + 1]
        if mark == closing:
            return at + 1, True
        if mark != b",":
            raise ValueError(f"a comma is missing at byte {at}")
        return self.skip(at + 1), False


def boundary(text: bytes, start: int, end: int) -> int:
    """The first place from `end` on where `text`, which is whole at `start` and inside of a string,
    can be cut: no character is cut then, no escape, and no pair of escapes.
    """
    slash = text.rfind(b"\\", max(start, end - _PAIR), end)
    if slash >= 0:
        before = text[start : slash + 1]
        if (len(before) - len(before.rstrip(b"\\"))) % 2:
            end = max(end, slash + _length_of_escape(text, slash))
    while end < len(text) and 0x80 <= text[end] < 0xC0:
        end += 1
    return min(end, len(text))


def _length_of_escape(text: bytes, slash: int) -> int:
    if text[slash + 1 : slash + 2] != b"u":
        return 2
    high = text[slash + 2 : slash + 4].lower() in (b"d8", b"d9", b"da", b"db")
    return _PAIR if high and text[slash + _ESCAPE : slash + _ESCAPE + 2] == b"\\u" else _ESCAPE


def _written(value: Any) -> Iterator[bytes]:
    """JSON text of `value`, in pieces."""
    if _weight(value) <= _WINDOW:
        yield dumps(value)
    elif isinstance(value, str):
        yield b'"'
        for start in range(0, len(value), PIECE):
            yield dumps(value[start : start + PIECE])[1:-1]
        yield b'"'
    elif isinstance(value, dict):
        yield from _written_object(value)
    elif isinstance(value, list | tuple):
        yield from _written_array(value)
    else:
        yield dumps(value)


def _written_object(value: dict[str, Any]) -> Iterator[bytes]:
    before = b"{"
    for name, member in value.items():
        yield before + dumps({name: 0})[1:-2]  # with its colon
        yield from _written(member)
        before = b","
    yield b"}"


def _written_array(value: list[Any] | tuple[Any, ...]) -> Iterator[bytes]:
    before, at, many = b"[", 0, 1
    while at < len(value):
        run = value[at : at + many]
        weight = _weight(run)
        if weight > _WINDOW and many > 1:
            many = max(1, many // 4)
            continue
        yield before
        if weight > _WINDOW:
            yield from _written(run[0])
        else:
            yield dumps(run)[1:-1]
        before = b","
        at += len(run)
        if 2 * weight < _WINDOW:
            many *= 2
    yield b"]"


def _weight(value: Any) -> int:
    """About how many bytes of JSON `value` is. It is counted no further than a window."""
    weight, left = 0, [value]
    while left and weight <= _WINDOW:
        node = left.pop()
        kind = node.__class__
        if kind is str:
            weight += len(node)
        elif kind in _SMALL:
            pass  # counted with what holds it
        elif isinstance(node, dict):
            weight += 2 * _MEMBER * len(node)
            if weight <= _WINDOW:
                left += node.values()
        elif isinstance(node, list | tuple):
            weight += _MEMBER * len(node)
            if weight <= _WINDOW:
                left += node
    return weight
