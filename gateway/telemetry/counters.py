"""What is counted for every request, in plain lists: a prometheus_client child takes a lock and
three calls for each of ten numbers.

Written on the event loop only; a scrape reads it from a thread, each list as it is at that moment.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, Exemplar, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]


class Counter:
    """A counter with labels."""

    def __init__(self, name: str, help_: str, labels: Sequence[str]) -> None:
        self._family: Final = name, help_, tuple(labels)
        self._cells: dict[Labels, list[float]] = {}

    def series(self, *labels: str) -> list[float]:
        """Its number, alone in a list: whoever counts adds to it."""
        found = self._cells.get(labels)
        if found is None:
            found = self._cells[labels] = [0.0]
        return found

    def collect(self) -> Metric:
        name, help_, labels = self._family
        family = CounterMetricFamily(name, help_, labels=labels)
        for values, cell in list(self._cells.items()):
            family.add_metric(values, cell[0])
        return family


class Histogram:
    """A histogram with labels; `bounds` are in seconds, rising."""

    def __init__(
        self, name: str, help_: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._family: Final = name, help_, tuple(labels)
        self._bounds: Final = tuple(bounds)
        self._cells: dict[Labels, list[float]] = {}
        self._exemplars: dict[tuple[int, int], Exemplar] = {}
        """By a cell's identity, which lives as long as this, and the bucket."""

    def series(self, *labels: str) -> list[float]:
        """Its numbers: the sum, then how many fell into each bucket. Whoever observes a value calls
        `observe` with them.
        """
        found = self._cells.get(labels)
        if found is None:
            found = self._cells[labels] = [0.0] * (len(self._bounds) + 2)
        return found

    def observe(self, cell: list[float], value: float) -> None:
        cell[0] += value
        cell[1 + bisect_left(self._bounds, value)] += 1

    def exemplify(self, cell: list[float], value: float, trace_id: str, when: float) -> None:
        """`value`, just observed, was that of a trace; `when` in seconds since 1970. Only the
        OpenMetrics exposition shows it, the newest of each bucket.
        """
        bucket = bisect_left(self._bounds, value)
        self._exemplars[id(cell), bucket] = Exemplar({"trace_id": trace_id}, value, when)

    def collect(self) -> Metric:
        name, help_, labels = self._family
        family = HistogramMetricFamily(name, help_, labels=labels)
        for values, cell in list(self._cells.items()):
            total, *counts = tuple(cell)
            seen = 0.0
            buckets: list[Any] = []
            for place, (bound, count) in enumerate(
                zip((*map(str, map(float, self._bounds)), "+Inf"), counts, strict=True)
            ):
                seen += count
                buckets.append((bound, seen, self._exemplars.get((id(cell), place))))
            family.add_metric(values, buckets, total)
        return family


class FastCollector(Collector):
    """Makes them, and shows them to a registry in the order in which they were made."""

    def __init__(self) -> None:
        self._made: list[Counter | Histogram] = []

    def counter(self, name: str, help_: str, labels: Sequence[str]) -> Counter:
        """A new counter."""
        made = Counter(name, help_, labels)
        self._made.append(made)
        return made

    def histogram(
        self, name: str, help_: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> Histogram:
        """A new histogram."""
        made = Histogram(name, help_, labels, bounds)
        self._made.append(made)
        return made

    def collect(self) -> Iterable[Metric]:
        return [each.collect() for each in self._made]
