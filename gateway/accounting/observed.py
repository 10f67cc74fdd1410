"""What answers taught: how far the estimate is off for a target, how long a persona's answers are,
how much of a prompt was cached.

Averages that forget (EWMA), bounded in value and in number. Reading changes nothing, so that a plan
can be made twice. No clock, no I/O: what is known is lost with the process, and learned again
within some twenty answers.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Final

from gateway.accounting.usage import count, totals

DEFAULT_OUTPUT: Final = 500
"""Completion tokens expected of a persona that has not answered yet."""
LEAST_FACTOR: Final = 0.5
MOST_FACTOR: Final = 2.0
CAPACITY: Final = 4096
"""Targets, personas, and pairs of the two that are remembered of each; the one observed longest ago
is forgotten."""

_SLOWEST: Final = 0.05
"""The weight of a new answer after many: the last twenty or so count."""
_PRIOR: Final = 4
"""How many answers the factor's starting value of 1 is worth."""
_TELLING_PROMPT: Final = 1000
"""Estimated tokens from which a prompt counts in full: in a short one, what providers put around
the text outweighs the text."""


_NEVER: Final = (0.0, 0)
_AS_ESTIMATED: Final = (1.0, 0)


class _Averages:
    """Values averaged by key: a mean at first, then exponentially weighted."""

    def __init__(self, start: float = 0.0, prior: int = 0) -> None:
        self._start = start, prior
        self.kept: OrderedDict[Hashable, list[float]] = OrderedDict()
        """The average and how many values it is of; the one that a value was added to last is the
        last."""

    def get(self, key: Hashable) -> float | None:
        kept = self.kept.get(key)
        return None if kept is None else kept[0]

    def add(self, value: float, key: Hashable, weight: float = 1.0) -> None:
        kept = self.kept
        known = kept.get(key)
        if known is None:
            known = kept[key] = [*self._start]
            if len(kept) > CAPACITY:
                kept.popitem(last=False)
        else:
            kept.move_to_end(key)
        average, seen = known
        seen = known[1] = seen + 1
        share = 1 / seen
        known[0] = average + (value - average) * weight * (share if share > _SLOWEST else _SLOWEST)

    def __len__(self) -> int:
        return len(self.kept)


class Learned:
    """Targets are named `provider/model`. One instance serves all requests and outlives a reload of
    the configuration.
    """

    def __init__(self) -> None:
        self._factors = _Averages(start=1.0, prior=_PRIOR)
        self._outputs = _Averages()
        self._persona_outputs = _Averages()
        self._cached = _Averages()

    def __len__(self) -> int:
        """Values that are remembered."""
        return sum(map(len, (self._factors, self._outputs, self._persona_outputs, self._cached)))

    def factor(self, target: str) -> float:
        """Prompt tokens the target counts, relative to the estimate (the model's `token_factor`
        included): 0.5 to 2, at first 1.
        """
        return self._factors.kept.get(target, _AS_ESTIMATED)[0]

    def expected_output(self, persona: str, target: str) -> int:
        """Completion tokens to expect: of this persona at this target, else of this persona
        anywhere, else 500.

        A target that was never tried is thus not taken for dearer or cheaper than the others only
        because it is new.
        """
        known = self._outputs.get((persona, target))
        if known is None:
            known = self._persona_outputs.get(persona)
        return DEFAULT_OUTPUT if known is None else round(known)

    def cached_share(self, persona: str, target: str) -> float:
        """The part of the prompt that the target reads from its cache for this persona: 0 to 1, at
        first 0.
        """
        known = self._cached.get((persona, target))
        return 0.0 if known is None else known

    def expected(self, persona: str, target: str) -> tuple[int, float, float]:
        """All at once: the completion tokens to expect, the cached part of the prompt, and the
        factor.
        """
        key = persona, target
        output = self._outputs.kept.get(key) or self._persona_outputs.kept.get(persona)
        cached = self._cached.kept.get(key, _NEVER)[0]
        factor = self._factors.kept.get(target, _AS_ESTIMATED)[0]
        return (
            DEFAULT_OUTPUT if output is None else round(output[0]),
            cached,
            factor,
        )

    def observe(
        self, persona: str, target: str, estimated_prompt: int | None, usage: dict[str, Any]
    ) -> None:
        """An answer of `target` was counted. `estimated_prompt` has the model's `token_factor` in
        it, not this object's factor; None where nothing was estimated. What `usage` (the hub's)
        does not say is not learned from.
        """
        prompt, completion = totals(usage)
        of_both = persona, target
        if prompt and estimated_prompt is not None and estimated_prompt > 0:
            ratio = min(MOST_FACTOR, max(LEAST_FACTOR, prompt / estimated_prompt))
            self._factors.add(
                ratio, target, min(estimated_prompt, _TELLING_PROMPT) / _TELLING_PROMPT
            )
        if prompt:
            details = usage.get("prompt_tokens_details")
            cached = 0
            if details.__class__ is dict and details.get("cached_tokens"):
                cached = count(details, "cached_tokens") or 0
            self._cached.add(cached / prompt if cached < prompt else 1.0, of_both)
        if completion is not None:
            self._outputs.add(completion, of_both)
            self._persona_outputs.add(completion, persona)
