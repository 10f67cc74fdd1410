"""Megabytes of bytes, handled a piece at a time: one call of C that copies or searches all of them
lets no other thread run meanwhile, and new memory can cost ten times what the copy does.
"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Final

LONG: Final = 1024 * 1024
"""Bytes from which on it is worth it."""
PIECE: Final = 128 * 1024
"""Bytes that one call handles at most."""


def pieces_of(data: bytes | bytearray | memoryview, size: int = PIECE) -> Iterator[memoryview]:
    """All of `data`, without a copy."""
    view = memoryview(data)
    for start in range(0, len(data), size):
        yield view[start : start + size]


def characters_of(text: bytes) -> Iterator[bytes]:
    """All of a text in UTF-8, cut between characters."""
    start = 0
    while start < len(text):
        end = start + PIECE
        while end < len(text) and 0x80 <= text[end] < 0xC0:
            end += 1
        yield text[start:end]
        start = end


def joined(parts: Iterable[bytes]) -> bytes:
    """What `b"".join` gives."""
    whole = BytesIO()  # grows where it is, and gives what it holds without a copy
    for part in parts:
        if len(part) <= PIECE:
            whole.write(part)
        else:
            for piece in pieces_of(part):
                whole.write(piece)
    return whole.getvalue()


def grown(parts: Iterable[str]) -> str:
    """What `"".join` gives. Python lets a local text that nobody else holds grow where it is, once
    this loop has run some times.
    """
    whole = ""
    for part in parts:
        whole += part
    return whole
