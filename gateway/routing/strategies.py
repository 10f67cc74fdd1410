"""The order among targets that can all serve a request, by the persona's strategy. Each gives a
score, the smallest first.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Final

from gateway.accounting.cost import expected_cost
from gateway.config import Balance, StrategyName
from gateway.routing.affinity import rank, ranks
from gateway.routing.candidates import Candidate
from gateway.routing.facts import Facts
from gateway.routing.state import RoutingContext

NANO: Final = 1_000_000_000
"""Nano-USD in a USD."""
_TIERS: Final = {"low": 0.0, "medium": 0.5, "high": 1.0}


def order(
    strategy: StrategyName,
    balance: Balance,
    able: list[Candidate],
    facts: Facts,
    context: RoutingContext,
    persona: str,
) -> list[Candidate]:
    """`able` in the order in which they are to be asked, each with its score."""
    if strategy == "priority":
        for position, candidate in enumerate(able):
            candidate.score = position
        return able
    return _ORDERS[strategy](able, balance, facts, context, persona)


def prompt_tokens(candidate: Candidate, facts: Facts, context: RoutingContext) -> int:
    """Prompt tokens as the target's own tokenizer is expected to count them."""
    if candidate.prompt_tokens is None:
        prompt = facts.prompt
        candidate.prompt_tokens = _own_tokens(
            prompt.tokens,
            prompt.exact,
            candidate.model.token_factor,
            context.learned.factor(candidate.name),
        )
    return candidate.prompt_tokens


def _own_tokens(tokens: int, exact: bool, factor: float, learned: float) -> int:
    return int(tokens * factor if factor == 1 and exact else tokens * factor * learned)


def prices(
    able: Sequence[Candidate], facts: Facts, context: RoutingContext, persona: str
) -> list[int | None]:
    """Nano-USD that the request is expected to cost at each of them; None without a price."""
    expected, day, prompt, limit, answers = (
        context.learned.expected,
        context.moment.date(),
        facts.prompt,
        facts.max_tokens,
        facts.answers,
    )
    found: list[int | None] = []
    if not able:
        return found
    estimate, exact = prompt.tokens, prompt.exact
    for candidate in able:
        if (cost := candidate.cost) is None:
            output, cached, learned = expected(persona, candidate.name)
            if (tokens := candidate.prompt_tokens) is None:
                factor = candidate.model.token_factor
                own = estimate * factor
                if factor != 1 or not exact:  # as _own_tokens, without a call for each
                    own *= learned
                candidate.prompt_tokens = tokens = int(own)
            if limit is not None and limit < output:
                output = limit
            candidate.output = output
            candidate.cost = cost = expected_cost(
                candidate.model, tokens, cached, output * answers, day
            )
        found.append(cost)
    return found


def seconds(
    candidate: Candidate, facts: Facts, context: RoutingContext, persona: str
) -> float | None:
    """Until the answer is there, as expected from what was seen; None if nothing was."""
    stream = facts.stream
    first, rate = context.health.latency(candidate.name).expected(stream, context.now)
    if first is None or not stream or not rate:
        return first
    if (output := candidate.output) is None:
        output = context.learned.expected_output(persona, candidate.name)
        if (limit := facts.max_tokens) is not None and limit < output:
            output = limit
    return first + output / rate


def _weighted(
    able: list[Candidate], balance: Balance, facts: Facts, context: RoutingContext, persona: str
) -> list[Candidate]:
    """In proportion to the weights: a conversation that may have been served before by its name, a
    new one by the dice.
    """
    weights = [candidate.ref.weight * candidate.share for candidate in able]
    if facts.settled and facts.conversation is not None:
        drawn = ranks(
            facts.conversation, zip((candidate.name for candidate in able), weights, strict=True)
        )
    else:
        drawn = [rank(1.0 - context.random(), weight) for weight in weights]
    total = sum(weights) or 1.0
    for candidate, weight in zip(able, weights, strict=True):
        candidate.score = weight / total
    order = sorted(range(len(able)), key=drawn.__getitem__)
    return [able[i] for i in order]


def _cheapest(
    able: list[Candidate], balance: Balance, facts: Facts, context: RoutingContext, persona: str
) -> list[Candidate]:
    """By the expected price of this request; what has no known price last."""
    for candidate, cost in zip(able, prices(able, facts, context, persona), strict=True):
        candidate.score = _UNKNOWN if cost is None else cost / NANO
    able.sort(key=_score)
    return able


def _fastest(
    able: list[Candidate], balance: Balance, facts: Facts, context: RoutingContext, persona: str
) -> list[Candidate]:
    """Power of two choices: of two drawn by the dice the faster one, then the others. What was
    never seen counts as fast.
    """
    for candidate in able:
        candidate.score = seconds(candidate, facts, context, persona) or 0.0
    ordered = sorted(able, key=_score)
    if len(ordered) > 2:
        first = int(context.random() * len(ordered))
        second = int(context.random() * (len(ordered) - 1))
        second += second >= first
        ordered.insert(0, ordered.pop(min(first, second)))
    return ordered


def _balanced(
    able: list[Candidate], balance: Balance, facts: Facts, context: RoutingContext, persona: str
) -> list[Candidate]:
    """By the weighed sum of cost, time and tier, each relative to the largest among the targets."""
    costs = prices(able, facts, context, persona)
    times = [seconds(candidate, facts, context, persona) or 0.0 for candidate in able]
    total = balance.cost + balance.latency + balance.tier
    of_cost = (
        balance.cost / total / (max([cost for cost in costs if cost is not None], default=0) or 1)
    )
    of_time = balance.latency / total / (max(times, default=0.0) or 1.0)
    of_tier, dearest = balance.tier / total, balance.cost / total
    for candidate, cost, time in zip(able, costs, times, strict=True):
        candidate.score = (
            (dearest if cost is None else of_cost * cost)
            + of_time * time
            + of_tier * _TIERS[candidate.model.cost_tier]
        )
    able.sort(key=_score)
    return able


_UNKNOWN: Final = 1e9
"""The score of a target whose price is not known."""

_ORDERS: Final[
    Mapping[
        StrategyName,
        Callable[[list[Candidate], Balance, Facts, RoutingContext, str], list[Candidate]],
    ]
] = {
    "weighted": _weighted,
    "cost": _cheapest,
    "latency": _fastest,
    "balanced": _balanced,
}


_score: Final = attrgetter("score")
