"""gateway.telemetry.span_encoder against the exporter's own encoder."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway.telemetry.span_encoder import SpanEncoder

RESOURCE: Final = Resource({"service.name": "llm-router", "n": 3})
SCOPE: Final = InstrumentationScope("llm-router", "1", "https://example.com/schema")
TEXT: Final = st.text(max_size=70)
WHOLE: Final = st.integers(-(2**63), 2**63 - 1)
VALUES: Final = st.one_of(
    TEXT,
    WHOLE,
    st.booleans(),
    st.floats(allow_nan=False),
    st.lists(TEXT).map(tuple),
    st.lists(WHOLE),
)
ATTRIBUTES: Final = st.dictionaries(TEXT, VALUES, max_size=8)


def place(number: int, state: TraceState, *, remote: bool = False) -> SpanContext:
    return SpanContext(2**100 + number, number, remote, TraceFlags(1), state)


def span(attributes: Any, **more: Any) -> ReadableSpan:
    given = {"context": place(7, TraceState()), "parent": None, **more}
    return ReadableSpan(
        "POST /v1/chat/completions",
        resource=RESOURCE,
        instrumentation_scope=SCOPE,
        attributes=attributes,
        start_time=1_700_000_000_000_000_001,
        end_time=1_700_000_000_000_000_999,
        **given,
    )


def read(*spans: ReadableSpan) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(SpanEncoder().encode(spans, spans[0]))


STATES: Final = st.sampled_from([TraceState(), TraceState([("llmr", "1"), ("other", "é")])])


@given(
    attributes=ATTRIBUTES,
    of_event=ATTRIBUTES,
    kind=st.sampled_from(SpanKind),
    code=st.sampled_from(StatusCode),
    state=STATES,
    parent=st.sampled_from([None, False, True]),
    most=st.integers(0, 8),
)
def test_it_writes_what_the_exporter_writes(
    attributes: Any,
    of_event: Any,
    kind: SpanKind,
    code: StatusCode,
    state: TraceState,
    parent: bool | None,
    most: int,
) -> None:
    why = "rate_limit" if code is StatusCode.ERROR else None
    spans = [
        span(
            attributes,
            context=place(2**60, state),
            parent=None if parent is None else place(9, state, remote=parent),
            kind=kind,
            status=Status(code, why),
            events=[Event("llm_router.plan", of_event, 1_700_000_000_000_000_002)],
        ),
        span(BoundedAttributes(most, attributes)),
        span({}),
    ]
    assert read(*spans) == encode_spans(spans)


def test_what_is_equal_and_no_same_thing_keeps_its_kind() -> None:
    spans = [span({"n": value}) for value in (1, True, 1.0, 0, False, 0.0, -0.0, "1")]
    assert read(*spans) == encode_spans(spans)


@pytest.mark.parametrize(
    ("value", "told"), [("\udcff", "?"), (2**63, None), (-(2**63) - 1, None), (b"bytes", None)]
)
def test_what_otlp_has_no_place_for_costs_no_span(value: Any, told: str | None) -> None:
    found = read(span({"odd": value, "good": 1})).resource_spans[0].scope_spans[0].spans[0]
    kept = {each.key: each.value.string_value for each in found.attributes}
    assert kept == {"good": ""} | ({"odd": told} if told else {})
