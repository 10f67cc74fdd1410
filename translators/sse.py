"""Server-Sent Events: bytes ⇄ events. The reader works on bytes, so a character or a line ending
may be cut anywhere.

Lines end at CR, LF or CRLF and nowhere else (U+2028 and its kin stand raw inside JSON). Buffers are
bounded.
"""

import re
from typing import Final

from translators.pieces import LONG, joined

MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
"""The largest event read: an answer with images in it may carry tens of megabytes in one."""
_NAME_BYTES: Final = 1024
"""Of a long event's beginning, that are looked at together for its name."""

_FIELD: Final = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])(?::|data|event|id|retry)")
_LOOKED_AT: Final = 64 * 1024
"""Bytes of what may be no event at all."""

Event = tuple[bytes, bytes]
"""One dispatched event: its `event:` name (b"" if none) and its `data:` lines joined with LF. A
named tuple would cost 0.2 µs more."""


class EventTooLarge(Exception):
    """An event grew over the limit before it ended."""


def is_stray(block: bytes) -> bool:
    """Whether what stands between two blank lines is no event at all: a page, say, that a proxy put
    in a stream's place."""
    return _FIELD.search(block, 0, _LOOKED_AT) is None and bool(block[:_LOOKED_AT].strip())


class Decoder:
    """Incremental reader. `stray` gathers lines that are no SSE field: a provider's raw JSON error
    in the middle of a stream.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended_with_cr = False
        self._start = True
        self._by_lines = False
        self.stray = b""

    @property
    def idle(self) -> bool:
        """Between two events, with nothing held back."""
        return not (self._pieces or self._ended_with_cr)

    @property
    def held(self) -> bytes:
        """The beginning of an event that is not whole yet."""
        return b"".join(self._pieces)

    @property
    def held_size(self) -> int:
        """Bytes of it."""
        return self._size

    def read_by_lines(self) -> list[Event]:
        """From now on every line ends its event, as some servers write it. The events among what
        was held back.
        """
        self._by_lines = True
        held = self.held
        self._pieces.clear()
        self._size = 0
        return self.receive(held)

    def receive(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises EventTooLarge."""
        if self._start and data:
            data = self._without_bom(data)
        if self._ended_with_cr and data:
            self._ended_with_cr = False
            if data[:1] == b"\n":
                data = data[1:]
        # `in` takes three times as long: for bytes it first tries to read its left side as a number
        if data.find(b"\r") >= 0:
            self._ended_with_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not data:
            return []
        if self._by_lines:
            data = data.replace(b"\n", b"\n\n")
        events: list[Event] = []
        pieces = self._pieces
        if pieces:
            crosses = data[0] == 0x0A and pieces[-1][-1] == 0x0A
            if not crosses and data.find(b"\n\n") < 0:
                return self._hold(data)
            if self._size > LONG:
                data = self._end_long(data, events)
            else:
                pieces.append(data)
                data = b"".join(pieces)
                pieces.clear()
                self._size = 0
        blocks = data.split(b"\n\n")
        tail = blocks.pop()
        if tail:
            self._hold(tail)
        for block in blocks:  # nearly all have one data line, alone or behind their name
            breaks = block.count(b"\n")
            if breaks == 0 and block.startswith(b"data: "):
                events.append((b"", block[6:]))
                continue
            name, mark, text = block.partition(b"\ndata: ")
            if breaks == 1 and mark and name.startswith(b"event: "):
                events.append((name[7:], text))
            elif (event := self._parse(block)) is not None:
                events.append(event)
        return events

    def receive_eof(self) -> list[Event]:
        """The last event, if the stream ended without the blank line after it."""
        if not self._pieces:
            return []
        events: list[Event] = []
        if self._size > LONG:
            self._end_long(b"\n\n", events)
            return events
        block = b"".join(self._pieces)
        self._pieces.clear()
        event = self._parse(block)
        return [] if event is None else [event]

    def _end_long(self, data: bytes, events: list[Event]) -> bytes:
        """Add the long event that was held back and ends in `data` to `events`. What follows it."""
        pieces = self._pieces
        if data[0] == 0x0A and pieces[-1][-1] == 0x0A:
            pieces[-1], rest = pieces[-1][:-1], data[1:]
        else:
            end = data.find(b"\n\n")
            pieces.append(data[:end])
            rest = data[end + 2 :]
        event = self._parse_long(pieces)
        if event is not None:
            events.append(event)
        pieces.clear()
        self._size = 0
        return rest

    def _parse_long(self, pieces: list[bytes]) -> Event | None:
        """The event, where it has one line of data, in pieces; any other as `_parse` does."""
        begin = 1
        while begin < len(pieces) and len(pieces[0]) < _NAME_BYTES:  # its name may have been cut
            pieces[0] += pieces[begin]
            pieces[begin] = b""
            begin += 1
        breaks = sum(piece.count(b"\n") for piece in pieces)
        name, mark, text = pieces[0].partition(b"\ndata: ")
        if breaks == 0 and pieces[0].startswith(b"data: "):
            name, text = b"", pieces[0][6:]
        elif breaks == 1 and mark and name.startswith(b"event: "):
            name = name[7:]
        else:
            return self._parse(joined(pieces))
        pieces[0] = text
        return name, joined(pieces)

    def _hold(self, data: bytes) -> list[Event]:
        self._size += len(data)
        if self._size > self._max:
            raise EventTooLarge(f"an event is larger than {self._max} bytes")
        self._pieces.append(data)
        return []

    def _without_bom(self, data: bytes) -> bytes:
        """A byte order mark may open the stream; it may also come cut into pieces."""
        held = b"".join(self._pieces) + data
        bom = b"\xef\xbb\xbf"
        if len(held) < 3 and bom.startswith(held):
            self._pieces = [held]
            return b""
        self._pieces = []
        self._start = False
        return held[3:] if held.startswith(bom) else held

    def _parse(self, block: bytes) -> Event | None:
        name, data, has_data = b"", [], False
        for line in block.split(b"\n"):
            if not line or line[0] == 0x3A:
                continue
            field, _, value = line.partition(b":")
            if value[:1] == b" ":
                value = value[1:]
            if field == b"data":
                has_data = True
                data.append(value)
            elif field == b"event":
                name = value
            elif field not in (b"id", b"retry"):
                self._keep_stray(line)
        return (name, b"\n".join(data)) if has_data else None

    def _keep_stray(self, line: bytes) -> None:
        if len(self.stray) + len(line) > self._max:
            raise EventTooLarge(f"more than {self._max} bytes outside of events")
        self.stray += line + b"\n"


_BORDER: Final = re.compile(rb"\n\r?\n|\r\r").search


class Held:
    """The beginning of an event that is relayed as it came, while it comes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0
        self.seen = 0
        """Bytes in which no event ends."""

    def with_(self, data: bytes) -> bytes | None:
        """All of it and `data`. None while it is long and goes on: then `data` is kept, too."""
        pieces = self._pieces
        if self.size <= LONG:
            self.seen = max(0, self.size - 3)
            whole = b"".join((*pieces, data))
        else:
            pieces.append(data)
            end = pieces[-2][-3:] + data
            self.size += len(data)
            if len(pieces[-2]) >= 3 and _BORDER(end) is None:
                return None
            self.seen = max(0, self.size - len(end) - 3)
            whole = joined(pieces)
        pieces.clear()
        self.size = 0
        return whole

    def keep(self, rest: bytes) -> None:
        """What is left of what `with_` gave."""
        self._pieces = [rest] if rest else []
        self.size = len(rest)

    def end(self) -> bytes:
        """All of it."""
        return joined(self._pieces)
