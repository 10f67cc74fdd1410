"""Providers that answer and hang up, on both event loops: what had arrived is read before the end
is believed.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.config import Timeouts
from gateway.upstream.client import UpstreamClient
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import Limit, UpstreamResponse
from tests.loops import LOOPS
from translators.dialect import UpstreamRequest

CERTIFICATE: Final = Path(__file__).parents[1] / "upstream" / "localhost.pem"
CLOSE: Final = "HTTP/1.1 {} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n"


@pytest.fixture(params=LOOPS)
def run(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a coroutine on one of the loops."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    def run(what: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(what)

    return run


@contextmanager
def provider(tls: bool | ssl.SSLContext, answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server in threads that gives each connection to `answer`, and then closes it without TLS's
    goodbye; its URL.
    """
    if isinstance(tls, ssl.SSLContext):
        context = tls
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)

    def one(plain: socket.socket) -> None:
        # Or an answer may wait in the server for the acknowledgement of its TLS tickets, and
        # closing throws it away unsent.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with (
            suppress(OSError),
            context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            if tls
            else plain as connection,
        ):
            connection.settimeout(10)
            if isinstance(connection, ssl.SSLSocket):
                try:
                    connection.do_handshake()
                except ssl.SSLError:
                    threading.Event().wait(0.2)  # or a reset would overtake what is said of it
                    raise
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"{'https' if tls else 'http'}://localhost:{listener.getsockname()[1]}/x"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


async def ask(client: UpstreamClient, url: str, body: bytes) -> UpstreamResponse:
    return await client.send(
        UpstreamRequest(url=url, headers={}, body=body, stream=False),
        Timeouts(),
        Limit(20.0, TOTAL_CLOCK),
        {},
    )


def read_head(connection: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("size", [200_000, 1_000_000, 5_000_000])
def test_an_answer_is_whole_although_its_connection_has_ended(
    run: Callable[[Coroutine[Any, Any, None]], None], tls: bool, size: int
) -> None:
    """Also when reading pauses meanwhile, because the answer is larger than what is kept of it
    unread.
    """

    def answer(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(CLOSE.format(200, size).encode() + b"x" * size)

    async def check(url: str) -> None:
        async with UpstreamClient.running() as client:
            for slow in (False, True) * 5:
                response = await ask(client, url, b"{}")
                received = 0
                while data := await response.read_some():
                    received += len(data)
                    await asyncio.sleep(0.005 if slow else 0)
                assert received == size

    with provider(tls, answer) as url:
        run(check(url))


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize(
    ("status", "delay", "lingers"), [(413, 0.0, False), (401, 0.0, True), (429, 0.02, False)]
)
def test_an_answer_that_comes_while_the_request_is_still_being_sent(
    run: Callable[[Coroutine[Any, Any, None]], None],
    tls: bool,
    status: int,
    delay: float,
    lingers: bool,
) -> None:
    """Its connection breaks under what we send; the answer had arrived before."""

    def answer(connection: socket.socket) -> None:
        read_head(connection)
        threading.Event().wait(delay)
        connection.sendall(CLOSE.format(status, 5).encode() + b"large")
        if lingers:
            connection.settimeout(0.2)
            while connection.recv(65536):
                pass

    async def check(url: str) -> None:
        body = b"x" * 8_000_000
        async with UpstreamClient.running() as client:
            for _ in range(5):
                response = await ask(client, url, body)
                assert (response.status, await response.read()) == (status, b"large")

    with provider(tls, answer) as url:
        run(check(url))
