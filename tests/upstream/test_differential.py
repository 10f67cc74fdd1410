"""Seventy odd answers through our client and through aiohttp's: where they differ, the table says
why. And a search for what breaks ours.

An outcome is the status and the body, or that it fails.
"""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Final

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Timeouts
from gateway.upstream.client import UpstreamClient
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import Limit
from tests.upstream.test_connection import http
from translators.dialect import UpstreamRequest
from translators.errors import UpstreamError

Outcome = tuple[int, bytes] | str
OK: Final = b"HTTP/1.1 200 OK\r\n"
GOOD: Final[Outcome] = (200, b"hello")
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n"
FIVE: Final = b"5\r\nhello\r\n0\r\n\r\n"


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def encoded(body: bytes, encoding: str) -> bytes:
    return http(body, f"Content-Encoding: {encoding}")


FAILS: Final = "fails"
ANSWERS: Final[dict[str, bytes]] = {
    "length": http(b"hello"), "chunked": CHUNKED + b"\r\n" + FIVE, "until close": OK + b"\r\nhello",
    "close": http(b"hello", "Connection: close"), "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "HTTP/1.0 length": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "8-bit reason": "HTTP/1.1 200 Völlig\r\nContent-Length: 5\r\n\r\nhello".encode(),
    "status 201": http(b"hello", status="201 Created"),
    "status 404": http(b"hello", status="404 No"), "status 500": http(b"hello", status="500 No"),
    "status 600": http(b"hello", status="600 X"),
    "status 099": http(b"hello", status="099 X"), "status 204": b"HTTP/1.1 204 No\r\n\r\n",
    "status 304": b"HTTP/1.1 304 No\r\n\r\n",
    "status 20": http(b"hello", status="20 X"),
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + http(b"hello"),
    "hints": b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" * 3 + http(b"hello"),
    "switching": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello",
    "upgrade in a 200": http(b"hello", "Connection: upgrade, keep-alive", "Upgrade: h2c"),
    "length and chunks": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + FIVE,
    "chunks and length": CHUNKED + b"Content-Length: 99\r\n\r\n" + FIVE,
    "identity": OK + b"Transfer-Encoding: identity\r\n\r\nhello",
    "identity and length": http(b"hello", "Transfer-Encoding: identity"),
    "two equal lengths": http(b"hello", "Content-Length: 5"), "two lengths": http(b"hello",
     "Content-Length: 4"),
    "length +5": OK + b"Content-Length: +5\r\n\r\nhello",
    "length -5": OK + b"Content-Length: -5\r\n\r\nhello",
    "length x": OK + b"Content-Length: x\r\n\r\nhello",
    "length 2^70": OK + b"Content-Length: 1180591620717411303424\r\n\r\nhello",
    "short": http(b"hello")[:-1], "more": http(b"hello") + b"more",
    "two answers": http(b"hello") + http(b"other"),
    "no last chunk": CHUNKED + b"\r\n5\r\nhello\r\n",
    "chunk size zz": CHUNKED + b"\r\nzz\r\nhello\r\n",
    "chunk size -1": CHUNKED + b"\r\n-1\r\nhello\r\n0\r\n\r\n",
    "chunk extension": CHUNKED + b"\r\n5;a=b\r\nhello\r\n0;x\r\n\r\n",
    "chunk size and blank": CHUNKED + b"\r\n5 \r\nhello\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
    "capital chunks": OK + b"TRANSFER-ENCODING: Chunked\r\n\r\n" + FIVE,
    "one-byte chunks": CHUNKED + b"\r\n" + b"".join(
        b"1\r\n%c\r\n" % byte for byte in b"hello") + b"0\r\n\r\n",
    "gzip": encoded(gz(b"hello"), "gzip"), "x-gzip": encoded(gz(b"hello"), "x-gzip"),
    "GZIP": encoded(gz(b"hello"), " GZIP "),
    "members": encoded(gz(b"he") + gz(b"llo"), "gzip"),
    "padding": encoded(gz(b"hello") + bytes(99), "gzip"),
    "gzip cut": encoded(gz(b"hello")[:-3], "gzip"), "no gzip": encoded(b"hello", "gzip"),
    "gzip and rubbish": encoded(gz(b"hello") + b"rubbish", "gzip"),
    "deflate": encoded(zlib.compress(b"hello"), "deflate"),
    "raw deflate": encoded(zlib.compress(b"hello", wbits=-15), "deflate"),
    "br": encoded(b"hello", "br"), "unknown": encoded(b"hello", "rot13"),
    "no encoding": encoded(b"hello", "none"),
    "empty encoding": encoded(b"hello", ""), "charset": encoded(b"hello", "utf-8"),
    "identity twice": encoded(b"hello", "identity, identity"),
    "identity, gzip": encoded(gz(b"hello"), "identity, gzip"),
    "LF only": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "blank line first": b"\r\n" + http(b"hello"), "8-bit header": http(b"hello",
     "X: y").replace(b"y", b"\xff\xfe"),
    "NUL in a header": http(b"hello", "X: a\0b"), "folded header": http(b"hello", "X: a\r\n b"),
    "no colon": http(b"hello", "nothing"),
    "header of 100 KB": http(b"hello", "X: " + "y" * 100_000), "10,000 headers": http(b"hello",
     *["X: y"] * 10_000),
    "garbage": b"garbage\r\n\r\n", "TLS": b"\x16\x03\x01\x00\x05hello",
    "HTTP/2": b"\0\0\x0c\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-", "nothing": b"",
}  # fmt: skip

DIFFERENCES: Final[dict[str, tuple[Outcome, str]]] = {
    "switching": (FAILS, "we asked for no other protocol: an empty 101 is no answer"),
    "length and chunks": (
        GOOD,
        (
            "RFC 9112, 6.3: chunks hold; and the connection is not used again, so nothing can be"
            " smuggled"
        ),
    ),
    "chunks and length": (GOOD, "the same, the other way round"),
    "identity and length": (
        GOOD,
        "old servers write it: the length holds, and the connection is not used again",
    ),
    "more": (
        GOOD,
        "the answer is whole and somebody paid for it; the connection is not used again",
    ),
    "x-gzip": (GOOD, "RFC 9110, 8.4.1.3: the same as gzip"),
    "identity, gzip": (GOOD, "identity changes nothing"),
    "padding": (GOOD, "gzip itself forgives zeros behind it"),
    "gzip cut": (FAILS, "what is cut is not whole: its checksum is missing"),
    "unknown": (FAILS, "nobody knows what the bytes mean: no JSON parser has to find out"),
    "NUL in a header": (
        GOOD,
        "lenient, as curl is: a header is shown to callers only if it is printable",
    ),
    "10,000 headers": (GOOD, "our bound is on bytes (64 KB), not on their number"),
}
"""What ours does where aiohttp's does something else, and why."""


@asynccontextmanager
async def answering(pieces: Sequence[bytes]) -> AsyncIterator[int]:
    """A server that gives every request this answer, in these pieces, and then closes; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n{}")
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def through_ours(port: int) -> Outcome:
    request = UpstreamRequest(
        url=f"http://127.0.0.1:{port}/x", headers={}, body=b"{}", stream=False
    )
    async with UpstreamClient.running() as client:
        try:
            response = await client.send(request, Timeouts(), Limit(5.0, TOTAL_CLOCK), {})
            return response.status, await response.read()
        except UpstreamError:
            return FAILS


async def through_aiohttp(port: int) -> Outcome:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.post(f"http://127.0.0.1:{port}/x", data=b"{}", allow_redirects=False) as answer,
        ):
            return answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return FAILS


@pytest.mark.parametrize("name", ANSWERS)
async def test_ours_does_what_aiohttps_does_or_it_is_told_why_not(name: str) -> None:
    async with answering([ANSWERS[name]]) as port:
        theirs, ours = await through_aiohttp(port), await through_ours(port)
    assert ours == DIFFERENCES.get(name, (theirs, ""))[0]
    assert (ours != theirs) == (name in DIFFERENCES)


_WHOLE: Final = [
    data
    for name, data in ANSWERS.items()
    if name in ("length", "chunked", "gzip", "hints", "trailers", "one-byte chunks", "members")
]


def _split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)] or [b""]


async def test_a_member_that_ends_with_the_next_ones_beginning() -> None:
    whole = ANSWERS["members"]
    for cut in range(len(whole) - 46, len(whole)):
        async with answering([whole[:cut], whole[cut:]]) as port:
            assert await through_ours(port) == GOOD


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answer=st.sampled_from(_WHOLE), cuts=st.lists(st.integers(0, 10_000), max_size=12))
def test_a_complete_answer_is_never_lost_however_it_is_cut(answer: bytes, cuts: list[int]) -> None:
    async def check() -> None:
        async with answering(_split(answer, cuts)) as port:
            assert await through_ours(port) == GOOD

    asyncio.run(check())


@settings(max_examples=150, deadline=None)
@given(
    answer=st.sampled_from(list(ANSWERS.values())),
    changes=st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 3), st.binary(max_size=4)), max_size=4
    ),
    cuts=st.lists(st.integers(0, 10_000), max_size=4),
)
def test_whatever_comes_is_an_answer_or_an_upstream_error(
    answer: bytes, changes: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    for at, gone, new in changes:
        answer = answer[:at] + new + answer[at + gone :]

    async def check() -> None:
        async with answering(_split(answer, cuts)) as port:
            outcome = await through_ours(port)
            assert outcome == FAILS or (outcome.__class__ is tuple and len(outcome) == 2)

    asyncio.run(check())
