"""A request body read from the wire: size, time, JSON and the hub's rules, each with its own answer."""

import asyncio
from typing import Any, Final

from aiohttp import web

from gateway.api.context import Request
from gateway.errors import BodyTimeout, BodyTooLarge
from gateway.off_loop import BIG
from translators.errors import InvalidRequest
from translators.jsontext import first_flaw, loads, repaired_surrogates

_TOO_LARGE: Final = "The request body is larger than the server accepts."


async def read_json(http: Request) -> tuple[Any, int]:
    """The decoded body and its size in bytes; `http.repaired` then tells whether its text was mended.

    Raises InvalidRequest, BodyTimeout, BodyTooLarge.
    """
    content = http.content
    try:
        if content.is_eof():  # most bodies arrive with their headers: only the others need a clock
            text = content.read_nowait()
            if len(text) > http.client_max_size:
                raise BodyTooLarge(_TOO_LARGE)
        else:
            async with asyncio.timeout(http.config.server.body_timeout):
                text = await http.read()
    except TimeoutError:
        limit = http.config.server.body_timeout
        raise BodyTimeout(f"The request body did not arrive within {limit:g} seconds.") from None
    except web.HTTPRequestEntityTooLarge:
        raise BodyTooLarge(_TOO_LARGE) from None
    except web.RequestPayloadError:
        raise InvalidRequest("The request body ended early or is not encoded as its headers say.", None, "invalid_body") from None
    size = len(text)
    document, http.repaired = _decoded(text) if size <= BIG else await asyncio.to_thread(_decoded, text)
    return document, size


def _decoded(text: bytes) -> tuple[Any, bool]:
    """The document, and whether halves of surrogate pairs had to be taken out of its text: a conversation that has one would be stuck."""
    repaired = False
    try:
        document = loads(text)
    except ValueError as error:
        mended = repaired_surrogates(text)
        if mended is None:
            raise _invalid(str(error)) from None
        text, document, repaired = mended, _read(mended), True
    if (flaw := first_flaw(text, document)) is not None:
        raise _invalid(flaw)
    return document, repaired


def _read(text: bytes) -> Any:
    try:
        return loads(text)
    except ValueError as error:
        raise _invalid(str(error)) from None


def _invalid(flaw: str) -> InvalidRequest:
    return InvalidRequest(f"The request body is not valid JSON: {flaw}.", None, "invalid_json")
