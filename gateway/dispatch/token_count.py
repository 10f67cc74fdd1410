"""A provider's own count of a prompt's tokens, where it counts them for nothing: soon, or not at
all.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.dispatch.send import MAX_ERROR_BYTES
from gateway.health.key_selection import choose
from gateway.routing.candidates import Candidate
from gateway.routing.state import RouterState
from gateway.upstream.client import UpstreamClient
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import Limit
from translators.dialect import Target, UpstreamRequest
from translators.errors import UpstreamError
from translators.json_codec import JsonObject, loads


async def counted(
    client: UpstreamClient,
    state: RouterState,
    candidate: Candidate,
    build: Callable[[Target], UpstreamRequest],
    seconds: float,
) -> JsonObject | None:
    """What the provider answers within so many seconds; None for what is no answer. Raises
    InvalidRequest."""
    provider, model = candidate.provider, candidate.model
    key = choose(provider, candidate.name, state.health, state.now(), state.random)
    if key is None and provider.keys:
        return None
    secret = "" if key is None else key.secret.get_secret_value()
    base_url = provider.base_url if model.base_url is None else model.base_url
    target = Target(provider.name, provider.dialect, base_url, model.id, model.record, secret)
    target.key_header, target.query = provider.key_header, provider.query
    target.limits = provider.relay_limits
    request = build(target)
    limit = Limit(seconds, TOTAL_CLOCK)
    try:
        async with asyncio.timeout(seconds):
            response = await client.send(
                request, provider.timeouts, limit, provider.headers, provider.link
            )
            try:
                body = await response.read(MAX_ERROR_BYTES) if response.status == 200 else b""
            finally:
                response.close()
    except (UpstreamError, TimeoutError):
        return None
    try:
        document: Any = loads(body)
    except ValueError:
        return None
    return document if document.__class__ is dict else None


def number_of(document: JsonObject | None, name: str) -> int | None:
    """A count in an answer, if it is one."""
    tokens = None if document is None else document.get(name)
    return tokens if tokens.__class__ is int and tokens > 0 else None
