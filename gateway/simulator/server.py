"""The simulator's HTTP server: routes, the record of what arrived, start and stop."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.simulator import dialects, embeddings
from gateway.simulator.conversation import last_words
from gateway.simulator.delivery import deliver
from gateway.simulator.exchange import Exchange, json_answer
from gateway.simulator.script import read_script
from translators import json_codec
from translators.dialect.inbound import Call
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject

_HOST: Final = "127.0.0.1"
_BASES: Final = {"openai": "/openai/v1", "claude": "/claude", "gemini": "/gemini"}
_KEYS: Final = frozenset({"authorization", "x-api-key", "x-goog-api-key", "cookie"})
_MAX_BODY: Final = 64 * 1024 * 1024
_SHUTDOWN: Final = 0.01
"""Seconds that are left to answers in the making: many never end."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it came, without its keys. `body` is {} when it was not a JSON object."""

    dialect: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(slots=True)
class Simulator:
    """What a running simulator knows of itself. `base_urls` is empty until it listens."""

    base_urls: dict[str, str] = field(default_factory=dict)
    requests: deque[Arrival] = field(default_factory=lambda: deque(maxlen=100))
    open_streams: int = 0
    closed_early: int = 0
    """Streams whose client left before the end."""

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Counts one stream while it lasts, and whether its client stayed."""
        self.open_streams += 1
        try:
            yield
        except (ConnectionError, asyncio.CancelledError):
            self.closed_early += 1
            raise
        finally:
            self.open_streams -= 1


SIMULATOR: Final = web.AppKey("simulator", Simulator)


def make_app(middlewares: Sequence[Middleware] = ()) -> web.Application:
    """The dialects under /openai/v1 (two), /claude and /gemini. Its state is `app[SIMULATOR]`."""
    app = web.Application(client_max_size=_MAX_BODY, middlewares=middlewares)
    simulator = app[SIMULATOR] = Simulator()
    for path, dialect in dialects.ROUTES.items():
        app.router.add_post(path, _handler(simulator, dialect))
    for path, (dialect, embed) in embeddings.ROUTES.items():
        app.router.add_post(path, _handler(simulator, dialect, embed))
    return app


@asynccontextmanager
async def running(
    port: int = 0, middlewares: Sequence[Middleware] = ()
) -> AsyncIterator[Simulator]:
    """The simulator, listening on loopback until the block ends. Port 0 takes a free one."""
    app = make_app(middlewares)
    runner = web.AppRunner(
        app, handler_cancellation=True, shutdown_timeout=_SHUTDOWN, access_log=None
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
        root = f"http://{_HOST}:{runner.addresses[0][1]}"
        app[SIMULATOR].base_urls.update({name: root + path for name, path in _BASES.items()})
        yield app[SIMULATOR]
    finally:
        await runner.cleanup()


def _handler(
    simulator: Simulator, dialect: type[Exchange], embed: embeddings.Embed | None = None
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        document = _object(raw)
        kept = {k.lower(): v for k, v in request.headers.items() if k.lower() not in _KEYS}
        simulator.requests.append(Arrival(dialect.PROVIDER, request.path, kept, document or {}))
        try:
            if document is None:
                raise InvalidRequest("The body of the request is no JSON object.")
            if embed is not None:
                return json_answer(embed(document, request.match_info))
            call = Call(request.headers, request.path_qs.removeprefix("/gemini"), raw, len(raw))
            exchange = dialect(document, call, hashlib.sha256(raw).hexdigest())
            script = read_script(last_words(exchange.conversation), dialect.PROVIDER)
            with simulator.streaming() if exchange.request.stream else nullcontext():
                return await deliver(request, exchange, script)
        except InvalidRequest as error:
            return dialect.refusal(error)

    return handle


def _object(raw: bytes) -> JsonObject | None:
    try:
        body = json_codec.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
