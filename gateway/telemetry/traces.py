"""Traces by the official OpenTelemetry SDK: a listener that is told when a request is over, and
makes its spans then, in a thread.

Imported only where the extra `otel` is installed and an endpoint is set. All `OTEL_*` variables
mean what the SDK says they mean.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind

from gateway.telemetry import genai_names as names
from gateway.telemetry.events import Event, RequestEnded
from gateway.telemetry.ids import unique
from gateway.telemetry.sampling import bounds
from gateway.telemetry.span_export import PAUSE, PIECE, Export, HashedOnce
from gateway.telemetry.spans import Spans, around
from gateway.telemetry.trace_context import TraceContext, read

CAPACITY: Final = 2048
"""Requests that wait at most; what is more is dropped and counted."""
_INTERVAL: Final = 0.2
"""Seconds in which requests are gathered: waking the thread for each would cost more."""
_PATIENCE: Final = 2.0
"""Seconds that the end of the process waits for the last spans."""
_LOWER: Final = slice(16, 32)
"""Of a trace id: the digits that samplers look at."""


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
        self._settings = settings
        vocabulary = names.vocabulary(environ)
        self._export = Export(environ)
        service = environ.get("OTEL_SERVICE_NAME", "llm-router")
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler
        self._bounds = bounds(self._sampler.get_description())
        resource = Resource.create({SERVICE_NAME: service, SERVICE_VERSION: version})
        scope = InstrumentationScope("llm-router", version, vocabulary.schema_url)
        self._spans = Spans(self._export.take, HashedOnce(resource), scope, url_of, vocabulary)
        self._waiting: deque[Sent] = deque()
        self._some, self._ends = threading.Event(), threading.Event()
        self._lost = 0
        self._thread = threading.Thread(target=self._tell_all, name="traces", daemon=True)

    @contextmanager
    def running(self) -> Iterator["Traces"]:
        """Spans are told until it is left, which waits at most two seconds for the last."""
        self._thread.start()
        try:
            yield self
        finally:
            self._ends.set()
            self._some.set()
            self._thread.join(_PATIENCE)

    @property
    def exported(self) -> int:
        """Spans that the receiver took."""
        return self._export.exported

    @property
    def dropped(self) -> int:
        """Spans that were made or ought to have been, and did not get to the receiver."""
        return self._lost + self._export.failed

    def begin(self, headers: Mapping[str, str]) -> TraceContext:
        """The context of a request with these headers: in its caller's trace, or a new one."""
        settings = self._settings()
        kept = bool(settings.always) or settings.slow is not None
        found = read(headers, unique(16)) if "traceparent" in headers else None
        if found is None:
            ids = unique(48)
            trace_id, span_id = ids[:32], ids[32:]
            if self._bounds is None:
                sampled = self._samples(TraceContext(trace_id, span_id))
            else:
                sampled = int(trace_id[_LOWER], 16) < self._bounds.root
            return TraceContext(trace_id, span_id, None, sampled, "", sampled or kept)
        trace_id, span_id, parent_id, sampled, state, _ = found
        trusted = settings.trust_parent
        if self._bounds is None:
            sampled = self._samples(found if trusted else TraceContext(trace_id, span_id))
        else:
            root, *theirs = self._bounds
            sampled = int(trace_id[_LOWER], 16) < (theirs[sampled] if trusted else root)
        return TraceContext(trace_id, span_id, parent_id, sampled, state, sampled or kept)

    def _samples(self, here: TraceContext) -> bool:
        """By the sampler itself."""
        trace_id = int(here.trace_id, 16)
        asked = self._sampler.should_sample(around(here), trace_id, "", SpanKind.SERVER)
        return asked.decision is sampling.Decision.RECORD_AND_SAMPLE

    def on_event(self, event: Event) -> None:
        if type(event) is not RequestEnded or (told := event.trace) is None:
            return
        here = told.context
        if not here.told or not (here.sampled or _kept(event, self._settings())):
            return
        if len(self._waiting) >= CAPACITY:
            self._lost += 1 + len(event.attempts)
            return
        self._waiting.append((time.time_ns(), event))
        if len(self._waiting) == 1:
            self._some.set()

    def _tell_all(self) -> None:
        ends = False
        while not ends:
            self._some.wait()
            self._some.clear()
            ends = self._ends.wait(_INTERVAL)
            self._tell_those_waiting()
        self._export.flush()

    def _tell_those_waiting(self) -> None:
        number = 0
        while self._waiting:
            self._tell(*self._waiting.popleft())
            number += 1
            if number % PIECE == 0:
                time.sleep(PAUSE)

    def _tell(self, when: int, event: RequestEnded) -> None:
        spans = 1 + len(event.attempts)
        if not self._export.room_for(spans):
            self._lost += spans
            return
        assert event.trace is not None
        self._spans.tell(event, event.trace, when)


def _kept(event: RequestEnded, settings: Settings) -> bool:
    """Whether a request is told of whatever the sampler said."""
    why = {attempt.why for attempt in event.attempts}
    kinds = {
        "error": event.status >= 500 or event.outcome == "stream_aborted",
        "failover": bool(why & {"failover", "resume"}),
        "hedge": "hedge" in why,
    }
    slow = settings.slow is not None and event.seconds >= settings.slow
    return slow or any(kinds[kind] for kind in settings.always)
