"""What will be done with a chat request: the persona's plan, made and put on record."""

from typing import TYPE_CHECKING, Final

from gateway.api.request import Request
from gateway.dispatch.exchange import Exchange
from gateway.http.offload import BIG, off_loop
from gateway.routing.decision import Decision, decide
from gateway.routing.facts import Caller
from gateway.routing.state import Budget, RoutingContext
from translators.chat.request import ChatRequest
from translators.dialect.inbound import Origin
from translators.errors import InvalidRequest
from translators.notes import Note

if TYPE_CHECKING:
    from gateway.admission.service import Asking

MODES: Final = ("report", "strict", "quiet")
_PARAMS: Final = "x-llm-router-params"
_STRICT: Final = "x-llm-router-strict"
_HALF_PAIR: Final = (
    "the request's JSON text holds half of a surrogate pair (an escape like \\ud83d without its"
    " other half)"
)
_LONGEST: Final = "max_completion_tokens"
_FITTED: Final = "the budget that is left pays for an answer of {} tokens"
_REPAIRED: Final = Note("repaired", "messages", f"{_HALF_PAIR}: U+FFFD stands for it")


async def prepare(
    http: Request,
    request: ChatRequest,
    exchange: Exchange,
    origin: Origin | None = None,
    made: tuple[Decision, RoutingContext] | None = None,
) -> Decision:
    """What will be done with a request, on record; `made`: what `decided` gave for it. Raises
    ModelNotFound, InvalidRequest.
    """
    gateway = http.gateway
    if request.body.get("stream") is True:
        exchange.set_stream(True)
    decision, context = made or await decided(http, request, origin)
    cluster = gateway.cluster
    if (
        cluster is not None
        and cluster.misses(decision.plan)
        and await cluster.learn_pin(decision.plan)
    ):
        decision, context = await decided(http, request, origin)
    if gateway.admission is not None:
        decision = await admitted(http, request, exchange, decision, origin)
    params: str = decision.params
    if _PARAMS in http.headers or _STRICT in http.headers:
        params = params_mode(http, params)
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
    http: Request,
    request: ChatRequest,
    origin: Origin | None = None,
    budget: Budget | None = None,
    tokens: int | None = None,
) -> tuple[Decision, RoutingContext]:
    """The decision for a request, and the world it was made in. Near a model's limit the prompt is
    counted instead of estimated. `budget`: what is left of its caller's limits; `tokens`: of its
    prompt, if they were counted.
    """
    gateway, config, context = http.gateway, http.config, http.gateway.state.view()
    context.budget = budget
    caller = Caller(http.key_id, http.headers)
    small = request.size <= BIG
    asked = config, request, caller, context, tokens, origin
    decision = decide(*asked) if small else await off_loop(decide, *asked)
    if decision.plan.near_limit:
        tokens = await gateway.counter.count_request(decision.request)
        if tokens is not None:
            context = gateway.state.view()
            context.budget = budget
            counted = config, request, caller, context, tokens, origin
            decision = decide(*counted) if small else await off_loop(decide, *counted)
    if gateway.admission is not None:
        gateway.admission.check_persona(http.key_id, decision.plan.policy.name)
    if origin is not None and origin.resource is not None:
        _check_resource(decision, origin.resource)
    return decision, context


async def admitted(
    http: Request,
    request: ChatRequest,
    exchange: Exchange,
    decision: Decision,
    origin: Origin | None,
) -> Decision:
    """The decision, made again without the targets that its caller's limits have no room for; what
    it may use is held. Where an estimate cannot tell whether it fits, its prompt is counted first.
    Raises LimitExceeded, LimitsUnavailable.
    """
    admission, state = http.gateway.admission, http.gateway.state
    assert admission is not None
    asking = asking_of(http, request)
    if not decision.plan.eligible:
        return decision
    held = await admission.reserve(asking, decision.plan, state.learned, whole=True)
    tokens = None
    if held is None and (tokens := await counted_near(http, asking, decision)) is not None:
        decision, _ = await decided(http, request, origin, None, tokens)
        held = await admission.reserve(asking, decision.plan, state.learned, whole=True)
    if held is None:
        budget = await admission.budget(asking, decision.plan, state.learned)
        decision, _ = await decided(http, request, origin, budget, tokens)
        if decision.plan.facts.max_tokens is None and (most := budget.longest_answer()) is not None:
            decision = await _fitted(http, request, origin, most, asking, tokens)
        if not decision.plan.eligible:
            if (refused := admission.refusal(budget)) is not None:
                raise refused
            return decision
        held = await admission.reserve(asking, decision.plan, state.learned, whole=False)
    assert held is not None
    exchange.set_reservation(held)
    return decision


async def counted_near(http: Request, asking: "Asking", decision: Decision) -> int | None:
    """Tokens of a prompt whose estimate is too near to what is left of its caller's limits to
    decide by it; None where it is not, or they cannot be counted. Raises LimitsUnavailable.
    """
    gateway = http.gateway
    assert gateway.admission is not None
    if not gateway.admission.near(asking, decision.plan, gateway.state.learned):
        return None
    return await gateway.counter.count_request(decision.request)


async def _fitted(
    http: Request,
    request: ChatRequest,
    origin: Origin | None,
    most: int,
    asking: "Asking",
    tokens: int | None,
) -> Decision:
    """The decision for a request whose answer is limited to what is left."""
    admission, state = http.gateway.admission, http.gateway.state
    assert admission is not None
    shorter = ChatRequest({**request.body, _LONGEST: most}, request.size, request.usual_schemas)
    first, _ = await decided(http, shorter, origin, None, tokens)
    budget = await admission.budget(asking, first.plan, state.learned)
    decision, _ = await decided(http, shorter, origin, budget, tokens)
    decision.notes = (*decision.notes, Note("changed", "max_tokens", _FITTED.format(most)))
    if decision.overlay is not None:
        values = {**decision.overlay.values, _LONGEST: most}
        decision.overlay = decision.overlay._replace(values=values)
    return decision


def asking_of(http: Request, request: ChatRequest) -> "Asking":
    """The request as its caller's limits are asked about it."""
    admission = http.gateway.admission
    assert admission is not None
    day = http.gateway.state.clock().date()
    return admission.asking(http.key_id, http.request_id, request, day)


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
    asked = http.headers.get(_PARAMS)
    if asked is not None:
        if asked not in MODES:
            raise InvalidRequest(
                f"Invalid header '{_PARAMS}': expected one of {', '.join(MODES)}.",
                _PARAMS,
                "invalid_value",
            )
        return asked
    return "strict" if http.headers.get(_STRICT, "").lower() in ("true", "1") else configured
