"""The HTTP protocol below the edge: bytes that are no request are answered as errors in the one shape, and counted. aiohttp would answer
in plain text, and log the bytes, in which a key may stand.
"""

import asyncio
import time
from typing import Any, Final

from aiohttp import web

from gateway.api.context import Gateway, Request
from gateway.api.edge import edge, new_request_id
from gateway.api.responses import json_response
from gateway.api.serving import tell_alone
from gateway.errors import INVALID_HTTP, NotServed, error_body

_NO_HTTP: Final = "The request is not valid HTTP, or a line of its head is too long."
_OUR_FAULT: Final = "The gateway failed to handle the request."


class _Protocol(web.RequestHandler):
    __slots__ = ("_gateway",)

    def __init__(self, manager: web.Server, gateway: Gateway, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._gateway = gateway

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if isinstance(request, Request) and request.stream is not None:
            raise ConnectionError("the answer has begun: there is no place for another")
        error = NotServed(status, _NO_HTTP if status < 500 else _OUR_FAULT, INVALID_HTTP)
        request_id = new_request_id()
        tell_alone(self._gateway, request_id, "unknown", time.perf_counter(), error.status, error)
        headers = {"x-request-id": request_id, "x-llm-router-request-id": request_id}
        response = json_response(error_body(error), error.status, headers)
        response.force_close()
        return response


class HttpServer(web.Server):
    """aiohttp's server with our protocol and our edge. `settings` are those of aiohttp's RequestHandler."""

    def __init__(self, gateway: Gateway, max_body_bytes: int, **settings: Any) -> None:
        super().__init__(edge, request_factory=self._request, handler_cancellation=True)  # type: ignore[arg-type]  # it gets what we make
        self._gateway = gateway
        self._settings = settings
        self._max_body_bytes = max_body_bytes
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, self._gateway, loop=self._loop, **self._settings)

    def _request(self, *parts: Any) -> Request:
        return Request(self._gateway, *parts, self._loop, client_max_size=self._max_body_bytes)
