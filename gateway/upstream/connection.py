"""HTTP/1.1 to a provider: a connection, which carries one request at a time.

llhttp (by way of httptools) reads the protocol. A response that has arrived whole needs its
connection no more: that is free for the next request, whether anybody has read the response yet or
not.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Final, NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.config import Link
from gateway.upstream import failures
from gateway.upstream.deadlines import DeadlineTimer
from gateway.upstream.response import HIGH_WATER, Limit, UpstreamResponse
from translators.errors import UpstreamFailure

_MAX_FRAMING_BYTES: Final = 64 * 1024
"""Of all headers, and of bytes in a row that bring no body: status, headers, chunk extensions,
trailers."""
_PIECE: Final = 256 * 1024
_ALL_SENT: Final = memoryview(b"")
_MOST_PIECES: Final = 256
"""Of what is left in a socket: more than any kernel keeps."""


_text: Final = partial(str, encoding="latin-1")


@lru_cache(maxsize=256)
def _lower(name: bytes) -> str:
    """A header's name. Providers send twenty headers, always the same."""
    return name.decode("latin-1").lower()


class Server(NamedTuple):
    """Where a provider listens."""

    host: str
    port: int
    tls: bool
    link: Link | None = None


class _Measured:
    """A body that ends after `length` bytes, which its parser does not know."""

    def __init__(self, response: UpstreamResponse, length: int, ended: Callable[[], None]) -> None:
        self._response = response
        self._left = length
        self._ended = ended

    def feed(self, data: bytes) -> None:
        if data:
            self._response.feed(data[: self._left])
        self._left -= len(data)
        if self._left <= 0:
            self._ended()


def rest_of(sock: socket.socket) -> Iterator[bytes]:
    """What has arrived at a socket that nobody reads any more; b"" if it has ended there."""
    with contextlib.suppress(OSError):
        for _ in range(_MOST_PIECES):
            data = sock.recv(_PIECE)
            yield data
            if not data:
                break


class Connection(asyncio.Protocol):
    """One connection to `server`. `freed` is called when the next request may be sent on it, `lost`
    when it is gone.
    """

    def __init__(
        self,
        server: Server,
        watch: DeadlineTimer,
        freed: Callable[["Connection"], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        self.server = server
        self.watch = watch
        self.loop = asyncio.get_running_loop()
        self.idle_since = 0.0
        """By the loop's clock."""
        self.spoke_unasked = False
        self._freed = freed
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._below: asyncio.Transport | None = None
        """What reads from the socket: the transport itself or, with TLS, the one beneath it."""
        self._socket: socket.socket | None = None
        self._raw_headers: dict[bytes, bytes] = {}
        self.on_header = self._raw_headers.__setitem__
        """What httptools calls for each: no function of ours, for there may be twenty."""
        self._arrived: list[bytes] = []
        """Of the body, in the read that is being parsed."""
        self.on_body = self._arrived.append
        """Likewise: a burst has hundreds."""
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # What servers are forgiven for by other clients, too.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
            lenient_chunked_length=True,
        )
        self._response: UpstreamResponse | None = None
        self._body: UpstreamResponse | _Measured | None = None
        """What takes the body, while one is expected."""
        self._unsent = _ALL_SENT
        """Of a big request."""
        self._full = False
        """Nobody takes what was sent, for the moment."""
        self._framing = 0
        """Bytes in a row that brought no body."""
        self._complete = False
        self._reusable = False
        self._ends_with_connection = False

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, head: bytes, body: bytes, idle: float, limit: Limit) -> UpstreamResponse:
        """Send a request. `idle`: seconds between two reads; `limit`: for all of the response,
        until it is allowed more.
        """
        transport = self._transport
        assert transport is not None
        response = self._response = UpstreamResponse(self, idle, limit)
        self._complete = self._ends_with_connection = False
        self._body = None
        self._framing = 0
        if len(body) < HIGH_WATER:
            transport.write(head + body)
        else:
            transport.write(head)
            self._unsent = memoryview(body)
            self._send_on()
        return response

    def _send_on(self) -> None:
        """Send a piece of a big request in each iteration of the loop, as long as it is taken: a
        transport would copy, or encrypt, all that it is given at once.
        """
        if (
            self._unsent
            and not self._full
            and self._transport is not None
            and not self._transport.is_closing()
        ):
            piece, rest = self._unsent[:_PIECE], self._unsent[_PIECE:]
            self._unsent = rest or _ALL_SENT  # an empty rest would hold the whole body
            self._transport.write(piece)
            if self._unsent and not self._full:
                self.loop.call_soon(self._send_on)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def on(self, sock: socket.socket, below: asyncio.Transport | None = None) -> None:
        """It is open. `below`, with TLS: the transport of the socket."""
        self._socket = sock
        if below is not None:
            self._below = below

    def pause(self, paused: bool) -> None:
        """Take no more from the provider, or again.

        With TLS it is the socket that is not read: what was read is always decrypted and handed on
        at once, because uvloop throws away what its TLS still holds when the connection ends.
        """
        transport = self._below
        if transport is not None and not transport.is_closing():
            if paused:
                transport.pause_reading()
            else:
                transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = self._below = cast(asyncio.Transport, transport)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._send_on()

    def data_received(self, data: bytes) -> None:
        response, parser = self._response, self._parser
        if (
            response is None or parser is None
        ):  # nobody asked: nothing that comes here can be trusted
            self.spoke_unasked = True
            self.abort()
            return
        self._framing += len(data)
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self._complete:
                self._hand_over()
                self._give_up(response, failures.CUT if response.status else failures.NOT_HTTP)
                return
            self._reusable = False
        arrived = self._arrived
        if arrived and self._body is response:
            self._framing = 0
            response.arrived(arrived)
            arrived.clear()
            return
        if arrived:
            self._hand_over()
        if self._complete:
            self._served(response)
            return
        response.heard()
        if self._framing > _MAX_FRAMING_BYTES:
            self._give_up(response, failures.NOT_HTTP)

    def _hand_over(self) -> None:
        """Give what has arrived to what takes the body; what comes behind its end is thrown
        away."""
        arrived, body = self._arrived, self._body
        if body is not None and body is self._response:
            self._framing = 0
            body.feed_all(arrived)  # a burst has hundreds: two calls for each cost 60 µs
        else:
            for data in arrived:
                if self._body is None:
                    break
                self._framing = 0
                self._body.feed(data)
        arrived.clear()

    def connection_lost(self, error: Exception | None) -> None:
        if (
            error is not None
            and self._below is self._transport
            and self._response is not None
            and self._take_rest()
        ):
            error = None
        self._transport = self._below = self._parser = self._socket = (
            None  # they hold this object, too
        )
        self._unsent = _ALL_SENT
        response, self._response = self._response, None
        self._lost(self)
        if response is None:
            return
        if self._ends_with_connection and error is None:
            response.end()
        elif response.status:
            response.fail(failures.CUT)
        elif isinstance(
            error, ssl.SSLError
        ):  # TLS 1.3 refuses a client's certificate after the handshake
            response.fail(failures.of_tls(error))
        else:
            response.fail(failures.NO_ANSWER if error is None else failures.BROKEN)

    def _take_rest(self) -> bool:
        """Read what had arrived when sending failed: a provider may answer and close before it has
        read all of a request. Whether the end was among it, too.
        """
        if self._socket is not None:
            for data in rest_of(self._socket):
                if self._response is None:
                    break
                if not data:
                    return True
                self.data_received(data)
        return False

    def _served(self, response: UpstreamResponse) -> None:
        transport, self._response = self._transport, None
        response.end()
        if (
            self._reusable
            and transport is not None
            and not transport.is_closing()
            and not self._unsent
            and not transport.get_write_buffer_size()
        ):
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
        self._raw_headers.clear()
        if self._complete:  # more than was asked for
            self._reusable = False

    def on_headers_complete(self) -> None:
        response, parser = self._response, self._parser
        if (
            self._complete
            or response is None
            or parser is None
            or 100 <= (status := parser.get_status_code()) < 200
        ):
            return
        if self._framing > _MAX_FRAMING_BYTES and self._of_headers() > _MAX_FRAMING_BYTES:
            raise ValueError("the headers are too large")  # the parser makes an error of this
        raw = self._raw_headers
        headers = dict(zip(map(_lower, raw), map(_text, raw.values()), strict=True))
        self._reusable = parser.should_keep_alive()
        self._ends_with_connection = not (
            "content-length" in headers or "transfer-encoding" in headers or status in (204, 304)
        )
        response.start(status, headers)
        self._body = response
        if "transfer-encoding" in headers:
            self._of_odd_length(response, headers)

    def _of_headers(self) -> int:
        """Bytes of all headers."""
        return sum(len(name) + len(value) for name, value in self._raw_headers.items())

    def _of_odd_length(self, response: UpstreamResponse, headers: dict[str, str]) -> None:
        """Where its end is may be told in several ways: RFC 9112, 6.3."""
        measured = "content-length" in headers
        if measured:  # chunks hold then, and what follows them cannot be trusted
            self._reusable = False
        if not headers["transfer-encoding"].rstrip().lower().endswith("chunked"):
            # To the parser the connection's end is the body's: old servers say "identity" and give
            # a length.
            self._ends_with_connection = not measured
            if measured:
                self._body = _Measured(response, int(headers["content-length"]), self._end_body)
                self._body.feed(b"")

    def on_message_complete(self) -> None:
        if self._response is not None and self._response.status:
            if self._arrived:
                self._hand_over()
            self._complete = True
            self._body = None

    def _end_body(self) -> None:
        self._complete = True
        self._body = None
