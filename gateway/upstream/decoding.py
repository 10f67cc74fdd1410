"""Bodies that were compressed on their way: gzip and deflate, in pieces of a bounded size."""

import zlib
from typing import Final

_PIECE: Final = 256 * 1024
"""Bytes that one call gives at most: a small body can stand for a huge one."""
_GZIP: Final = 16 + zlib.MAX_WBITS


_NONE: Final = frozenset({"", "identity", "none", "utf-8", "utf8"})
"""What servers write that change nothing: the last two confuse it with a charset."""


def encoding_of(header: str) -> str:
    """What a content-encoding header says was done to the body, empty if nothing; several encodings
    with commas.
    """
    return ",".join(
        name for part in header.split(",") if (name := part.strip().lower()) not in _NONE
    )


class UndecodableBody(Exception):
    """The body is not what its content-encoding says."""


class Decoder:
    """Gives back what it is fed, decompressed. `ended` tells whether the compressed data are
    whole."""

    def __init__(self, encoding: str) -> None:
        self._gzip = encoding in ("gzip", "x-gzip")
        self._known = self._gzip or encoding == "deflate"
        self._inflate = zlib.decompressobj(_GZIP) if self._gzip else None
        self._waiting = b""
        self._full = False

    @property
    def pending(self) -> bool:
        """`take` may have more to give without being fed."""
        return bool(self._waiting) or self._full

    @property
    def ended(self) -> bool:
        return self._inflate is not None and self._inflate.eof

    def feed(self, data: bytes) -> None:
        self._waiting += data

    def take(self) -> bytes:
        """The next piece, empty if more must be fed first. Raises UndecodableBody."""
        data, self._waiting = self._waiting, b""
        if not self._known:
            raise UndecodableBody
        if self._inflate is None:
            if not data:
                return b""
            wrapped = (
                data[0] & 0x0F == zlib.DEFLATED
            )  # some servers say deflate and leave its wrapper out
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        if self._inflate.eof and data:
            if not self._gzip:
                raise UndecodableBody
            data = data.lstrip(b"\0")  # padding, as gzip itself forgives it
            if not data:
                self._full = False
                return b""
            self._inflate = zlib.decompressobj(_GZIP)  # gzip may come in several members
        try:
            piece = self._inflate.decompress(data, _PIECE)
        except zlib.error:
            raise UndecodableBody from None
        self._waiting = self._inflate.unconsumed_tail or self._inflate.unused_data
        self._full = len(piece) == _PIECE
        return piece
