"""Every route, one line each, and which of them a request asks for."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from aiohttp import web

from gateway.api import (
    admin,
    catalog,
    cors,
    gemini,
    gemini_models,
    health,
    limits_admin,
    messages,
    responses,
    stored_responses,
)
from gateway.api.chat import Handler, chat
from gateway.api.count_tokens import count_tokens
from gateway.api.embeddings import embeddings
from gateway.api.native_chat import native_chat
from gateway.api.openapi import openapi
from gateway.api.request import Request
from gateway.errors import NotServed
from translators.claude import inbound as claude_messages
from translators.dialect.inbound import InboundDialect
from translators.gemini import inbound as gemini_api
from translators.openai import inbound as chat_completions
from translators.responses.inbound import dialect as responses_dialect


class Route(NamedTuple):
    """`path` may end with `{id}`, which is one segment, or with `{id:.+}`, which is all that is
    left. Other names stand for a segment that nobody reads.
    """

    method: str
    path: str
    handler: Handler
    dialect: InboundDialect = chat_completions
    """What its callers speak: errors are told in it."""


class Found(NamedTuple):
    """What a request asks for."""

    path: str
    """The route's own; `unknown` if there is none."""
    id: str
    handler: Handler
    """Raises NotServed if there is no such route, or not by this method."""
    dialect: InboundDialect


def _responses(version: str) -> tuple[Route, ...]:
    """The Responses API, also for base URLs that lack the version."""
    at, dialect = f"{version}/responses", responses_dialect
    return (
        Route("POST", at, responses.create, dialect),
        Route("GET", at, responses.websocket, dialect),
        Route("POST", f"{at}/input_tokens", responses.input_tokens, dialect),
        Route("POST", f"{at}/compact", responses.compact, dialect),
        Route("GET", f"{at}/{{id}}", stored_responses.get_response, dialect),
        Route("DELETE", f"{at}/{{id}}", stored_responses.delete_response, dialect),
        Route("POST", f"{at}/{{id}}/cancel", stored_responses.cancel_response, dialect),
        Route("GET", f"{at}/{{id}}/input_items", stored_responses.input_items, dialect),
    )


_KEY: Final = "/api/v1/keys/{id}"
_TEAM: Final = "/api/v1/teams/{id}"
_LIMITS: Final = (
    Route("POST", "/api/v1/keys", limits_admin.create_key),
    Route("GET", "/api/v1/keys", limits_admin.list_keys),
    Route("GET", _KEY, limits_admin.get_key),
    Route("PATCH", _KEY, limits_admin.change_key),
    Route("DELETE", _KEY, limits_admin.revoke_key),
    Route("POST", f"{_KEY}/rotate", limits_admin.rotate_key),
    Route("POST", f"{_KEY}/disable", limits_admin.disable_key),
    Route("POST", f"{_KEY}/enable", limits_admin.enable_key),
    Route("GET", "/api/v1/teams", limits_admin.list_teams),
    Route("GET", _TEAM, limits_admin.get_team),
    Route("PUT", _TEAM, limits_admin.put_team),
    Route("DELETE", _TEAM, limits_admin.remove_team),
    Route("GET", "/api/v1/limits", limits_admin.limits),
    Route("POST", "/api/v1/limits/raise", limits_admin.raise_limit),
    Route("GET", "/api/v1/me", limits_admin.me),
    Route("GET", "/api/v1/spend", limits_admin.spend),
    Route("GET", "/api/v1/ledger", limits_admin.ledger),
    Route("GET", "/api/v1/audit", limits_admin.audit),
)
"""Keys, limits and what was spent."""
ROUTES: Final = (
    Route("POST", "/v1/chat/completions", chat(chat_completions)),
    Route("POST", "/v1/messages", messages.create, claude_messages),
    Route("POST", "/v1/messages/count_tokens", messages.count_tokens, claude_messages),
    *_responses(""),
    *_responses("/v1"),
    Route("POST", "/v1/conversations", responses.no_conversations, responses_dialect),
    Route("GET", "/v1/conversations/{id:.+}", responses.no_conversations, responses_dialect),
    Route("GET", "/v1/models", catalog.list_models),
    Route("GET", "/v1/models/{id:.+}", catalog.get_model),
    Route("GET", "/models", catalog.list_for_codex, responses_dialect),
    Route("POST", "/v1/embeddings", embeddings),
    *(Route("POST", path, gemini.call, gemini_api) for path in gemini.PATHS),
    *(Route("GET", path, gemini_models.list_models, gemini_api) for path in gemini.LISTS),
    *(
        Route("GET", f"{path}/{{id:.+}}", gemini_models.get_model, gemini_api)
        for path in gemini.LISTS
    ),
    *(
        Route("GET", path, gemini_models.list_publisher_models, gemini_api)
        for path in gemini.PUBLISHERS
    ),
    *(
        Route("GET", f"{path}/{{id:.+}}", gemini_models.get_publisher_model, gemini_api)
        for path in gemini.PUBLISHERS
    ),
    Route("POST", "/api/v1/chat", native_chat),
    Route("GET", "/api/v1/personas", catalog.list_personas),
    Route("GET", "/api/v1/providers", catalog.list_providers),
    Route("POST", "/api/v1/route", catalog.route),
    Route("GET", "/api/v1/decisions/{id}", catalog.decision),
    Route("POST", "/api/v1/tokens", count_tokens),
    *_LIMITS,
    Route("POST", "/-/reload", admin.reload),
    Route("GET", "/health", health.health),
    Route("GET", "/health/ready", health.ready),
    Route("GET", "/metrics", health.metrics),
    Route("GET", "/openapi.json", openapi),
)


_INSTEAD: Final = {
    "/v1/completions": (
        "legacy completions are not served, send `messages` to POST /v1/chat/completions"
    )
}
"""Paths that callers may expect, and what to ask in their place."""


class Variant(NamedTuple):
    """What a path of several APIs is for clients of another one."""

    is_asked: Callable[[Request], bool]
    handler: Handler
    dialect: InboundDialect


VARIANTS: Final[dict[str, tuple[Variant, ...]]] = {
    "/v1/models": (
        Variant(gemini_models.is_asked, gemini_models.list_models, gemini_api),
        Variant(messages.is_asked, messages.list_models, claude_messages),
        Variant(catalog.is_asked_by_codex, catalog.list_for_codex, responses_dialect),
    ),
    "/v1/models/{id:.+}": (
        Variant(gemini_models.is_asked, gemini_models.get_model, gemini_api),
        Variant(messages.is_asked, messages.get_model, claude_messages),
    ),
}
"""By the path of a route that answers GET; the first that is asked for holds."""


async def _unknown(http: Request) -> web.StreamResponse:
    instead = f": {_INSTEAD[http.path]}" if http.path in _INSTEAD else ""
    raise NotServed(404, f"Not Found: {http.method} {http.path[:200]}{instead}")


def _only_by(allowed: str) -> Handler:
    async def refused(http: Request) -> web.StreamResponse:
        raise NotServed(
            405, f"Method Not Allowed: {http.method} {http.path[:200]}", headers={"allow": allowed}
        )

    return refused


SPOKEN: Final[tuple[tuple[str, InboundDialect], ...]] = (
    ("/v1/messages", claude_messages),
    ("/v1/responses", responses_dialect),
    ("/responses", responses_dialect),
    *((prefix, gemini_api) for prefix in gemini.PREFIXES),
)
"""What is spoken under a path for which there is no route: beginnings of paths."""
UNKNOWN: Final = "unknown"
_UNKNOWN: Final = Found(UNKNOWN, "", _unknown, chat_completions)


def _methods() -> dict[str, dict[str, Route]]:
    """The routes of each path by method. What answers GET answers HEAD."""
    methods: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        for name in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            methods.setdefault(route.path, {})[name] = route
    return methods


_METHODS: Final = _methods()
BY_PATH: Final = {
    (method, path): Found(path, "", route.handler, route.dialect)
    for path, methods in _METHODS.items()
    for method, route in methods.items()
    if "{" not in path and path not in VARIANTS
}
"""By method and path, as it came: nearly all ask for one that needs no decoding, which would cost
2 µs."""


def _pattern(path: str) -> re.Pattern[str]:
    ids = path.replace("{id}", "(?P<id>[^/]+)").replace("{id:.+}", "(?P<id>.+)")
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", ids))


def _heads(path: str) -> tuple[str, str]:
    """How a path begins: its first two segments, and its first."""
    segments = path.split("/", 3)
    return "/".join(segments[:3]), "/".join(segments[:2])


_OPEN: Final[dict[str, list[tuple[re.Pattern[str], str]]]] = {}
"""The routes with braces, by as much of what `_heads` gives as has none."""
for _path in filter(lambda path: "{" in path, _METHODS):
    _head = next(head for head in _heads(_path) if "{" not in head)
    _OPEN.setdefault(_head, []).append((_pattern(_path), _path))


@lru_cache(maxsize=256)  # most name one of a few personas
def _open_route(path: str) -> tuple[str, str]:
    """The path of the route with braces that a path belongs to, and its `id`; the path itself if
    there is none."""
    for head in _heads(path):
        for pattern, route in _OPEN.get(head, ()):
            if (match := pattern.fullmatch(path)) is not None:
                return route, match.groupdict().get("id", "")
    return path, ""


def find(http: Request) -> Found:
    """The route for a request that is not in BY_PATH."""
    if (console := http.gateway.console) is not None and (own := console.find(http)) is not None:
        return Found(*own)
    method, path = http.method, http.path
    known, id_ = (path, "") if path in _METHODS else _open_route(path)
    methods = _METHODS.get(known, {})
    if (route := methods.get(method)) is not None:
        if (
            route.method == "GET"
            and (variant := next((v for v in VARIANTS.get(known, ()) if v.is_asked(http)), None))
            is not None
        ):
            return Found(known.replace(":.+}", "}"), id_, variant.handler, variant.dialect)
        return Found(known.replace(":.+}", "}"), id_, route.handler, route.dialect)
    unsaid = claude_messages if messages.is_asked(http) else chat_completions
    dialect = next((dialect for prefix, dialect in SPOKEN if path.startswith(prefix)), unsaid)
    if not methods and (dialect is gemini_api or gemini_models.is_asked(http)):
        return Found(UNKNOWN, "", gemini.unknown, gemini_api)
    if not methods:
        return _UNKNOWN._replace(dialect=dialect)
    allowed = ",".join(sorted(methods))
    if method == "OPTIONS" and cors.is_preflight(http):
        return Found(cors.PREFLIGHT, "", cors.answering(allowed), dialect)
    return _UNKNOWN._replace(handler=_only_by(allowed), dialect=dialect)
