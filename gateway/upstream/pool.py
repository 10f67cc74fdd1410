"""Connections to providers: made by name, with TLS, to whichever address answers first; kept while they may be of use."""

import asyncio
import socket
import ssl
from collections import defaultdict
from typing import Any, Final

from aiohappyeyeballs import AddrInfoType, start_connection

from gateway.upstream import failures
from gateway.upstream.connection import Connection, Server
from gateway.upstream.layers import secured
from gateway.upstream.response import Limit
from gateway.upstream.watch import Watch
from translators.errors import UpstreamError

KEEP_IDLE: Final = 30.0
"""Seconds that a connection waits for its next request."""
_KEEP_NAMES: Final = 60.0
"""Seconds that a resolved name is not asked for again."""
_SECOND_ADDRESS: Final = 0.25
"""Seconds after which the next address is tried beside the first (RFC 8305)."""


class Pool:
    """The connections of one client: as many as there are requests, each to be asked by one at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watch = Watch()
        self._idle: defaultdict[Server, list[Connection]] = defaultdict(list)
        """The one used last is used next."""
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._names: dict[Server, tuple[float, asyncio.Task[list[AddrInfoType]]]] = {}
        self._tls: asyncio.Future[ssl.SSLContext] | None = None
        self._closed: asyncio.Event | None = None

    def idle(self, server: Server) -> Connection | None:
        """A connection that has served before and is free."""
        if idle := self._idle.get(server):
            oldest = self._loop.time() - KEEP_IDLE
            while idle:
                found = idle.pop()
                if found.usable and found.idle_since > oldest:
                    return found
                found.abort()
        return None

    async def connect(self, server: Server, limit: Limit) -> Connection:
        """A new connection. Raises UpstreamError."""
        try:
            async with asyncio.timeout(limit.seconds):
                return await self._connect(server)
        except TimeoutError:
            raise UpstreamError(limit.failure) from None
        except socket.gaierror:
            raise UpstreamError(failures.NO_NAME) from None
        except ssl.SSLError:
            raise UpstreamError(failures.NO_TLS) from None
        except OSError:
            raise UpstreamError(failures.NO_CONNECTION) from None

    async def aclose(self) -> None:
        """Hang up everywhere."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._watch.close()
        for _, asked in self._names.values():
            asked.cancel()
        self._closed = asyncio.Event()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            await self._closed.wait()

    async def _connect(self, server: Server) -> Connection:
        loop = self._loop
        context = await self._context() if server.tls else None  # before there is a socket that would have to be closed
        opened = await start_connection(await self._addresses(server), happy_eyeballs_delay=_SECOND_ADDRESS, loop=loop)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # an answer may take minutes to begin
        connection = Connection(server, self._watch, self._freed, self._lost)
        if context is None:
            await loop.create_connection(lambda: connection, sock=opened)
            connection.on(opened)
        else:
            await secured(opened, connection, context, server.host)
        if not connection.usable:
            raise ConnectionResetError
        self._open.add(connection)
        return connection

    async def _context(self) -> ssl.SSLContext:
        """Made in a thread, when the first connection needs it: reading all certificates takes tens of milliseconds."""
        if self._tls is None:
            self._tls = self._loop.run_in_executor(None, _tls_context)
        return await asyncio.shield(self._tls)

    async def _addresses(self, server: Server) -> list[AddrInfoType]:
        """Of the server's name. Many who ask at once wait for one answer."""
        loop = self._loop
        known = self._names.get(server)
        if known is None or known[0] < loop.time():
            known = self._names[server] = (loop.time() + _KEEP_NAMES, loop.create_task(_resolved(server)))
        try:
            return await asyncio.shield(known[1])
        except OSError:
            if self._names.get(server) is known:
                del self._names[server]
            raise

    def _freed(self, connection: Connection) -> None:
        connection.idle_since = self._loop.time()
        self._idle[connection.server].append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(KEEP_IDLE, self._sweep)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if self._closed is not None and not self._open:
            self._closed.set()
        idle = self._idle[connection.server]
        if connection in idle:
            idle.remove(connection)

    def _sweep(self) -> None:
        """Hang up where nothing was asked for long."""
        oldest = self._loop.time() - KEEP_IDLE
        left = 0
        for connections in self._idle.values():
            for connection in connections:
                if connection.idle_since <= oldest:
                    connection.abort()
                else:
                    left += 1
        self._sweeping = self._loop.call_later(KEEP_IDLE, self._sweep) if left else None


async def _resolved(server: Server) -> list[AddrInfoType]:
    loop = asyncio.get_running_loop()
    found: list[Any] = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    return found


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
