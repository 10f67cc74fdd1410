"""gateway.http.event_stream: what is put goes out at once while its caller takes it, and nothing is
written behind the end of an answer, however slowly it is read.
"""

import asyncio
from typing import cast

import pytest
from aiohttp import HttpVersion11, web

from gateway.http.event_stream import EventStream
from gateway.http.request import IncomingRequest

SIZE = 16 * 1024 * 1024


async def test_no_comment_behind_the_end() -> None:
    """The last event waits until it is read, longer than the time between two comments."""

    async def handle(http: web.Request) -> web.StreamResponse:
        with EventStream(http, 0.02, dict, lambda: b": quiet\n\n", "text/event-stream") as out:
            return await out.end(b"x" * SIZE)

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    reader, writer = await asyncio.open_connection(host, port, limit=2**16)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0.3)
    assert int(await reader.readuntil(b"\r\n"), 16) == SIZE
    await reader.readexactly(SIZE)
    assert await reader.readexactly(7) == b"\r\n0\r\n\r\n"
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()
    await runner.cleanup()


class Caller:
    """Request, protocol, transport and writer of a caller in one: it notes what is written, and
    reads slowly while it is `full`.
    """

    def __init__(self) -> None:
        self.transport = self.writer = self.protocol = self
        self.version, self.method, self.keep_alive = HttpVersion11, "POST", True
        self.stream: object = None
        self.writes: list[bytes] = []
        self.writing_paused = self.gone = False
        self.reads = asyncio.Event()

    def full(self, full: bool) -> None:
        self.writing_paused = full
        (self.reads.clear if full else self.reads.set)()

    def is_closing(self) -> bool:
        return self.gone

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    async def drain(self) -> None:
        if self.writing_paused:
            await self.reads.wait()


def open_stream(caller: Caller) -> EventStream:
    return EventStream(
        cast(IncomingRequest, caller), 15.0, dict, lambda: b": quiet\n\n", "text/event-stream"
    )


async def test_what_is_put_goes_out_at_once_and_what_cannot_waits_for_the_flush() -> None:
    caller = Caller()
    with open_stream(caller) as out:
        assert not out.put(b"a")  # headers are not out: who flushes sends them
        assert caller.writes == []
        await out.flush()
        assert out.put(b"b")
        assert caller.writes[0].endswith(b"\r\n\r\n1\r\na\r\n")
        assert caller.writes[1:] == [b"1\r\nb\r\n"]
        await out.end(b"c")
    assert caller.writes[2:] == [b"1\r\nc\r\n0\r\n\r\n"]


async def test_who_reads_slowly_is_waited_for_before_more_is_put() -> None:
    caller = Caller()
    with open_stream(caller) as out:
        await out.write(b"a")
        caller.full(True)
        assert not out.put(b"b")
        flushed = asyncio.ensure_future(out.flush())
        await asyncio.sleep(0.01)
        assert not flushed.done()
        caller.full(False)
        await flushed
        assert out.put(b"c")
    assert caller.writes[1:] == [b"1\r\nb\r\n", b"1\r\nc\r\n"]


async def test_a_piece_that_fills_the_caller_up_is_waited_for() -> None:
    caller = Caller()
    with open_stream(caller) as out:
        await out.write(b"a")
        caller.write = lambda data: caller.full(True)  # type: ignore[method-assign]
        assert not out.put(b"b")
        flushed = asyncio.ensure_future(out.flush())
        await asyncio.sleep(0.01)
        assert not flushed.done()
        caller.full(False)
        await flushed


async def test_a_caller_who_has_gone_is_noticed_by_the_flush() -> None:
    caller = Caller()
    with open_stream(caller) as out:
        await out.write(b"a")
        caller.gone = True
        assert not out.put(b"b")
        with pytest.raises(ConnectionResetError):
            await out.flush()
