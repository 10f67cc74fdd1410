"""Metrics of what routing does beside a request's first attempt, and of how targets, keys and
queues are.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.telemetry.events import RequestEnded

_EXTRA: Final = "Attempts beside a request's first, by what they were made for."
_HEDGES_WON: Final = "Requests that the second target answered first."
_RESUMED: Final = "Answers that broke off and were continued by another target."
_AVAILABLE: Final = (
    "The part of its usual requests that a target may get now: 0 while it is set aside."
)
_SERVED: Final = "The same of the best target of a persona: 0 while none of them may be sent to."
_KEYS: Final = "The same of a provider's key, by the environment variable that holds it."
_CHECKED: Final = (
    "Of a provider that has a health check: 1 if it is up, 0 once two checks in a row have failed."
)
_WAITING: Final = "Requests in the queue of a target or provider that has a limit."


class RoutingMetrics:
    """Personas, targets and keys of the configuration are the only values of its labels."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._extra = Counter(
            "llm_router_extra_attempts_total", _EXTRA, ["persona", "why"], registry=registry
        )
        self._hedges_won = Counter(
            "llm_router_hedges_won_total", _HEDGES_WON, ["persona"], registry=registry
        )
        self._resumed = Counter(
            "llm_router_streams_resumed_total", _RESUMED, ["persona"], registry=registry
        )
        self._available = Gauge(
            "llm_router_target_availability", _AVAILABLE, ["provider", "model"], registry=registry
        )
        self._served = Gauge(
            "llm_router_persona_availability", _SERVED, ["persona"], registry=registry
        )
        self._keys = Gauge(
            "llm_router_key_availability", _KEYS, ["provider", "variable"], registry=registry
        )
        self._checked = Gauge(
            "llm_router_health_check_up", _CHECKED, ["provider"], registry=registry
        )
        self._waiting = Gauge(
            "llm_router_waiting_requests", _WAITING, ["target"], registry=registry
        )

    def beside_the_first(self, event: RequestEnded, persona: str) -> None:
        """A request that took more than one attempt."""
        for attempt in event.attempts:
            if attempt.why != "first":
                self._extra.labels(persona, attempt.why).inc()
            if attempt.why == "hedge" and attempt.outcome == "ok":
                self._hedges_won.labels(persona).inc()
        if event.resumed:
            self._resumed.labels(persona).inc()

    def show(
        self,
        targets: Iterable[tuple[str, str, float]],
        keys: Iterable[tuple[str, str, float]],
        waiting: Iterable[tuple[str, int]],
        checked: Iterable[tuple[str, float]],
        served: Iterable[tuple[str, float]],
    ) -> None:
        """What holds at this moment, of the configuration's targets, keys, queues, checks and
        personas. What is not among them is shown no more.
        """
        for gauge, rows in ((self._available, targets), (self._keys, keys)):
            gauge.clear()
            for first, second, share in rows:
                gauge.labels(first, second).set(share)
        for gauge, values in (
            (self._waiting, waiting),
            (self._checked, checked),
            (self._served, served),
        ):
            gauge.clear()
            for name, value in values:
                gauge.labels(name).set(value)
