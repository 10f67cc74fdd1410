"""gateway.http.event_stream: nothing is written behind the end of an answer, however slowly it is
read.
"""

import asyncio

from aiohttp import web

from gateway.http.event_stream import EventStream

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
