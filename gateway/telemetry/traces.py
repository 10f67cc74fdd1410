"""Traces by the official OpenTelemetry SDK: a listener that is told when a request is over, and
makes its spans then, in a thread.

Imported only where the extra `otel` is installed and an endpoint is set. All `OTEL_*` variables
mean what the SDK says they mean. Nothing of content is ever in a span.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway.telemetry import genai_names as names
from gateway.telemetry.events import AttemptEnded, Event, RequestEnded
from gateway.telemetry.ids import unique
from gateway.telemetry.trace_context import RequestTrace, TraceContext, read

CAPACITY: Final = 2048
"""Requests that wait at most; what is more is dropped and counted."""
BACKLOG: Final = 4096
"""Spans that may be with the exporter at a time."""
_INTERVAL: Final = 0.2
"""Seconds between two looks of the thread: waking it for each request would cost more."""
_PATIENCE: Final = 2.0
"""Seconds that the end of the process waits for the last spans."""
MOST_REJECTED: Final = 10
_SECOND: Final = 1_000_000_000
_ROOTS: Final = (
    (sampling.ALWAYS_ON, True),
    (sampling.DEFAULT_ON, True),
    (sampling.ALWAYS_OFF, False),
    (sampling.DEFAULT_OFF, False),
)
"""What the SDK's samplers that always say the same say of a trace that begins here: to ask them
each time would cost more than all else of a request that is not told of.
"""
_FLAGGED: Final = (TraceFlags(TraceFlags.DEFAULT), TraceFlags(TraceFlags.SAMPLED))


class Settings(Protocol):
    """What the configuration says of traces: gateway.config.Tracing."""

    @property
    def trust_parent(self) -> bool: ...
    @property
    def always(self) -> Sequence[str]: ...
    @property
    def slow(self) -> float | None: ...


Sent = tuple[int, RequestEnded]
"""When it was over, in ns of the Unix epoch, and the event."""


class _Ids(IdGenerator):
    """Gives the ids that were handed out while the request ran."""

    def __init__(self) -> None:
        self.trace_id = self.span_id = 0

    def generate_span_id(self) -> int:
        return self.span_id

    def generate_trace_id(self) -> int:
        return self.trace_id


class _Counting(SpanExporter):
    """Counts what was exported, and what could not be."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.exported = self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.exported += len(spans)
        else:
            self.failed += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class Traces:
    """What samples at a request's beginning, and tells of it when it is over; use `running`."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        url_of: Callable[[str], str],
        version: str,
        environ: Mapping[str, str],
    ) -> None:
        """`url_of` gives the base URL of a provider; empty for one that is gone."""
        self._settings, self._url_of = settings, url_of
        self._vocabulary = names.vocabulary(environ)
        self._ids = _Ids()
        self._exporter = _Counting(OTLPSpanExporter())
        service = environ.get("OTEL_SERVICE_NAME", "llm-router")
        self._provider = TracerProvider(
            sampler=sampling.ALWAYS_ON,
            id_generator=self._ids,
            resource=Resource.create({SERVICE_NAME: service, SERVICE_VERSION: version}),
            shutdown_on_exit=False,
        )
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler
        self._root = next((said for each, said in _ROOTS if each is self._sampler), None)
        self._processor = BatchSpanProcessor(self._exporter)
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer(
            "llm-router", version, schema_url=self._vocabulary.schema_url
        )
        self._waiting: deque[Sent] = deque()
        self._ends = threading.Event()
        self._handed = self._lost = 0
        self._thread = threading.Thread(target=self._tell_all, name="traces", daemon=True)

    @contextmanager
    def running(self) -> Iterator["Traces"]:
        """Spans are told until it is left, which waits at most two seconds for the last."""
        self._thread.start()
        try:
            yield self
        finally:
            self._ends.set()
            self._thread.join(_PATIENCE)
            self._processor.force_flush(int(_PATIENCE * 1000))

    @property
    def exported(self) -> int:
        """Spans that the receiver took."""
        return self._exporter.exported

    @property
    def dropped(self) -> int:
        """Spans that were made or ought to have been, and did not get to the receiver."""
        return self._lost + self._exporter.failed

    def begin(self, headers: Mapping[str, str]) -> TraceContext:
        """The context of a request with these headers: in its caller's trace, or a new one."""
        found = read(headers, unique(16)) if "traceparent" in headers else None
        if found is not None:
            parent = _parent(found) if self._settings().trust_parent else None
            return found._replace(sampled=self._samples(found, parent))
        ids = unique(48)
        if self._root is not None:
            return TraceContext(ids[:32], ids[32:], None, self._root)
        here = TraceContext(ids[:32], ids[32:])
        return here._replace(sampled=self._samples(here, None))

    def _samples(self, here: TraceContext, parent: context.Context | None) -> bool:
        asked = self._sampler.should_sample(
            parent or context.Context(), int(here.trace_id, 16), "", SpanKind.SERVER
        )
        return asked.decision is sampling.Decision.RECORD_AND_SAMPLE

    def on_event(self, event: Event) -> None:
        if type(event) is not RequestEnded or event.trace is None:
            return
        if not event.trace.context.sampled and not _kept(event, self._settings()):
            return
        if len(self._waiting) >= CAPACITY:
            self._lost += 1 + len(event.attempts)
        else:
            self._waiting.append((time.time_ns(), event))

    def _tell_all(self) -> None:
        ends = False
        while not ends:
            ends = self._ends.wait(_INTERVAL)
            while self._waiting:
                self._tell(*self._waiting.popleft())

    def _tell(self, when: int, event: RequestEnded) -> None:
        spans = 1 + len(event.attempts)
        under_way = self._handed - self._exporter.exported - self._exporter.failed
        if under_way + spans > BACKLOG:
            self._lost += spans
            return
        self._handed += spans
        assert event.trace is not None
        began = when - int(event.seconds * _SECOND)
        self._server_span(event, event.trace, began, when)
        for attempt in event.attempts:
            self._attempt_span(event, event.trace, attempt, began, when)

    def _span(self, here: TraceContext, name: str, kind: SpanKind, began: int) -> trace.Span:
        self._ids.trace_id, self._ids.span_id = int(here.trace_id, 16), int(here.span_id, 16)
        around = context.Context() if here.parent_id is None else _parent(here)
        return self._tracer.start_span(name, context=around, kind=kind, start_time=began)

    def _server_span(self, event: RequestEnded, told: RequestTrace, began: int, when: int) -> None:
        span = self._span(told.context, f"POST {told.route}", SpanKind.SERVER, began)
        decision = {} if event.decision is None else json.loads(event.decision())
        span.set_attributes(
            _known(
                {
                    "http.request.method": "POST",
                    "http.route": told.route,
                    "url.path": told.route,
                    "http.response.status_code": event.status,
                    "error.type": None if event.outcome == "ok" else event.outcome,
                    "llm_router.persona": event.persona,
                    "llm_router.decision": decision.get("id"),
                    "llm_router.rule": decision.get("rule"),
                    "llm_router.revision": decision.get("revision"),
                    "llm_router.key_id": event.key_id,
                    "llm_router.attempts": len(event.attempts),
                    "llm_router.dropped_params": event.dropped or None,
                }
            )
        )
        if decision:
            rejected = [target for target in decision["targets"] if target.endswith(")")]
            chosen = next((t for t in decision["targets"] if not t.endswith(")")), None)
            planned = {
                "strategy": decision["strategy"],
                "chosen": chosen,
                "rejected": rejected[:MOST_REJECTED],
            }
            span.add_event("llm_router.plan", _known(planned), began)
        if event.status >= 500 or event.outcome == "stream_aborted":
            span.set_status(Status(StatusCode.ERROR, event.error_code or event.outcome))
        span.end(when)

    def _attempt_span(
        self, event: RequestEnded, told: RequestTrace, attempt: AttemptEnded, began: int, when: int
    ) -> None:
        if attempt.span_id is None:
            return
        operation = names.EMBEDDINGS if event.api == names.EMBEDDINGS else names.CHAT
        start = began + int(attempt.began * _SECOND)
        here = told.context.child(attempt.span_id)
        span = self._span(here, f"{operation} {attempt.model}", SpanKind.CLIENT, start)
        served = attempt.outcome == "ok" and attempt is _serving(event)
        broke = attempt.outcome != "ok" and event.outcome == "stream_aborted"
        span.set_attributes(_known({**self._of_request(event, told, attempt), **_of_try(attempt)}))
        span.set_attributes(_known({names.OPERATION: operation}))
        if served:
            span.set_attributes(_known(_of_answer(event, attempt, self._vocabulary)))
        if attempt.outcome != "ok":
            span.set_attribute("error.type", attempt.outcome)
            span.set_status(Status(StatusCode.ERROR, attempt.outcome))
        # of a stream, `seconds` end with its first content
        whole = event.stream and (served or broke)
        span.end(when if whole else start + int(attempt.seconds * _SECOND))

    def _of_request(
        self, event: RequestEnded, told: RequestTrace, attempt: AttemptEnded
    ) -> dict[str, Any]:
        parts = urlsplit(self._url_of(attempt.provider).partition("{")[0])
        host = parts.hostname or ""
        words = self._vocabulary.asked
        asked = {words[name]: value for name, value in told.asked.items() if name in words}
        if isinstance(stop := told.asked.get("stop"), str):
            asked[words["stop"]] = [stop]
        return {
            names.PROVIDER: names.provider_name(attempt.provider, host),
            names.REQUEST_MODEL: attempt.model,
            names.REQUEST_STREAM: event.stream,
            "server.address": host or None,
            "server.port": parts.port or {"https": 443, "http": 80}.get(parts.scheme),
            **asked,
        }


def _of_try(attempt: AttemptEnded) -> dict[str, Any]:
    return {
        "llm_router.target": f"{attempt.provider}/{attempt.model}",
        "llm_router.purpose": attempt.why,
        "llm_router.outcome": attempt.outcome,
        "http.response.status_code": attempt.status,
    }


def _of_answer(
    event: RequestEnded, attempt: AttemptEnded, words: names.Vocabulary
) -> dict[str, Any]:
    told: dict[str, Any] = {names.RESPONSE_MODEL: event.model, names.RESPONSE_ID: event.answer_id}
    if event.finish_reason is not None:
        told[names.FINISH_REASONS] = [str(event.finish_reason)]
    if event.first_chunk_seconds is not None:
        told[names.FIRST_CHUNK] = event.first_chunk_seconds - attempt.began
    if (usage := event.usage) is not None:
        told |= {
            names.INPUT_TOKENS: usage.prompt,
            names.OUTPUT_TOKENS: usage.completion,
            names.CACHED_TOKENS: usage.cached,
            words.written_tokens: usage.written,
            names.REASONING_TOKENS: usage.reasoning,
        }
    if (cost := event.cost_nano_usd) is not None:
        told |= {names.COST: cost / 1e9, "llm_router.cost.nano_usd": cost}
    return told


def _serving(event: RequestEnded) -> AttemptEnded | None:
    """The attempt whose answer the caller has seen."""
    good = [attempt for attempt in event.attempts if attempt.outcome == "ok"]
    return good[-1] if good else None


def _kept(event: RequestEnded, settings: Settings) -> bool:
    """Whether a request is told of whatever the sampler said."""
    if settings.slow is None and not settings.always:
        return False
    why = {attempt.why for attempt in event.attempts}
    kinds = {
        "error": event.status >= 500 or event.outcome == "stream_aborted",
        "failover": bool(why & {"failover", "resume"}),
        "hedge": "hedge" in why,
    }
    slow = settings.slow is not None and event.seconds >= settings.slow
    return slow or any(kinds[kind] for kind in settings.always)


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _parent(here: TraceContext) -> context.Context:
    """The caller's span, or that of the request, as the SDK wants it."""
    assert here.parent_id is not None
    parent = SpanContext(
        int(here.trace_id, 16),
        int(here.parent_id, 16),
        is_remote=True,
        trace_flags=_FLAGGED[here.sampled],
        trace_state=TraceState.from_header([here.state]),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), context.Context())
