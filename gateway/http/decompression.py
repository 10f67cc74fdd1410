"""Request bodies with a content encoding (RFC 9110, 8.4): gzip and deflate, inflated in pieces, as
far as the limits go and no further.
"""

import zlib
from collections.abc import Generator, Iterator
from typing import Final

from gateway.errors import BodyTooLarge, NotServed
from translators.errors import InvalidRequest

OFFERED: Final = "gzip, deflate"
MAX_RATIO: Final = 100
"""Of the bytes inside to those that arrived, for more than FREE bytes: honest JSON has 3 to 20,
what deflate can do at most is 1,032."""
FREE: Final = 1024 * 1024
"""Bytes that may be inside whatever the ratio."""

_IN: Final = 16 * 1024
_OUT: Final = 64 * 1024
"""Bytes given and taken at a time: zlib lets go of Python's lock meanwhile, and what surrounds it
is short."""
_MOST_MEMBERS: Final = 64
"""Of one gzip body, which may be several files one behind the other (RFC 1952, 2.2)."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_ENDED_EARLY: Final = "The request body ended early or is not encoded as its headers say."
_TOO_MUCH_INSIDE: Final = (
    "The request body is larger than the server accepts once it is decompressed."
)


def encoding_of(header: str) -> str:
    """gzip, deflate or identity. Raises NotServed for any other encoding, and for several."""
    encoding = header.strip().lower()
    if encoding in ("", "identity"):
        return "identity"
    if encoding in ("gzip", "x-gzip"):
        return "gzip"
    if encoding == "deflate":
        return encoding
    message = (
        f"The request body's encoding is not supported: send it as it is, or as one of {OFFERED}."
    )
    raise NotServed(415, message, "unsupported_content_encoding", {"accept-encoding": OFFERED})


def inflated(body: bytes, encoding: str, limit: int) -> bytes:
    """What is inside `body`: at most `limit` bytes. Raises BodyTooLarge, InvalidRequest."""
    limit = min(limit, max(FREE, MAX_RATIO * len(body)))
    pieces, size = [], 0
    try:
        for piece in _deflated(body) if encoding == "deflate" else _gunzipped(body):
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(_TOO_MUCH_INSIDE)
            pieces.append(piece)
    except (zlib.error, EOFError):
        raise InvalidRequest(_ENDED_EARLY, None, "invalid_body") from None
    return b"".join(pieces)


def _deflated(body: bytes) -> Iterator[bytes]:
    """With zlib's frame as the specification wants it, or bare, as some send it."""
    bare = bool(body) and body[0] & 0x0F != zlib.DEFLATED
    start = yield from _member(body, 0, -zlib.MAX_WBITS if bare else zlib.MAX_WBITS)
    if start < len(body):
        raise EOFError


def _gunzipped(body: bytes) -> Iterator[bytes]:
    start = yield from _member(body, 0, _GZIP)
    for _ in range(_MOST_MEMBERS):
        if not body[start : start + 1].strip(b"\0"):  # the end, or padding
            if body[start:].strip(b"\0"):
                raise EOFError
            return
        start = yield from _member(body, start, _GZIP)
    if start < len(body):
        raise EOFError


def _member(body: bytes, start: int, bits: int) -> Generator[bytes, None, int]:
    """The content of one compressed stream; returns where it ends. Raises zlib.error, and EOFError
    if it is cut.
    """
    inflating = zlib.decompressobj(bits)
    while start < len(body):
        given = body[start : start + _IN]
        start += len(given)
        while True:
            if piece := inflating.decompress(given, _OUT):
                yield piece
            if inflating.eof:
                return start - len(inflating.unused_data)
            given = inflating.unconsumed_tail
            if not given and len(piece) < _OUT:
                break
    raise EOFError
