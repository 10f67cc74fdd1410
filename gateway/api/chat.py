"""What chat routes share: an exchange from its beginning to its record, and the persona's plan for it."""

import asyncio
import time
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
)
from gateway.http.offload import BIG, off_loop
from gateway.routing.decision import Decision, decide
from gateway.routing.facts import Caller
from gateway.routing.state import RoutingContext
from translators.chat.request import ChatRequest
from translators.errors import InvalidRequest
from translators.notes import Note

RESTARTING: Final = "restarting"
"""Why an answer is cut when the grace of a stop is over."""
WRITE_TIMEOUT: Final = "write_timeout"
"""Why a caller who takes nothing is cut."""
MODES: Final = ("report", "strict", "quiet")
_HALF_PAIR: Final = "the request's JSON text holds half of a surrogate pair (an escape like \\ud83d without its other half)"
_REPAIRED: Final = Note("repaired", "messages", f"{_HALF_PAIR}: U+FFFD stands for it")


class exchange_of:
    """The record of one chat request, told when it is over, however it ends. (A generator would cost ten microseconds more.)"""

    __slots__ = ("_caller", "_exchange", "_gateway")

    def __init__(self, http: Request, api: str) -> None:
        gateway = self._gateway = http.gateway
        if gateway.closing:
            stopping = Stopping("The server is shutting down.")
            stopping.retry_in(1.0)
            raise stopping
        caller = self._caller = http.caller
        exchange = Exchange(http.request_id, api, time.perf_counter, gateway.simulated, http.key_id, caller.held_up, http.in_memory.take)
        self._exchange = http.exchange = exchange

    def __enter__(self) -> Exchange:
        self._gateway.enter()
        return self._exchange

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        exchange = self._exchange
        match error:
            case None:
                pass
            case asyncio.CancelledError() | ConnectionResetError():
                self._left(exchange)
            case InvalidRequest() | RequestFailed():
                fail(exchange, error)
            case _:
                exchange.record_end("internal_error", 500, exchange.error_code)
        self._gateway.leave()
        exchange.publish(self._gateway.bus)

    def _left(self, exchange: Exchange) -> None:
        """The caller is not there any more: it left, or we cut it."""
        why = self._caller.cut_for
        outcome, status = ("restarting", 503) if why == RESTARTING else ("client_gone", 499)
        exchange.record_end(outcome, status, why)


def fail(exchange: Exchange, error: InvalidRequest | RequestFailed) -> None:
    """Note how the exchange failed."""
    outcome = _outcome_of(error) if exchange.outcome == "ok" else exchange.outcome
    exchange.record_end(outcome, error.status, error.code)


def _outcome_of(error: InvalidRequest | RequestFailed) -> str:
    """What the record calls it."""
    match error:
        case InvalidRequest():
            return "invalid_request"
        case NotAuthorized():
            return "not_authorized"
        case NotServed():
            return "internal_error" if error.status >= 500 else "invalid_request"
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
    """Tell of a request that is no exchange with providers: a catalog's, or one refused at the edge. `started`: by perf_counter."""
    exchange = Exchange(request_id, api, time.perf_counter, gateway.simulated, key_id, started=started)
    exchange.record_end("ok", status, None)
    if error is not None:
        fail(exchange, error)
    exchange.publish(gateway.bus)


async def prepare(gateway: Gateway, http: Request, request: ChatRequest, exchange: Exchange) -> Decision:
    """What will be done with a request, on record. Raises ModelNotFound, InvalidRequest."""
    exchange.set_stream(request.stream)
    decision, context = await decided(gateway, http, request)
    params = _mode(http, decision.params)
    if http.repaired and params == "strict":  # a text is sent as it came or not at all
        exchange.set_params(params, decision.notes)
        raise InvalidRequest(f"In strict mode nothing may be changed, but {_HALF_PAIR}.", "messages", "invalid_json")
    record = gateway.records.add(decision.plan, context.moment, exchange.request_id)
    exchange.record_decision(decision, record, params, (_REPAIRED, *decision.notes) if http.repaired else decision.notes)
    return decision


async def decided(gateway: Gateway, http: Request, request: ChatRequest) -> tuple[Decision, RoutingContext]:
    """The decision for a request, and the world it was made in. Near a limit the prompt is counted instead of estimated."""
    config, context = http.config, gateway.state.view()
    caller = Caller(http.key_id, http.headers)
    small = request.size <= BIG
    decision = decide(config, request, caller, context) if small else await off_loop(decide, config, request, caller, context)
    if decision.plan.near_limit:
        tokens = await gateway.counter.count_request(decision.request)
        if tokens is not None:
            context = gateway.state.view()
            asked = config, request, caller, context, tokens
            decision = decide(*asked) if small else await off_loop(decide, *asked)
    return decision, context


def _mode(http: Request, configured: str) -> str:
    asked = http.headers.get("x-llm-router-params")
    if asked is not None:
        if asked not in MODES:
            raise InvalidRequest(
                f"Invalid header 'x-llm-router-params': expected one of {', '.join(MODES)}.", "x-llm-router-params", "invalid_value"
            )
        return asked
    return "strict" if http.headers.get("x-llm-router-strict", "").lower() in ("true", "1") else configured
