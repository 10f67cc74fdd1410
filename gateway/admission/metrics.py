"""Metrics of limits: what they refuse, how much of them is used, and how the store does. Registered
only where there are limits.

Labels are names of the policy: keys and end users are told of together.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.admission.counters import CounterPool
from gateway.errors import LimitExceeded
from gateway.telemetry.counters import FastCollector

_SECONDS: Final = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
_REJECTIONS: Final = "Requests that a limit refused."
_USED: Final = "The part of a limit of the policy that is used, as this process last saw it."
_UP: Final = "1 if the store of limits can be used."
_ROWS: Final = "Requests that have ended and are not yet in the ledger."
_AGE: Final = "Seconds since the oldest of them was admitted."
_OPERATION: Final = "Time of one operation of the store."


class Standing(NamedTuple):
    """How the store is at the moment."""

    up: bool
    rows: int
    age: float


class LimitMetrics(Collector):
    """A collector, and what counts for it. `clock`: Unix seconds."""

    def __init__(
        self, pool: CounterPool, standing: Callable[[], Standing], clock: Callable[[], float]
    ) -> None:
        self._pool = pool
        self._standing = standing
        self._clock = clock
        self._rejections: dict[tuple[str, str, str], int] = {}
        self._fast = FastCollector()
        self._operations = self._fast.histogram(
            "llm_router_store_op_seconds", _OPERATION, [], _SECONDS
        )
        self._operation = self._operations.series()

    def refused(self, error: LimitExceeded) -> LimitExceeded:
        """A request was refused with this error, which is given back."""
        limit = error.limit
        key = kind_of(limit["scope"]), limit["on"], limit["per"] or ""
        self._rejections[key] = self._rejections.get(key, 0) + 1
        return error

    def took(self, seconds: float) -> None:
        """An operation of the store."""
        self._operations.observe(self._operation, seconds)

    def collect(self) -> Iterator[Metric]:
        rejections = CounterMetricFamily(
            "llm_router_limit_rejections", _REJECTIONS, labels=["scope", "on", "per"]
        )
        for labels, count in sorted(self._rejections.items()):
            rejections.add_metric(labels, count)
        yield rejections
        ratio = GaugeMetricFamily("llm_router_limit_used_ratio", _USED, labels=["scope", "limit"])
        now = self._clock()
        current = {
            (c.id.scope, c.id.name): c
            for c in list(self._pool)
            if c.ends > now and of_policy(c.id.scope)
        }
        for (scope, name), counter in sorted(current.items()):
            used = counter.spent + counter.unbooked + counter.held
            ratio.add_metric((scope, name), used / counter.cap)
        yield ratio
        standing = self._standing()
        yield GaugeMetricFamily("llm_router_store_up", _UP, float(standing.up))
        yield GaugeMetricFamily("llm_router_journal_backlog_rows", _ROWS, standing.rows)
        yield GaugeMetricFamily("llm_router_journal_age_seconds", _AGE, standing.age)
        yield from self._fast.collect()


def kind_of(scope: str) -> str:
    """all, team, persona or key; `+user` behind it where end users are counted by themselves."""
    first = scope.partition("+")[0].partition("/")[0]
    return f"{first}+user" if "+user/" in scope else first


def of_policy(scope: str) -> bool:
    """It has no key's and no end user's id in it."""
    return "key/" not in scope and "+user/" not in scope
