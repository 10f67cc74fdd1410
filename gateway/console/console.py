"""The console of a running gateway: its routes, and what listens to events for it.

Its page asks every documented route that it needs under `/console`, where the console's own door
stands in place of callers' keys. gateway.app makes it only where it is enabled.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from aiohttp import web

from gateway.api import catalog, limits_admin
from gateway.api.auth import CONSOLE_PROXY, Admin
from gateway.api.chat import Handler, chat
from gateway.api.console_schemas import FiguresDocument, StatsDocument
from gateway.api.operators import Operator
from gateway.api.request import VERSION, Gateway, Request
from gateway.config import ConsoleSettings
from gateway.console import decisions, stats
from gateway.console.access import ConsoleAccess
from gateway.console.static_files import PAGE, SECURITY, StaticFiles
from gateway.errors import LimitsUnavailable, NotServed
from gateway.http.event_stream import EventStream
from gateway.http.offload import off_loop
from gateway.http.response import NoContent, Response, json_response
from gateway.telemetry.events import Event
from translators.dialect.inbound import InboundDialect
from translators.errors import InvalidRequest
from translators.json_codec import dumps
from translators.openai import inbound as chat_completions

Found = tuple[str, str, Handler, InboundDialect]
"""The route's own path, its id, the handler, and what errors are told in."""
_NOT_KEPT: Final = {"cache-control": "no-store"}
_LOOK: Final = 0.25
"""Seconds between two looks at this process's decisions for a stream, and _OTHERS at the other
workers'."""
_OTHERS: Final = 1.0
_MOST_STREAMS: Final = 32
_SPAN: Final = re.compile(r"([0-9]{1,6})([smh])").fullmatch
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_LONGEST_STEP: Final = 600
_READ: Final[Mapping[tuple[str, str], Handler]] = {
    ("GET", "/api/v1/personas"): catalog.list_personas,
    ("GET", "/api/v1/providers"): catalog.list_providers,
    ("POST", "/api/v1/route"): catalog.route,
}
_DONE: Final[Mapping[tuple[str, str], Handler]] = {
    ("POST", "/v1/chat/completions"): chat(chat_completions),
}
"""Routes that the page asks under /console: what may be looked at, and what only admins do."""
_COUNTED: Final[Mapping[tuple[str, str], Handler]] = {
    ("GET", "/api/v1/spend"): limits_admin.spend,
    ("GET", "/api/v1/ledger"): limits_admin.ledger,
    ("GET", "/api/v1/audit"): limits_admin.audit,
    ("GET", "/api/v1/limits"): limits_admin.limits,
    ("POST", "/api/v1/limits/raise"): limits_admin.raise_limit,
    ("GET", "/api/v1/keys"): limits_admin.list_keys,
    ("POST", "/api/v1/keys"): limits_admin.create_key,
    ("PATCH", "/api/v1/keys/{id}"): limits_admin.change_key,
    ("DELETE", "/api/v1/keys/{id}"): limits_admin.revoke_key,
    ("POST", "/api/v1/keys/{id}/rotate"): limits_admin.rotate_key,
    ("POST", "/api/v1/keys/{id}/disable"): limits_admin.disable_key,
    ("POST", "/api/v1/keys/{id}/enable"): limits_admin.enable_key,
}
"""The same of keys and spend, which are for operators."""
_KEY: Final = re.compile(r"(?<=^/api/v1/keys/)[^/]+")
_ONE_DECISION: Final = "/api/v1/decisions/"


class Console:
    """Made at start. `clock` gives seconds since 1970."""

    def __init__(
        self,
        settings: ConsoleSettings,
        admin: Admin,
        opened: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`opened`: everybody who reaches it may look, and send requests."""
        self._settings = settings
        self._clock = clock
        self._access = ConsoleAccess(settings, admin, opened, clock)
        self._files = StaticFiles()
        self._stats = stats.Stats(clock)
        self._decisions = decisions.Decisions(clock)
        self._streams = 0

    def on_event(self, event: Event) -> None:
        self._stats.on_event(event)
        self._decisions.on_event(event)

    def answers(self, gateway: Gateway) -> dict[str, Callable[[Any], Awaitable[Any]]]:
        """What a worker answers when another one asks."""

        async def told(window: int) -> dict[str, Any]:
            return {**await off_loop(self._stats.told, window), "in_flight": gateway.running}

        async def after(cursors: Mapping[str, int]) -> dict[str, Any]:
            number = 0 if gateway.peers is None else gateway.peers.number
            return self._decisions.after(cursors.get(str(number), 0))

        return {"stats": told, "decisions": after}

    def find(self, http: Request) -> Found | None:
        """The route that a request asks for, if it is one of these."""
        method, path = http.method, http.path
        method = "GET" if method == "HEAD" else method
        if path == "/":
            is_page = method == "GET" and "text/html" in http.headers.get("accept", "")
            return ("/console", "", self._lead, chat_completions) if is_page else None
        if path in ("/api/v1/stats", "/api/v1/decisions"):
            handler = self._stats_of if path == "/api/v1/stats" else self._decisions_of
            return (path, "", handler, chat_completions) if method == "GET" else None
        if path != "/console" and not path.startswith("/console/"):
            return None
        return (CONSOLE_PROXY, "", self._under(method, path[8:]), chat_completions)

    def _under(self, method: str, path: str) -> Handler:
        """What stands under /console."""
        own: Mapping[tuple[str, str], Handler] = {
            ("GET", ""): partial(self._file, PAGE),
            ("GET", "/"): partial(self._file, PAGE),
            ("GET", "/session"): self._session,
            ("POST", "/session"): self._login,
            ("DELETE", "/session"): self._logout,
            ("GET", "/api/v1/stats"): self._stats_of,
            ("GET", "/api/v1/decisions"): self._decisions_of,
        }
        if (handler := own.get((method, path))) is not None:
            return handler
        if (handler := _READ.get((method, path))) is not None:
            return partial(self._looked, handler)
        if (handler := _DONE.get((method, path))) is not None:
            return partial(self._did, handler)
        if (handler := _COUNTED.get((method, _KEY.sub("{id}", path)))) is not None:
            key = _KEY.search(path)
            return partial(self._counted, handler, key[0] if key else "")
        if method == "GET" and path.startswith(_ONE_DECISION):
            return partial(self._one_decision, path.removeprefix(_ONE_DECISION))
        if method == "GET" and path.count("/") == 1:
            return partial(self._file, path[1:])
        return self._unknown

    async def _unknown(self, http: Request) -> Response:
        raise NotServed(404, f"Not Found: {http.method} {http.path[:200]}")

    async def _lead(self, http: Request) -> Response:
        """GET / of a browser."""
        return Response(b"", 303, "text/plain", {"location": "/console", **_NOT_KEPT})

    async def _file(self, name: str, http: Request) -> Response:
        return self._files.answer(name, http)

    async def _session(self, http: Request) -> Response:
        """GET /console/session: how one comes in, and who asks. 401 for nobody yet."""
        role = self._access.check(http)
        gateway = http.gateway
        return _data(
            {
                "access": self._access.mode,
                "role": role,
                "simulated": gateway.simulated,
                "keys": not gateway.access.open,
                "limits": gateway.admission is not None,
                "administrates": self._access.administrates(http),
                "version": VERSION,
                "trace_url": self._settings.trace_url,
            }
        )

    async def _login(self, http: Request) -> Response:
        document, _ = await http.read_json()
        key = document.get("key") if isinstance(document, dict) else None
        if not isinstance(key, str) or not key:
            raise InvalidRequest("'key' must be the admin key.", "key")
        cookie = self._access.login(http, key)
        if (admission := http.gateway.admission) is not None:
            with contextlib.suppress(LimitsUnavailable):  # it stands in the log, too
                await admission.administrator.note_login(Operator("admin", http.remote or "", None))
        return _signed(cookie)

    async def _logout(self, http: Request) -> Response:
        return _signed(self._access.logout(http))

    async def _looked(self, handler: Handler, http: Request) -> web.StreamResponse:
        self._access.check(http)
        return _private(await handler(http))

    async def _did(self, handler: Handler, http: Request) -> web.StreamResponse:
        self._access.check_admin(http)
        return _private(await handler(http))

    async def _counted(self, handler: Handler, name: str, http: Request) -> web.StreamResponse:
        """What is for operators; `name` is the key's id in the path."""
        http.id, http.operator = name, self._access.check_operator(http)
        return _private(await handler(http))

    async def _one_decision(self, name: str, http: Request) -> web.StreamResponse:
        self._access.check(http)
        http.id = name
        return _private(await catalog.decision(http))

    async def _stats_of(self, http: Request) -> Response:
        """GET /api/v1/stats."""
        self._access.check(http)
        gateway, config = http.gateway, http.config
        window = _span(http, "window", stats.WINDOW, stats.WINDOW)
        step = _span(http, "step", stats.STEP, _LONGEST_STEP)
        told = [answer for _, answer in await self._asked(gateway, "stats", window)]
        figures = await off_loop(_figures, told, step)
        document: StatsDocument = {
            "time": int(self._clock()),
            "revision": config.revision,
            "simulated": gateway.simulated,
            "store": config.server.responses_store,
            "workers": None if gateway.peers is None else await gateway.peers.standing(),
            "window_seconds": window,
            "step_seconds": step,
            "in_flight": sum(one["in_flight"] for one in told),
            **figures,
        }
        return _data(document)

    async def _decisions_of(self, http: Request) -> web.StreamResponse:
        """GET /api/v1/decisions."""
        self._access.check(http)
        last = http.headers.get("last-event-id")
        cursor = decisions.read_cursor(http.query.get("after", "") if last is None else last)
        if http.method == "GET" and "text/event-stream" in http.headers.get("accept", ""):
            return await self._streamed(http, cursor)
        answers = await self._asked(http.gateway, "decisions", _told(cursor))
        return _data(decisions.merged(answers, cursor))

    async def _streamed(self, http: Request, cursor: decisions.Cursor) -> web.StreamResponse:
        if self._streams >= _MOST_STREAMS:
            raise NotServed(503, "Too many pages of the console are open.")
        interval = http.config.server.keep_alive_interval
        self._streams += 1
        try:
            with EventStream(
                http, interval, lambda: SECURITY, lambda: b": \n\n", "text/event-stream"
            ) as out:
                await out.write(b"retry: 2000\n\n")
                try:
                    async for event in self._events(http.gateway, cursor):
                        await out.write(event)
                except asyncio.CancelledError:
                    if http.caller.cut_for is None:
                        raise
                return await out.end(b"")
        finally:
            self._streams -= 1

    async def _events(self, gateway: Gateway, cursor: decisions.Cursor) -> AsyncIterator[bytes]:
        """The newest at once, then what comes, until the gateway stops."""
        first, asked_at, seen = True, 0.0, -1
        while not gateway.draining:
            now = self._clock()
            others = gateway.peers is not None and abs(now - asked_at) >= _OTHERS
            if first or others or self._decisions.last != seen:
                seen, asked_at = self._decisions.last, now
                answers = await self._asked(gateway, "decisions", _told(cursor))
                document = decisions.merged(answers, cursor)
                if first or document["decisions"]:
                    first = False
                    yield b"id: %b\nevent: decisions\ndata: %b\n\n" % (
                        document["next"].encode(), dumps(document)
                    )  # fmt: skip
            await asyncio.sleep(_LOOK)

    async def _asked(self, gateway: Gateway, question: str, about: Any) -> list[tuple[int, Any]]:
        """What each worker answers, by its number; one that does not is left out."""
        own = await self.answers(gateway)[question](about)
        if gateway.peers is None:
            return [(0, own)]
        others = await gateway.peers.others(question, about)
        return [(gateway.peers.number, own), *(one for one in others if one[1] is not None)]


def _figures(told: list[Any], step: int) -> FiguresDocument:
    merged = stats.Merged(told, step)
    return {
        "total": merged.total.document(),
        "points": merged.points(),
        "personas": merged.named("personas"),
        "targets": merged.named("targets"),
    }


def _told(cursor: decisions.Cursor) -> dict[str, int]:
    """As JSON can say it."""
    return {str(worker): number for worker, number in cursor.items()}


def _span(http: Request, name: str, default: int, most: int) -> int:
    """Seconds that a parameter of the query says. Raises InvalidRequest."""
    text = http.query.get(name)
    if text is None:
        return default
    match = _SPAN(text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not stats.STEP <= seconds <= most or seconds % stats.STEP:
        raise InvalidRequest(
            f"{name!r} must be a multiple of {stats.STEP}s up to {most}s, like 5m.", name
        )
    return seconds


def _data(document: Any) -> Response:
    return json_response(document, headers={**SECURITY, **_NOT_KEPT})


def _private(response: web.StreamResponse) -> web.StreamResponse:
    if isinstance(response, Response):
        response.beside.update({**SECURITY, **_NOT_KEPT})
    return response


def _signed(cookie: str) -> Response:
    answer = NoContent()
    answer.beside.update({**SECURITY, **_NOT_KEPT, "set-cookie": cookie})
    return answer
