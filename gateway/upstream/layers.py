"""What lies between a socket and the connection that uses it: TLS, read so that nothing which has arrived is lost."""

import asyncio
import socket
import ssl
from typing import Any, Final

from gateway.upstream.connection import Connection, rest_of

_AS_ABOVE: Final = ("get_buffer", "buffer_updated", "eof_received", "pause_writing", "resume_writing")


class _Bottom(asyncio.BufferedProtocol):
    """Stands between a socket's transport and its TLS (`above`), for the moment when sending fails: what had arrived is read first.

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


class _Silence(asyncio.Protocol):
    """Holds a socket's place until its TLS is there: no server speaks before it was spoken to."""

    broken = False

    def data_received(self, data: bytes) -> None:
        self.broken = True


async def secured(sock: socket.socket, connection: Connection, context: ssl.SSLContext, name: str) -> None:
    """Give the connection a transport with TLS over a connected socket. Raises OSError, also as ssl.SSLError."""
    loop = asyncio.get_running_loop()
    below, silence = await loop.create_connection(_Silence, sock=sock)
    if silence.broken:
        below.abort()
        raise ssl.SSLError("the server speaks something else")
    transport = await loop.start_tls(below, connection, context, server_hostname=name)
    if transport is None or below.is_closing():
        raise ConnectionResetError
    below.set_protocol(_Bottom(sock, below.get_protocol()))
    connection.connection_made(transport)
    connection.on(sock, below)
