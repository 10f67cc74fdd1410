"""How fast a target answers, as seen: averages that forget, and quantiles of the last answers.

Pure: every method is told the time (seconds, monotonic).
"""

import math
from bisect import bisect_left, insort
from collections import deque
from typing import Final

MEMORY: Final = 60.0
"""Seconds after which an observation has lost most (63 %) of its weight."""
SAMPLES: Final = 200
FEWEST_SAMPLES: Final = 20
"""Fewer observations than this have no quantile."""
_LEAST_WEIGHT: Final = 0.1
"""The least weight of a new observation, however many came just before it."""
_JUST_BEFORE: Final = 6.0
"""Seconds after an observation within which the next has no more than that: 1 - exp(-6 / 60) is
less."""


class Ewma:
    """An exponentially weighted average. What has not been observed for long fades towards 0, so
    that it is tried again.
    """

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value: float | None = None
        self._at = 0.0

    def observe(self, value: float, now: float) -> None:
        before, elapsed = self._value, now - self._at
        if before is None:
            self._value = value
        else:
            weight = (
                _LEAST_WEIGHT
                if elapsed < _JUST_BEFORE
                else max(_LEAST_WEIGHT, 1 - math.exp(-elapsed / MEMORY))
            )
            self._value = before + weight * (value - before)
        self._at = now

    def value(self, now: float) -> float | None:
        """None before the first observation."""
        if now - self._at <= MEMORY or self._value is None:
            return self._value
        return self._value * math.exp((self._at + MEMORY - now) / (5 * MEMORY))


class Latency:
    """One target's. `stream` tells apart the time to the first content of a stream and that of a
    whole JSON answer.
    """

    __slots__ = ("_averages", "_ordered", "_rate", "_samples")

    def __init__(self) -> None:
        self._averages = (Ewma(), Ewma())
        self._samples: tuple[deque[float], deque[float]] = (
            deque(maxlen=SAMPLES),
            deque(maxlen=SAMPLES),
        )
        self._ordered: list[list[float] | None] = [None, None]
        """The samples from the smallest on, once somebody has asked for a quantile: to sort them
        for each request costs 5 µs."""
        self._rate = Ewma()

    def observe(self, stream: bool, seconds: float, now: float) -> None:
        """An answer's first content came after `seconds`."""
        self._averages[stream].observe(seconds, now)
        samples, ordered = self._samples[stream], self._ordered[stream]
        if ordered is not None:
            if len(samples) == SAMPLES:
                del ordered[bisect_left(ordered, samples[0])]
            insort(ordered, seconds)
        samples.append(seconds)

    def observe_rate(self, tokens: int, seconds: float, now: float) -> None:
        """`tokens` were generated in `seconds`."""
        if tokens > 0 and seconds > 0:
            self._rate.observe(tokens / seconds, now)

    def first_content(self, stream: bool, now: float) -> float | None:
        """Expected seconds until there is content, None if never seen."""
        return self._averages[stream].value(now)

    def expected(self, stream: bool, now: float) -> tuple[float | None, float | None]:
        """Seconds until there is content, of the other kind of answer if none of this kind was
        seen; and tokens per second.
        """
        first = self._averages[stream].value(now)
        if first is None:
            first = self._averages[not stream].value(now)
        return first, self._rate.value(now)

    def tokens_per_second(self, now: float) -> float | None:
        return self._rate.value(now)

    def quantile(self, stream: bool, share: float) -> float | None:
        """Seconds that `share` of the last answers took at most; None while there are too few."""
        samples = self._samples[stream]
        if len(samples) < FEWEST_SAMPLES:
            return None
        ordered = self._ordered[stream]
        if ordered is None:
            ordered = self._ordered[stream] = sorted(samples)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
