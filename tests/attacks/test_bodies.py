"""Request bodies that are too long, too slow, too many, or framed as nobody should."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps

GOOD = dumps({"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]})
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
CLOCKS = "drain_delay: 0, body_timeout: 0.3, body_total_timeout: 1.2"


@asynccontextmanager
async def running_with(server: str) -> AsyncIterator[Running]:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), POLICY.replace("drain_delay: 0", server)) as running,
    ):
        yield running


async def exchanged(running: Running, *pieces: bytes, pause: float = 0.0) -> bytes:
    """What comes back for `pieces`, to the end of the first head; nothing if it is not there within
    five seconds.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    answered = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    try:
        for piece in pieces:
            if answered.done():
                break
            writer.write(piece)
            await asyncio.sleep(pause)
        return await asyncio.wait_for(answered, 5)
    finally:
        writer.close()


@pytest.mark.parametrize("length", [20_001, 2**31, 2**63 - 1, 2**63])
@pytest.mark.parametrize("more", [b"", b"expect: 100-continue\r\n"])
async def test_a_declared_length_over_the_limit_is_413_at_once(length: int, more: bytes) -> None:
    async with running_with("drain_delay: 0, max_body_bytes: 20000") as running:
        head = await exchanged(running, HEAD + more + b"content-length: %d\r\n\r\n" % length)
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD),
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/2.0\r\nhost: x\r\n\r\n",
        HEAD + b"content-length: 99999999999999999999999\r\n\r\n",
    ],
    ids=["another transfer coding", "HTTP/0.9", "HTTP/2.0", "a length of 23 digits"],
)
async def test_what_is_not_our_http_is_400(sent: bytes) -> None:
    async with running_with("drain_delay: 0") as running:
        head = await exchanged(running, sent)
    assert head.split(b" ")[1] == b"400"
    assert b"connection: close" in head or head.startswith(b"HTTP/1.0")


async def test_a_steady_body_may_take_longer_than_one_read_may() -> None:
    whole = dumps({"model": "on_openai", "messages": [{"role": "user", "content": "x" * 100_000}]})
    pieces = [whole[start : start + 10_000] for start in range(0, len(whole), 10_000)]
    async with running_with(CLOCKS) as running:
        head = await exchanged(
            running, HEAD + b"content-length: %d\r\n\r\n" % len(whole), *pieces, pause=0.07
        )
    assert head.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "pieces",
    [[b"{"], [b" "] * 100, [b" " * 5_000] * 100],
    ids=["silent", "a byte at a time", "for too long"],
)
async def test_a_body_that_comes_too_slowly_is_408(pieces: list[bytes]) -> None:
    async with running_with(CLOCKS) as running:
        head = await exchanged(
            running, HEAD + b"content-length: 9000000\r\n\r\n", *pieces, pause=0.04
        )
        assert running.gateway.bodies.held == 0
    assert head.startswith(b"HTTP/1.1 408 ")


async def test_bodies_beyond_what_all_may_take_are_503() -> None:
    async with running_with("drain_delay: 0, max_bodies_bytes: 300000, body_timeout: 2") as running:
        half = asyncio.create_task(
            exchanged(running, HEAD + b"content-length: 250000\r\n\r\n", b" " * 200_000)
        )
        for _ in range(500):
            if running.gateway.bodies.held == 200_000:
                break
            await asyncio.sleep(0.01)
        head = await exchanged(running, HEAD + b"content-length: 150000\r\n\r\n", b" " * 120_000)
        small = await exchanged(running, HEAD + b"content-length: %d\r\n\r\n" % len(GOOD) + GOOD)
        assert (await half).startswith(b"HTTP/1.1 408 ")
        assert running.gateway.bodies.held == 0
        later = await exchanged(running, HEAD + b"content-length: 150000\r\n\r\n", b" " * 150_000)
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1\r\n" in head
    assert small.startswith(b"HTTP/1.1 200 ")
    assert later.startswith(b"HTTP/1.1 400 ")
