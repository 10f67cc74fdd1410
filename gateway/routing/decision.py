"""A decision: which rule holds, what the request becomes under it, and the plan."""

from dataclasses import dataclass

from gateway.config import Config, ParamsMode, TargetRef
from gateway.routing import personas
from gateway.routing.facts import Caller, facts_of
from gateway.routing.plan import Plan, plan, policy_of, resolve
from gateway.routing.rules import first_match
from gateway.routing.state import RoutingContext
from translators.chat.request import ChatRequest
from translators.dialect.inbound import Origin, Overlay
from translators.notes import Note


@dataclass(slots=True)  # frozen, it would cost twice as much to make
class Decision:
    """What will be done with one request."""

    plan: Plan
    request: ChatRequest
    """With the persona's prompt, defaults and limits in it."""
    notes: tuple[Note, ...]
    """What the limits changed."""
    params: ParamsMode
    """Unless the request says so itself: what becomes of parameters that a provider cannot be told.
    """
    origin: Origin | None = None
    """What the request was in its caller's own dialect, where that is not the hub's."""
    overlay: Overlay | None = None
    """What the persona laid over it, then."""


def decide(
    config: Config,
    request: ChatRequest,
    caller: Caller,
    context: RoutingContext,
    tokens: int | None = None,
    origin: Origin | None = None,
) -> Decision:
    """Raises ModelNotFound. Pure: the same arguments give the same decision. `tokens`: of its
    prompt, if they were counted.
    """
    name = request.body["model"]
    asked = config.personas.get(name) or resolve(config, name)
    if isinstance(asked, TargetRef):
        facts = facts_of(request, None, caller, tokens, origin)
        overlay = None if origin is None else Overlay()
        return Decision(
            plan(config, policy_of(asked), facts, context),
            request,
            (),
            config.params,
            origin,
            overlay,
        )
    applied, notes = personas.apply(asked, request)
    facts = facts_of(applied, asked, caller, tokens, origin)
    rule = first_match(asked.rules, facts, context.moment) if asked.rules else None
    params = asked.params or config.params
    if rule is not None:
        if rule.defaults:
            applied, notes = personas.apply(asked, request, rule.defaults)
            facts = facts_of(applied, asked, caller, tokens, origin)
        params = rule.params or params
    overlay = None if origin is None else personas.overlay(asked, request, applied)
    policy = asked.policy if rule is None else policy_of(asked, rule)
    return Decision(
        plan(config, policy, facts, context),
        applied,
        notes,
        params,
        origin,
        overlay,
    )
