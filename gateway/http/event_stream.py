"""Server-Sent Events out: headers as late as possible, a comment when it has been quiet too long,
every write with backpressure.
"""

import asyncio
import contextlib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

from gateway.http.request import IncomingRequest
from gateway.http.response import Stream
from gateway.telemetry.events import CHUNK_SECONDS, Streamed

_HEADERS: Final = {
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class EventStream:
    """A context manager around one streamed answer.

    `started` tells whether headers are out: before that an error can still be a JSON answer with
    its own status. `headers` is asked for them at that moment, so that they say which provider
    serves, if it is known by then. `keep_alive` gives what is written after `interval` seconds of
    silence, at a border between events.
    """

    def __init__(
        self,
        http: IncomingRequest,
        interval: float,
        headers: Callable[[], Mapping[str, str]],
        keep_alive: Callable[[], bytes],
        content_type: str,
    ) -> None:
        self._keep_alive = keep_alive
        self._content_type = content_type
        self._http = http
        self._interval = interval
        self._headers = headers
        self._response: Stream | None = None
        self._waiting = b""
        self._loop = asyncio.get_running_loop()
        self._last = monotonic()
        """When it began, or a comment was written."""
        self._wrote = 0.0
        """When events were written; 0 if none were."""
        self._size = 0
        self._waits = [0.0] * (len(CHUNK_SECONDS) + 2)
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None

    @property
    def started(self) -> bool:
        return self._response is not None

    def __enter__(self) -> "EventStream":
        self._timer = self._loop.call_later(self._interval, self._tick)
        return self

    def __exit__(self, *exc: Any) -> None:
        self.fall_silent()

    async def write(self, data: bytes) -> None:
        """Send events. Waits while the caller reads slowly. Raises ConnectionResetError when the
        caller has gone.
        """
        response = self._response
        if response is None:
            response = self._start()
        self._count(data)
        await response.write(data)
        self._wrote = monotonic()

    def put(self, data: bytes) -> bool:
        """Send events without a wait, as far as that can be. False: `flush` before more."""
        response = self._response
        reads = None if response is None else response.put(data)
        if reads is None:
            self._waiting += data
            return False
        now = monotonic()
        if wrote := self._wrote:  # as `_count`, which would be a call for each of thousands
            wait, waits = now - wrote, self._waits
            waits[0] += wait
            waits[1 + bisect_left(CHUNK_SECONDS, wait)] += 1
        self._size += len(data)
        self._wrote = now
        return reads

    async def flush(self) -> None:
        """Send what `put` could not. Otherwise as `write`."""
        data, self._waiting = self._waiting, b""
        if data:
            await self.write(data)
        elif self._response is not None:
            await self._response.drained()

    async def end(self, data: bytes) -> Stream:
        """Send the last event and the end of the body. The connection stays: who had all of this
        answer sends the next request on it.
        """
        # the end may have to wait until it is read, and nothing may come behind it
        self.fall_silent()
        response = self._response
        if response is None:
            response = self._start()
        if data:
            self._count(data)
        await response.write_eof(data)
        return response

    def _count(self, data: bytes) -> None:
        now = monotonic()
        if self._wrote:
            wait, waits = now - self._wrote, self._waits
            waits[0] += wait
            waits[1 + bisect_left(CHUNK_SECONDS, wait)] += 1
        self._wrote = now
        self._size += len(data)

    def streamed(self) -> Streamed | None:
        """What was written so far; None before the first piece."""
        if not self._wrote:
            return None
        return Streamed(self._size, 1 + int(sum(self._waits[1:])), self._waits)

    def fall_silent(self) -> None:
        """No more comments: what has been written for the caller is held back until the end, and a
        comment would overtake it.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()

    def _start(self) -> Stream:
        response = Stream({"content-type": self._content_type, **_HEADERS, **self._headers()})
        response.begin(self._http)
        self._response = self._http.stream = response
        return response

    def _tick(self) -> None:
        quiet = monotonic() - max(self._last, self._wrote)
        if quiet >= self._interval and (self._comment is None or self._comment.done()):
            self._comment = self._loop.create_task(self._send_comment())
            quiet = 0.0
        self._timer = self._loop.call_later(max(self._interval - quiet, 0.01), self._tick)

    async def _send_comment(self) -> None:
        # A caller who has gone is the handler's to notice.
        with contextlib.suppress(ConnectionResetError):
            response = self._response or self._start()
            await response.write(self._keep_alive())
            self._last = monotonic()
