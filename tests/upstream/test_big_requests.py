"""A big request goes out in pieces, as they are taken."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest

from gateway.upstream.client import UpstreamClient
from gateway.upstream.connection import Connection, Server
from gateway.upstream.deadlines import DeadlineTimer
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import Limit
from tests.attacks.test_provider_ends import ask, provider, run

__all__ = ["run"]
PIECE: Final = 256 * 1024
HEAD: Final = b"POST /x HTTP/1.1\r\n\r\n"
BODY: Final = bytes(range(256)) * 12_345
LIMIT: Final = Limit(5.0, TOTAL_CLOCK)
OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Transport(asyncio.Transport):
    """Keeps what is written, and has an opinion of when it is enough."""

    def __init__(self, full_after: int = 0) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False
        self.connection: Connection | None = None
        self._full_after = full_after

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        if len(self.written) == self._full_after and self.connection is not None:
            self.connection.pause_writing()

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    def get_write_buffer_size(self) -> int:
        return 0


def connected(transport: Transport) -> tuple[Connection, list[Connection]]:
    """And those that were said to be free again."""
    free: list[Connection] = []
    watch = DeadlineTimer()
    connection = Connection(Server("x", 80, False), watch, free.append, lambda _: None)
    connection.connection_made(transport)
    transport.connection = connection
    return connection, free


async def test_one_piece_in_each_iteration_of_the_loop() -> None:
    transport = Transport()
    connection, _ = connected(transport)
    connection.ask(HEAD, BODY, 5.0, LIMIT)
    assert len(transport.written) == 2
    await asyncio.sleep(0)
    assert len(transport.written) == 3
    for _ in range(len(BODY) // PIECE + 2):
        await asyncio.sleep(0)
    assert b"".join(transport.written) == HEAD + BODY
    assert max(map(len, transport.written)) == PIECE


async def test_nothing_is_sent_while_nobody_takes_it() -> None:
    transport = Transport(full_after=4)
    connection, _ = connected(transport)
    connection.ask(HEAD, BODY, 5.0, LIMIT)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(transport.written) == 4
    connection.resume_writing()
    for _ in range(20):
        await asyncio.sleep(0)
    assert b"".join(transport.written) == HEAD + BODY


async def test_what_is_answered_before_all_was_sent_is_the_last_of_its_connection() -> None:
    transport = Transport(full_after=2)
    connection, free = connected(transport)
    response = connection.ask(HEAD, BODY, 5.0, LIMIT)
    connection.data_received(OK)
    assert (response.status, await response.read()) == (200, b"ok")
    assert (free, transport.closing) == ([], True)
    connection.resume_writing()
    await asyncio.sleep(0)
    assert len(transport.written) == 2


async def test_a_small_request_is_one_write_and_its_connection_is_used_again() -> None:
    transport = Transport()
    connection, free = connected(transport)
    response = connection.ask(HEAD, b"{}", 5.0, LIMIT)
    connection.data_received(OK)
    assert (await response.read(), transport.written, free) == (b"ok", [HEAD + b"{}"], [connection])


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_it_arrives_as_it_is_and_its_connection_is_used_again(
    run: Callable[[Coroutine[Any, Any, None]], None], tls: bool
) -> None:
    received: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for _ in range(2):
            data = b""
            while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < len(BODY):
                data += connection.recv(65536)
            received.append(data.partition(b"\r\n\r\n")[2])
            connection.sendall(OK)

    async def check(url: str) -> None:
        async with UpstreamClient.running() as client:
            for _ in range(2):
                assert await (await ask(client, url, BODY)).read() == b"ok"

    with provider(tls, answer) as url:
        run(check(url))
    assert received == [BODY, BODY]
