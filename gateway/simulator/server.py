"""The simulator's HTTP server: routes, the record of what arrived, start and stop."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final, cast

from aiohttp import web

from gateway.simulator import claude, embeddings, gemini, openai, responses
from gateway.simulator.answer import last_words
from gateway.simulator.conversation import Conversation, Dialect, Incoming, Refused, Reply
from gateway.simulator.delivery import deliver, respond
from gateway.simulator.script import read_script
from translators import json_codec

_ROUTES: Final[tuple[tuple[str, ModuleType, str], ...]] = (
    ("openai", openai, "/openai/v1/chat/completions"),
    ("openai", responses, "/openai/v1/responses"),
    ("claude", claude, "/claude/v1/messages"),
    (
        "gemini",
        gemini,
        "/gemini/v1beta/models/{model:[^:]+}:{method:generateContent|streamGenerateContent}",
    ),
)
"""What directives and records call the provider, the dialect, its path."""
_EMBEDDINGS: Final[
    tuple[tuple[str, ModuleType, Callable[[dict[str, Any], Incoming], dict[str, Any]], str], ...]
] = (
    ("openai", openai, embeddings.openai, "/openai/v1/embeddings"),
    ("gemini", gemini, embeddings.gemini, "/gemini/v1beta/models/{model:[^:]+}:batchEmbedContents"),
)
"""Likewise, with what makes the answer."""
_BASES: Final = {"openai": "/openai/v1", "claude": "/claude", "gemini": "/gemini"}
_KEYS: Final = frozenset({"authorization", "x-api-key", "x-goog-api-key", "cookie"})
_MAX_BODY: Final = 64 * 1024 * 1024


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
    _at_work: set[asyncio.Task[Any]] = field(default_factory=set)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The current task serves a request: `stop` cancels it."""
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)
        try:
            yield
        finally:
            self._at_work.discard(task)

    async def stop(self) -> None:
        for task in list(self._at_work):
            task.cancel()

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


def make_app() -> web.Application:
    """The dialects under /openai/v1 (which has two), /claude and /gemini. Its state is
    `app[SIMULATOR]`.
    """
    app = web.Application(client_max_size=_MAX_BODY)
    simulator = app[SIMULATOR] = Simulator()
    for name, module, path in _ROUTES:
        app.router.add_post(path, _handler(name, cast(Dialect, module), simulator))
    for name, module, answer, path in _EMBEDDINGS:
        app.router.add_post(path, _embeddings(name, cast(Dialect, module), answer, simulator))
    app.on_shutdown.append(lambda _: simulator.stop())
    return app


@asynccontextmanager
async def running(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Simulator]:
    """The simulator, listening until the block ends. Port 0 takes a free one; see `base_urls`."""
    app = make_app()
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        port = runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        simulator = app[SIMULATOR]
        simulator.base_urls.update(
            {name: f"http://{shown}:{port}{path}" for name, path in _BASES.items()}
        )
        yield simulator
    finally:
        await runner.cleanup()


def _handler(
    name: str, dialect: Dialect, simulator: Simulator
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        with simulator.at_work():
            raw = await request.read()
            body = _object(raw)
            headers = {key.lower(): value for key, value in request.headers.items()}
            kept = {key: value for key, value in headers.items() if key not in _KEYS}
            simulator.requests.append(Arrival(name, request.path, kept, body or {}))
            incoming = Incoming(
                hashlib.sha256(raw).hexdigest(), headers, request.match_info, request.query
            )
            try:
                dialect.check_access(headers)
                conversation = _read(dialect, body, incoming)
                script = read_script(last_words(conversation), name)
            except Refused as refusal:
                return respond(dialect.error(refusal))
            with simulator.streaming() if conversation.stream else nullcontext():
                return await deliver(request, dialect, conversation, script)

    return handle


def _embeddings(
    name: str,
    dialect: Dialect,
    answer: Callable[[dict[str, Any], Incoming], dict[str, Any]],
    simulator: Simulator,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        with simulator.at_work():
            raw = await request.read()
            body = _object(raw)
            headers = {key.lower(): value for key, value in request.headers.items()}
            kept = {key: value for key, value in headers.items() if key not in _KEYS}
            simulator.requests.append(Arrival(name, request.path, kept, body or {}))
            incoming = Incoming(
                hashlib.sha256(raw).hexdigest(), headers, request.match_info, request.query
            )
            try:
                dialect.check_access(headers)
                made = answer(body or {}, incoming)
            except Refused as refusal:
                return respond(dialect.error(refusal))
            except (KeyError, TypeError, AttributeError, IndexError) as error:
                return respond(
                    dialect.error(Refused(f"A field is missing or has the wrong type: {error!r}"))
                )
            return respond(Reply(200, {}, json_codec.dumps(made)))

    return handle


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json_codec.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _read(dialect: Dialect, body: dict[str, Any] | None, incoming: Incoming) -> Conversation:
    if body is None:
        raise Refused(
            "We could not parse the JSON body of your request: a JSON object is expected."
        )
    try:
        return dialect.read(body, incoming)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Refused(f"A field is missing or has the wrong type: {error!r}") from None
