"""Prometheus metrics, as a listener. Every label has a closed set of values from the configuration;
anything else counts as `other`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.telemetry.counters import FastCollector
from gateway.telemetry.events import (
    AttemptEnded,
    ConfigReloaded,
    Event,
    RequestEnded,
    TraceSource,
    Usage,
)
from gateway.telemetry.multiprocess import Snapshot, snapshot
from gateway.telemetry.process import ProcessMetrics
from gateway.telemetry.revisions import RevisionMetrics
from gateway.telemetry.routing import RoutingMetrics
from gateway.telemetry.stream_metrics import Cells, StreamMetrics, count_stream
from translators.errors import FailureKind

OTHER: Final = "other"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_OVERHEAD: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
_DURATION: Final = "From the first byte read to the last byte written."
_FIRST_CHUNK: Final = "From the first byte read to the first content of a stream."
_OWN_TIME: Final = "Time of a JSON request that was not spent waiting for providers."
_COST: Final = "Cost of answers by the price list, where it is known."
_CACHE: Final = "Tokens of prompts that providers read from their caches, or wrote to them."
_UNPRICED: Final = "Answers whose tokens were counted and whose model has no price."
_DROPPED: Final = "Parameters that a provider could not be told."
_CLOCKS: Final = ("connect_timeout", "first_content_timeout", "idle_timeout", "total_timeout")
_OUTCOMES: Final = frozenset(
    {
        *(kind.value for kind in FailureKind),
        *_CLOCKS,
        "ok",
        "cancelled",
        "rejected",
        "no_place",
        "out_of_descriptors",
    }
)


class _LostLines(Collector):
    def __init__(self, lost: Callable[[], int]) -> None:
        self._lost = lost

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(
            "llm_router_log_lines_lost", "Lines of the request log that were dropped.", self._lost()
        )


class _Spans(Collector):
    def __init__(self, traces: TraceSource) -> None:
        self._traces = traces

    def collect(self) -> Iterator[CounterMetricFamily]:
        for name, told, count in (
            ("exported", "Spans that the receiver of traces took.", self._traces.exported),
            ("dropped", "Spans that the receiver of traces did not get.", self._traces.dropped),
        ):
            yield CounterMetricFamily(f"llm_router_spans_{name}", told, count)


class Metrics:
    """The registry and its listener. `known` names the personas, provider/model pairs and
    parameters that may appear as labels.
    """

    def __init__(
        self, personas: Iterable[str], targets: Iterable[tuple[str, str]], parameters: Iterable[str]
    ) -> None:
        self._personas = frozenset(personas)
        self._targets = frozenset(targets)
        self._parameters = frozenset(parameters)
        self._bound: dict[tuple[str | None, ...], _Bound] = {}
        self._bound_attempts: dict[tuple[str, ...], tuple[list[float], list[float]]] = {}
        registry = self.registry = CollectorRegistry(auto_describe=True)
        fast = FastCollector()
        of_request, of_target, of_answer = (
            ["persona", "provider", "model"],
            ["provider", "model"],
            ["persona", "provider"],
        )
        self._requests = fast.counter(
            "llm_router_requests", "Requests answered.", [*of_request, "outcome"]
        )
        self._duration = fast.histogram(
            "llm_router_request_duration_seconds", _DURATION, of_answer, _SECONDS
        )
        self._first_chunk = fast.histogram(
            "llm_router_time_to_first_chunk_seconds", _FIRST_CHUNK, of_answer, _SECONDS
        )
        self._overhead = fast.histogram("llm_router_overhead_seconds", _OWN_TIME, [], _OVERHEAD)
        self._attempts = fast.counter(
            "llm_router_upstream_attempts",
            "Attempts at targets by outcome.",
            [*of_target, "outcome"],
        )
        self._attempt_seconds = fast.histogram(
            "llm_router_upstream_attempt_duration_seconds",
            "Duration of attempts.",
            ["provider"],
            _SECONDS,
        )
        self._tokens = fast.counter(
            "llm_router_tokens", "Tokens as providers counted them.", [*of_request, "kind"]
        )
        self._cost = fast.counter("llm_router_cost_usd", _COST, of_request)
        self._cache = fast.counter("llm_router_cache_tokens", _CACHE, ["persona", "target", "kind"])
        self._unpriced = fast.counter("llm_router_unpriced_requests", _UNPRICED, of_request)
        self._dropped = fast.counter("llm_router_dropped_params", _DROPPED, ["provider", "param"])
        self._aborted = fast.counter(
            "llm_router_stream_aborted", "Streams that ended without their end mark.", ["reason"]
        )
        self._streams = StreamMetrics(fast)
        self._seen_overhead = self._overhead.series()
        self._exemplars = False
        registry.register(fast)
        self.in_flight = Gauge(
            "llm_router_in_flight_requests", "Chat requests being served.", registry=registry
        )
        self._revisions = RevisionMetrics(registry)
        self.routing = RoutingMetrics(registry)
        self.process = ProcessMetrics(registry)

    def tell_lost_lines(self, lost: Callable[[], int]) -> None:
        """`lost`: how many lines of the request log were dropped so far."""
        self.registry.register(_LostLines(lost))

    def tell_spans(self, traces: TraceSource) -> None:
        """How many spans of `traces` were told, and how many were not."""
        self.registry.register(_Spans(traces))
        self._exemplars = True

    def apply_config(
        self,
        version: str,
        revision: str,
        personas: Iterable[str],
        targets: Iterable[tuple[str, str]],
    ) -> None:
        """A configuration holds from now on: its names may appear as labels, beside earlier ones,
        which requests still use.
        """
        self._personas |= frozenset(personas)
        self._targets |= frozenset(targets)
        self._revisions.apply_config(version, revision)

    def on_event(self, event: Event) -> None:
        if type(event) is RequestEnded:
            for attempt in event.attempts:
                self._attempt(attempt)
            self._request(event)
        elif type(event) is ConfigReloaded:
            self._revisions.on_event(event)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The exposition text and its content type, made in a thread: a thousand series take a
        quarter of a second.
        """
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, self.registry), content_type

    async def snapshot(self) -> Snapshot:
        """The same as values, for what is told of several processes."""
        return await asyncio.to_thread(snapshot, self.registry)

    def _target(self, provider: str | None, model: str | None) -> tuple[str, str]:
        return (provider, model) if (provider, model) in self._targets else (OTHER, OTHER)  # type: ignore[return-value]

    def _attempt(self, event: AttemptEnded) -> None:
        key = event[:3]  # provider, model, outcome
        bound = self._bound_attempts.get(key)
        if bound is None:
            provider, model = self._target(event.provider, event.model)
            outcome = event.outcome if event.outcome in _OUTCOMES else OTHER
            bound = (
                self._attempts.series(provider, model, outcome),
                self._attempt_seconds.series(provider),
            )
            if outcome == event.outcome and provider != OTHER:
                self._bound_attempts[key] = bound
        attempts, seconds = bound
        attempts[0] += 1
        self._attempt_seconds.observe(seconds, event.seconds)

    def _request(self, event: RequestEnded) -> None:
        (
            _, _, _, persona, provider, model, stream, _, outcome, _, attempts, dropped, usage, _,
            seconds, upstream_seconds,
            first_chunk_seconds, _, _, cost_nano_usd, _, trace, _, streamed, _,
        ) = event  # fmt: skip
        key = (persona, provider, model, outcome)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bind(event)
            if bound.closed:
                self._bound[key] = bound
        bound.requests[0] += 1
        self._duration.observe(bound.duration, seconds)
        if first_chunk_seconds is not None:
            self._first_chunk.observe(bound.first_chunk, first_chunk_seconds)
        elif not stream and outcome == "ok" and provider is not None:
            overhead = seconds - upstream_seconds
            self._overhead.observe(self._seen_overhead, overhead if overhead > 0.0 else 0.0)
        if streamed is not None:
            count_stream(bound.streams or self._bind_streams(event, bound), streamed)
        if self._exemplars and trace is not None and trace.context.sampled:
            self._exemplify(bound, event, trace.context.trace_id)
        if len(attempts) > 1:
            self.routing.beside_the_first(event, persona if persona in self._personas else OTHER)
        if outcome == "stream_aborted":
            self._aborted.series(attempts[-1].outcome if attempts else OTHER)[0] += 1
        for param in dropped:
            self._dropped.series(bound.provider, param if param in self._parameters else OTHER)[
                0
            ] += 1
        if usage is not None:
            prompt, cached, completion, reasoning = bound.tokens
            prompt[0] += usage[0]
            cached[0] += usage[1]
            completion[0] += usage[2]
            reasoning[0] += usage[3]
            if usage[1] or usage[4]:
                read, written = bound.cache or self._bind_cache(event, bound)
                read[0] += usage[1]
                written[0] += usage[4]
            if cost_nano_usd is None:
                bound.unpriced[0] += 1
        if cost_nano_usd:
            bound.cost[0] += cost_nano_usd / 1e9

    def _exemplify(self, bound: "_Bound", event: RequestEnded, trace_id: str) -> None:
        now, first = time.time(), event.first_chunk_seconds
        self._duration.exemplify(bound.duration, event.seconds, trace_id, now)
        if first is not None:
            self._first_chunk.exemplify(bound.first_chunk, first, trace_id, now)

    def _bind_cache(self, event: RequestEnded, bound: "_Bound") -> tuple[list[float], list[float]]:
        """Only of models that have a cache there are series."""
        labels = self._persona_and_target(event)
        found = self._cache.series(*labels, "read"), self._cache.series(*labels, "write")
        bound.cache = found
        return found

    def _bind_streams(self, event: RequestEnded, bound: "_Bound") -> Cells:
        """Only of targets that have streamed there are series: some twenty each."""
        bound.streams = found = self._streams.cells(*self._persona_and_target(event))
        return found

    def _persona_and_target(self, event: RequestEnded) -> tuple[str, str]:
        provider, model = self._target(event.provider, event.model)
        persona = event.persona if event.persona in self._personas else OTHER
        return persona, OTHER if provider == OTHER else f"{provider}/{model}"

    def _bind(self, event: RequestEnded) -> "_Bound":
        provider, model = self._target(event.provider, event.model)
        persona = event.persona if event.persona in self._personas else OTHER
        labels = (persona, provider, model)
        return _Bound(
            provider=provider,
            closed=OTHER not in labels,
            requests=self._requests.series(*labels, event.outcome),
            duration=self._duration.series(persona, provider),
            first_chunk=self._first_chunk.series(persona, provider),
            tokens=tuple(self._tokens.series(*labels, kind) for kind in Usage._fields[:4]),
            cost=self._cost.series(*labels),
            unpriced=self._unpriced.series(*labels),
        )


@dataclass(slots=True)
class _Bound:
    """Where one kind of request is counted: looked up once, used for each."""

    provider: str
    closed: bool
    """All labels are names of the configuration, so there are few of its kind and it may be kept.
    """
    requests: list[float]
    duration: list[float]
    first_chunk: list[float]
    tokens: tuple[list[float], ...]
    cost: list[float]
    unpriced: list[float]
    streams: Cells | None = None
    cache: tuple[list[float], list[float]] | None = None
    """Tokens read from caches, and written to them; None before the first."""
