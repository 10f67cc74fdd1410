"""The most that a request may use at each target: what is held for it before it is sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from gateway.accounting.cost import (
    FEMTO_PER_NANO,
    HALF_NANO,
    LIST_PRICE_TIERS,
    PLAIN,
    Extras,
    FlatRates,
    flat_rates,
    most_cost,
)
from gateway.accounting.observed import Learned
from gateway.admission.amounts import INDEX, INPUT, OUTPUT, Amounts, Counts
from gateway.config import Model
from gateway.routing.facts import Facts
from gateway.routing.plan import Plan
from translators.chat.request import ChatRequest

MARGIN: Final = 1.15
"""An estimate of tokens is held to be too low by so much at most."""
_AROUND: Final = 32
"""Tokens that a provider may put around a request."""
_SEARCHES: Final = 10
"""How often an answer may make use of what has a fee, where it may."""
_DEAR: Final = frozenset({"audio", "web_search"})
"""Features that cost more than the tokens they are counted as."""


@dataclass(slots=True)  # frozen, it would cost twice as much to make
class Bound:
    """The most that one call of a target may use."""

    model: Model
    expected_input: int
    """Tokens of the prompt as estimated, without the margin."""
    needs: Counts
    """Without money where it is not priced."""
    priced: bool
    answers: int


def rate_of(bound: Bound, day: date) -> int:
    """Nano-USD for a million tokens of answer."""
    read = bound.needs[INPUT]
    both = most_cost(bound.model, read, 10**6, day, PLAIN)
    return (both or 0) - (most_cost(bound.model, read, 0, day, PLAIN) or 0)


class Ask(NamedTuple):
    """What a request has that a price depends on, beside its facts."""

    listed: bool
    """It is sold at the price list's rates."""
    extras: Extras


def ask_of(request: ChatRequest, facts: Facts) -> Ask:
    body, features, natives = request.body, facts.features, facts.natives
    listed = body.get("service_tier") in LIST_PRICE_TIERS
    hears, searches = "audio" in features, bool("web_search" in features or natives)
    return Ask(listed, Extras(_caches(body), hears, _SEARCHES if searches else 0))


@dataclass(slots=True)
class Offer:
    """What of a target's bounds is the same for all requests of a day."""

    model: Model
    day: date
    factor: float
    """Its tokens for a text, relative to the estimate's."""
    longest: int
    """Tokens of one answer."""
    several: bool
    """It gives several answers to one prompt."""
    rates: FlatRates | None
    """Of requests that have nothing dear."""
    caching: bool
    """What a request marks for a cache is dearer."""


def offer_of(model: Model, day: date) -> Offer:
    record = model.record
    longest = record.max_output_tokens if record.embedding is None else 0
    several = "multiple_choices" in record.capabilities
    rates = flat_rates(model, day)
    caching = rates is not None and rates.read[0] != rates.read[1]
    return Offer(model, day, model.token_factor, longest, several, rates, caching)


def bound_of(
    offer: Offer, facts: Facts, ask: Ask | None, learned: float, caches: bool = False
) -> Bound:
    """`ask`: None of a request that has nothing dear, but what it may mark for a cache (`caches`).
    `learned`: what this target counts, relative to the estimate.
    """
    factor, most_output, rates = offer.factor, offer.longest, offer.rates
    prompt, answers, longest = facts.prompt, facts.answers, facts.max_tokens
    tokens = prompt.tokens if prompt.known is None else prompt.known
    if factor != 1 or learned > 1:
        tokens = int(tokens * factor * max(learned, 1.0))
    counted = prompt.exact and factor == 1
    most_input = (tokens if counted else int(tokens * MARGIN)) + _AROUND
    if longest is not None and longest < most_output:
        most_output = longest
    if answers > 1:
        most_output *= answers
        if not offer.several:
            tokens, most_input = tokens * answers, most_input * answers
    cost: int | None
    if ask is None and rates is not None and most_input <= rates.until:
        read, written, _, (above, below) = rates
        femto = most_input * read[caches] + most_output * written
        if above != below:
            femto = -(-femto * above // below)
        cost = (femto + HALF_NANO) // FEMTO_PER_NANO
    elif ask is None or ask.listed:
        extras = Extras(caches) if ask is None else ask.extras
        cost = most_cost(offer.model, most_input, most_output, offer.day, extras)
    else:
        cost = None
    needs = (1, most_input + most_output, most_input, most_output, cost or 0, 1)
    return Bound(offer.model, tokens, needs, cost is not None, answers)


class Offers:
    """Those of all targets that are asked, each worked out once a day."""

    def __init__(self) -> None:
        self._known: dict[str, Offer] = {}

    def bounds(
        self, request: ChatRequest, plan: Plan, learned: Learned, day: date
    ) -> dict[str, Bound]:
        """The most that a call of each target may use that the plan will ask, by its name."""
        facts, bounds, known = plan.facts, {}, self._known
        caches: bool | None = None
        ask = None if _is_plain(request, facts) else ask_of(request, facts)
        for candidate in plan.candidates:
            if candidate.verdict == "rejected":
                continue
            name, model = candidate.name, candidate.model
            offer = known.get(name)
            if offer is None or offer.model is not model or offer.day != day:
                offer = known[name] = offer_of(model, day)
            if offer.caching and caches is None:
                caches = _caches(request.body)
            bounds[name] = bound_of(offer, facts, ask, learned.factor(name), caches or False)
        return bounds


def _is_plain(request: ChatRequest, facts: Facts) -> bool:
    """It has nothing that may make it dearer than its tokens, but what it marks for a cache."""
    features = facts.features
    return (
        not facts.natives
        and (not features or features.isdisjoint(_DEAR))
        and request.body.get("service_tier") in LIST_PRICE_TIERS
    )


def wavers(bound: Bound, index: int, left: int, day: date) -> bool:
    """Whether it depends on the estimate of the prompt if a call fits into what is left: that of an
    unusual text may be three times too high, or a third too low.
    """
    need, read = bound.needs[index], bound.needs[INPUT]
    if index == INDEX["usd"]:
        read = need - (most_cost(bound.model, 0, bound.needs[OUTPUT], day, PLAIN) or 0)
    return need - read * 2 // 3 <= left < need + read // 2


def dearest(bounds: Iterable[Bound]) -> Counts:
    """What suffices for any of them."""
    first, *others = bounds
    if not others:
        return first.needs
    needs = first.needs
    for bound in others:
        needs = Amounts(*map(max, needs, bound.needs))
    return needs


def added(*amounts: Counts) -> Counts:
    """What several calls need, for one request."""
    if len(amounts) == 1:
        return amounts[0]
    total = [sum(each) for each in zip(*amounts, strict=True)]
    return Amounts(*total)._replace(requests=1, concurrency=1)


def _caches(body: Mapping[str, Any]) -> bool:
    """Whether a request marks anything for the provider's cache, in its hub form."""
    if "cache_control" in body:
        return True
    for message in body["messages"]:
        content = message.get("content")
        if content.__class__ is str and len(message) == 2:  # it has a role, and no more
            continue
        if "cache_control" in message:
            return True
        if content.__class__ is list:
            for part in content:
                if part.__class__ is dict and "cache_control" in part:
                    return True
    tools = body.get("tools")
    return tools is not None and any("cache_control" in tool for tool in tools)
