"""Metrics of answers that are given again. Registered only where there is a cache; labels are names
of personas and the words below.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

RESULTS: Final = ("hit", "waited", "miss", "bypass", "stored", "unstored", "evicted")
"""hit: answered from the cache; waited: the same, after the same request of another caller; miss:
a target was asked; bypass: a request that has nothing to do with the cache; stored, unstored:
answers that were kept, or are none to give again; evicted: for lack of room."""
_RESULTS: Final = "What became of requests and answers of personas with a cache."
_BYTES: Final = "Bytes of answers in memory."
_ERRORS: Final = "What the store was asked of such answers, and did not do in time."


class CacheMetrics(Collector):
    """A collector, and what counts for it."""

    def __init__(
        self, sizes: Callable[[], Mapping[str, int]], store_errors: Callable[[], int]
    ) -> None:
        self._sizes = sizes
        self._store_errors = store_errors
        self._counts: dict[tuple[str, str], int] = {}

    def count(self, persona: str, result: str, times: int = 1) -> None:
        """`result`: one of RESULTS."""
        if times:
            key = persona, result
            self._counts[key] = self._counts.get(key, 0) + times

    def collect(self) -> Iterator[Metric]:
        results = CounterMetricFamily(
            "llm_router_response_cache", _RESULTS, labels=["persona", "result"]
        )
        for labels, count in sorted(self._counts.items()):
            results.add_metric(labels, count)
        yield results
        sizes = GaugeMetricFamily("llm_router_response_cache_bytes", _BYTES, labels=["persona"])
        for persona, size in sorted(self._sizes().items()):
            sizes.add_metric((persona,), size)
        yield sizes
        yield CounterMetricFamily(
            "llm_router_response_cache_store_errors", _ERRORS, self._store_errors()
        )
