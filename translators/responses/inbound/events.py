"""Events of a stream, numbered in the order in which they are written."""

from typing import Any, Final

from translators.chat.chunks import escape_line_separators
from translators.json_codec import dumps

_HEAD: Final = b'event: %s\ndata: {"type":"%s","sequence_number":%d,'


class Events:
    """Writes the events of one stream."""

    __slots__ = ("number", "pieces")

    def __init__(self) -> None:
        self.number = 0
        """Of the next event."""
        self.pieces: list[bytes] = []

    def add(self, kind: str, fields: dict[str, Any]) -> None:
        """One event; `fields` stand behind its type and its number."""
        name = kind.encode()
        head = _HEAD % (name, name, self.number)
        self.pieces.append(head + dumps(fields)[1:] + b"\n\n")
        self.number += 1

    def at(self, kind: str, index: int, item: str, **fields: Any) -> None:
        """An event about an item of the output."""
        self.add(kind, {"item_id": item, "output_index": index, **fields})

    def take(self) -> bytes:
        """What was written since the last call."""
        text = b"".join(self.pieces)
        self.pieces.clear()
        if not text.isascii() and (b"\xe2\x80" in text or b"\xc2\x85" in text):
            text = escape_line_separators(text)
        return text


class NoEvents(Events):
    """Writes none: for an answer of which only the end is shown."""

    __slots__ = ()

    def add(self, kind: str, fields: dict[str, Any]) -> None:
        pass

    def at(self, kind: str, index: int, item: str, **fields: Any) -> None:
        pass
