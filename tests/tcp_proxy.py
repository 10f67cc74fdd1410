"""A TCP proxy that fails as it is told to, between a gateway and its store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

Mode = Literal["pass", "hang", "slow", "reset", "refuse"]


class TcpProxy:
    """`slow`: what is sent arrives after five seconds. `hang`: it goes nowhere. Both also on
    connections that were there before. `reset`: every connection is cut. `refuse`: nobody listens
    any more, and every connection is cut.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._mode: Mode = "pass"
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.connections = 0
        """How many there were."""

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def become(self, mode: Mode) -> None:
        self._mode = mode
        if mode in ("reset", "refuse"):
            for writer in list(self._writers):
                writer.transport.abort()
        if mode == "refuse":
            await self.close()
        elif self._server is None:
            await self.listen()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            if self._mode == "reset":
                return
            onward, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(back)
            try:
                await asyncio.gather(self._copy(reader, back), self._copy(onward, writer))
            finally:
                self._writers.discard(back)
                back.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self._mode == "slow":
                    await asyncio.sleep(5)
                if self._mode != "hang":
                    writer.write(data)
        writer.transport.abort()


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[TcpProxy]:
    """To a port of this machine."""
    proxy = TcpProxy(target)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
        await asyncio.sleep(0.05)
