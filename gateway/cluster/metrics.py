"""Metrics of what instances share. Registered only where there is a store; labels are words of
this room.
"""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.telemetry.counters import FastCollector

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
_FACTS: Final = "What instances told each other of providers, by what became of it."
_STATES: Final = "Pins, reasoning and responses kept for other instances, and looked for."
_UP: Final = "1 if what instances share can be written and read."
_INSTANCES: Final = "Processes on this store that were seen within ten seconds."
_REVISIONS: Final = "Revisions of the configuration that these have."
_WAITING: Final = "States that are not yet in the store."
_OPERATION: Final = "Time of one operation on what instances share."


class ClusterMetrics(Collector):
    """A collector, and what counts for it."""

    def __init__(
        self,
        up: Callable[[], bool],
        instances: Callable[[], int],
        waiting: Callable[[], int],
        revisions: Callable[[], int],
    ) -> None:
        self._up = up
        self._instances = instances
        self._waiting = waiting
        self._revisions = revisions
        self._facts: dict[tuple[str, str], int] = {}
        self._states: dict[tuple[str, str], int] = {}
        self._fast = FastCollector()
        self._operations = self._fast.histogram(
            "llm_router_store_shared_seconds", _OPERATION, [], _SECONDS
        )
        self._operation = self._operations.series()

    def fact(self, kind: str, outcome: str, count: int = 1) -> None:
        """told, adopted, or ignored."""
        self._facts[kind, outcome] = self._facts.get((kind, outcome), 0) + count

    def state(self, kind: str, outcome: str, count: int = 1) -> None:
        """kept, found, missing, late (the store did not answer in time), or lost (too much, too
        large, or not to be opened).
        """
        self._states[kind, outcome] = self._states.get((kind, outcome), 0) + count

    def took(self, seconds: float) -> None:
        """An operation of the store."""
        self._operations.observe(self._operation, seconds)

    def collect(self) -> Iterator[Metric]:
        facts = CounterMetricFamily("llm_router_store_facts", _FACTS, labels=["kind", "outcome"])
        for labels, count in sorted(self._facts.items()):
            facts.add_metric(labels, count)
        yield facts
        states = CounterMetricFamily("llm_router_store_states", _STATES, labels=["kind", "outcome"])
        for labels, count in sorted(self._states.items()):
            states.add_metric(labels, count)
        yield states
        yield GaugeMetricFamily("llm_router_instances", _INSTANCES, self._instances())
        yield GaugeMetricFamily("llm_router_revisions", _REVISIONS, self._revisions())
        yield GaugeMetricFamily("llm_router_store_shared_up", _UP, float(self._up()))
        yield GaugeMetricFamily("llm_router_store_states_waiting", _WAITING, self._waiting())
        yield from self._fast.collect()
