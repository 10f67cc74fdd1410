"""Answers as they go over the wire: whole ones in one write, streamed ones in one write for each
piece.

aiohttp's own can also compress, set cookies and more, and take 15 µs for an answer and 2 µs for a
piece that these do not.
"""

import asyncio
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from translators.json_codec import dumps
from translators.pieces import pieces_of

AT_ONCE: Final = 128 * 1024
"""Bytes that are given to a transport in one turn of the loop: some send, and copy what is left, in
one go.
"""
SERVER: Final = "llm-router"
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class Answer(web.StreamResponse):
    """What both have: a head, and a connection that stays or does not."""

    if not TYPE_CHECKING:  # the same values as aiohttp's properties, without a call for each
        status = property(attrgetter("_status"))
        keep_alive = property(attrgetter("_stays"))
        """Whether the connection stays for the next request."""

    _transport: asyncio.Transport | None = None
    _to: AbstractStreamWriter | None = None
    """What waits while the caller reads slowly. (Not the request, which holds the answer.)"""
    _newest = True
    """HTTP/1.1."""
    _head_only = False
    _stays: bool | None = None

    def __init__(self, status: int, headers: Mapping[str, str] | None) -> None:
        """Without aiohttp's own, which makes what these have no use for."""
        self._status, self._reason = status, _REASONS.get(status, "")
        self.beside: dict[str, str] = {} if headers is None else {**headers}
        """Headers, beside those of every answer. Names in lower case."""

    def force_close(self) -> None:
        self._stays = False

    def begin(self, request: web.BaseRequest) -> None:
        """It is the answer to `request`. Nothing is sent yet: the head goes out with what comes
        first. Said again, it changes nothing.
        """
        if self._to is not None:
            return
        self._transport, self._to, self._caller = (
            request.transport,
            request.writer,
            request.protocol,
        )
        self._newest = request.version >= HttpVersion11
        self._head_only = request.method == "HEAD"
        if self._stays is None:
            self._stays = request.keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """`begin`, as aiohttp asks for it."""
        self.begin(request)
        return None

    def _head(self, newest: bool, framing: str) -> bytes:
        headers = self.beside
        headers["server"] = SERVER
        if self._stays != newest:  # what the version does by itself needs no words
            headers["connection"] = "keep-alive" if self._stays else "close"
        said = "".join(headers.values())
        if "\n" in said or "\r" in said:
            raise ValueError("a header's value must be one line")
        lines = "\r\n".join(map(": ".join, headers.items()))
        version = "HTTP/1.1" if newest else "HTTP/1.0"
        return (
            f"{version} {self._status} {self._reason}\r\n{lines}\r\n{framing}date:"
            f" {_date(int(time.time()))}\r\n\r\n".encode()
        )

    async def _send(self, data: bytes | memoryview) -> None:
        """Write, and wait while the caller reads slowly. Raises ConnectionResetError if the caller
        has gone.
        """
        transport, to = self._transport, self._to
        if to is None or transport is None or transport.is_closing():
            raise ConnectionResetError("the caller has gone")
        transport.write(data)
        if self._caller.writing_paused:
            await to.drain()

    async def drained(self) -> None:
        """Wait while the caller reads slowly. Raises ConnectionResetError if it has gone."""
        if self._to is not None:
            await self._to.drain()

    async def _send_in_turns(self, data: bytes | bytearray | memoryview) -> None:
        """The same for much: a piece in each turn of the loop, waiting while the caller reads
        slowly."""
        for piece in pieces_of(data, AT_ONCE):
            await self._send(piece)
            await asyncio.sleep(0)


class Response(Answer):
    """An answer whose body is known."""

    def __init__(
        self,
        body: bytes,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # As the class above makes it, without another call: every answer that is whole is one.
        self._status, self._reason = status, _REASONS.get(status, "")
        self.beside = {} if headers is None else {**headers}
        self._content = body
        self._media_type = content_type

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it. Raises ConnectionResetError if the caller has gone."""
        content = self._content
        head = self._head(
            self._newest,
            f"content-type: {self._media_type}\r\ncontent-length: {len(content)}\r\n",
        )
        at_once = not self._head_only and len(content) <= AT_ONCE
        await self._send(head + content if at_once else head)
        if not at_once and not self._head_only:
            await self._send_in_turns(content)


class NoContent(Response):
    """An answer of status 204, which has no body and says nothing of one."""

    def __init__(self) -> None:
        super().__init__(b"", 204)

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it. Raises ConnectionResetError if the caller has gone."""
        await self._send(self._head(self._newest, ""))


class Stream(Answer):
    """An answer that comes piece by piece. To a caller of HTTP/1.0, who knows no chunks, its end is
    the connection's.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(200, headers)
        self.ended = False
        self._begun = self._within = False
        self._chunks = True

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a piece, of at least one byte. Raises ConnectionResetError if the caller has
        gone."""
        if self._within:
            raise ConnectionResetError("the answer is within a piece, or was cut there")
        begin = b"" if self._begun else self._begin()
        if len(data) <= AT_ONCE:
            await self._send(begin + self._piece(data))
            return
        self._within = True  # until all of it is out, which nothing may come between
        await self._send(begin + b"%x\r\n" % len(data) if self._chunks else begin)
        await self._send_in_turns(data)
        self._within = False
        if self._chunks:
            await self._send(b"\r\n")

    def put(self, data: bytes) -> bool | None:
        """Send a piece without a wait, and say whether its caller still reads as fast as that.
        None: it is not sent, for its caller reads slowly, or has gone, or the answer has not begun.
        """
        transport, caller = self._transport, self._caller
        if (
            not self._begun
            or self._within
            or transport is None
            or transport.is_closing()
            or caller.writing_paused
        ):
            return None
        transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunks else data)
        return not caller.writing_paused

    async def write_eof(self, data: bytes | bytearray | memoryview = b"") -> None:
        """Send the last piece, if any, and the end: only once."""
        if self.ended:
            return
        self.ended = True
        if len(data) > AT_ONCE or self._within:
            await self.write(data)
            data = b""
        begin = b"" if self._begun else self._begin()
        last = (self._piece(data) if data else b"") + (b"0\r\n\r\n" if self._chunks else b"")
        await self._send(begin + last)

    def _begin(self) -> bytes:
        self._begun = True
        if not self._newest:
            self._chunks = self._stays = False
        return self._head(self._newest, "transfer-encoding: chunked\r\n" if self._chunks else "")

    def _piece(self, data: bytes | bytearray | memoryview) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), bytes(data)) if self._chunks else bytes(data)


def json_response(
    document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer, compact."""
    return Response(dumps(document), status, "application/json", headers)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
