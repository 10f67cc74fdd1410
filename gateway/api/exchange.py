"""The record of one request, from its beginning until it is told to whoever listens."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from gateway.api.request import Gateway, Request
from gateway.dispatch.exchange import Exchange
from gateway.errors import (
    ModelNotFound,
    NoEligibleTarget,
    NotAuthorized,
    NotServed,
    ProviderQueueFull,
    RequestFailed,
    Stopping,
    UpstreamFailed,
    caller_error,
)
from gateway.telemetry.trace_context import RequestTrace, TraceContext
from translators.dialect.inbound import InboundDialect
from translators.errors import InvalidRequest
from translators.openai import inbound as chat

RESTARTING: Final = "restarting"
KEY_REVOKED: Final = "key_revoked"
CUTS: Final[Mapping[str | None, tuple[str, int]]] = {
    RESTARTING: ("restarting", 503),
    KEY_REVOKED: ("not_authorized", 401),
}
"""Why a caller is cut and told so: outcome and status. All others have left."""
"""Why an answer is cut when the grace of a stop is over."""
WRITE_TIMEOUT: Final = "write_timeout"
"""Why a caller who takes nothing is cut."""


class exchange_of:
    """The record of one chat request, told when it is over, however it ends. (A generator would
    cost ten microseconds more.)
    """

    __slots__ = ("_caller", "_dialect", "_exchange", "_gateway")

    def __init__(self, http: Request, api: str) -> None:
        gateway = self._gateway = http.gateway
        self._dialect = http.dialect
        if gateway.closing:
            stopping = Stopping("The server is shutting down.")
            stopping.retry_in(1.0)
            raise stopping
        caller = self._caller = http.caller
        exchange = Exchange(
            http.request_id,
            api,
            time.perf_counter,
            gateway.simulated,
            http.key_id,
            caller.held_up,
            http.in_memory.take,
        )
        if http.trace is not None:
            exchange.set_trace(_trace_of(http, http.trace))
        self._exchange = http.exchange = exchange

    def __enter__(self) -> Exchange:
        gateway = self._gateway
        gateway.running += 1
        gateway.begun += 1
        return self._exchange

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        exchange, gateway = self._exchange, self._gateway
        match error:
            case None:
                pass
            case asyncio.CancelledError() | ConnectionResetError():
                self._left(exchange)
            case InvalidRequest() | RequestFailed():
                fail(exchange, error, self._dialect)
            case _:
                exchange.record_end("internal_error", 500, exchange.error_code)
        gateway.running -= 1
        after = error is None and not exchange.stream and exchange.reservation is None
        if after:
            # The answer is about to be written, and goes out at the end of this turn of the loop.
            # Who has it and asks for the record of it is served in a later one.
            asyncio.get_running_loop().call_soon(exchange.publish, gateway.bus)
        if gateway.draining and gateway.running == 0:
            gateway.idle.set()
        if not after:
            exchange.publish(gateway.bus)

    def _left(self, exchange: Exchange) -> None:
        """The caller is not there any more: it left, or we cut it."""
        why = self._caller.cut_for
        outcome, status = CUTS.get(why, ("client_gone", 499))
        exchange.record_end(outcome, status, why)


def _trace_of(http: Request, here: TraceContext) -> RequestTrace:
    """What its span is made from, as far as that is known at the beginning."""
    gateway = http.gateway
    if not here.told:
        return RequestTrace(here, http.route, simulated=gateway.simulated)
    headers, address, agent = http.headers, None, None
    if http.config.server.tracing.caller:
        address, agent = http.remote, headers.get("user-agent")
    return RequestTrace(
        here,
        http.route,
        simulated=gateway.simulated,
        session=headers.get("x-llm-router-session"),
        team=None
        if gateway.admission is None
        else gateway.admission.rules(http.key_id).team or None,
        address=address,
        agent=agent,
    )


def fail(
    exchange: Exchange, error: InvalidRequest | RequestFailed, dialect: InboundDialect = chat
) -> None:
    """Note how the exchange failed, with the status that its caller is told in `dialect`."""
    outcome = _outcome_of(error) if exchange.outcome == "ok" else exchange.outcome
    status = (
        error.status
        if dialect is chat
        else dialect.write_error(caller_error(error), exchange.request_id).status
    )
    exchange.record_end(outcome, status, error.code)


def _outcome_of(error: InvalidRequest | RequestFailed) -> str:
    """What the record calls it."""
    match error:
        case InvalidRequest():
            return "invalid_request"
        case NotAuthorized():
            return "not_authorized"
        case NotServed():
            return (
                "internal_error"
                if error.status >= 500 and error.status != 501
                else "invalid_request"
            )
        case ModelNotFound() | NoEligibleTarget() | ProviderQueueFull():
            return "no_target"
        case UpstreamFailed():
            return "upstream_error"
        case _:
            return "refused"


def publish_request_without_exchange(
    gateway: Gateway,
    request_id: str,
    api: str,
    started: float,
    status: int,
    error: InvalidRequest | RequestFailed | None = None,
    key_id: str | None = None,
) -> None:
    """Tell of a request that is no exchange with providers: a catalog's, or one refused at the
    edge. `started`: by perf_counter.
    """
    exchange = Exchange(
        request_id, api, time.perf_counter, gateway.simulated, key_id, started=started
    )
    exchange.record_end("ok", status, None)
    if error is not None:
        fail(exchange, error)
    exchange.publish(gateway.bus)
