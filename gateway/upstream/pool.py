"""Connections to providers: made by name, with TLS, to whichever address answers first; kept while
they may be of use.
"""

import asyncio
import logging
import socket
import ssl
from collections import defaultdict
from typing import Final

from aiohappyeyeballs import start_connection

from gateway.config import Proxy
from gateway.errors import OutOfDescriptors
from gateway.upstream import failures
from gateway.upstream.connection import Connection, Server
from gateway.upstream.deadlines import DeadlineTimer
from gateway.upstream.descriptors import LACKING, are_lacking
from gateway.upstream.resolver import Names
from gateway.upstream.response import Limit
from gateway.upstream.tls_contexts import Contexts
from gateway.upstream.transports import ProxyError, connected
from translators.errors import UpstreamError, UpstreamFailure

KEEP_IDLE: Final = 30.0
"""Seconds that a connection waits for its next request."""
_SECOND_ADDRESS: Final = 0.25
"""Seconds after which the next address is tried beside the first (RFC 8305)."""
_log: Final = logging.getLogger("llm_router")


class Pool:
    """The connections of one client: as many as there are requests, each to be asked by one at a
    time.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watch = DeadlineTimer()
        self._idle: defaultdict[Server, list[Connection]] = defaultdict(list)
        """The one used last is used next."""
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._names = Names()
        self._contexts = Contexts()
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
        """A new connection. Raises UpstreamError, and OutOfDescriptors for what is not the
        provider's fault.
        """
        try:
            async with asyncio.timeout(limit.seconds):
                return await self._connect(server)
        except TimeoutError:
            raise UpstreamError(limit.failure) from None
        except OSError as error:
            if are_lacking(error):
                raise OutOfDescriptors from None
            raise UpstreamError(_failure_of(error)) from None
        except ValueError as error:  # a file of certificates has gone since the start
            _log.error("TLS to %s: %s", server.host, error)
            raise UpstreamError(failures.NO_TLS) from None

    async def aclose(self) -> None:
        """Hang up everywhere."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._watch.close()
        self._names.close()
        self._closed = asyncio.Event()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            await self._closed.wait()

    async def _connect(self, server: Server) -> Connection:
        link = server.link
        proxy = None if link is None else link.proxy
        # Before there is a socket that would have to be closed.
        to_proxy = await self._contexts.get(None) if proxy is not None and proxy.tls else None
        to_server = (
            await self._contexts.get(None if link is None else link.tls) if server.tls else None
        )
        opened = await (
            self._socket(server.host, server.port) if proxy is None else self._socket_of(proxy)
        )
        connection = Connection(server, self._watch, self._freed, self._lost)
        await connected(opened, connection, to_proxy, to_server)
        if connection.spoke_unasked:  # no server of HTTP does
            raise UpstreamError(failures.NOT_HTTP)
        if not connection.usable:
            raise ConnectionResetError
        self._open.add(connection)
        return connection

    async def _socket(self, host: str, port: int) -> socket.socket:
        addresses = await self._names.addresses(host, port)
        opened = await start_connection(
            addresses, happy_eyeballs_delay=_SECOND_ADDRESS, loop=self._loop
        )
        opened.setsockopt(
            socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
        )  # an answer may take minutes to begin
        return opened

    async def _socket_of(self, proxy: Proxy) -> socket.socket:
        try:
            return await self._socket(proxy.host, proxy.port)
        except socket.gaierror:
            raise ProxyError("has a name that could not be resolved") from None
        except OSError as error:
            if error.errno in LACKING:
                raise
            raise ProxyError("could not be reached") from None

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


def _failure_of(error: OSError) -> UpstreamFailure:
    """What an attempt to connect that failed is called."""
    match error:
        case ProxyError():
            return failures.of_proxy(error.why)
        case socket.gaierror():
            return failures.NO_NAME
        case ssl.SSLError():
            return failures.of_tls(error)
    return failures.NO_CONNECTION
