"""The order among targets that can all serve a request, by the persona's strategy. Each gives a score, the smallest first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from gateway.accounting.cost import expected_cost
from gateway.config import Balance, Model, Provider, StrategyName, TargetRef
from gateway.routing.affinity import rank, ranks
from gateway.routing.facts import Facts, Prompt
from gateway.routing.view import View

NANO: Final = 1_000_000_000
"""Nano-USD in a USD."""
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
    output: int | None = None
    """Completion tokens expected of one answer, where somebody had to know."""
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
        held.prompt_tokens = _own_tokens(facts.prompt, held.model.token_factor, view.learned.factor(held.name))
    return held.prompt_tokens


def _own_tokens(prompt: Prompt, factor: float, learned: float) -> int:
    return int(prompt.tokens * factor if factor == 1 and prompt.exact else prompt.tokens * factor * learned)


def prices(able: Sequence[Held], facts: Facts, view: View, persona: str) -> list[int | None]:
    """Nano-USD that the request is expected to cost at each of them; None without a price."""
    expected, day, prompt, limit, answers = view.learned.expected, view.moment.date(), facts.prompt, facts.max_tokens, facts.answers
    for held in able:
        if held.cost is None:
            output, cached, learned = expected(persona, held.name)
            model, tokens = held.model, held.prompt_tokens
            if tokens is None:
                held.prompt_tokens = tokens = _own_tokens(prompt, model.token_factor, learned)
            held.output = output = output if limit is None or output < limit else limit
            held.cost = expected_cost(model, tokens, cached, output * answers, day)
    return [held.cost for held in able]


def seconds(held: Held, facts: Facts, view: View, persona: str) -> float | None:
    """Until the answer is there, as expected from what was seen; None if nothing was."""
    stream = facts.stream
    first, rate = view.health.latency(held.name).expected(stream, view.now)
    if first is None or not stream or not rate:
        return first
    if (output := held.output) is None:
        output = view.learned.expected_output(persona, held.name)
        if (limit := facts.max_tokens) is not None and limit < output:
            output = limit
    return first + output / rate


def _weighted(able: list[Held], balance: Balance, facts: Facts, view: View, persona: str) -> list[Held]:
    """In proportion to the weights: a conversation that may have been served before by its name, a new one by the dice."""
    weights = [held.ref.weight * held.share for held in able]
    if facts.settled and facts.conversation is not None:
        drawn = ranks(facts.conversation, zip((held.name for held in able), weights, strict=True))
    else:
        drawn = [rank(1.0 - view.dice(), weight) for weight in weights]
    total = sum(weights) or 1.0
    for held, weight in zip(able, weights, strict=True):
        held.score = weight / total
    order = sorted(range(len(able)), key=drawn.__getitem__)
    return [able[i] for i in order]


def _cheapest(able: list[Held], balance: Balance, facts: Facts, view: View, persona: str) -> list[Held]:
    """By the expected price of this request; what has no known price last."""
    for held, cost in zip(able, prices(able, facts, view, persona), strict=True):
        held.score = _UNKNOWN if cost is None else cost / NANO
    able.sort(key=_score)
    return able


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
    costs = _relative(prices(able, facts, view, persona), unknown=1.0)
    times = _relative([seconds(held, facts, view, persona) for held in able], unknown=0.0)
    total = balance.cost + balance.latency + balance.tier
    of_cost, of_time, of_tier = balance.cost / total, balance.latency / total, balance.tier / total
    for held, cost, time in zip(able, costs, times, strict=True):
        held.score = of_cost * cost + of_time * time + of_tier * _TIERS[held.model.cost_tier]
    able.sort(key=_score)
    return able


def _relative(values: Sequence[float | None], unknown: float) -> list[float]:
    largest = max([value for value in values if value is not None], default=0) or 1.0
    return [unknown if value is None else value / largest for value in values]


_UNKNOWN: Final = 1e9
"""The score of a target whose price is not known."""

_ORDERS: Final[Mapping[StrategyName, Callable[[list[Held], Balance, Facts, View, str], list[Held]]]] = {
    "weighted": _weighted,
    "cost": _cheapest,
    "latency": _fastest,
    "balanced": _balanced,
}


_score: Final = attrgetter("score")
