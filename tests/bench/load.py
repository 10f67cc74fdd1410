"""A load generator on bare asyncio: keep-alive connections, bounded in requests and seconds, every
answer looked at.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from typing import Final

from tests.bench.works import Way, Work

CONNECTIONS: Final = 8
OPENED_AT_A_TIME: Final = 50
PATIENCE: Final = 60.0
"""Seconds after which a system that does not answer is given up."""


class TooFast(RuntimeError):
    """A rate is more than a system, or the machine, can do."""


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ask(on: Connection, work: Work, text: bytes) -> float:
    """Send `text` and read the whole answer; returns its seconds."""
    reader, writer = on
    started = perf_counter()
    writer.write(text)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(failure(head + await reader.read(2000)))
    if b"transfer-encoding: chunked" in head:
        parts = []
        while (size := int(await reader.readuntil(b"\r\n"), 16)) > 0:
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        body = b"".join(parts)
    else:
        body = await reader.readexactly(
            int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        )
    seconds = perf_counter() - started
    work.check(body)
    return seconds


async def run(
    work: Work, port: int, way: Way, requests: int, seconds: float, connections: int = CONNECTIONS
) -> list[float]:
    """Ask on all connections at once until about `requests` are answered or `seconds` are over;
    returns the seconds of each.
    """
    requests_of = work.requests_of(way)
    sent = 0
    latencies: list[float] = []
    deadline = perf_counter() + seconds

    async def caller() -> None:
        nonlocal sent
        async with connection(port) as on:
            while True:  # once at least, however late it is
                sent += 1
                latencies.append(await ask(on, work, next(requests_of)))
                if sent >= requests or perf_counter() >= deadline:
                    break

    async with asyncio.timeout(seconds + PATIENCE), asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(caller())
    return latencies


async def latencies(work: Work, port: int, way: Way, requests: int, rate: float) -> list[float]:
    """Seconds of each of `requests`, begun `rate` times a second, on CONNECTIONS connections in
    turn.
    """
    text = work.http(way)
    seconds: list[float] = []
    async with AsyncExitStack() as stack:
        open_ones = [await stack.enter_async_context(connection(port)) for _ in range(CONNECTIONS)]
        started = perf_counter()
        for number in range(requests):
            await asyncio.sleep(max(0.0, started + number / rate - perf_counter()))
            async with asyncio.timeout(PATIENCE):
                seconds.append(await ask(open_ones[number % CONNECTIONS], work, text))
    return seconds


@asynccontextmanager
async def idle(work: Work, port: int, way: Way, connections: int) -> AsyncIterator[None]:
    """Hold connections that have had one answer each."""
    text = work.http(way)
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        for _ in range(connections):
            await ask(await stack.enter_async_context(connection(port)), work, text)
        yield


class Stream(asyncio.Protocol):
    """Asks once, then counts the chunks that come."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.chunks = 0
        self.ended: bytes | None = None
        self._begin, self._last = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._text)

    def data_received(self, data: bytes) -> None:
        self.chunks += data.count(b"data: ")
        self._begin, self._last = self._begin or data, data

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = self._begin if self.chunks == 0 else self._begin[:50] + b"\n\n" + self._last

    def leave(self) -> None:
        self._transport.abort()


class Streams:
    """Streams that are open at once."""

    def __init__(self) -> None:
        self._open: list[Stream] = []

    async def open(self, work: Work, port: int, way: Way, count: int) -> None:
        """Open streams until there are `count` that have all given a chunk."""
        text, loop = work.http(way), asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while len(self._open) < count:
                for _ in range(min(OPENED_AT_A_TIME, count - len(self._open))):
                    _, stream = await loop.create_connection(
                        lambda: Stream(text), "127.0.0.1", port
                    )
                    self._open.append(stream)
                await asyncio.sleep(0.02)
                await self._begun()
            await self._begun()

    async def _begun(self) -> None:
        while not all(stream.chunks > 1 for stream in self._open):
            self.chunks()
            await asyncio.sleep(0.01)

    def chunks(self) -> int:
        """How many came so far; RuntimeError if a stream has ended."""
        for stream in self._open:
            if stream.ended is not None:
                raise RuntimeError(f"a stream ended: {failure(stream.ended)}")
        return sum(stream.chunks for stream in self._open)

    def leave(self) -> None:
        for stream in self._open:
            stream.leave()


def failure(answer: bytes) -> str:
    """The first line of an answer and the end of its body: no headers, which differ each time."""
    first, _, rest = answer.partition(b"\r\n")
    return b" ".join((first, *rest.rpartition(b"\r\n\r\n")[2:])).decode("utf-8", "replace")[:300]


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
