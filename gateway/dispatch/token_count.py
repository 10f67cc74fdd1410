"""A provider's own count of a prompt's tokens, where it counts them for nothing: soon, or not at
all.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway.dispatch.send import MAX_ERROR_BYTES
from gateway.health.key_selection import choose
from gateway.routing.candidates import Candidate
from gateway.routing.state import RouterState
from gateway.upstream.client import UpstreamClient
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import Limit
from translators.dialect import Target, UpstreamRequest
from translators.errors import UpstreamError
from translators.json_codec import loads

TIME_LIMIT: Final = 5.0
"""Seconds; agents ask dozens of times in a row."""


async def counted(
    client: UpstreamClient,
    state: RouterState,
    candidate: Candidate,
    build: Callable[[Target], UpstreamRequest],
) -> int | None:
    """`input_tokens` as the provider says it; None for any other answer. Raises InvalidRequest."""
    provider, model = candidate.provider, candidate.model
    key = choose(provider, candidate.name, state.health, state.now(), state.random)
    if key is None and provider.keys:
        return None
    secret = "" if key is None else key.secret.get_secret_value()
    base_url = provider.base_url if model.base_url is None else model.base_url
    target = Target(provider.name, provider.dialect, base_url, model.id, model.record, secret)
    target.key_header, target.query = provider.key_header, provider.query
    request = build(target)
    limit = Limit(TIME_LIMIT, TOTAL_CLOCK)
    try:
        async with asyncio.timeout(TIME_LIMIT):
            response = await client.send(
                request, provider.timeouts, limit, provider.headers, provider.link
            )
            try:
                body = await response.read(MAX_ERROR_BYTES) if response.status == 200 else b""
            finally:
                response.close()
    except (UpstreamError, TimeoutError):
        return None
    return _number(body)


def _number(body: bytes) -> int | None:
    try:
        document: Any = loads(body)
    except ValueError:
        return None
    tokens = document.get("input_tokens") if document.__class__ is dict else None
    return tokens if tokens.__class__ is int and tokens > 0 else None
