"""gateway.upstream.transports: proxies and TLS of many kinds on the way to a provider, on both
loops, and their failures.
"""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.config import Link, Proxy, Timeouts, TlsFiles
from gateway.upstream.client import UpstreamClient
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import Limit
from tests.attacks.test_provider_ends import provider as listening_in_threads
from tests.loops import LOOPS
from tests.upstream.test_connection import http
from translators.dialect import UpstreamRequest
from translators.errors import FailureKind, UpstreamError

CERTIFICATE: Final = str(Path(__file__).parent / "localhost.pem")
TRUSTING: Final = TlsFiles(ca_file=CERTIFICATE)
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)  # for a proxy's own TLS

    def run(what: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(what)

    return run


def serving_tls(**settings: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    for name, value in settings.items():
        setattr(context, name, value)
    return context


@dataclass
class Listener:
    port: int = 0
    heads: list[str] = field(default_factory=list)
    """Of the requests that came, in small letters."""


@asynccontextmanager
async def listening(
    serve: Callable[
        [Listener, asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]
    ],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Listener]:
    listener = Listener()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await serve(listener, reader, writer)
        writer.close()

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.05)


async def provider(
    listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        listener.heads.append((await reader.readuntil(b"\r\n\r\n{}")).decode().lower())
        writer.write(http(b"hello"))
        await writer.drain()


async def proxy(
    listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Tunnels, or asks for the whole URL itself; to this machine, whatever it is asked for."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    listener.heads.append(head)
    method, target, _ = head.split(" ", 2)
    port = int(target.removeprefix("http://").partition("/")[0].rpartition(":")[2])
    there, back = await asyncio.open_connection("127.0.0.1", port)
    if method == "connect":
        writer.write(b"HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n")
    else:
        back.write(head.encode())

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    await asyncio.gather(pump(reader, back), pump(there, writer))


def saying(
    answer: bytes,
) -> Callable[[Listener, asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
    async def serve(
        listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        listener.heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(answer)
        await writer.drain()
        writer.close()

    return serve


async def ask(client: UpstreamClient, url: str, link: Link | None, connect: float = 5.0) -> bytes:
    request = UpstreamRequest(url=url, headers={}, body=b"{}", stream=False)
    response = await client.send(
        request, Timeouts(connect=connect), Limit(20.0, TOTAL_CLOCK), {}, link
    )
    return await response.read()


async def failure(url: str, link: Link | None, connect: float = 5.0) -> tuple[str | None, str]:
    async with UpstreamClient.running() as client:
        with pytest.raises(UpstreamError) as raised:
            await ask(client, url, link, connect)
    return raised.value.failure.code, raised.value.failure.message


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("proxy_tls", [False, True], ids=["http proxy", "https proxy"])
def test_through_a_proxy(run: Run, tls: bool, proxy_tls: bool) -> None:
    async def check() -> None:
        async with (
            listening(provider, serving_tls() if tls else None) as server,
            listening(proxy, serving_tls() if proxy_tls else None) as between,
            UpstreamClient.running() as client,
        ):
            link = Link(Proxy("localhost", between.port, proxy_tls, "me:pass word"), TRUSTING)
            for _ in range(3):
                assert (
                    await ask(
                        client, f"{'https' if tls else 'http'}://localhost:{server.port}/x", link
                    )
                    == b"hello"
                )
            assert len(between.heads) == 1  # the connection is used again
            assert len(server.heads) == 3
            began = (
                f"connect localhost:{server.port} http/1.1\r\n"
                if tls
                else f"post http://localhost:{server.port}/x http/1.1\r\n"
            )
            assert between.heads[0].startswith(began)
            assert (
                "proxy-authorization: basic"
                f" {base64.b64encode(b'me:pass word').decode().lower()}\r\n" in between.heads[0]
            )
            assert ("proxy-authorization" in server.heads[0]) == (not tls)

    run(check())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            b"HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nbody",
            "refuses to connect to it (403)",
        ),
        (b"HTTP/1.0 407 Who\r\nproxy-authenticate: Basic\r\n\r\n", "wants other credentials (407)"),
        (b"SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nand more", "does not speak HTTP"),
        (b"x" * 70_000, "does not speak HTTP"),
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\n", "closed the connection"),
    ],
)
def test_a_proxy_that_does_not_let_us_through(run: Run, answer: bytes, words: str) -> None:
    async def check() -> None:
        async with listening(saying(answer)) as between:
            link = Link(Proxy("127.0.0.1", between.port))
            assert await failure("https://up.test/x", link) == (
                "upstream_proxy_failed",
                f"The provider's proxy {words}.",
            )

    run(check())


def test_a_proxy_that_cannot_be_spoken_to(run: Run) -> None:
    async def rude(_: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"this is no TLS\r\n\r\n")

    async def silent(
        _: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()

    async def check() -> None:
        who = saying(b"HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n")
        async with listening(who) as between, listening(silent) as mute, listening(rude) as plain:
            for host, port, tls, url, words in (
                ("127.0.0.1", 1, False, "https://up.test/x", "could not be reached"),
                (
                    "does-not-exist.invalid",
                    1,
                    False,
                    "http://up.test/x",
                    "has a name that could not be resolved",
                ),
                (
                    "127.0.0.1",
                    between.port,
                    False,
                    "http://up.test/x",
                    "wants other credentials (407)",
                ),
                ("127.0.0.1", plain.port, True, "https://up.test/x", "failed in its TLS handshake"),
            ):
                assert await failure(url, Link(Proxy(host, port, tls))) == (
                    "upstream_proxy_failed",
                    f"The provider's proxy {words}.",
                )
            code, _ = await failure("https://up.test/x", Link(Proxy("127.0.0.1", mute.port)), 0.1)
            assert code == "connect_timeout"

    run(check())


def test_private_authorities_names_and_client_certificates(run: Run) -> None:
    wanting = serving_tls(verify_mode=ssl.CERT_REQUIRED)
    wanting.load_verify_locations(CERTIFICATE)

    async def check(strict: str) -> None:
        async with listening(provider, serving_tls()) as server, UpstreamClient.running() as client:
            other = TlsFiles(CERTIFICATE, server_name="elsewhere.test")
            assert (
                await ask(client, f"https://localhost:{server.port}/x", Link(tls=TRUSTING))
                == b"hello"
            )
            assert (
                await ask(client, strict, Link(tls=TlsFiles(CERTIFICATE, CERTIFICATE))) == b"hello"
            )
            assert (await failure(f"https://localhost:{server.port}/x", Link(tls=other)))[
                0
            ] == "upstream_tls_wrong_name"
            assert (await failure(strict, Link(tls=TRUSTING)))[
                0
            ] == "upstream_tls_client_certificate"

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(http(b"hello"))
        connection.recv(1)

    with listening_in_threads(wanting, answer) as url:
        run(check(url))


def test_a_tls_failure_says_which(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    made = ssl.create_default_context

    def strict(*given: Any, **named: Any) -> ssl.SSLContext:
        context = made(*given, **named)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    async def check(good: str, dated: str) -> None:
        assert (await failure(good, None))[0] == "upstream_tls_unknown_ca"
        monkeypatch.setattr(ssl, "create_default_context", strict)
        code, words = await failure(dated, Link(tls=TRUSTING))
        assert (code, "TLS" in words) == ("upstream_tls_version", True)

    def answer(_: socket.socket) -> None:
        """Nobody gets this far."""

    with (
        listening_in_threads(True, answer) as good,
        listening_in_threads(serving_tls(maximum_version=ssl.TLSVersion.TLSv1_2), answer) as old,
    ):
        run(check(good, old))


def test_every_tls_failure_is_one_of_connecting(run: Run) -> None:
    async def check() -> None:
        async with listening(saying(b"hi")) as plain, UpstreamClient.running() as client:
            with pytest.raises(UpstreamError) as raised:
                await ask(client, f"https://localhost:{plain.port}/x", None, 1.0)
            assert raised.value.failure.kind in (FailureKind.CONNECT, FailureKind.TIMEOUT)

    run(check())
