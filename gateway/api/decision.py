"""What will be done with a chat request: the persona's plan, made and put on record."""

from typing import Final

from gateway.api.request import Request
from gateway.dispatch.exchange import Exchange
from gateway.http.offload import BIG, off_loop
from gateway.routing.decision import Decision, decide
from gateway.routing.facts import Caller
from gateway.routing.state import RoutingContext
from translators.chat.request import ChatRequest
from translators.dialect.inbound import Origin
from translators.errors import InvalidRequest
from translators.notes import Note

MODES: Final = ("report", "strict", "quiet")
_HALF_PAIR: Final = (
    "the request's JSON text holds half of a surrogate pair (an escape like \\ud83d without its"
    " other half)"
)
_REPAIRED: Final = Note("repaired", "messages", f"{_HALF_PAIR}: U+FFFD stands for it")


async def prepare(
    http: Request, request: ChatRequest, exchange: Exchange, origin: Origin | None = None
) -> Decision:
    """What will be done with a request, on record. Raises ModelNotFound, InvalidRequest."""
    gateway = http.gateway
    exchange.set_stream(request.stream)
    decision, context = await decided(http, request, origin)
    params = params_mode(http, decision.params)
    if http.repaired and params == "strict":  # a text is sent as it came or not at all
        exchange.set_params(params, decision.notes)
        raise InvalidRequest(
            f"In strict mode nothing may be changed, but {_HALF_PAIR}.", "messages", "invalid_json"
        )
    record = gateway.records.add(decision.plan, context.moment, exchange.request_id)
    exchange.record_decision(
        decision, record, params, (_REPAIRED, *decision.notes) if http.repaired else decision.notes
    )
    return decision


async def decided(
    http: Request, request: ChatRequest, origin: Origin | None = None
) -> tuple[Decision, RoutingContext]:
    """The decision for a request, and the world it was made in. Near a limit the prompt is counted
    instead of estimated.
    """
    gateway, config, context = http.gateway, http.config, http.gateway.state.view()
    caller = Caller(http.key_id, http.headers)
    small = request.size <= BIG
    asked = config, request, caller, context, None, origin
    decision = decide(*asked) if small else await off_loop(decide, *asked)
    if decision.plan.near_limit:
        tokens = await gateway.counter.count_request(decision.request)
        if tokens is not None:
            context = gateway.state.view()
            counted = config, request, caller, context, tokens, origin
            decision = decide(*counted) if small else await off_loop(decide, *counted)
    if origin is not None and origin.resource is not None:
        _check_resource(decision, origin.resource)
    return decision, context


def _check_resource(decision: Decision, path: str) -> None:
    """What is stored under the gateway's key belongs to whoever else uses it, too. Raises
    InvalidRequest.
    """
    persona = decision.plan.policy.persona
    if persona is None or not persona.gemini_resources:
        name = decision.plan.policy.name
        raise InvalidRequest(
            f"'{path}' names what Google stores for this gateway, which callers of {name} may not"
            " (gemini_resources in the policy).",
            path,
            "unsupported_parameter",
        )


def params_mode(http: Request, configured: str) -> str:
    """What becomes of parameters that a provider cannot be told: as the request says, else as
    configured.
    """
    asked = http.headers.get("x-llm-router-params")
    if asked is not None:
        if asked not in MODES:
            raise InvalidRequest(
                f"Invalid header 'x-llm-router-params': expected one of {', '.join(MODES)}.",
                "x-llm-router-params",
                "invalid_value",
            )
        return asked
    return (
        "strict"
        if http.headers.get("x-llm-router-strict", "").lower() in ("true", "1")
        else configured
    )
