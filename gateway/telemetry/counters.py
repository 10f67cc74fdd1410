"""What is counted for every request, in plain lists: a prometheus_client child takes a lock and
three calls for each of ten numbers.

Written on the event loop only; a scrape reads it from a thread, each list as it is at that moment.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
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

    def collect(self) -> Metric:
        name, help_, labels = self._family
        family = HistogramMetricFamily(name, help_, labels=labels)
        for values, cell in list(self._cells.items()):
            total, *counts = tuple(cell)
            seen, buckets = 0.0, []
            for bound, count in zip(
                (*map(str, map(float, self._bounds)), "+Inf"), counts, strict=True
            ):
                seen += count
                buckets.append((bound, seen))
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
