"""Servers that fail as they are told: bare asyncio, so that nothing is repaired on the way."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.fakes import End, Hang, Pause, Reset


class HalfClose:
    """Say that nothing more will come, and stay."""


class Repeat:
    """Send it for ever, without waiting."""

    def __init__(self, data: bytes, pause: float = 0.0) -> None:
        self.data = data
        self.pause = pause


class Again:
    """Send the last of an answer, and read the next request on this connection."""

    def __init__(self, data: bytes) -> None:
        self.data = data


Step = bytes | Pause | End | Reset | Hang | HalfClose | Repeat | Again
Script = Callable[[str, bool, int], Sequence[Step]]
"""Told the first segment of the path, whether a stream is asked for and how often that path was
asked before: what to do."""

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Faulty:
    """A server that runs a script for each request, or (`on_accept`) steps for each connection,
    before it has read anything.
    """

    script: Script | None = None
    on_accept: Sequence[Step] | None = None
    port: int = 0
    open: int = 0
    """Connections."""
    accepted: int = 0
    """Connections, ever."""
    calls: Counter[str] = field(default_factory=Counter)
    """Requests by the first segment of their path."""
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes that the other side let us send, likewise."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.accepted += 1
        try:
            if self.on_accept is not None:
                await self._run("", self.on_accept, reader, writer)
            elif self.script is not None:
                while await self._run(*await self._read(reader, self.script), reader, writer):
                    pass
        except (
            ConnectionError,
            asyncio.IncompleteReadError,
            RuntimeError,
        ):  # the last is uvloop's, for a connection that is gone
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _read(
        self, reader: asyncio.StreamReader, script: Script
    ) -> tuple[str, Sequence[Step]]:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(
            int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        )
        path = head.split(b" ", 2)[1].decode()
        name = path.split("/")[1]
        before = self.calls[name]
        self.calls[name] += 1
        return name, script(name, "streamgenerate" in path or b'"stream":true' in body, before)

    async def _run(
        self,
        name: str,
        steps: Sequence[Step],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Until the steps are done or the other side leaves; whether the next request is to be
        read, else the connection is closed.
        """
        gone = asyncio.ensure_future(_left(reader))
        try:
            for step in steps:
                if isinstance(step, Again):
                    gone.cancel()  # what comes from now on is the next request
                    await asyncio.wait({gone})
                    writer.write(step.data)
                    return True
                await self._take(name, step, gone, writer)
                if gone.done() or isinstance(step, End | Reset):
                    return False
            return False
        finally:
            gone.cancel()

    async def _take(
        self, name: str, step: Step, gone: asyncio.Future[None], writer: asyncio.StreamWriter
    ) -> None:
        match step:
            case bytes():
                writer.write(step)
                await writer.drain()
                self.sent[name] += len(step)
            case Pause(seconds):
                await asyncio.wait({gone}, timeout=seconds)
            case Repeat():
                while not gone.done():
                    writer.write(step.data)
                    await writer.drain()
                    await asyncio.wait({gone}, timeout=step.pause)
            case HalfClose():
                writer.write_eof()
                await gone
            case Hang():
                await gone
            case Reset():
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
                )
                writer.transport.abort()


async def _left(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(65536):
            pass
    except ConnectionError:
        pass


@asynccontextmanager
async def listening(faulty: Faulty) -> AsyncIterator[Faulty]:
    """The server on a free loopback port."""
    server = await asyncio.start_server(faulty.serve, "127.0.0.1", 0)
    faulty.port = server.sockets[0].getsockname()[1]
    try:
        yield faulty
    finally:
        server.close()
        await server.wait_closed()


def closed_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def blackhole() -> Iterator[int]:
    """A port whose connections are never completed: its queue is full and nobody accepts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            yield int(listener.getsockname()[1])
        finally:
            for one in waiting:
                one.close()
