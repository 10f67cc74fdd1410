"""What another policy would have done: logged decisions, made again. No provider is called, and no
content is needed.

Reads JSON lines: log lines of requests, or decisions as `GET /api/v1/decisions/{id}` gives them.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from gateway.accounting.cost import expected_cost
from gateway.accounting.observed import DEFAULT_OUTPUT, Learned
from gateway.config import Config, Model, Persona, TargetRef
from gateway.errors import ModelNotFound
from gateway.health.targets import TargetHealth
from gateway.routing.affinity import Affinity
from gateway.routing.decision_log import not_recorded, read_facts
from gateway.routing.facts import Facts, Prompt
from gateway.routing.plan import plan, policy_of, resolve
from gateway.routing.requirements import Requirement
from gateway.routing.rules import first_match
from gateway.routing.state import RoutingContext

SEED: Final = 20260101
"""The seed of the random numbers, so that the same decisions give the same result."""
REFUSED: Final = "(refused)"


@dataclass(frozen=True, slots=True)
class Logged:
    """One decision as it was made. `chosen` is the first target, None if there was none."""

    persona: str
    moment: datetime
    facts: Facts
    chosen: str | None
    document: dict[str, Any]
    """The facts as they were written."""
    prompt_tokens: int
    completion_tokens: int
    """As the provider counted them; where it did not, as estimated and expected."""
    counted_by: str | None
    """The target that served, if it counted."""


@dataclass(slots=True)
class Outcome:
    """All decisions of a file under another policy."""

    decisions: int = 0
    changed: int = 0
    before: Counter[str] = field(default_factory=Counter)
    """Chosen targets."""
    after: Counter[str] = field(default_factory=Counter)
    cost_before: int = 0
    """Nano-USD at the new configuration's prices, of the decisions that have a price before and
    after."""
    cost_after: int = 0
    priced: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    """Requests that were served and would be refused, by persona and reason."""
    not_recorded: Counter[str] = field(default_factory=Counter)
    """What rules of the new policy look at and the records do not have."""
    unreadable: int = 0
    """Lines that hold no decision."""
    without_key: list[str] = field(default_factory=list)
    """Providers that are taken as available although their key is not set here."""


def logged(lines: Iterable[bytes]) -> Iterator[Logged | None]:
    """The decisions of JSON lines; None for a line that holds none."""
    for line in lines:
        if line.strip():
            try:
                yield _logged(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                yield None


def _logged(document: dict[str, Any]) -> Logged:
    made = document.get("decision", document)
    facts = read_facts(made["facts"])
    chosen = next(
        (name for target in made["targets"] if (name := _eligible(target)) is not None), None
    )
    counted = document.get("prompt_tokens")
    if counted and facts.prompt.known is None:
        # Better than by its bytes: those of an image are far more than its tokens.
        facts = replace(facts, prompt=Prompt(None, facts.prompt.size, int(counted)))
    prompt = int(counted or facts.prompt.tokens)
    completion = int(document.get("completion_tokens") or DEFAULT_OUTPUT)
    moment = datetime.fromisoformat(document["time"]).astimezone(UTC)
    return Logged(
        str(document["persona"]),
        moment,
        facts,
        chosen,
        made["facts"],
        prompt,
        completion,
        _server(document) if counted else None,
    )


def _server(document: dict[str, Any]) -> str:
    """The target that served, from a log line or from a decision document."""
    return (
        str(document["served"])
        if "served" in document
        else f"{document['provider']}/{document['model']}"
    )


def _eligible(target: Any) -> str | None:
    """The name of an eligible target, from a log line or from a decision document."""
    if isinstance(target, str):
        return None if target.endswith(")") else target
    return f"{target['provider']}/{target['model']}" if target["verdict"] != "rejected" else None


def replay(decisions: Iterable[Logged | None], config: Config) -> Outcome:
    """Decide again, in order, with every target healthy and nothing learned but where each
    conversation is.

    A provider whose key is not set here is taken as available: it says nothing about where the
    policy is going to run.
    """
    outcome = Outcome(
        without_key=[name for name, provider in config.providers.items() if not provider.available]
    )
    providers = {
        name: replace(provider, unavailable_reason=None)
        for name, provider in config.providers.items()
    }
    config = replace(config, providers=providers)
    health, affinity, draw = TargetHealth(config), Affinity(), random.Random(SEED).random
    for decision in decisions:
        if decision is None:
            outcome.unreadable += 1
            continue
        now = decision.moment.timestamp()
        chosen, why = _decide(
            config,
            decision,
            RoutingContext(now, decision.moment, draw, health, affinity, Learned()),
            outcome,
        )
        if chosen is not None and decision.facts.conversation is not None:
            affinity.remember(decision.facts.conversation, chosen, "", now)
        _count(outcome, config, decision, chosen, why)
    return outcome


def _decide(
    config: Config, decision: Logged, context: RoutingContext, outcome: Outcome
) -> tuple[str | None, str]:
    """The target chosen now, or why there is none."""
    try:
        asked = resolve(config, decision.persona)
    except ModelNotFound:
        return None, "no such persona"
    rule = None
    facts = decision.facts
    if isinstance(asked, Persona):
        facts = _needing(facts, asked)
        outcome.not_recorded.update(not_recorded(decision.document, asked))
        rule = first_match(asked.rules, facts, context.moment)
    made = plan(config, policy_of(asked, rule), facts, context)
    if made.eligible:
        return made.eligible[0].name, ""
    return None, "; ".join(
        sorted({reason for candidate in made.candidates for reason in candidate.reasons})
    )


def _needing(facts: Facts, persona: Persona) -> Facts:
    """What the request itself needs, and what this persona requires."""
    own = [need for need in facts.requirements if need.cause != "persona"]
    known = {need.capability for need in own}
    own += [Requirement(capability, "persona") for capability in sorted(persona.requires - known)]
    return replace(
        facts,
        requirements=tuple(own),
        conversation=facts.conversation if persona.affinity else None,
    )


def _count(
    outcome: Outcome, config: Config, decision: Logged, chosen: str | None, why: str
) -> None:
    outcome.decisions += 1
    outcome.before[decision.chosen or REFUSED] += 1
    outcome.after[chosen or REFUSED] += 1
    outcome.changed += chosen != decision.chosen
    if chosen is None and decision.chosen is not None:
        outcome.refusals[f"{decision.persona}: {why}"] += 1
    costs = [_cost(config, name, decision) for name in (decision.chosen, chosen)]
    if costs[0] is not None and costs[1] is not None:
        outcome.priced += 1
        outcome.cost_before += costs[0]
        outcome.cost_after += costs[1]


def _cost(config: Config, name: str | None, decision: Logged) -> int | None:
    model = None if name is None else _model(config, name)
    if model is None:
        return None
    counted = None if decision.counted_by is None else _model(config, decision.counted_by)
    # Each tokenizer makes another number of the same text; an estimate is o200k's.
    scale = model.token_factor / (1.0 if counted is None else counted.token_factor)
    prompt, completion = round(decision.prompt_tokens * scale), decision.completion_tokens
    if counted is not None:
        completion = round(completion * scale)
    return expected_cost(model, prompt, 0.0, completion, decision.moment.date())


def _model(config: Config, name: str) -> Model | None:
    provider, _, model = name.partition("/")
    ref = TargetRef(provider, model)
    known = config.providers.get(ref.provider)
    return None if known is None else known.models.get(ref.model)


def report(outcome: Outcome) -> str:
    """The outcome as text to read."""
    lines = [f"{outcome.decisions} decisions, {outcome.changed} would change."]
    names = sorted({*outcome.before, *outcome.after}, key=lambda name: (-outcome.after[name], name))
    total = outcome.decisions or 1
    width = max((len(name) for name in names), default=0)
    for name in names:
        before, after = outcome.before[name], outcome.after[name]
        lines.append(
            f"  {name:{width}}  {before:6} ({before / total:6.1%})  ->  {after:6}"
            f" ({after / total:6.1%})"
        )
    if outcome.priced:
        change = (outcome.cost_after / outcome.cost_before - 1) if outcome.cost_before else 0.0
        lines.append(
            f"Estimated cost of {outcome.priced} decisions with known prices:"
            f" {outcome.cost_before / 1e9:.4f} -> {outcome.cost_after / 1e9:.4f} USD"
            f" ({change:+.1%})."
        )
    else:
        lines.append("No decision has a known price before and after.")
    for why, count in outcome.refusals.most_common():
        lines.append(f"Would be refused: {count} x {why}")
    for what, count in outcome.not_recorded.most_common():
        lines.append(f"Not in the record, taken as absent: {what} ({count} decisions)")
    if outcome.without_key:
        lines.append(
            f"Taken as available, although no key is set here: {', '.join(outcome.without_key)}"
        )
    if outcome.unreadable:
        lines.append(f"{outcome.unreadable} lines hold no decision and were passed over.")
    return "\n".join(lines)
