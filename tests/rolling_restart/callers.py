"""Callers who hold streams open and ask so many times a second, and note what became of each
request. Protocols and callbacks: with the provider 125 µs of CPU a request, where streams and tasks
took 200, as the machine is for what is tried.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, NamedTuple

from translators.json_codec import dumps

OK: Final = "ok"
PATIENCE: Final = 120.0
_TICK: Final = 0.01
_HEAD: Final = (
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    "x-session-id: {}\r\ncontent-length: {}\r\n\r\n"
)
_LENGTH: Final = b"content-length:"
_LAST: Final = b"0\r\n\r\n"
"""Of an answer in chunks: the end."""
_DONE: Final = b"data: [DONE]\n\n\r\n" + _LAST
Came = Literal["ok", "told", "silent"]
End = Callable[[Came, str], None]


class Answer(NamedTuple):
    """What became of the request `name`."""

    name: str
    streamed: bool
    came: Came
    """`told`: it failed, and its caller can see that; `silent`: it failed and looks whole, or
    nothing came for PATIENCE seconds."""
    why: str
    ended: float
    """Unix seconds."""


class Callers:
    """At the gateways behind `port`."""

    def __init__(self, port: int, streams: int, rate: float) -> None:
        self._port = port
        self._streams = streams
        self._rate = rate
        self._most = streams + max(20, int(rate / 5))
        self._idle: list[_Connection] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._all_ended = asyncio.Event()
        self.answers: list[Answer] = []
        self._running = 0
        self.seconds = 0.0
        """In which they called."""

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Until its end, when every answer has ended, too."""
        began, loop = time.perf_counter(), asyncio.get_running_loop()
        for number in range(self._streams):  # they do not end together
            loop.call_later(number / self._streams, self._hold_a_stream, number, 1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask_steadily())
            yield
            self._stopping = True
            self.seconds = time.perf_counter() - began
        if self._running:
            await self._all_ended.wait()
        for connection in self._idle:
            connection.transport.close()

    def _hold_a_stream(self, number: int, count: int) -> None:
        """One after the other."""
        if not self._stopping:
            then = lambda: self._hold_a_stream(number, count + 1)  # noqa: E731
            self._ask(f"stream-{number}-{count}", True, then)

    async def _ask_steadily(self) -> None:
        """Fewer than `rate` where a machine is too slow for it: then those of a fifth of a second
        wait at a time, and nothing fails because everybody waits.
        """
        began, due, sent = time.perf_counter(), 0, 0
        while not self._stopping:
            until = int((time.perf_counter() - began) * self._rate)
            for _ in range(min(until - due, self._most - self._running)):
                sent += 1
                self._ask(f"request-{sent}", False, lambda: None)
            due = until
            await asyncio.sleep(_TICK)

    def _ask(self, name: str, streamed: bool, then: Callable[[], None]) -> None:
        """On a connection that is open, or a new one. `then` is called once it has ended."""
        body = dumps(
            {
                "model": "helper",
                "stream": streamed,
                "messages": [{"role": "user", "content": f"[[{name}]]"}],
            }
        )
        text = _HEAD.format(name, len(body)).encode() + body
        self._running += 1

        def ended(came: Came, why: str) -> None:
            self.answers.append(Answer(name, streamed, came, why, time.time()))
            self._running -= 1
            then()
            if self._stopping and not self._running:
                self._all_ended.set()

        while self._idle:
            connection = self._idle.pop()
            if not connection.transport.is_closing():
                return connection.ask(text, streamed, ended)
        opening = asyncio.get_running_loop().create_task(self._open(text, streamed, ended))
        self._connecting.add(opening)
        opening.add_done_callback(self._connecting.discard)
        return None

    async def _open(self, text: bytes, streamed: bool, ended: End) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self._idle), "127.0.0.1", self._port
            )
        except ConnectionError as error:
            return ended("told", type(error).__name__)
        return connection.ask(text, streamed, ended)


class _Connection(asyncio.Protocol):
    """One request after the other; in between it is among `idle`."""

    def __init__(self, idle: "list[_Connection]") -> None:
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._ended: End | None = None
        self._received = bytearray()
        self._streamed = False
        self._missing: int | None = None
        """Bytes of its answer; None: its head has not come, or it comes in chunks."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def ask(self, text: bytes, streamed: bool, ended: End) -> None:
        self._ended, self._streamed = ended, streamed
        self._received.clear()
        self._missing = None
        self._patience = self._loop.call_later(PATIENCE, self._end, "silent", "nothing came")
        self.transport.write(text)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if self._missing is None and (end := received.find(b"\r\n\r\n")) > 0:
            head = received[:end].lower()
            if (at := head.find(_LENGTH)) > 0:
                length = int(head[at + len(_LENGTH) :].partition(b"\r\n")[0])
                self._missing = end + 4 + length
        whole = received.endswith(_LAST) if self._missing is None else len(received)
        if whole and whole >= (self._missing or 0):
            self._end(*self._told())

    def _told(self) -> tuple[Came, str]:
        received = self._received
        status = received[9:12].decode()
        if status != "200":
            return "told", status
        if not self._streamed or received.endswith(_DONE):
            return "ok", status
        return ("told", "error event") if b'"error"' in received else ("silent", "no end")

    def _end(self, came: Came, why: str) -> None:
        if self._ended is None:
            return
        ended, self._ended = self._ended, None
        self._patience.cancel()
        if came == "silent" or why in ("reset", "closed"):
            self.transport.close()
        else:
            self._idle.append(self)
        ended(came, why)

    def connection_lost(self, error: Exception | None) -> None:
        self._end("told", "closed" if error is None else "reset")
