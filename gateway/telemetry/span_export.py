"""How spans get to a receiver: by the official SDK's batch processor and exporter, in a thread of
the SDK, with as little in the way of requests as can be.

All `OTEL_*` variables mean what the SDK says they mean.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BSP_MAX_QUEUE_SIZE,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from gateway.telemetry.span_encoder import SpanEncoder

BACKLOG: Final = 2048
"""Spans that may be with the exporter at a time, unless OTEL_BSP_MAX_QUEUE_SIZE says otherwise."""
BATCH: Final = 256
"""Spans of one export, unless OTEL_BSP_MAX_EXPORT_BATCH_SIZE says otherwise."""
_SHORT: Final = 1024
"""Bytes of a receiver's answer that are read to keep its connection."""
_LONG: Final = 16 * 1024 * 1024
"""Bytes of a message that the exporter is given without a look at its own limit, which is higher.
"""
PIECE: Final = 8
"""Spans that are encoded, and requests that are told, before the event loop may run: 170 and 250
µs. It would wait 5 ms for a thread that does not stop by itself."""
PAUSE: Final = 0.0001
"""Seconds. None would be too short: who lets the interpreter go and wants it back at once, has it
back before another thread has woken up."""


class _InPieces(list[ReadableSpan]):
    """Spans that are read with pauses between them, as the exporter does while it encodes them."""

    def __iter__(self) -> Iterator[ReadableSpan]:
        for number, span in enumerate(super().__iter__(), 1):
            yield span
            if number % PIECE == 0:
                time.sleep(PAUSE)


class HashedOnce(Resource):
    """The exporter hashes the resource of each span, which costs 15 µs: it is written as JSON."""

    def __init__(self, made: Resource) -> None:
        super().__init__(made.attributes, made.schema_url)
        self._hash = super().__hash__()

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    def __hash__(self) -> int:
        return self._hash


class _Exporter(OTLPSpanExporter):
    """The SDK's, which is given messages that are made already. Where it has no such way in, or a
    message is longer than it may take, it makes them itself.
    """

    def __init__(self, session: requests.Session | None) -> None:
        super().__init__(session=session)
        self._send = getattr(getattr(self, "_client", None), "export", None)
        self._encoder = SpanEncoder()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        paused = _InPieces(spans)
        if self._send is not None:
            data = self._encoder.encode(paused, spans[0])
            if len(data) <= _LONG:
                sent = self._send(data).success
                return SpanExportResult.SUCCESS if sent else SpanExportResult.FAILURE
        return super().export(paused)


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


class _Session(requests.Session):
    """Hears the status and the headers of a receiver's answer. What follows is of no use: if it is
    short it is read, which keeps the connection, else it hangs up.
    """

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        answer = super().send(request, **{**how, "stream": True})
        length = answer.headers.get("content-length", "")
        if length.isdecimal() and int(length) <= _SHORT:
            _ = answer.content
        answer.close()
        return answer


class Export:
    """Takes spans, and has them sent in batches."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        given = any(name.endswith("_CREDENTIAL_PROVIDER") for name in environ)
        self._exporter = _Counting(_Exporter(None if given else _Session()))
        self._backlog = _number(environ, OTEL_BSP_MAX_QUEUE_SIZE, BACKLOG)
        batch = min(_number(environ, OTEL_BSP_MAX_EXPORT_BATCH_SIZE, BATCH), self._backlog)
        self._processor = BatchSpanProcessor(
            self._exporter, max_queue_size=self._backlog, max_export_batch_size=batch
        )
        self.take = self._processor.on_end
        self._taken = 0

    @property
    def exported(self) -> int:
        """Spans that the receiver took."""
        return self._exporter.exported

    @property
    def failed(self) -> int:
        return self._exporter.failed

    def room_for(self, spans: int) -> bool:
        """Whether so many more may be taken; they then have to be."""
        under_way = self._taken - self.exported - self.failed
        if under_way + spans > self._backlog:
            return False
        self._taken += spans
        return True

    def flush(self) -> None:
        """Takes as long as the receiver does, whatever the SDK is told."""
        self._processor.force_flush()


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    """A variable's; the default where it is none, as the SDK has it."""
    given = environ.get(name, "").strip()
    return int(given) if given.isdecimal() and int(given) else default
