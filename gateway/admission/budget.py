"""Limits as a gate of routing: a target that may use more than is left is not asked, a cheaper one
may be.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from gateway.accounting.observed import Learned
from gateway.admission.amounts import OUTPUT, said
from gateway.admission.bounds import Ask, Bound, bound_of, offer_of, rate_of
from gateway.admission.counters import Counter
from gateway.admission.scopes import in_words
from gateway.routing.candidates import Candidate
from gateway.routing.facts import Facts

UNKNOWN_PRICE: Final = "unknown_price"
LEAST_ANSWER: Final = 256
"""Tokens below which no answer is limited."""


class Budget:
    """What is left for one request. `counters` are as the store had them a moment ago."""

    def __init__(self, counters: Sequence[Counter], ask: Ask, learned: Learned, day: date) -> None:
        self._counters = counters
        self._ask = ask
        self._learned = learned
        self._day = day
        self._bounds: dict[str, Bound] = {}
        self.refusing: list[tuple[Counter, Bound]] = []
        """What was in the way of the targets so far."""

    def bound(self, candidate: Candidate, facts: Facts) -> Bound:
        """The most that the candidate may use."""
        offer = offer_of(candidate.model, self._day)
        return bound_of(offer, facts, self._ask, self._learned.factor(candidate.name))

    def objection(self, candidate: Candidate, facts: Facts) -> str | None:
        """Why it may not be asked, as a machine reads it; None if it may."""
        bound = self.bound(candidate, facts)
        for counter in self._counters:
            limit = counter.limit
            if limit.on == "usd" and not bound.priced:
                return UNKNOWN_PRICE
            need, left = bound.needs[counter.index], counter.left
            if need > left:
                self.refusing.append((counter, bound))
                where = f"{in_words(counter.id.scope)}{f', {limit.per}' if limit.per else ''}"
                needs = said(limit.on, need).partition(" ")[0]
                return f"over_budget: needs {needs} > {said(limit.on, left)} ({where})"
        return None

    def longest_answer(self) -> int | None:
        """Tokens of an answer that what is left pays for, where every limit in the way says `fit`;
        None if that is too little, or not so.
        """
        best = 0
        for counter, bound in self.refusing:
            if counter.limit.fit:
                best = max(best, self._affordable(bound))
        return best if best >= LEAST_ANSWER else None

    def _affordable(self, bound: Bound) -> int:
        """Tokens of each answer at the target of `bound`."""
        needs, most = bound.needs, bound.model.record.max_output_tokens
        for counter in self._counters:
            limit, over = counter.limit, needs[counter.index] - counter.left
            if over <= 0:
                continue
            if not limit.fit:
                return 0
            if limit.on == "usd":
                over = -(-over * 10**6 // max(1, rate_of(bound, self._day)))
            most = min(most, (needs[OUTPUT] - over) // bound.answers)
        return max(0, most)
