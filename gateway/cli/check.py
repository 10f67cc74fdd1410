"""What is allowed in a configuration and still worth a look: `llm-router check` says it after the
configuration was found to be valid.
"""

from collections.abc import Iterator
from dataclasses import replace

from gateway.accounting.cost import Extras, most_cost
from gateway.config import Config, Persona, TargetRef
from gateway.config.limits import Limit, Limits, LimitsPolicy
from gateway.lint.advice import metrics_by_key, persona_advice, unused_providers
from gateway.routing.facts import NOBODY, facts_of
from gateway.routing.plan import TEMPORARY, plan, policy_of
from gateway.routing.state import RoutingContext
from translators.chat.request import ChatRequest


def advice(config: Config, context: RoutingContext) -> Iterator[str]:
    """One line for each thing, in the order of the personas."""
    for persona in config.personas.values():
        for line in _of_persona(config, persona, context):
            yield f"personas.{persona.name}: {line}"
    yield from unused_providers(config)
    yield from metrics_by_key(config)


def limit_advice(config: Config, context: RoutingContext) -> Iterator[str]:
    """Requests of personas that a budget has never room for, as long as nobody limits their
    answers.
    """
    policy, day = config.limits, context.moment.date()
    if policy is None:
        return
    for persona in config.personas.values():
        if {"max_tokens", "max_completion_tokens"} & {*persona.caps, *persona.defaults}:
            continue
        models = {
            ref.name: config.providers[ref.provider].models[ref.model]
            for ref in persona.every_target()
        }
        costs = [
            cost
            for model in models.values()
            if (cost := most_cost(model, 0, model.record.max_output_tokens, day, Extras()))
        ]
        for where, limit in _budgets(policy, persona.name):
            if costs and min(costs) > limit.most and not limit.fit:
                yield (
                    f"{where}: {limit.name} never has room for a request of {persona.name} without"
                    f" max_tokens: it may cost {min(costs) / 10**9:.4f} USD. Cap the persona's"
                    " max_tokens, or say fit: true"
                )


def _budgets(policy: LimitsPolicy, persona: str) -> Iterator[tuple[str, Limit]]:
    """The limits of money that hold for a persona, and where they stand."""
    lists: list[tuple[str, Limits]] = [
        ("limits", policy.limits),
        ("key_defaults", policy.key_defaults.limits),
        *((f"teams.{name}", team.limits) for name, team in policy.teams.items()),
        *((f"keys.{name}", row.limits) for name, row in policy.keys.items()),
    ]
    for where, limits in lists:
        for limit in limits:
            refuses = limit.on == "usd" and limit.when_reached == "refuse"
            if refuses and limit.persona in (None, persona):
                yield where, limit


def store_advice(config: Config, workers: int) -> Iterator[str]:
    """Answers that one worker keeps in its memory are not found by the others."""
    if workers > 1 and config.server.responses_store == "memory":
        each = f"each of the {workers} workers keeps its own"
        yield f"server.responses_store: {each}; sqlite is shared"


def _of_persona(config: Config, persona: Persona, context: RoutingContext) -> Iterator[str]:
    reachable = set()
    lost: dict[str, list[str]] = {}
    for ref in persona.every_target():
        why = _unreachable(config, persona, ref, context)
        if why is None:
            reachable.add(ref.name)
        else:
            lost.setdefault(why, []).append(ref.name)
    for why, names in lost.items():
        yield f"{', '.join(names)} cannot be reached: {why}"
    yield from persona_advice(config, persona, reachable, context.moment.date())


def _unreachable(
    config: Config, persona: Persona, ref: TargetRef, context: RoutingContext
) -> str | None:
    """Why not even the smallest request gets there; None if it may. What a target's own condition
    asks for is taken to hold.
    """
    request = ChatRequest({"model": persona.name, "messages": []})
    policy = replace(policy_of(persona), targets=(TargetRef(ref.provider, ref.model),))
    smallest = plan(config, policy, facts_of(request, persona, NOBODY), context)
    reasons = smallest.candidates[0].reasons
    lasting = [reason for reason in reasons if not reason.startswith(TEMPORARY[1:])]
    return "; ".join(lasting) or None
