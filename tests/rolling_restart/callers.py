"""Callers who hold streams open and ask so many times a second, and note what became of each
request.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, NamedTuple

from translators.json_codec import dumps

OK: Final = "ok"
PATIENCE: Final = 120.0
_TICK: Final = 0.01
_HEAD: Final = (
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    "x-session-id: {}\r\ncontent-length: {}\r\n\r\n"
)
Came = Literal["ok", "told", "silent"]


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


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Callers:
    """At the gateways behind `port`."""

    def __init__(self, port: int, streams: int, rate: float) -> None:
        self._port = port
        self._streams = streams
        self._rate = rate
        self._most = streams + max(20, int(rate / 5))
        self._idle: list[Connection] = []
        self._stop = asyncio.Event()
        self.answers: list[Answer] = []
        self._running = 0
        self.seconds = 0.0
        """In which they called."""

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Until its end, when every answer has ended, too."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(self._streams):
                group.create_task(self._hold_a_stream(number))
            group.create_task(self._ask_steadily(group))
            yield
            self._stop.set()
            self.seconds = time.perf_counter() - began
        for _, writer in self._idle:
            writer.close()

    async def _hold_a_stream(self, number: int) -> None:
        """One after the other."""
        count = 0
        await asyncio.sleep(number / self._streams)  # they do not end together
        while not self._stop.is_set():
            count += 1
            await self._ask(f"stream-{number}-{count}", streamed=True)

    async def _ask_steadily(self, group: asyncio.TaskGroup) -> None:
        """Fewer than `rate` where a machine is too slow for it: then those of a fifth of a second
        wait at a time, and nothing fails because everybody waits.
        """
        began, due, sent = time.perf_counter(), 0, 0
        while not self._stop.is_set():
            until = int((time.perf_counter() - began) * self._rate)
            for _ in range(min(until - due, self._most - self._running)):
                sent += 1
                group.create_task(self._ask(f"request-{sent}", streamed=False))
            due = until
            await asyncio.sleep(_TICK)

    async def _ask(self, name: str, *, streamed: bool) -> None:
        body = dumps(
            {
                "model": "helper",
                "stream": streamed,
                "messages": [{"role": "user", "content": f"[[{name}]]"}],
            }
        )
        text = _HEAD.format(name, len(body)).encode() + body
        came: Came
        self._running += 1
        try:
            async with asyncio.timeout(PATIENCE), self._connection() as on:
                came, why = await _answer(on, text, streamed)
        except TimeoutError:
            came, why = "silent", "nothing came"
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            came, why = "told", type(error).__name__
        finally:
            self._running -= 1
        self.answers.append(Answer(name, streamed, came, why, time.time()))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """One that is left open, or a new one; left open if it may be used again."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                break
            writer.close()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            yield reader, writer
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))


async def _answer(on: Connection, text: bytes, streamed: bool) -> tuple[Came, str]:
    reader, writer = on
    writer.write(text)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    body, status = await _body(reader, head), head[9:12].decode()
    if status != "200":
        return "told", status
    if not streamed or body.endswith(b"data: [DONE]\n\n"):
        return "ok", status
    return ("told", "error event") if b'"error"' in body else ("silent", "no end")


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if b"transfer-encoding: chunked" not in head:
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        return await reader.readexactly(int(length))
    parts: list[bytes] = []
    while (size := int(await reader.readuntil(b"\r\n"), 16)) > 0:
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(parts)
