"""The edge: access, request ids, the route, and the one place where an exception becomes an answer."""

import asyncio
import contextlib
import logging
import re
from typing import Any, Final

from aiohttp import HttpVersion11, web

from gateway.api import cors
from gateway.api.access import ADMIN_ROUTES, OPEN_ROUTES
from gateway.api.context import Request
from gateway.api.responses import Response, Stream, json_response
from gateway.api.routes import UNKNOWN, find
from gateway.api.serving import tell_alone
from gateway.errors import NotServed, RequestFailed, error_body
from gateway.ids import unique
from translators.errors import InvalidRequest
from translators.jsontext import dumps

_log: Final = logging.getLogger("llm_router")
_WITHOUT_CALLERS_KEY: Final = OPEN_ROUTES | ADMIN_ROUTES | {cors.PREFLIGHT}
_NOT_TOLD: Final = OPEN_ROUTES | {cors.PREFLIGHT}
"""What is asked so often, and means so little, that it stands in no log as long as it is answered."""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def new_request_id() -> str:
    return f"req_{unique(24)}"


async def edge(http: Request) -> web.StreamResponse:
    """Around every request. Broad on purpose: the caller of a gateway always gets an answer in the one error shape."""
    headers = http.headers
    given = headers.get("x-request-id")
    http.request_id = given if given and _REQUEST_ID(given) else new_request_id()
    failed: InvalidRequest | RequestFailed | None = None
    try:
        http.route, http.id, handler = find(http)
        access = http.gateway.access
        if not access.open and (http.path if http.route == UNKNOWN else http.route) not in _WITHOUT_CALLERS_KEY:
            http.key_id = access.key_id(headers)
        if "expect" in headers and http.version >= HttpVersion11:
            await _expected(http)
        response = await handler(http)
    except (InvalidRequest, RequestFailed) as error:
        failed = error
    except ConnectionResetError:
        # The caller left while being written to. aiohttp logs what a handler raises, except this.
        raise asyncio.CancelledError from None
    except Exception as error:  # noqa: BLE001 - the outermost place
        # The type says where to look; the text may hold a caller's words.
        _log.error("internal error in %s %s: %s", http.method, http.path[:200], type(error).__name__, exc_info=_where(error))
        failed = NotServed(500, "The gateway failed to handle the request.")
        if http.stream is not None:
            return await _broken_off(http.stream, b"event: error\n" if http.path.startswith("/api/") else b"", error_body(failed))
    if failed is not None:
        response = json_response(error_body(failed), failed.status, None if isinstance(failed, InvalidRequest) else failed.headers)
    exchange = http.exchange
    if exchange is None and not (failed is None and http.route in _NOT_TOLD):
        tell_alone(http.gateway, http.request_id, http.route, http.started, response.status, failed, http.key_id)
    if isinstance(response, Response):
        if exchange is not None:
            response.beside.update(exchange.headers())
        else:
            response.beside["x-request-id"] = response.beside["x-llm-router-request-id"] = http.request_id
        if http.config.server.cors_origins:
            cors.tell(http, response.beside)
    return response


async def _expected(http: Request) -> None:
    """The caller waits for leave to send its body. Raises NotServed for any other expectation."""
    if http.headers["expect"].lower() != "100-continue":
        raise NotServed(417, f"Expectation Failed: {http.method} {http.path[:200]}")
    if (transport := http.transport) is not None:
        transport.write(_CONTINUE)


async def _broken_off(stream: Stream, name: bytes, body: Any) -> web.StreamResponse:
    """End a stream whose headers are out with the error as its last event, unless it has ended already."""
    if stream.ended:
        return stream
    with contextlib.suppress(ConnectionResetError):
        await stream.write(name + b"data: " + dumps(body) + b"\n\n")
        await stream.write_eof()
    return stream


class _Redacted(Exception):
    """Stands in for an exception whose text must not be logged."""


def _where(error: Exception) -> Any:
    """Exception info with the traceback but without the exception's own text."""
    return _Redacted, _Redacted(type(error).__name__), error.__traceback__
