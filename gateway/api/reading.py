"""A request body read from the wire: size, time, JSON and the hub's rules, each with its own answer."""

import asyncio
from typing import Any

from aiohttp import web

from gateway.api.context import GATEWAY
from gateway.errors import BodyTimeout
from gateway.off_loop import off_loop
from translators.errors import InvalidRequest
from translators.jsontext import first_flaw, loads


async def read_json(http: web.Request) -> tuple[Any, int]:
    """The decoded body and its size in bytes. Raises InvalidRequest, BodyTimeout; aiohttp answers 413 for one too large."""
    try:
        if http.content.is_eof():  # most bodies arrive with their headers: only the others need a clock
            text = await http.read()
        else:
            async with asyncio.timeout(http.app[GATEWAY].config.server.body_timeout):
                text = await http.read()
    except TimeoutError:
        limit = http.app[GATEWAY].config.server.body_timeout
        raise BodyTimeout(f"The request body did not arrive within {limit:g} seconds.") from None
    except web.RequestPayloadError:
        raise InvalidRequest("The request body ended early or is not encoded as its headers say.", None, "invalid_body") from None
    return await off_loop(len(text), _decoded, text), len(text)


def _decoded(text: bytes) -> Any:
    try:
        document = loads(text)
    except ValueError as error:
        raise InvalidRequest(f"The request body is not valid JSON: {error}.", None, "invalid_json") from None
    if (flaw := first_flaw(text, document)) is not None:
        raise InvalidRequest(f"The request body is not valid JSON: {flaw}.", None, "invalid_json")
    return document
