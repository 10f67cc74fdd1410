"""The order among targets that can all serve a request, by the persona's strategy. Each gives a score, the smallest first."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.accounting.cost import expected_cost
from gateway.config import Balance, Model, Provider, StrategyName, TargetRef
from gateway.routing.affinity import ranks
from gateway.routing.facts import Facts
from gateway.routing.view import View

NANO: Final = 1e-9
_TIERS: Final = {"low": 0.0, "medium": 0.5, "high": 1.0}


@dataclass(slots=True)
class Held:
    """One target while it is being held against a request."""

    ref: TargetRef
    provider: Provider
    model: Model
    name: str
    reasons: list[str] = field(default_factory=list)
    """Why it cannot serve; empty if it can."""
    prompt_tokens: int | None = None
    """By its own tokenizer, estimated; None where nobody had to know."""
    cost: int | None = None
    """Nano-USD expected, where somebody had to know and it has a price."""
    share: float = 1.0
    """Below 1 while it comes back from a failure."""
    score: float = 0.0


def order(strategy: StrategyName, balance: Balance, able: list[Held], facts: Facts, view: View, persona: str) -> list[Held]:
    """`able` in the order in which they are to be asked, each with its score."""
    if strategy == "priority":
        for position, held in enumerate(able):
            held.score = position
        return able
    return _ORDERS[strategy](able, balance, facts, view, persona)


def prompt_tokens(held: Held, facts: Facts, view: View) -> int:
    """Prompt tokens as the target's own tokenizer is expected to count them."""
    if held.prompt_tokens is None:
        tokens = facts.prompt.tokens * held.model.token_factor
        held.prompt_tokens = int(tokens if facts.prompt.exact and held.model.token_factor == 1 else tokens * view.learned.factor(held.name))
    return held.prompt_tokens


def price(held: Held, facts: Facts, view: View, persona: str) -> int | None:
    """Nano-USD that the request is expected to cost there; None without a price."""
    if held.cost is None:
        expected = view.learned.expected_output(persona, held.name)
        output = expected if facts.max_tokens is None else min(expected, facts.max_tokens)
        cached = view.learned.cached_share(persona, held.name)
        held.cost = expected_cost(held.model, prompt_tokens(held, facts, view), cached, output * facts.answers, view.moment.date())
    return held.cost


def seconds(held: Held, facts: Facts, view: View, persona: str) -> float | None:
    """Until the answer is there, as expected from what was seen; None if nothing was."""
    latency = view.health.latency(held.name)
    first = latency.first_content(facts.stream, view.now)
    rate = latency.tokens_per_second(view.now)
    if first is None:
        first = latency.first_content(not facts.stream, view.now)
    if first is None or not facts.stream or not rate:
        return first
    return first + min(view.learned.expected_output(persona, held.name), facts.max_tokens or 1 << 30) / rate


def _weighted(able: list[Held], balance: Balance, facts: Facts, view: View, persona: str) -> list[Held]:
    """In proportion to the weights: a conversation that may have been served before by its name, a new one by the dice."""
    weights = [(held.name, held.ref.weight * held.share) for held in able]
    if facts.settled and facts.conversation is not None:
        drawn = ranks(facts.conversation, weights)
    else:
        drawn = [weight / -math.log(1 - view.dice()) if weight > 0 else 0.0 for _, weight in weights]
    total = sum(weight for _, weight in weights) or 1.0
    for held, (_, weight) in zip(able, weights, strict=True):
        held.score = round(weight / total, 4)
    return [held for _, held in sorted(zip(drawn, able, strict=True), key=lambda pair: -pair[0])]


def _cheapest(able: list[Held], balance: Balance, facts: Facts, view: View, persona: str) -> list[Held]:
    """By the expected price of this request; what has no known price last."""
    for held in able:
        cost = price(held, facts, view, persona)
        held.score = _UNKNOWN if cost is None else cost * NANO
    return sorted(able, key=_score)


def _fastest(able: list[Held], balance: Balance, facts: Facts, view: View, persona: str) -> list[Held]:
    """Power of two choices: of two drawn by the dice the faster one, then the others. What was never seen counts as fast."""
    for held in able:
        held.score = seconds(held, facts, view, persona) or 0.0
    ordered = sorted(able, key=_score)
    if len(ordered) > 2:
        first = int(view.dice() * len(ordered))
        second = int(view.dice() * (len(ordered) - 1))
        second += second >= first
        ordered.insert(0, ordered.pop(min(first, second)))
    return ordered


def _balanced(able: list[Held], balance: Balance, facts: Facts, view: View, persona: str) -> list[Held]:
    """By the weighed sum of cost, time and tier, each relative to the largest among the targets."""
    costs = _relative([price(held, facts, view, persona) for held in able], unknown=1.0)
    times = _relative([seconds(held, facts, view, persona) for held in able], unknown=0.0)
    total = balance.cost + balance.latency + balance.tier
    for held, cost, time in zip(able, costs, times, strict=True):
        tier = _TIERS[held.model.cost_tier]
        held.score = round((balance.cost * cost + balance.latency * time + balance.tier * tier) / total, 6)
    return sorted(able, key=_score)


def _relative(values: Sequence[float | None], unknown: float) -> list[float]:
    largest = max((value for value in values if value is not None), default=0)
    return [unknown if value is None else value / largest if largest else 0.0 for value in values]


_UNKNOWN: Final = 1e9
"""The score of a target whose price is not known."""

_ORDERS: Final[Mapping[StrategyName, Callable[[list[Held], Balance, Facts, View, str], list[Held]]]] = {
    "weighted": _weighted,
    "cost": _cheapest,
    "latency": _fastest,
    "balanced": _balanced,
}


def _score(held: Held) -> float:
    return held.score
