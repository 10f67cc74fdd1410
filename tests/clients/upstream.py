"""A provider on loopback that speaks all four dialects and has the model of `task` behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from aiohttp import web

from tests.clients.task import Asked, Call, Step, next_step
from tests.clients.wire import chat, claude, gemini, responses

KEY: Final = "provider-key"
_LARGEST_BODY: Final = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Seen:
    """A request for an answer, and what it was answered with, or why it was refused."""

    dialect: str
    asked: Asked | None = None
    step: Step | None = None
    refusal: str | None = None

    @property
    def call(self) -> Call | None:
        return self.step if isinstance(self.step, Call) else None


@dataclass(slots=True)
class Upstream:
    """`seen` has what arrived, `strays` the paths that are no API."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def environ(self) -> dict[str, str]:
        """All providers of a gateway at this server."""
        return {
            "ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{self.url}/v1", "OPENAI_API_KEY": KEY,
            "GEMINI_BASE_URL": self.url, "GEMINI_API_KEY": KEY,
        }  # fmt: skip

    def forget(self) -> None:
        self.seen.clear()
        self.strays.clear()

    async def answer(self, request: web.Request, dialect: str, module: ModuleType) -> web.Response:
        if not _authorised(request):
            return _json(module.error(401, "invalid key"), 401)
        body = await request.json()
        model, _, method = request.match_info.get("model", "").rpartition(":")
        refused = module.refusal(body)
        if dialect == "claude" and "anthropic-version" not in request.headers:
            refused = "anthropic-version: header is required"
        if refused is not None:
            self.seen.append(Seen(dialect, refusal=refused))
            return _json(module.error(400, refused), 400)
        asked = gemini.read(body, "stream" in method) if module is gemini else module.read(body)
        step = next_step(asked)
        self.seen.append(Seen(dialect, asked, step))
        answered = module.answer(asked, step, body.get("model", model))
        if not asked.stream:
            return _json(answered, 200)
        return web.Response(body=answered, content_type="text/event-stream")

    async def stray(self, request: web.Request) -> web.Response:
        self.strays.append(f"{request.method} {request.path_qs}")
        return web.json_response({"error": {"message": "no such route"}}, status=404)


def _authorised(request: web.Request) -> bool:
    given = request.headers
    bearer = given.get("authorization", "").removeprefix("Bearer ")
    return KEY in (bearer, given.get("x-api-key"), given.get("x-goog-api-key"))


def _json(body: bytes, status: int) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


async def _count(_: web.Request) -> web.Response:
    return web.json_response({"input_tokens": 100})


_ROUTES: Final = (
    ("/v1/messages", "claude", claude),
    ("/v1/chat/completions", "openai", chat),
    ("/v1/responses", "responses", responses),
    ("/v1beta/models/{model}", "gemini", gemini),
)


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """It listens on a free port of loopback."""
    server = Upstream()
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_post("/v1/messages/count_tokens", _count)
    for path, dialect, module in _ROUTES:
        app.router.add_post(path, _handler(server, dialect, module))
    app.router.add_route("*", "/{path:.*}", server.stray)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()


def _handler(server: Upstream, dialect: str, module: ModuleType) -> Any:
    async def handler(request: web.Request) -> web.Response:
        return await server.answer(request, dialect, module)

    return handler
