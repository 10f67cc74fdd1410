"""What the last hour's traffic was: a listener that counts in slices of ten seconds, and by persona
and target in minutes.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from gateway.api.console_schemas import CountsDocument, PointDocument
from gateway.telemetry.events import Event, RequestEnded

STEP: Final = 10
WINDOW: Final = 3600
"""Seconds of a slice, and of all that is kept."""
_MINUTE: Final = 60
_MOST_NAMES: Final = 200
"""In one slice: of more personas or targets, the rest counts as `other`."""
_OTHER: Final = "other"
_BOUNDS: Final = tuple(0.001 * 1.25**i for i in range(61))
"""Of the histograms, in seconds: from a millisecond to eleven minutes."""
_NOT_FAILED: Final = frozenset({"ok", "cancelled"})
_NANO: Final = 1_000_000_000

Told = list[Any]
"""One Count as workers tell it to each other: its fields in order."""


class Count:
    """What was counted in a slice."""

    __slots__ = (
        "completion",
        "cost",
        "durations",
        "errors",
        "extra",
        "firsts",
        "prompt",
        "requests",
    )

    def __init__(self) -> None:
        self.requests = self.errors = self.extra = self.prompt = self.completion = self.cost = 0
        self.durations: dict[int, int] = {}
        """By the index of a bound, how many took that long; `firsts` likewise until the first
        content."""
        self.firsts: dict[int, int] = {}

    def took(self, seconds: float, failed: bool) -> None:
        """One more, which took so long."""
        self.requests += 1
        self.errors += failed
        _observe(self.durations, seconds)

    def request(self, event: RequestEnded) -> None:
        """One more request."""
        broken = event.status >= 500 or event.outcome == "stream_aborted"
        self.took(event.seconds, broken)
        self.extra += max(0, len(event.attempts) - 1)
        if event.first_chunk_seconds is not None:
            _observe(self.firsts, event.first_chunk_seconds)
        if event.usage is not None:
            self.prompt += event.usage.prompt
            self.completion += event.usage.completion
        self.cost += event.cost_nano_usd or 0

    def told(self) -> Told:
        return [
            self.requests, self.errors, self.extra, self.prompt, self.completion, self.cost,
            list(self.durations.items()), list(self.firsts.items()),
        ]  # fmt: skip

    def add(self, told: Told) -> None:
        """What another one counted."""
        requests, errors, extra, prompt, completion, cost, durations, firsts = told
        self.requests += requests
        self.errors += errors
        self.extra += extra
        self.prompt += prompt
        self.completion += completion
        self.cost += cost
        for mine, others in ((self.durations, durations), (self.firsts, firsts)):
            for index, number in others:
                mine[index] = mine.get(index, 0) + number

    def document(self) -> CountsDocument:
        return {
            "requests": self.requests,
            "errors": self.errors,
            "extra_attempts": self.extra,
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "cost_usd": self.cost / _NANO,
            "p50_seconds": quantile(self.durations, 0.5),
            "p95_seconds": quantile(self.durations, 0.95),
            "first_content_p95_seconds": quantile(self.firsts, 0.95),
        }


def _observe(histogram: dict[int, int], seconds: float) -> None:
    index = bisect_left(_BOUNDS, seconds)
    histogram[index] = histogram.get(index, 0) + 1


def quantile(histogram: Mapping[int, int], share: float) -> float | None:
    """The bound below which this share of what was observed lies; None of nothing."""
    rank = share * sum(histogram.values())
    below = 0
    for index in sorted(histogram):
        below += histogram[index]
        if below >= rank:
            return round(_BOUNDS[min(index, len(_BOUNDS) - 1)], 4)
    return None


class _Slices:
    """The newest slices of one length, by name; the oldest goes when a new one is begun."""

    __slots__ = ("_kept", "_seconds")

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._kept: deque[tuple[int, dict[str, Count]]] = deque(maxlen=WINDOW // seconds + 1)

    def at(self, now: float, name: str) -> Count:
        start = int(now) // self._seconds * self._seconds
        kept = self._kept
        if not kept or kept[-1][0] < start:  # a clock that was set back counts where it was
            kept.append((start, {}))
        counts = kept[-1][1]
        count = counts.get(name)
        if count is None:
            if len(counts) >= _MOST_NAMES:
                name = _OTHER
            count = counts.setdefault(name, Count())
        return count

    def since(self, start: int) -> Iterable[tuple[int, str, Count]]:
        """Each slice that reaches beyond a moment."""
        for began, counts in list(self._kept):
            if began + self._seconds > start:
                for name, count in list(counts.items()):
                    yield began, name, count


class Stats:
    """A listener. `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._all, self._personas, self._targets = _Slices(STEP), _Slices(_MINUTE), _Slices(_MINUTE)

    def on_event(self, event: Event) -> None:
        """Requests for a persona, and attempts; requests for catalogs are not counted."""
        if type(event) is not RequestEnded:
            return
        now = self._clock()
        for attempt in event.attempts:
            failed = attempt.outcome not in _NOT_FAILED
            name = f"{attempt.provider}/{attempt.model}"
            self._targets.at(now, name).took(attempt.seconds, failed)
        if event.persona is not None:
            self._all.at(now, "").request(event)
            self._personas.at(now, event.persona).request(event)

    def told(self, window: int) -> dict[str, Any]:
        """What this process counted in the last so many seconds, for all of them together. It takes
        milliseconds: a thread may ask while the loop counts.
        """
        start = int(self._clock()) - window
        return {
            "slices": [[began, count.told()] for began, _, count in self._all.since(start)],
            "personas": _by_name(self._personas.since(start)),
            "targets": _by_name(self._targets.since(start)),
        }


def _by_name(slices: Iterable[tuple[int, str, Count]]) -> dict[str, Told]:
    counts: dict[str, Count] = {}
    for _, name, count in slices:
        counts.setdefault(name, Count()).add(count.told())
    return {name: count.told() for name, count in counts.items()}


class Merged:
    """What several processes told, as one."""

    def __init__(self, told: Iterable[Mapping[str, Any]], step: int) -> None:
        self.total = Count()
        self._points: dict[int, Count] = {}
        self._named: dict[str, dict[str, Count]] = {"personas": {}, "targets": {}}
        for one in told:
            for began, count in one["slices"]:
                self.total.add(count)
                self._points.setdefault(began // step * step, Count()).add(count)
            for kind, counts in self._named.items():
                for name, count in one[kind].items():
                    counts.setdefault(name, Count()).add(count)

    def points(self) -> list[PointDocument]:
        """The oldest first."""
        return [
            {"start": start, **count.document()} for start, count in sorted(self._points.items())
        ]

    def named(self, kind: str) -> dict[str, CountsDocument]:
        """`kind`: personas or targets."""
        return {name: count.document() for name, count in sorted(self._named[kind].items())}
