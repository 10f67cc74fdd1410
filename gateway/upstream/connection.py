"""HTTP/1.1 to a provider: a connection, which carries one request at a time, and the response to a request.

llhttp (by way of httptools) reads the protocol. Whoever reads a response gets all that has arrived in one piece. A response that has
arrived whole needs its connection no more: that is free for the next request, whether anybody has read the response yet or not.
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.upstream import failures
from gateway.upstream.decoding import Decoder, UndecodableBody
from gateway.upstream.watch import Watch
from translators.errors import UpstreamError, UpstreamFailure, malformed

MAX_ANSWER_BYTES: Final = 128 * 1024 * 1024
"""The most that is kept of one answer, after decompression: of a JSON answer, of a stream added up to one, and of what a stream
says before its first content."""
_MAX_FRAMING_BYTES: Final = 64 * 1024
"""Of all headers, and of bytes in a row that bring no body: status, headers, chunk extensions, trailers."""
_HIGH_WATER: Final = 256 * 1024
"""Bytes that nobody has read yet, from which on no more are taken from the provider."""


@lru_cache(maxsize=256)
def _lower(name: bytes) -> str:
    """A header's name. Providers send twenty headers, always the same."""
    return name.decode("latin-1").lower()


class Server(NamedTuple):
    """Where a provider listens."""

    host: str
    port: int
    tls: bool


class Limit(NamedTuple):
    """How long something may take."""

    seconds: float
    failure: UpstreamFailure
    """What it is called when they are over."""


class UpstreamResponse:
    """What comes back for one request: fed by its connection, read by one task, which closes it."""

    __slots__ = (
        "_connection", "_deadline", "_decoder", "_failure", "_heard", "_idle", "_late", "_loop", "_paused", "_pieces", "_size", "_waiter",
        "_watch", "headers", "received", "status", "touched", "whole",
    )  # fmt: skip

    def __init__(self, connection: "Connection", idle: float, limit: Limit) -> None:
        self.status = 0
        """0 until the headers have arrived."""
        self.headers: dict[str, str] = {}
        """Names in lower case."""
        self.touched = False
        """A byte has arrived."""
        self.whole = False
        """All of it has arrived."""
        self.received = 0
        """Bytes of the body that were read, after decompression."""
        self._connection: Connection | None = connection
        self._pieces: list[bytes] = []
        self._size = 0
        self._paused = False
        self._failure: UpstreamFailure | None = None
        self._decoder: Decoder | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._loop = connection.loop
        self._heard = now = self._loop.time()
        self._idle = idle
        self._deadline, self._late = now + limit.seconds, limit.failure
        self._watch = connection.watch
        self._watch.add(self, now + min(idle, limit.seconds))

    async def started(self) -> None:
        """Wait for the headers. Raises UpstreamError."""
        while not self.status:
            if self._failure is not None:
                raise UpstreamError(self._failure)
            await self._more()

    def allow(self, limit: Limit) -> None:
        """From now on this is how long the rest may take."""
        self._deadline, self._late = self._loop.time() + limit.seconds, limit.failure

    async def read(self, limit: int = MAX_ANSWER_BYTES) -> bytes:
        """The whole body. Raises UpstreamError."""
        if self.whole and self._decoder is None and self._pieces:  # most JSON answers are here with their headers
            data = self._take()
            self.received += len(data)
            self.check_size(limit)
            return data
        pieces = []
        while data := await self.read_some():
            self.check_size(limit)
            pieces.append(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read_some(self) -> bytes:
        """What has arrived, at least one byte; b"" at the end. Raises UpstreamError."""
        while True:
            data = self._decoded(self._decoder) if self._decoder is not None else self._take() if self._pieces else b""
            if data:
                self.received += len(data)
                return data
            if self._failure is not None:
                raise UpstreamError(self._failure)
            if self.whole:
                return b""
            await self._more()

    def check_size(self, limit: int = MAX_ANSWER_BYTES) -> None:
        """For who keeps what was read. Raises UpstreamError once that is more than `limit` bytes."""
        if self.received > limit:
            raise UpstreamError(malformed(f"The provider's answer is larger than {limit} bytes."))

    def close(self) -> None:
        """Hang up unless all of the response has arrived: the provider stops generating."""
        self._watch.remove(self)
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    def look(self, now: float) -> float:
        """For the watch: hang up if it has taken too long. Silence is no fault before the headers, nor while we take nothing."""
        silent_until = (now if self._paused or not self.status else self._heard) + self._idle
        if now >= self._deadline:
            self._hang_up(self._late)
        elif now >= silent_until:
            self._hang_up(failures.IDLE_CLOCK)
        return min(silent_until, self._deadline)

    # For the connection.

    def start(self, status: int, headers: dict[str, str]) -> None:
        """Status and headers have arrived."""
        self.status, self.headers = status, headers
        encoding = headers.get("content-encoding", "identity").lower()
        if encoding != "identity":
            self._decoder = Decoder(encoding)

    def feed(self, data: bytes) -> None:
        """A part of the body has arrived."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _HIGH_WATER and not self._paused and self._connection is not None:
            self._paused = True
            self._connection.pause(True)

    def heard(self) -> None:
        """All that arrived at once was fed."""
        self.touched = True
        self._heard = self._loop.time()
        self._wake()

    def end(self) -> None:
        """The body is whole."""
        self.whole = True
        self._part()

    def fail(self, failure: UpstreamFailure) -> None:
        """Nothing more comes, and this is why. What has arrived can still be read."""
        if self._failure is None and not self.whole:
            self._failure = failure
            self._part()

    def _part(self) -> None:
        if self._paused and self._connection is not None:
            self._connection.pause(False)
        self._connection = None
        self._watch.remove(self)
        self._wake()

    # Within.

    def _take(self) -> bytes:
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._size = 0
        if self._paused and self._connection is not None:
            self._paused = False
            self._heard = self._loop.time()
            self._connection.pause(False)
        return data

    def _decoded(self, decoder: Decoder) -> bytes:
        try:
            while True:
                if decoder.pending and (data := decoder.take()):
                    return data
                if not self._pieces:
                    break
                decoder.feed(self._take())
        except UndecodableBody:
            self._hang_up(failures.NOT_DECODABLE)
        else:
            if self.whole and not decoder.ended:
                self._failure = failures.CUT
        return b""

    def _more(self) -> asyncio.Future[None]:
        """Done when something has happened."""
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():  # who waited may have been cancelled
                waiter.set_result(None)

    def _hang_up(self, failure: UpstreamFailure) -> None:
        """Give the response up."""
        connection = self._connection
        self.fail(failure)
        self._failure = failure
        if connection is not None:
            connection.abort()


class Connection(asyncio.Protocol):
    """One connection to `server`. `freed` is called when the next request may be sent on it, `lost` when it is gone."""

    def __init__(self, server: Server, watch: Watch, freed: Callable[["Connection"], None], lost: Callable[["Connection"], None]) -> None:
        self.server = server
        self.watch = watch
        self.loop = asyncio.get_running_loop()
        self.idle_since = 0.0
        """By the loop's clock."""
        self._freed = freed
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # What servers are forgiven for by other clients, too.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )  # fmt: skip
        self._response: UpstreamResponse | None = None
        self._headers: dict[str, str] = {}
        self._framing = 0
        """Bytes in a row that brought no body."""
        self._header_bytes = 0
        self._complete = False
        self._reusable = False
        self._ends_with_connection = False

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, head: bytes, body: bytes, idle: float, limit: Limit) -> UpstreamResponse:
        """Send a request. `idle`: seconds between two reads; `limit`: for all of the response, until it is allowed more."""
        transport = self._transport
        assert transport is not None
        response = self._response = UpstreamResponse(self, idle, limit)
        self._complete = self._ends_with_connection = False
        self._framing = 0
        if len(body) < _HIGH_WATER:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        return response

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause(self, paused: bool) -> None:
        """Take no more from the provider, or again."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            if paused:
                transport.pause_reading()
            else:
                transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        response, parser = self._response, self._parser
        if response is None or parser is None:  # nobody asked: nothing that comes here can be trusted
            self.abort()
            return
        self._framing += len(data)
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self._complete:
                self._give_up(response, failures.CUT if response.status else failures.NOT_HTTP)
                return
            self._reusable = False
        response.heard()
        if self._complete:
            self._served(response)
        elif self._framing > _MAX_FRAMING_BYTES:
            self._give_up(response, failures.NOT_HTTP)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = self._parser = None  # they hold this object, too
        response, self._response = self._response, None
        self._lost(self)
        if response is None:
            return
        if self._ends_with_connection and error is None:
            response.end()
        elif response.status:
            response.fail(failures.CUT)
        else:
            response.fail(failures.NO_ANSWER if error is None else failures.BROKEN)

    def _served(self, response: UpstreamResponse) -> None:
        transport, self._response = self._transport, None
        response.end()
        if self._reusable and self.usable and transport is not None and not transport.get_write_buffer_size():
            self._freed(self)
        else:
            self.abort()

    def _give_up(self, response: UpstreamResponse, failure: UpstreamFailure) -> None:
        self._response = None
        response.touched = True
        response.fail(failure)
        self.abort()

    # httptools' names

    def on_message_begin(self) -> None:
        self._headers = {}
        self._header_bytes = 0
        if self._complete:  # more than was asked for
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _MAX_FRAMING_BYTES:
            raise ValueError("the headers are too large")  # the parser makes an error of its own of this
        self._headers[_lower(name)] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        response, parser = self._response, self._parser
        if self._complete or response is None or parser is None or 100 <= (status := parser.get_status_code()) < 200:
            return
        headers = self._headers
        self._headers = {}  # of the trailers
        self._reusable = parser.should_keep_alive()
        self._ends_with_connection = not ("content-length" in headers or "transfer-encoding" in headers or status in (204, 304))
        response.start(status, headers)

    def on_body(self, data: bytes) -> None:
        if self._response is not None and not self._complete:
            self._framing = 0
            self._response.feed(data)

    def on_message_complete(self) -> None:
        if self._response is not None and self._response.status:
            self._complete = True
