"""Prometheus metrics, as a listener. Every label has a closed set of values from the configuration; anything else counts as `other`."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from gateway.telemetry.events import AttemptEnded, ConfigReloaded, Event, RequestEnded, Usage
from gateway.telemetry.revisions import RevisionMetrics
from gateway.telemetry.routing import RoutingMetrics
from translators.errors import FailureKind

OTHER: Final = "other"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_OVERHEAD: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
_CLOCKS: Final = ("connect_timeout", "first_content_timeout", "idle_timeout", "total_timeout")
_OUTCOMES: Final = frozenset({*(kind.value for kind in FailureKind), *_CLOCKS, "ok", "cancelled", "rejected", "no_place"})


class Metrics:
    """The registry and its listener. `known` names the personas, provider/model pairs and parameters that may appear as labels."""

    def __init__(self, personas: Iterable[str], targets: Iterable[tuple[str, str]], parameters: Iterable[str]) -> None:
        self._personas = frozenset(personas)
        self._targets = frozenset(targets)
        self._parameters = frozenset(parameters)
        self._children: dict[tuple[Any, ...], Any] = {}
        self._bound: dict[tuple[str | None, ...], _Bound] = {}
        self._bound_attempts: dict[tuple[str, ...], tuple[Callable[[], None], Callable[[float], None]]] = {}
        registry = self.registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "llm_router_requests_total", "Requests answered.", ["persona", "provider", "model", "outcome"], registry=registry
        )
        self._duration = Histogram(
            "llm_router_request_duration_seconds", "From the first byte read to the last byte written.", ["persona", "provider"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._first_chunk = Histogram(
            "llm_router_time_to_first_chunk_seconds", "From the first byte read to the first content of a stream.",
            ["persona", "provider"], buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._overhead = Histogram(
            "llm_router_overhead_seconds", "Time of a JSON request that was not spent waiting for providers.",
            buckets=_OVERHEAD, registry=registry,
        )  # fmt: skip
        self._attempts = Counter(
            "llm_router_upstream_attempts_total", "Attempts at targets by outcome.", ["provider", "model", "outcome"], registry=registry
        )
        self._attempt_seconds = Histogram(
            "llm_router_upstream_attempt_duration_seconds", "Duration of attempts.", ["provider"], buckets=_SECONDS, registry=registry
        )
        self._tokens = Counter(
            "llm_router_tokens_total", "Tokens as providers counted them.", ["persona", "provider", "model", "kind"], registry=registry
        )
        self._cost = Counter(
            "llm_router_cost_usd_total", "Cost of answers by the price list, where it is known.", ["persona", "provider", "model"],
            registry=registry,
        )  # fmt: skip
        self._dropped = Counter(
            "llm_router_dropped_params_total", "Parameters that a provider could not be told.", ["provider", "param"], registry=registry
        )
        self._aborted = Counter(
            "llm_router_stream_aborted_total", "Streams that ended without their end mark.", ["reason"], registry=registry
        )
        self.in_flight = Gauge("llm_router_in_flight_requests", "Chat requests being served.", registry=registry)
        self._revisions = RevisionMetrics(registry)
        self.routing = RoutingMetrics(registry)

    def adopt(self, version: str, revision: str, personas: Iterable[str], targets: Iterable[tuple[str, str]]) -> None:
        """A configuration holds from now on: its names may appear as labels, beside earlier ones, which requests still use."""
        self._personas |= frozenset(personas)
        self._targets |= frozenset(targets)
        self._revisions.adopt(version, revision)

    def listen(self, event: Event) -> None:
        match event:
            case AttemptEnded():
                self._attempt(event)
            case RequestEnded():
                self._request(event)
            case ConfigReloaded():
                self._revisions.listen(event)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The exposition text and its content type, made in a thread: a thousand series take a quarter of a second."""
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, self.registry), content_type

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (id(metric), *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

    def _target(self, provider: str | None, model: str | None) -> tuple[str, str]:
        return (provider, model) if (provider, model) in self._targets else (OTHER, OTHER)  # type: ignore[return-value]

    def _attempt(self, event: AttemptEnded) -> None:
        key = (event.provider, event.model, event.outcome)
        bound = self._bound_attempts.get(key)
        if bound is None:
            provider, model = self._target(event.provider, event.model)
            outcome = event.outcome if event.outcome in _OUTCOMES else OTHER
            bound = (self._child(self._attempts, provider, model, outcome).inc, self._child(self._attempt_seconds, provider).observe)
            if outcome == event.outcome and provider != OTHER:
                self._bound_attempts[key] = bound
        bound[0]()
        bound[1](event.seconds)

    def _request(self, event: RequestEnded) -> None:
        key = (event.persona, event.provider, event.model, event.outcome)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bind(event)
            if bound.closed:
                self._bound[key] = bound
        bound.request()
        bound.duration(event.seconds)
        if event.first_chunk_seconds is not None:
            bound.first_chunk(event.first_chunk_seconds)
        elif not event.stream and event.outcome == "ok" and event.provider is not None:
            self._overhead.observe(max(0.0, event.seconds - event.upstream_seconds))
        if len(event.attempts) > 1:
            self.routing.beside_the_first(event, event.persona if event.persona in self._personas else OTHER)
        if event.outcome == "stream_aborted":
            self._child(self._aborted, event.attempts[-1].outcome if event.attempts else OTHER).inc()
        for param in event.dropped:
            self._child(self._dropped, bound.provider, param if param in self._parameters else OTHER).inc()
        if (usage := event.usage) is not None:
            for tokens, add in zip(usage, bound.tokens, strict=True):
                if tokens:
                    add(tokens)
        if event.cost_nano_usd:
            bound.cost(event.cost_nano_usd / 1e9)

    def _bind(self, event: RequestEnded) -> "_Bound":
        provider, model = self._target(event.provider, event.model)
        persona = event.persona if event.persona in self._personas else OTHER
        labels = (persona, provider, model)
        return _Bound(
            provider=provider,
            closed=OTHER not in labels,
            request=self._child(self._requests, *labels, event.outcome).inc,
            duration=self._child(self._duration, persona, provider).observe,
            first_chunk=self._child(self._first_chunk, persona, provider).observe,
            tokens=tuple(self._child(self._tokens, *labels, kind).inc for kind in Usage._fields),
            cost=self._child(self._cost, *labels).inc,
        )


class _Bound(NamedTuple):
    """The methods that count one kind of request: looked up once, called for each."""

    provider: str
    closed: bool
    """All labels are names of the configuration, so there are few of its kind and it may be kept."""
    request: Callable[[], None]
    duration: Callable[[float], None]
    first_chunk: Callable[[float], None]
    tokens: tuple[Callable[[float], None], ...]
    cost: Callable[[float], None]
