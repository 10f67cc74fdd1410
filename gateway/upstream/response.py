"""The response to one request: fed by the connection it comes over, read by one task.

Whoever reads it gets all that has arrived in one piece, decompressed.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from gateway.upstream import failures
from gateway.upstream.deadlines import DeadlineTimer
from gateway.upstream.decoding import Decoder, UndecodableBody, encoding_of
from translators.errors import UpstreamError, UpstreamFailure
from translators.failures import malformed

MAX_ANSWER_BYTES: Final = 128 * 1024 * 1024
"""The most that is kept of one answer, after decompression: of a JSON answer, of a stream added up
to one, and of what a stream says before its first content."""
HIGH_WATER: Final = 64 * 1024
"""Bytes that nobody has read yet, from which on no more are taken from the provider."""


_AT_ONCE: Final = 32 * 1024
"""Bytes from which on the rest is read later: what is read is there several times over while it is
translated and written."""


Listener = Callable[[bytes], bool]
"""Takes what has arrived, in the very turn of the loop in which it did. False, or if it raises:
whoever waits is woken up."""


def no_time() -> float:
    """Nobody holds anything up."""
    return 0.0


class ListenerFailed(Exception):
    """A fault of our own, in the loop's hands: the connection is closed, and whoever waits for the
    response is woken up.
    """


class Limit(NamedTuple):
    """How long something may take."""

    seconds: float
    failure: UpstreamFailure
    """What it is called when they are over."""
    held_up: Callable[[], float] = no_time
    """Seconds so far in which we waited for our caller to take what had come: no clock of the
    provider's runs meanwhile."""


class Carrier(Protocol):
    """The connection a response comes over."""

    loop: asyncio.AbstractEventLoop
    watch: DeadlineTimer

    def abort(self) -> None:
        """Hang up."""

    def pause(self, paused: bool) -> None:
        """Take no more from the provider, or again."""


class UpstreamResponse:
    """What comes back for one request: fed by its connection, read by one task, which closes it."""

    __slots__ = (
        "_connection", "_deadline", "_decoder", "_failure", "_heard", "_held_up", "_idle", "_late",
        "_listener", "_loop", "_paused", "_pieces", "_size", "_spared",
        "_waiter", "_watch", "headers", "received", "status", "touched", "whole",
    )  # fmt: skip

    def __init__(self, connection: Carrier, idle: float, limit: Limit) -> None:
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
        self._connection: Carrier | None = connection
        self._pieces: list[bytes] = []
        self._size = 0
        self._paused = False
        self._failure: UpstreamFailure | None = None
        self._decoder: Decoder | None = None
        self._waiter: asyncio.Future[None] | None = None
        """Done when something has happened."""
        self._listener: Listener | None = None
        """While somebody waits."""
        self._loop = connection.loop
        self._heard = now = self._loop.time()
        self._idle = idle
        self._deadline, self._late, self._held_up = (
            now + limit.seconds,
            limit.failure,
            limit.held_up,
        )
        self._spared = 0.0 if limit.held_up is no_time else limit.held_up()
        self._watch = connection.watch
        self._watch.add(self, now + min(idle, limit.seconds))

    def more(self) -> asyncio.Future[None]:
        """Done when something has happened: the headers may be here then. Raises UpstreamError if
        nothing more comes.
        """
        if self._failure is not None:
            raise UpstreamError(self._failure)
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def allow(self, limit: Limit) -> None:
        """From now on this is how long the rest may take."""
        self._deadline, self._late, self._held_up = (
            self._loop.time() + limit.seconds,
            limit.failure,
            limit.held_up,
        )
        self._spared = limit.held_up()

    async def read(self, limit: int = MAX_ANSWER_BYTES) -> bytes:
        """The whole body. Raises UpstreamError."""
        pieces = self._pieces
        if self.whole and self._decoder is None and pieces:
            # Most JSON answers are here with their headers, in one piece.
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            self._size = 0
            self.received += len(data)
            if self.received > limit:
                self.check_size(limit)
            return data
        first = await self.read_some(limit)
        whole = BytesIO()  # grows as it comes: a copy of all of it would hold the loop at the end
        data = first
        while data:
            self.check_size(limit)
            whole.write(data)
            data = await self.read_some(limit)
        return first if whole.tell() == len(first) else whole.getvalue()

    async def read_some(self, at_once: int = _AT_ONCE) -> bytes:
        """What has arrived, at least one byte, and of more than `at_once` a part; b"" at the end.
        A whole answer of up to HIGH_WATER bytes is given at once: it is read, translated and
        written once, not twice. Raises UpstreamError.
        """
        while True:
            if self._decoder is not None:
                data = self._decoded(self._decoder)
            elif self._size <= at_once or (self.whole and self._size <= HIGH_WATER):
                data = self._take() if self._pieces else b""
            else:
                data = self._take_some()
            if data:
                self.received += len(data)
                return data
            if self.whole and self._failure is None:
                return b""
            await self.more()

    async def listened(self, listener: Listener) -> None:
        """Wait, and give `listener` what arrives meanwhile: a chunk that comes alone is read
        without a turn of the loop and a task that is woken up for it. Until the listener says so,
        or there is something to read that it is not given: what is here already, the end, and what
        is much or compressed.
        """
        if self._pieces or self.whole or self._failure is not None or self._decoder is not None:
            return
        self._listener = listener
        try:
            await self.more()
        finally:
            self._listener = None

    def check_size(self, limit: int = MAX_ANSWER_BYTES) -> None:
        """For who keeps what was read. Raises UpstreamError once that is more than `limit`
        bytes."""
        if self.received > limit:
            raise UpstreamError(malformed(f"The provider's answer is larger than {limit} bytes."))

    def close(self) -> None:
        """Hang up unless all of the response has arrived: the provider stops generating."""
        if self._connection is not None:  # else it has ended, and is watched no more
            self._watch.remove(self)
            self._connection.abort()
            self._connection = None

    def check(self, now: float) -> float:
        """For the watch: hang up if it has taken too long. Silence is no fault before the headers,
        nor while we take nothing.
        """
        if (held_up := self._held_up()) > self._spared:
            more, self._spared = held_up - self._spared, held_up
            self._deadline += more
            self._heard = min(now, self._heard + more)
        silent_until = (now if self._paused or not self.status else self._heard) + self._idle
        if now >= self._deadline:
            self._hang_up(self._late)
        elif now >= silent_until:
            self._hang_up(failures.IDLE_CLOCK)
        return min(silent_until, self._deadline)

    # For the connection.

    def start(self, status: int, headers: dict[str, str]) -> None:
        """Status and headers have arrived."""
        self.status, self.headers, self.touched = status, headers, True
        if "content-encoding" in headers and (encoding := encoding_of(headers["content-encoding"])):
            self._decoder = Decoder(encoding)

    def feed(self, data: bytes) -> None:
        """A part of the body has arrived."""
        self._keep((data,), len(data))

    def feed_all(self, pieces: Sequence[bytes]) -> None:
        """Parts of the body have arrived."""
        self._keep(pieces, sum(map(len, pieces)))

    def arrived(self, pieces: Sequence[bytes]) -> None:
        """Parts of the body have arrived, all that did at once."""
        self._heard = self._loop.time()
        listener = self._listener
        if len(pieces) == 1:
            data = pieces[0]
            size = len(data)
        else:
            data, size = b"", sum(map(len, pieces))
        if listener is None or size > _AT_ONCE:
            self._keep(pieces, size)
            self._wake()
            return
        self.received += size
        taken: bool | None = None
        try:
            taken = listener(data or b"".join(pieces))
        finally:
            if not taken:
                self._wake()
            if taken is None:  # it is its reader's to tell; the loop would log a caller's words
                raise ListenerFailed from None

    def heard(self) -> None:
        """All that arrived at once was fed, or was no part of the body."""
        self.touched = True
        self._heard = self._loop.time()
        if self._listener is None or self._pieces:
            self._wake()

    def end(self) -> None:
        """The body is whole."""
        self.whole = self.touched = True
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

    def _keep(self, pieces: Sequence[bytes], size: int) -> None:
        self._pieces += pieces
        self._size += size
        if self._size > HIGH_WATER and not self._paused and self._connection is not None:
            self._paused = True
            self._connection.pause(True)

    def _take_some(self) -> bytes:
        """A part of what is more than should be read at once."""
        pieces = self._pieces
        sizes = [*accumulate(map(len, pieces))]
        count = bisect_left(sizes, _AT_ONCE) + 1
        if count >= len(pieces):
            return self._take()
        size = sizes[count - 1]
        data = pieces[0] if count == 1 else b"".join(pieces[:count])
        del pieces[:count]
        self._size -= size
        return data

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
                while (
                    decoder.pending
                ):  # a member's last bytes give nothing, and may have the next member behind them
                    if data := decoder.take():
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

    def _wake(self) -> None:
        waiter, self._listener = self._waiter, None
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
