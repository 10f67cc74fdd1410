"""The edge: access, request ids, the route, and the one place where an exception becomes an
answer."""

import asyncio
import contextlib
import logging
import re
from typing import Any, Final

from aiohttp import HttpVersion10, HttpVersion11, web

from gateway.api import cors
from gateway.api.auth import ADMIN_ROUTES, CONSOLE_ROUTES, OPEN_ROUTES, google_key
from gateway.api.exchange import CUTS, KEY_REVOKED, RESTARTING, publish_request_without_exchange
from gateway.api.request import Request
from gateway.api.routes import BY_PATH, UNKNOWN, find
from gateway.api.web_pages import refuse_pages
from gateway.errors import (
    INVALID_HTTP,
    NotAuthorized,
    NotServed,
    RequestFailed,
    Stopping,
    caller_error,
    error_body,
)
from gateway.http.body import check_length
from gateway.http.response import Response, json_response
from gateway.telemetry.ids import unique
from gateway.telemetry.trace_context import TraceContext, read
from translators.errors import InvalidRequest
from translators.openai import inbound as chat

_log: Final = logging.getLogger("llm_router")
_WITHOUT_CALLERS_KEY: Final = OPEN_ROUTES | ADMIN_ROUTES | CONSOLE_ROUTES | {cors.PREFLIGHT}
_NOT_TOLD: Final = OPEN_ROUTES | CONSOLE_ROUTES | {cors.PREFLIGHT}
"""What is asked so often, and means so little, that it stands in no log as long as it is answered.
"""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def new_request_id() -> str:
    return f"req_{unique(24)}"


async def edge(http: Request) -> web.StreamResponse:
    """Around every request. Broad on purpose: callers always get an answer, in one error shape."""
    headers = http.headers
    given = headers.get("x-request-id")
    http.request_id = given if given and _REQUEST_ID(given) else f"req_{unique(24)}"
    if http.gateway.traces is not None or "traceparent" in headers:
        http.trace = _trace(http)
    failed: InvalidRequest | RequestFailed | None = None
    broken: RequestFailed | None = None  # what a stream must be ended with that had begun
    try:
        if http.version is not HttpVersion11 or "transfer-encoding" in headers:
            _check_framing(http)
        found = BY_PATH.get((http.method, http.raw_path)) or find(http)
        http.route, http.id, handler, http.dialect = found
        access = http.gateway.access
        if access.open:
            if http.route not in _WITHOUT_CALLERS_KEY and (
                "origin" in headers
                or "sec-fetch-site" in headers
                or (http.gateway.loopback and headers.get("host") not in http.gateway.hosts)
            ):  # else no page has sent it, and it came by a name that is known
                refuse_pages(http)
        elif (http.path if http.route == UNKNOWN else http.route) not in _WITHOUT_CALLERS_KEY:
            http.key_id = (
                access.key_id(headers)
                if http.dialect is chat
                else access.key_id(headers, google_key(headers, http.raw_path))
            )
        if "expect" in headers and http.version >= HttpVersion11:
            await _expected(http)
        response = await handler(http)
    except (InvalidRequest, RequestFailed) as error:
        failed = error
    except asyncio.CancelledError:
        if http.caller.cut_for not in CUTS:
            raise
        failed = broken = _cut(http.caller.cut_for)
    except ConnectionResetError:
        # The caller left while being written to. aiohttp logs what a handler raises, except this.
        raise asyncio.CancelledError from None
    except Exception as error:  # noqa: BLE001 - the outermost place
        failed = broken = _internal(http, error)
    finally:
        if http.in_memory.size:
            http.in_memory.give_back()
    if failed is not None:
        if broken is not None and http.stream is not None:
            return await _broken_off(http, broken)
        response = _error_response(http, failed)
    exchange = http.exchange
    if exchange is None and not (failed is None and http.route in _NOT_TOLD):
        _publish(http, response.status, failed)
    if isinstance(response, Response):
        response.beside.update(_names(http) if exchange is None else exchange.headers())
        if http.dialect is not chat:
            response.beside.update(http.dialect.headers(http.request_id))
        if http.config.server.cors_origins:
            cors.tell(http, response.beside)
    return response


def _names(http: Request) -> dict[str, str]:
    return {"x-request-id": http.request_id, "x-llm-router-request-id": http.request_id}


def _trace(http: Request) -> TraceContext | None:
    """Where the request stands in its caller's trace, or in one that begins here."""
    traces = http.gateway.traces
    return read(http.headers, unique(16)) if traces is None else traces.begin(http.headers)


def _publish(http: Request, status: int, failed: InvalidRequest | RequestFailed | None) -> None:
    """Tell of a request that was no exchange with providers."""
    publish_request_without_exchange(
        http.gateway, http.request_id, http.route, http.started, status, failed, http.key_id
    )


def _cut(why: str | None) -> RequestFailed:
    """Why the answer is cut: the grace of a stop is over, or its key was revoked."""
    if why == KEY_REVOKED:
        return NotAuthorized("This API key was revoked: the answer was cut.")
    failed = Stopping("The gateway is being restarted: the answer was cut.")
    failed.code = RESTARTING
    return failed


def _internal(http: Request, error: Exception) -> RequestFailed:
    """A fault of our own. The log's type says where to look; the text may hold a caller's words."""
    _log.error(
        "internal error in %s %s: %s",
        http.method,
        http.path[:200],
        type(error).__name__,
        exc_info=_where(error),
    )
    return NotServed(500, "The gateway failed to handle the request.")


def _error_response(http: Request, failed: InvalidRequest | RequestFailed) -> Response:
    """The failure in the words of those who call the route."""
    headers = {} if isinstance(failed, InvalidRequest) else failed.headers
    if http.dialect is chat:
        response = json_response(error_body(failed), failed.status, headers)
    else:
        written = http.dialect.write_error(caller_error(failed), http.request_id)
        response = Response(written.body, written.status, headers={**headers, **written.headers})
    if failed.code == INVALID_HTTP or not http.content.is_eof():
        # where the next request would begin is not sure, or nobody should have to send the rest of
        # the body
        response.force_close()
    return response


def _check_framing(http: Request) -> None:
    """Raises NotServed for a version or a transfer coding (RFC 9112, 2.3 and 6.1) that is not ours:
    what the parser made of it may be something else than what the caller meant.
    """
    if http.version not in (HttpVersion10, HttpVersion11):
        raise NotServed(400, "Only HTTP/1.0 and HTTP/1.1 are served.", INVALID_HTTP)
    if (
        coding := http.headers.get("transfer-encoding")
    ) is not None and coding.strip().lower() != "chunked":
        raise NotServed(400, "No transfer coding but 'chunked' is served.", INVALID_HTTP)


async def _expected(http: Request) -> None:
    """The caller waits for leave to send its body. Raises NotServed for any other expectation."""
    if http.headers["expect"].lower() != "100-continue":
        raise NotServed(417, f"Expectation Failed: {http.method} {http.path[:200]}")
    check_length(http)
    if (transport := http.transport) is not None:
        transport.write(_CONTINUE)


async def _broken_off(http: Request, failed: RequestFailed) -> web.StreamResponse:
    """End a stream whose headers are out with the error as its last event, unless it has ended
    already.
    """
    stream = http.stream
    assert stream is not None
    assert http.answer_writer is not None
    if not stream.ended:
        *before, last = http.answer_writer.fail(caller_error(failed)) or (b"",)
        with contextlib.suppress(ConnectionResetError):
            for piece in before:
                await stream.write(piece)
            await stream.write_eof(last)
    return stream


class _Redacted(Exception):
    """Stands in for an exception whose text must not be logged."""


def _where(error: Exception) -> Any:
    """Exception info with the traceback but without the exception's own text."""
    return _Redacted, _Redacted(type(error).__name__), error.__traceback__
