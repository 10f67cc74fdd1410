"""The yardstick: the smallest aiohttp relay on uvloop that does nothing but pass one request on and
its answer back.

python -m tests.bench.relay PORT UPSTREAM_PORT TLS_UPSTREAM_PORT: what comes under /tls is passed on
over TLS
"""

import sys

import aiohttp
import uvloop
from aiohttp import web

SESSION = web.AppKey("session", aiohttp.ClientSession)


def make_app(plain: str, tls: str) -> web.Application:
    app = web.Application(client_max_size=2**25)

    async def session(app: web.Application):  # type: ignore[no-untyped-def]
        app[SESSION] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )
        yield
        await app[SESSION].close()

    async def relay(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        upstream = tls if request.path.startswith("/tls") else plain
        async with request.app[SESSION].post(
            upstream, data=body, headers={"content-type": "application/json"}
        ) as answer:
            if answer.content_type == "application/json":
                return web.Response(body=await answer.read(), content_type="application/json")
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            async for data in answer.content.iter_any():
                await response.write(data)
            await response.write_eof()
            return response

    app.cleanup_ctx.append(session)
    app.router.add_post("/v1/chat/completions", relay)
    app.router.add_post("/tls/v1/chat/completions", relay)
    app.router.add_get("/health", lambda _: web.Response(text="ok"))  # type: ignore[arg-type, return-value]
    return app


if __name__ == "__main__":
    web.run_app(
        make_app(f"http://127.0.0.1:{sys.argv[2]}/v1/chat/completions",
         f"https://localhost:{sys.argv[3]}/v1/chat/completions"),
        loop=uvloop.new_event_loop(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None,
        print=None, handler_cancellation=True,
    )  # fmt: skip
