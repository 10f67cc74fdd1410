"""What is allowed in a configuration and still worth a look: `llm-router check` says it after the configuration was found to be valid."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from gateway.config import Config, Model, Persona, Provider, TargetRef
from gateway.routing.facts import NOBODY, facts_of
from gateway.routing.plan import TEMPORARY, plan, policy_of
from gateway.routing.state import View
from translators.chat.request import ChatRequest

SOON: Final = timedelta(days=60)
"""Before the day on which a price or a model ends."""


def advice(config: Config, view: View) -> Iterator[str]:
    """One line for each thing, in the order of the personas."""
    for persona in config.personas.values():
        for line in _of_persona(config, persona, view):
            yield f"personas.{persona.name}: {line}"
    yield from _unused(config)


def _of_persona(config: Config, persona: Persona, view: View) -> Iterator[str]:
    reachable = set()
    lost: dict[str, list[str]] = {}
    for ref in persona.every_target():
        why = _unreachable(config, persona, ref, view)
        if why is None:
            reachable.add(str(ref))
        else:
            lost.setdefault(why, []).append(str(ref))
    for why, names in lost.items():
        yield f"{', '.join(names)} cannot be reached: {why}"
    lists = [("", persona.targets), *((f"rule {rule.name}: ", rule.targets) for rule in persona.rules if rule.targets)]
    for label, targets in lists:
        for line in _of_targets(config, [ref for ref in targets if str(ref) in reachable]):
            yield label + line
    for ref in persona.every_target():
        provider, model = _of(config, ref)
        yield from _dates(provider, model, view.moment.date(), persona)


def _of_targets(config: Config, reachable: list[TargetRef]) -> Iterator[str]:
    """Of targets that stand in for one another."""
    if len(reachable) == 1:
        yield f"single point of failure: {reachable[0]} is the only target"
    elif reachable and len({ref.provider for ref in reachable}) == 1:
        yield f"single point of failure: every target is at {reachable[0].provider}"
    yield from _contexts(config, reachable)


def _unreachable(config: Config, persona: Persona, ref: TargetRef, view: View) -> str | None:
    """Why not even the smallest request gets there; None if it may. What a target's own condition asks for is taken to hold."""
    request = ChatRequest({"model": persona.name, "messages": []})
    policy = replace(policy_of(persona), targets=(TargetRef(ref.provider, ref.model),))
    smallest = plan(config, policy, facts_of(request, persona, NOBODY), view)
    reasons = smallest.candidates[0].reasons
    lasting = [reason for reason in reasons if not reason.startswith(TEMPORARY[1:])]
    return "; ".join(lasting) or None


def _contexts(config: Config, reachable: list[TargetRef]) -> Iterator[str]:
    """Prompts that one target takes and no other: for them there is no fallback."""
    records = {str(ref): _of(config, ref)[1].record for ref in reachable}
    windows = sorted((record.max_input_tokens or record.context_window, name) for name, record in records.items())
    if len(windows) > 1 and windows[-1][0] > 2 * windows[-2][0]:
        yield f"prompts of more than {windows[-2][0]} tokens fit only {windows[-1][1]} ({windows[-1][0]}): they have no fallback"


def _dates(provider: Provider, model: Model, today: date, persona: Persona) -> Iterator[str]:
    name = f"{provider.name}/{model.id}"
    price = model.price_at(today)
    if price is None:
        needed = persona.max_price is not None or persona.strategy in ("cost", "balanced")
        yield f"the price of {name} is not known{', and the policy goes by prices' if needed else ''}"
    coming = next((row for row in model.prices if today < row.valid_from <= today + SOON), None)
    if coming is not None:
        yield f"the price of {name} changes on {coming.valid_from}"
    if model.retirement is not None and model.retirement <= today + SOON:
        yield f"{name} {'was' if model.retirement <= today else 'is'} retired on {model.retirement}"


def _unused(config: Config) -> Iterator[str]:
    """Personas' targets are the only way in, unless callers may name models themselves."""
    if config.direct_models:
        return
    named = {str(ref) for persona in config.personas.values() for ref in persona.every_target()}
    for provider in config.providers.values():
        if not any(f"{provider.name}/{model}" in named for model in provider.models):
            yield f"providers.{provider.name}: no persona names one of its models"


def _of(config: Config, ref: TargetRef) -> tuple[Provider, Model]:
    provider = config.providers[ref.provider]
    return provider, provider.models[ref.model]
