"""The HTTP protocol below the edge: bytes that are no request are answered as errors in the one
shape, and counted. aiohttp would answer in plain text, and log the bytes, in which a key may stand.
"""

import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from gateway.api.exchange import WRITE_TIMEOUT, publish_request_without_exchange
from gateway.api.middleware import edge, new_request_id
from gateway.api.request import Gateway, Request
from gateway.errors import INVALID_HTTP, NotServed, error_body
from gateway.http.response import Answer, Response, json_response
from gateway.routing.timeouts import total
from gateway.server.round_robin import RoundRobin

_NO_HTTP: Final = "The request is not valid HTTP, or a line of its head is too long."
_OUR_FAULT: Final = "The gateway failed to handle the request."


_KERNEL_BYTES: Final = 256 * 1024
"""Sent and not yet received: enough for 2.5 MB a second at 100 ms."""
_AFTER_TOTAL: Final = 5.0
"""Seconds for a caller to take anything once the time of its request is over."""
_LOOKS: Final = 20
"""Looks at a caller who takes nothing until its time is up."""


class _OneTask:
    """The loop as aiohttp's connections use it while they answer: a request is answered in its
    connection's own task, for one of its own, and two more turns of the loop, cost some 5 µs.
    (Only before Python 3.12: from then on aiohttp begins the task at once, and asks no loop.)
    """

    __slots__ = ("call_at", "create_future", "time")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.call_at = loop.call_at
        self.create_future = loop.create_future
        self.time = loop.time

    @staticmethod
    def create_task(answering: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        """What is awaited next."""
        return answering


class CallersProtocol(web.RequestHandler):
    """A caller's connection. Everything that is written for it waits in `_drain_helper` while it
    takes nothing.
    """

    __slots__ = (
        "_answers", "_gateway", "_held_up", "_turns", "_waits_since", "_was_paused", "cut_for"
    )  # fmt: skip

    if not TYPE_CHECKING:  # the same value as aiohttp's property, without a call
        writing_paused = web.RequestHandler._paused

    def __init__(
        self,
        manager: web.Server,
        gateway: Gateway,
        turns: RoundRobin,
        answers: _OneTask,
        **settings: Any,
    ) -> None:
        super().__init__(manager, **settings)
        self._gateway = gateway
        self._answers = answers
        self._turns = turns
        self._was_paused = False
        """Reading was, and has not gone on yet."""
        self.cut_for: str | None = None
        self._held_up = 0.0
        self._waits_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The kernel would keep megabytes for a caller who reads nothing, and take them as they
        come: that looks like reading.
        """
        super().connection_made(transport)
        if sys.version_info < (3, 12):  # its own task was made by the loop just now
            self._loop = self._answers  # type: ignore[assignment]
        ours: socket.socket | None = transport.get_extra_info("socket")
        if ours is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._turns.leave(self)
        super().connection_lost(exc)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """aiohttp's, where anything was paused: it is asked after each body that was read."""
        if self._reading_paused or self._was_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def _pause_transport_reading(self) -> None:
        self._was_paused = True
        super()._pause_transport_reading()

    def _resume_transport_reading(self) -> None:
        """aiohttp's, in turn with other connections that were paused, for bodies and for what is
        read and thrown away alike.
        """
        if self._was_paused:
            self._turns.wait(self)

    def read_on(self) -> None:
        """Its turn has come."""
        if not self._reading_paused and not self._buffer_paused:
            self._was_paused = False
            super()._resume_transport_reading()

    def begin(self) -> None:
        """A request of it begins."""
        self._held_up = 0.0

    def held_up(self) -> float:
        """Seconds in which the caller took nothing of what was there for it, in this request."""
        since = self._waits_since
        return self._held_up if since is None else self._held_up + self._loop.time() - since

    @property
    def key_id(self) -> str | None:
        """Whose key an exchange with a provider runs for."""
        http = self._current_request
        return http.key_id if isinstance(http, Request) and http.exchange is not None else None

    def cut(self, why: str) -> bool:
        """End what is being answered, if anything: it is told why, where it can be."""
        if self._current_request is None or self._task_handler is None:
            return False
        self.cut_for = why
        self._task_handler.cancel()
        return True

    async def _drain_helper(self) -> None:
        """aiohttp's, with a clock: whoever takes nothing for `server.write_timeout` is cut. That is
        no failure of the provider's, and it must not keep the place there. A caller who takes
        little, but something, is waited for.
        """
        if (
            self._waits_since is not None
        ):  # a comment waits behind the answer, or the answer behind a comment
            return await super()._drain_helper()
        self._waits_since = now = self._loop.time()
        timer = _Patience(self, now)
        try:
            await super()._drain_helper()
        finally:
            timer.end()
            self._held_up, self._waits_since = self.held_up(), None

    def patience(self) -> float:
        """Seconds without progress after which it is cut."""
        patience = self._gateway.reloader.config.server.write_timeout
        http = self._current_request
        if (
            not isinstance(http, Request)
            or (exchange := http.exchange) is None
            or exchange.plan is None
        ):
            return patience
        ends = exchange.started + total(exchange.plan.policy.persona)
        return patience if exchange.clock() < ends else min(patience, _AFTER_TOTAL)

    def give_up(self) -> None:
        """It takes nothing."""
        self.cut_for = WRITE_TIMEOUT
        if self.transport is not None:
            self.transport.abort()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """aiohttp's, for an answer of ours: it is not asked to prepare itself, nor written into a
        log of accesses, of which there is none.
        """
        if self._upgraded or not (resp.__class__ is Response or isinstance(resp, Answer)):
            return await super().finish_response(request, resp, start_time)
        request._finish()
        try:
            resp.begin(request)
            await resp.write_eof()
        except ConnectionError:
            return resp, True
        return resp, False

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(request, Request) and request.stream is not None:
            raise ConnectionError("the answer has begun: there is no place for another")
        error = NotServed(status, _NO_HTTP if status < 500 else _OUR_FAULT, INVALID_HTTP)
        request_id = new_request_id()
        publish_request_without_exchange(
            self._gateway, request_id, "unknown", time.perf_counter(), error.status, error
        )
        headers = {"x-request-id": request_id, "x-llm-router-request-id": request_id}
        response = json_response(error_body(error), error.status, headers)
        response.force_close()
        return response


class _Patience:
    """Looks whether a caller takes anything of what waits for it, until it gives it up or is
    ended."""

    def __init__(self, caller: CallersProtocol, now: float) -> None:
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._left = self._waiting()
        self._progress = now
        self._look()

    def end(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        now, left, patience = self._loop.time(), self._waiting(), self._caller.patience()
        if left < self._left:
            self._left, self._progress = left, now
        elif now - self._progress >= patience:
            self._caller.give_up()
            return
        self._timer = self._loop.call_later(patience / _LOOKS, self._look)

    def _waiting(self) -> int:
        """Bytes."""
        transport = self._caller.transport
        return 0 if transport is None else transport.get_write_buffer_size()


class HttpServer(web.Server):
    """aiohttp's server with our protocol and our edge. `settings` are those of aiohttp's
    RequestHandler.
    """

    def __init__(self, gateway: Gateway, max_body_bytes: int, **settings: Any) -> None:
        self._loop = asyncio.get_running_loop()
        request = partial(Request, gateway, loop=self._loop, client_max_size=max_body_bytes)
        super().__init__(edge, request_factory=request, handler_cancellation=True)  # type: ignore[arg-type]  # it gets what we make
        self._gateway = gateway
        self._settings = settings
        self._turns = RoundRobin(self._loop)
        self._answers = _OneTask(self._loop)

    def __call__(self) -> web.RequestHandler:
        return CallersProtocol(
            self, self._gateway, self._turns, self._answers, loop=self._loop, **self._settings
        )
