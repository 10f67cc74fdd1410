"""gateway.upstream.connection and pool: framing, encodings, clocks, back-pressure, and which
connections are used again.
"""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.config import Timeouts
from gateway.upstream.client import UpstreamClient
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import Limit, UpstreamResponse
from tests.fakes import End, FakeUpstream, Hang, Pause, Reset, Step, fake_upstream
from translators.dialect import UpstreamRequest
from translators.errors import FailureKind, UpstreamError

CERTIFICATE = Path(__file__).parent / "localhost.pem"
"""Of a server called localhost, with its private key; for nothing but tests."""


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def request(url: str, body: bytes = b"{}", **headers: str) -> UpstreamRequest:
    return UpstreamRequest(url=url, headers=headers, body=body, stream=False)


@asynccontextmanager
async def asking(*steps: Step, timeouts: Timeouts | None = None) -> AsyncIterator["Asked"]:
    async with fake_upstream(x=list(steps)) as fake, UpstreamClient.running() as client:
        yield Asked(fake, client, timeouts or Timeouts())


class Asked:
    def __init__(self, fake: FakeUpstream, client: UpstreamClient, timeouts: Timeouts) -> None:
        self.fake = fake
        self._client = client
        self._timeouts = timeouts

    async def send(self, **headers: str) -> UpstreamResponse:
        return await self._client.send(
            request(f"{self.fake.url}/x", **headers),
            self._timeouts,
            Limit(self._timeouts.total, TOTAL_CLOCK),
            {},
        )

    async def kind(self) -> tuple[FailureKind, str | None]:
        with pytest.raises(UpstreamError) as raised:
            await (await self.send()).read()
        return raised.value.failure.kind, raised.value.failure.code


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (http(b"hello"), b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n", b"hello"),  # noqa: E501
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + http(b"hello"), b"hello"),  # noqa: E501
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", b"hello"),
        (http(gzip.compress(b"hello"), "Content-Encoding: gzip"), b"hello"),
        (http(gzip.compress(b"he") + gzip.compress(b"llo"), "Content-Encoding: x-gzip"), b"hello"),
        (http(zlib.compress(b"hello"), "Content-Encoding: deflate"), b"hello"),
        (http(zlib.compress(b"hello", wbits=-15), "Content-Encoding: deflate"), b"hello"),
        (http(gzip.compress(b"a" * 3_000_000), "Content-Encoding: gzip"), b"a" * 3_000_000),
        (http(gzip.compress(b"hello"), "Content-Encoding:  GZip "), b"hello"),
        (http(gzip.compress(b"hello"), "Content-Encoding: identity, gzip"), b"hello"),
        (http(gzip.compress(b"hello") + bytes(600), "Content-Encoding: gzip"), b"hello"),
        (http(gzip.compress(b"he") + bytes(3) + gzip.compress(b"llo") + bytes(1), "Content-Encoding: gzip"), b"hello"),  # noqa: E501
        (http(b"hello", "Content-Encoding: "), b"hello"),
        (http(b"hello", "Content-Encoding: None"), b"hello"),
        (http(b"hello", "Content-Encoding: utf-8"), b"hello"),
        (http(b"hello", "Content-Encoding: Identity, identity"), b"hello"),
    ],
    ids=[
        "length", "chunked", "informational", "none", "bare LF", "gzip", "gzip members", "deflate", "raw deflate", "large gzip",  # noqa: E501
        "gzip in capitals", "identity, gzip", "padded gzip", "padded members", "empty encoding", "no encoding", "charset", "identity twice",  # noqa: E501
    ],
)  # fmt: skip
@pytest.mark.parametrize("bytewise", [False, True], ids=["at once", "in pieces"])
async def test_a_body_arrives_and_its_connection_is_used_again(
    answer: bytes, body: bytes, bytewise: bool
) -> None:
    size = max(1, len(answer) // 500)
    steps: list[Step] = [answer]
    if bytewise:
        steps = [
            step for i in range(0, len(answer), size) for step in (answer[i : i + size], Pause(0))
        ]
    async with asking(*steps) as asked:
        for _ in range(2):
            response = await asked.send()
            assert await response.read() == body
            response.close()
        assert len(asked.fake.received) == 2
        assert asked.fake.open == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
    ],
    ids=["without a length", "identity"],
)
async def test_an_answer_until_the_connection_ends(answer: bytes) -> None:
    async with asking(answer, End()) as asked:
        for _ in range(2):
            assert await (await asked.send()).read() == b"hello"
        await asyncio.sleep(0.01)
        assert asked.fake.open == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        http(b"hello", "Connection: close"),
        http(b"hello", "Connection: Close, x"),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",  # noqa: E501
        http(b"hello") + http(b"more than was asked for"),
        http(b"hello") + b"\x00",
        http(b"hello") + b"HTTP/9",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",  # noqa: E501
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 99\r\n\r\n5\r\nhello\r\n0\r\n\r\n",  # noqa: E501
        http(b"hello", "Transfer-Encoding: Identity"),
        http(b"hello", "Transfer-Encoding: identity") + b"and more",
    ],
    ids=[
        "HTTP/1.0", "close", "close in a list", "close, chunked", "two answers", "rubbish after it", "half an answer after it",  # noqa: E501
        "length and chunks", "chunks and length", "identity and length", "identity and more",
    ],
)  # fmt: skip
async def test_a_connection_that_is_not_to_be_used_again(answer: bytes) -> None:
    """Though the server would take another request on it."""
    async with asking(answer) as asked:
        for number in range(3):
            assert await (await asked.send()).read() == b"hello"
            assert asked.fake.connections == number + 1
        await asyncio.sleep(0.01)
        assert asked.fake.open == 0


@pytest.mark.parametrize(
    "late",
    [http(b"nobody asked"), b"\x00", b"HTTP/1.1 408 Request Timeout\r\n"],
    ids=["answer", "rubbish", "half"],
)
async def test_a_connection_on_which_something_came_that_nobody_asked_for(late: bytes) -> None:
    async with asking(http(b"hello"), Pause(0.05), late) as asked:
        for number in range(2):
            assert await (await asked.send()).read() == b"hello"
            assert asked.fake.connections == number + 1
            await asyncio.sleep(0.1)
            assert asked.fake.open == 0


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([End()], FailureKind.CONNECT),
        ([b"HTTP/1.1 200 OK\r\nContent-", End()], FailureKind.CONNECT),
        ([Reset()], FailureKind.CONNECT),
        ([b"SSH-2.0-OpenSSH\r\n"], FailureKind.MALFORMED),
        ([b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"], FailureKind.MALFORMED),  # noqa: E501
        ([b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000 + b"\r\n"], FailureKind.MALFORMED),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000, Hang()], FailureKind.MALFORMED),
        ([http(b"hello")[:-1], End()], FailureKind.TRUNCATED),
        ([http(b"hello")[:-1], Reset()], FailureKind.TRUNCATED),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n", End()], FailureKind.TRUNCATED),  # noqa: E501
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 200_000, Hang()], FailureKind.MALFORMED),  # noqa: E501
    ],
    ids=[
        "nothing", "half of the headers", "reset", "no HTTP", "another protocol", "120 KB of headers", "endless informational", "cut",  # noqa: E501
        "reset in the body", "no last chunk", "endless chunk extension",
    ],
)  # fmt: skip
async def test_an_answer_that_is_none(steps: list[Step], kind: FailureKind) -> None:
    async with asking(*steps) as asked:
        assert (await asked.kind())[0] is kind
        await asyncio.sleep(0.01)
        assert asked.fake.open == 0


@pytest.mark.parametrize(
    ("body", "encoding", "kind"),
    [
        (gzip.compress(b"hello")[:-1], "gzip", FailureKind.TRUNCATED),
        (b"hello", "gzip", FailureKind.MALFORMED),
        (b"hello", "br", FailureKind.MALFORMED),
        (zlib.compress(b"hello") + b"x", "deflate", FailureKind.MALFORMED),
        (gzip.compress(b"hello") + b"\0\0rubbish", "gzip", FailureKind.MALFORMED),
        (
            gzip.compress(b"hello") + bytes(9) + gzip.compress(b"hello")[:-1],
            "gzip",
            FailureKind.TRUNCATED,
        ),
        (gzip.compress(gzip.compress(b"hello")), "gzip, gzip", FailureKind.MALFORMED),
    ],
    ids=[
        "cut",
        "not compressed",
        "unknown",
        "more than deflate",
        "rubbish behind padding",
        "cut behind padding",
        "twice",
    ],
)
async def test_a_body_that_cannot_be_decoded(body: bytes, encoding: str, kind: FailureKind) -> None:
    async with asking(http(body, f"Content-Encoding: {encoding}")) as asked:
        assert (await asked.kind())[0] is kind


@pytest.mark.parametrize(
    ("steps", "limits", "code"),
    [
        ([http(b"hello")[:-1], Hang()], {"idle": 0.1}, "idle_timeout"),
        ([Pause(0.2), http(b"hello")[:-1], Hang()], {"idle": 0.1}, "idle_timeout"),
        (
            [http(b"x" * 20)[:-20], *[step for _ in range(20) for step in (b"x", Pause(0.05))]],
            {"total": 0.3},
            "total_timeout",
        ),
        ([Hang()], {"idle": 0.05, "total": 0.2}, "total_timeout"),
    ],
)
async def test_clocks(steps: list[Step], limits: dict[str, float], code: str) -> None:
    async with asking(*steps, timeouts=Timeouts(**limits)) as asked:
        assert await asked.kind() == (FailureKind.TIMEOUT, code)


async def test_an_identity_body_with_a_length_does_not_wait_for_the_connections_end() -> None:
    for body in (b"hello", b""):
        async with asking(
            http(body, "Transfer-Encoding: identity"), Hang(), timeouts=Timeouts(total=5)
        ) as asked:
            assert await (await asked.send()).read() == body


async def test_what_arrives_keeps_the_idle_clock_from_running_out() -> None:
    steps = [http(b"x" * 10)[:-10], *[step for _ in range(10) for step in (b"x", Pause(0.05))]]
    async with asking(*steps, timeouts=Timeouts(idle=0.2)) as asked:
        assert await (await asked.send()).read() == b"x" * 10


async def test_what_arrived_before_the_end_can_still_be_read() -> None:
    async with asking(http(b"hello")[:-1], Reset()) as asked:
        response = await asked.send()
        await asyncio.sleep(0.05)
        assert await response.read_some() == b"hell"
        with pytest.raises(UpstreamError):
            await response.read_some()


async def test_no_more_is_taken_than_is_read() -> None:
    """And the time in which nobody reads is not the provider's silence."""
    size = 64 * 1024 * 1024
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
    async with asking(head, *[b"x" * 2**20] * 64, timeouts=Timeouts(idle=0.2)) as asked:
        response = await asked.send()
        await asyncio.sleep(0.5)
        assert asked.fake.sent < size / 2
        received = 0
        while data := await response.read_some():
            received += len(data)
        assert received == size


async def test_hanging_up_is_noticed_at_once() -> None:
    async with asking(http(b"hello")[:-1], Hang()) as asked:
        response = await asked.send()
        response.close()
        await asyncio.wait_for(asked.fake.received[0].left.wait(), 1)


async def test_a_request_that_is_given_up_hangs_up() -> None:
    async with asking(Hang()) as asked:
        task = asyncio.ensure_future(asked.send())
        await asked.fake.arrived.wait()
        task.cancel()
        await asyncio.wait_for(asked.fake.received[0].left.wait(), 1)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_header_cannot_become_two() -> None:
    async with asking(http(b"hello")) as asked:
        for value in ("a\r\nx: b", "a\nb", "a\rb"):
            with pytest.raises(ValueError, match="one line"):
                await asked.send(named=value)
        assert asked.fake.received == []


async def test_a_name_that_does_not_exist() -> None:
    async with UpstreamClient.running() as client:
        for _ in range(2):
            with pytest.raises(UpstreamError, match="name could not be resolved"):
                await client.send(
                    request("http://does-not-exist.invalid/x"),
                    Timeouts(),
                    Limit(900.0, TOTAL_CLOCK),
                    {},
                )


@asynccontextmanager
async def tls_server() -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n{}")
                writer.write(http(b"hello"))
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with tls_server() as port, UpstreamClient.running() as client:
        for host in ("localhost", "127.0.0.1", "localhost"):
            response = await client.send(
                request(f"https://{host}:{port}/x"), Timeouts(), Limit(900.0, TOTAL_CLOCK), {}
            )
            assert await response.read() == b"hello"


async def test_a_certificate_that_nobody_vouches_for() -> None:
    async with tls_server() as port, UpstreamClient.running() as client:
        with pytest.raises(UpstreamError, match="TLS handshake"):
            await client.send(
                request(f"https://localhost:{port}/x"), Timeouts(), Limit(900.0, TOTAL_CLOCK), {}
            )
