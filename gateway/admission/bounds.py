"""The most that a request may use at each target: what is held for it before it is sent."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from gateway.accounting.cost import LIST_PRICE_TIERS, PLAIN, Extras, most_cost
from gateway.admission.amounts import INDEX, Amounts
from gateway.config import Model
from gateway.routing.candidates import Candidate
from gateway.routing.facts import Facts
from translators.chat.request import ChatRequest

MARGIN: Final = 1.15
"""An estimate of tokens is held to be too low by so much at most."""
_AROUND: Final = 32
"""Tokens that a provider may put around a request."""
_new: Final = tuple.__new__
"""Of a NamedTuple all of whose fields are given: without a call of Python's, 1,300 to 2,100
instructions less of an admission's and settlement's 130,000, four times."""
_SEARCHES: Final = 10
"""How often an answer may make use of what has a fee, where it may."""


class Bound(NamedTuple):
    """The most that one call of a target may use."""

    model: Model
    expected_input: int
    """Tokens of the prompt as estimated, without the margin."""
    needs: Amounts
    """Without money where it is not priced."""
    priced: bool
    answers: int


def rate_of(bound: Bound, day: date) -> int:
    """Nano-USD for a million tokens of answer."""
    read = bound.needs.input_tokens
    both = most_cost(bound.model, read, 10**6, day, PLAIN)
    return (both or 0) - (most_cost(bound.model, read, 0, day, PLAIN) or 0)


class Ask(NamedTuple):
    """What a request has that a price depends on, beside its facts."""

    listed: bool
    """It is sold at the price list's rates."""
    extras: Extras


_PLAIN: Final = Ask(True, PLAIN)


def ask_of(request: ChatRequest, facts: Facts) -> Ask:
    body, features, natives = request.body, facts.features, facts.natives
    listed = body.get("service_tier") in LIST_PRICE_TIERS
    hears = searches = False
    if features or natives:
        hears, searches = "audio" in features, bool("web_search" in features or natives)
    caches = _caches(body)
    if listed and not (caches or hears or searches):
        return _PLAIN
    return Ask(listed, Extras(caches, hears, _SEARCHES if searches else 0))


def bound_of(candidate: Candidate, facts: Facts, ask: Ask, learned: float, day: date) -> Bound:
    """`learned`: what this target counts, relative to the estimate."""
    model = candidate.model
    record = model.record
    prompt, factor, answers = facts.prompt, model.token_factor, facts.answers
    tokens = prompt.tokens if prompt.known is None else prompt.known
    if factor != 1 or learned > 1:
        tokens = int(tokens * factor * max(learned, 1.0))
    counted = prompt.exact and factor == 1
    most_input = (tokens if counted else int(tokens * MARGIN)) + _AROUND
    if answers > 1 and "multiple_choices" not in record.capabilities:
        tokens, most_input = tokens * answers, most_input * answers
    most_output = 0
    if record.embedding is None:
        most_output = record.max_output_tokens
        if facts.max_tokens is not None and facts.max_tokens < most_output:
            most_output = facts.max_tokens
        most_output *= answers
    listed, extras = ask
    cost = most_cost(model, most_input, most_output, day, extras) if listed else None
    total = most_input + most_output
    needs = _new(Amounts, (1, total, most_input, most_output, cost or 0, 1))
    return _new(Bound, (model, tokens, needs, cost is not None, answers))


def wavers(bound: Bound, index: int, left: int, day: date) -> bool:
    """Whether it depends on the estimate of the prompt if a call fits into what is left: that of an
    unusual text may be three times too high, or a third too low.
    """
    need, read = bound.needs[index], bound.needs.input_tokens
    if index == INDEX["usd"]:
        read = need - (most_cost(bound.model, 0, bound.needs.output_tokens, day, PLAIN) or 0)
    return need - read * 2 // 3 <= left < need + read // 2


def dearest(bounds: Iterable[Bound]) -> Amounts:
    """What suffices for any of them."""
    first, *others = bounds
    if not others:
        return first.needs
    needs = first.needs
    for bound in others:
        needs = Amounts(*map(max, needs, bound.needs))
    return needs


def added(*amounts: Amounts) -> Amounts:
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
        if "cache_control" in message:
            return True
        content = message.get("content")
        if content.__class__ is list:
            for part in content:
                if part.__class__ is dict and "cache_control" in part:
                    return True
    tools = body.get("tools")
    return tools is not None and any("cache_control" in tool for tool in tools)
