"""The edge: access, request ids, and the one place where an exception becomes an answer."""

import asyncio
import contextlib
import logging
import re
import time
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.api.access import ADMIN_ROUTES, OPEN_ROUTES
from gateway.api.context import CONFIG, EXCHANGE, GATEWAY, KEY_ID, REQUEST_ID, STREAM
from gateway.api.serving import tell_alone
from gateway.errors import NotServed, RequestFailed, error_body
from gateway.ids import unique
from translators.errors import InvalidRequest
from translators.jsontext import dumps

SERVER: Final = "llm-router"
_log: Final = logging.getLogger("llm_router")
_WITHOUT_CALLERS_KEY: Final = OPEN_ROUTES | ADMIN_ROUTES
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer, compact."""
    return web.Response(body=dumps(document), status=status, headers=headers, content_type="application/json")


def new_request_id() -> str:
    return f"req_{unique(24)}"


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Around every request. Broad on purpose: the caller of a gateway always gets an answer in the one error shape."""
    started = time.perf_counter()
    given = request.headers.get("x-request-id")
    request_id = given if given and _REQUEST_ID.fullmatch(given) else new_request_id()
    request[REQUEST_ID], request[EXCHANGE], request[KEY_ID] = request_id, None, None
    failed: InvalidRequest | RequestFailed | None = None
    try:
        gateway = request.app[GATEWAY]
        request[CONFIG] = gateway.config
        if not gateway.access.open and request.path not in _WITHOUT_CALLERS_KEY:
            request[KEY_ID] = gateway.access.key_id(request.headers)
        response = await handler(request)
    except (InvalidRequest, RequestFailed) as error:
        failed = error
    except web.HTTPException as error:
        allow = {"allow": error.headers["Allow"]} if "Allow" in error.headers else None
        failed = NotServed(error.status, f"{error.reason}: {request.method} {request.path[:200]}", headers=allow)
    except ConnectionResetError:
        # The caller left while being written to. aiohttp logs what a handler raises, except this.
        raise asyncio.CancelledError from None
    except Exception as error:  # noqa: BLE001 - the outermost place
        # The type says where to look; the text may hold a caller's words.
        _log.error("internal error in %s %s: %s", request.method, request.path[:200], type(error).__name__, exc_info=_where(error))
        failed = NotServed(500, "The gateway failed to handle the request.")
        if (stream := request.get(STREAM)) is not None:
            return await _broken_off(stream, b"event: error\n" if request.path.startswith("/api/") else b"", error_body(failed))
    if failed is not None:
        response = json_response(error_body(failed), failed.status, None if isinstance(failed, InvalidRequest) else failed.headers)
    if request[EXCHANGE] is None and not (failed is None and request.path in OPEN_ROUTES):
        tell_alone(gateway, request_id, _route(request), started, response.status, failed, request[KEY_ID])
    if not response.prepared:
        _add_headers(request, response, request_id)
    return response


def _route(request: web.Request) -> str:
    """The route's own path, of which there are few: never what a caller wrote."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


async def _broken_off(stream: web.StreamResponse, name: bytes, body: Any) -> web.StreamResponse:
    """End a stream whose headers are out with the error as its last event."""
    with contextlib.suppress(ConnectionResetError):
        await stream.write(name + b"data: " + dumps(body) + b"\n\n")
        await stream.write_eof()
    return stream


def _add_headers(http: web.Request, response: web.StreamResponse, request_id: str) -> None:
    exchange = http[EXCHANGE]
    response.headers.update(
        exchange.headers() if exchange is not None else {"x-request-id": request_id, "x-llm-router-request-id": request_id}
    )
    response.headers["server"] = SERVER


class _Redacted(Exception):
    """Stands in for an exception whose text must not be logged."""


def _where(error: Exception) -> Any:
    """Exception info with the traceback but without the exception's own text."""
    return _Redacted, _Redacted(type(error).__name__), error.__traceback__
