"""CORS: what browsers are told of pages of other origins that may call, where the configuration
names such origins.

Whoever calls needs a key as ever, in a header that the page itself sets: browsers are never allowed
to add credentials of their own.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from gateway.api.request import Request
from gateway.config import EVERY_ORIGIN, OPAQUE_ORIGIN
from gateway.http.response import NoContent

PREFLIGHT: Final = "preflight"
"""Stands for the route of a browser's question whether it may send a request."""
MAX_AGE: Final = 7200
"""Seconds that a browser may remember the answer. None of them remembers longer than a day, some
not longer than this."""
MOST_HEADERS: Final = 64
"""That a request may ask for."""

_EXPOSED: Final = frozenset({"x-request-id", "retry-after", "x-should-retry"})
_OURS: Final = "x-llm-router-"
_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}").fullmatch


def is_preflight(http: Request) -> bool:
    """Whether a request by OPTIONS is a browser's question, and origins are configured."""
    headers = http.headers
    return (
        bool(http.config.server.cors_origins)
        and "origin" in headers
        and "access-control-request-method" in headers
    )


def answering(methods: str) -> Callable[[Request], Awaitable[web.StreamResponse]]:
    """A handler that answers the questions for a route that takes these methods."""

    async def preflight(http: Request) -> web.StreamResponse:
        response = NoContent()
        if _allowed(http) is not None:
            response.beside["access-control-allow-methods"] = methods
            response.beside["access-control-max-age"] = str(MAX_AGE)
            if names := _names(http.headers.get("access-control-request-headers", "")):
                response.beside["access-control-allow-headers"] = names
        return response

    return preflight


def tell(http: Request, headers: dict[str, str]) -> None:
    """Add to all headers of an answer what a browser must know of them. Only where origins are
    configured.
    """
    headers["vary"] = "origin"
    allowed = _allowed(http)
    if allowed is not None:
        exposed = [name for name in headers if name in _EXPOSED or name.startswith(_OURS)]
        headers["access-control-allow-origin"] = allowed
        headers["access-control-expose-headers"] = ", ".join(exposed)


def told(http: Request, headers: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """What gives the headers of an answer when they are sent, with what a browser must know of them
    where origins are configured.
    """
    if not http.config.server.cors_origins:
        return headers

    def all_of_them() -> dict[str, str]:
        told = headers()
        tell(http, told)
        return told

    return all_of_them


def _allowed(http: Request) -> str | None:
    """What the request's origin is told to be allowed as; None if it is not, or if there is
    none."""
    origin, origins = http.headers.get("origin"), http.config.server.cors_origins
    if origin in origins:
        return origin
    return EVERY_ORIGIN if EVERY_ORIGIN in origins and origin not in (None, OPAQUE_ORIGIN) else None


def _names(asked: str) -> str:
    """The names of headers that a request is to have, as far as they are names; empty if they are
    too many.
    """
    names = [name.strip().lower() for name in asked.split(",", MOST_HEADERS)]
    return "" if len(names) > MOST_HEADERS else ", ".join(dict.fromkeys(filter(_NAME, names)))
