"""The HTTP protocol below the router: bytes that are no request, and requests that no route is asked about, are answered as errors in the
one shape, and counted. aiohttp would answer in plain text, and log the bytes, in which a key may stand.
"""

import asyncio
import time
from typing import Any, Final

from aiohttp import web

from gateway.api.context import GATEWAY, Gateway
from gateway.api.middleware import SERVER, json_response, new_request_id
from gateway.api.serving import tell_alone
from gateway.errors import NotServed, RequestFailed, error_body

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
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun: there is no place for another")
        response = _answer(self._gateway, NotServed(status, _NO_HTTP if status < 500 else _OUR_FAULT, "invalid_http"))
        response.force_close()
        return response


class _Server(web.Server):
    """aiohttp's server with our protocol, and our answer where its own part of the application refuses (an unknown `Expect`)."""

    def __init__(self, app: web.Application, server: web.Server, settings: dict[str, Any]) -> None:
        self._handle = server.request_handler
        self._gateway = app[GATEWAY]
        self._settings = settings
        super().__init__(self._served, request_factory=server.request_factory, handler_cancellation=server.handler_cancellation)

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, self._gateway, loop=asyncio.get_running_loop(), **self._settings)

    async def _served(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._handle(request)
        except web.HTTPException as error:
            return _answer(self._gateway, NotServed(error.status, f"{error.reason}: {request.method} {request.path[:200]}"))


class Runner(web.AppRunner):
    """An AppRunner whose server answers every error in the one shape. `settings` are those of aiohttp's RequestHandler."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float, **settings: Any) -> None:
        super().__init__(app, handler_cancellation=True, shutdown_timeout=shutdown_timeout)
        self._settings = settings

    async def _make_server(self) -> web.Server:
        return _Server(self.app, await super()._make_server(), self._settings)


def _answer(gateway: Gateway, error: RequestFailed) -> web.Response:
    request_id = new_request_id()
    response = json_response(error_body(error), error.status)
    response.headers.update({"x-request-id": request_id, "x-llm-router-request-id": request_id, "server": SERVER})
    tell_alone(gateway, request_id, "unknown", time.perf_counter(), error.status, error)
    return response
