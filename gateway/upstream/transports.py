"""What lies between a socket and the connection that uses it: a proxy, and TLS, read so that
nothing which has arrived is lost.
"""

import asyncio
import re
import socket
import ssl
from typing import Any, Final

from gateway.config import Proxy
from gateway.upstream.connection import Connection, Server, rest_of

_LONGEST_HEAD: Final = 16 * 1024
"""Bytes of a proxy's answer."""
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]").match
_REFUSED: Final = re.compile(rb"HTTP/1\.[01] [3-5]\d\d[ \r]").match
"""What has a body, which is not read."""
_AS_ABOVE: Final = (
    "get_buffer",
    "buffer_updated",
    "eof_received",
    "pause_writing",
    "resume_writing",
)


class _Bottom(asyncio.BufferedProtocol):
    """Stands between a socket's transport and its TLS (`above`), for the moment when sending fails:
    what had arrived is read first.

    The loop calls the methods of `above` that are needed while all is well, without a detour.
    """

    def __init__(self, sock: socket.socket, above: Any) -> None:
        self._socket = sock
        self._above = above
        vars(self).update({name: getattr(above, name) for name in _AS_ABOVE})

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            for data in rest_of(self._socket):
                self._decrypt(data)
        self._above.connection_lost(error)

    def _decrypt(self, data: bytes) -> None:
        while data:
            buffer = self._above.get_buffer(len(data))
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            self._above.buffer_updated(count)
            data = data[count:]


class ProxyError(OSError):
    """The proxy does not let us through. `why` completes `The provider's proxy …`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Waiting(asyncio.Protocol):
    """Holds a socket's place until its TLS is there: no server speaks before it was spoken to."""

    spoke = False

    def data_received(self, data: bytes) -> None:
        self.spoke = True


class _Tunnel(_Waiting):
    """Asks a proxy for a way to a server (RFC 9110, 9.3.6)."""

    def __init__(self) -> None:
        self._head = b""
        self._answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def open(self, transport: asyncio.WriteTransport, server: Server, proxy: Proxy) -> None:
        """Raises ProxyError."""
        where = (
            f"[{server.host}]:{server.port}"
            if ":" in server.host
            else f"{server.host}:{server.port}"
        )
        lines = [f"CONNECT {where} HTTP/1.1", f"host: {where}", "user-agent: llm-router"]
        if proxy.authorization is not None:
            lines.append(f"proxy-authorization: {proxy.authorization}")
        transport.write("\r\n".join([*lines, "", ""]).encode())
        head = await self._answered
        status = _STATUS(head)
        if status is None or not head.endswith(b"\r\n\r\n"):
            raise ProxyError("does not speak HTTP")
        if not 200 <= int(status[1]) < 300:
            raise ProxyError(
                "wants other credentials (407)"
                if status[1] == b"407"
                else f"refuses to connect to it ({int(status[1])})"
            )

    def data_received(self, data: bytes) -> None:
        self._head += data
        if (
            b"\r\n\r\n" in self._head or len(self._head) > _LONGEST_HEAD
        ) and not self._answered.done():
            self._answered.set_result(
                self._head
                if not _REFUSED(self._head)
                else self._head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            )

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(ProxyError("closed the connection"))
            self._answered.exception()  # nobody may be waiting


async def connected(
    sock: socket.socket,
    connection: Connection,
    to_proxy: ssl.SSLContext | None,
    to_server: ssl.SSLContext | None,
) -> None:
    """Give the connection a transport over a connected socket: plain, with TLS, through a proxy,
    whose own TLS it may have.

    Raises OSError, also as ssl.SSLError and ProxyError.
    """
    loop = asyncio.get_running_loop()
    if to_proxy is None and to_server is None:
        await loop.create_connection(lambda: connection, sock=sock)
        connection.on(sock)
        return
    below, _ = await loop.create_connection(_Waiting, sock=sock)
    try:
        transport = await _layered(below, connection, to_proxy, to_server)
        if transport.is_closing():
            raise ConnectionResetError
    except BaseException:
        below.abort()
        raise
    below.set_protocol(_Bottom(sock, below.get_protocol()))
    connection.connection_made(transport)
    connection.on(sock, below)


async def _layered(
    below: asyncio.Transport,
    connection: Connection,
    to_proxy: ssl.SSLContext | None,
    to_server: ssl.SSLContext | None,
) -> asyncio.Transport:
    server = connection.server
    link = server.link
    proxy = None if link is None else link.proxy
    transport = below
    tunnel = _Tunnel() if proxy is not None and to_server is not None else None
    if proxy is not None and to_proxy is not None:
        try:
            transport = await _tls(
                below, connection if tunnel is None else tunnel, to_proxy, proxy.host
            )
        except OSError:
            raise ProxyError("failed in its TLS handshake") from None
    elif tunnel is not None:
        below.set_protocol(tunnel)
    if proxy is not None and tunnel is not None:
        await tunnel.open(transport, server, proxy)
    if to_server is not None:
        name = (
            server.host if link is None or link.tls is None else link.tls.server_name or server.host
        )
        transport = await _tls(transport, connection, to_server, name)
    return transport


async def _tls(
    transport: asyncio.Transport, protocol: asyncio.Protocol, context: ssl.SSLContext, name: str
) -> asyncio.Transport:
    waiting = transport.get_protocol()
    if isinstance(waiting, _Waiting) and waiting.spoke:
        raise ssl.SSLError("the server speaks something else")
    secured = await asyncio.get_running_loop().start_tls(
        transport, protocol, context, server_hostname=name
    )
    if secured is None:
        raise ConnectionResetError
    return secured
