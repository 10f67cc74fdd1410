"""gateway.telemetry.trace_context: held against the official propagator, and what is told on."""

import random

import pytest
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.telemetry.trace_context import MOST_STATE, RequestTrace, read

HERE = "b7ad6b7169203331"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"


def cases() -> list[str]:
    """Headers of which most have something wrong."""
    dice = random.Random(7)
    found = []
    for _ in range(200):
        version = dice.choice(("00", "00", "00", "01", "cc", "ff"))
        trace_id = dice.choice((TRACE, f"{dice.getrandbits(128):032x}", "0" * 32))
        span_id = dice.choice((PARENT, f"{dice.getrandbits(64):016x}", "0" * 16))
        text = list(f"{version}-{trace_id}-{span_id}-{dice.choice(('00', '01', '03', 'ff'))}")
        for _ in range(dice.randint(0, 2)):
            text[dice.randrange(len(text))] = dice.choice("0fgA- ")
        found.append("".join(text) + dice.choice(("", "", "", "-", "-more", " ")))
    return found


@pytest.mark.parametrize("header", cases())
def test_a_caller_s_trace_is_read_as_the_official_propagator_reads_it(header: str) -> None:
    carried = TraceContextTextMapPropagator().extract({"traceparent": header})
    theirs = trace.get_current_span(carried).get_span_context()
    ours = read({"traceparent": header}, HERE)
    assert (ours is not None) is theirs.is_valid
    if ours is not None:
        assert int(ours.trace_id, 16) == theirs.trace_id
        assert int(ours.parent_id or "", 16) == theirs.span_id
        assert ours.sampled is theirs.trace_flags.sampled


def test_what_is_told_on_names_our_span_and_keeps_the_caller_s_state() -> None:
    given = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "llmr=old,vendor=a=b, x=1"}
    here = read(given, HERE)
    assert here is not None
    assert here.traceparent == f"00-{TRACE}-{HERE}-01"
    assert here.tracestate == f"llmr={HERE},vendor=a=b, x=1"
    below = here.child("1" * 16)
    assert (below.trace_id, below.parent_id) == (TRACE, HERE)
    assert below.traceparent == f"00-{TRACE}-{'1' * 16}-01"


def test_a_long_state_is_left_behind() -> None:
    state = "x=" + "y" * MOST_STATE
    here = read({"traceparent": f"00-{TRACE}-{PARENT}-00", "tracestate": state}, HERE)
    assert here is not None
    assert (here.sampled, here.tracestate) == (False, f"llmr={HERE}")


@pytest.mark.parametrize(
    ("told", "propagated", "made"),
    [(False, False, False), (True, False, True), (False, True, True)],
)
def test_an_attempt_has_a_span_where_somebody_hears_of_it(
    told: bool, propagated: bool, made: bool
) -> None:
    here = read({"traceparent": f"00-{TRACE}-{PARENT}-00"}, HERE)
    assert here is not None
    of_attempt = RequestTrace(here._replace(told=told), "/").of_attempt(propagated)
    assert (of_attempt is not None) is made
    if of_attempt is not None:
        assert (of_attempt.trace_id, of_attempt.parent_id) == (TRACE, HERE)


def test_what_a_request_asks_for_is_kept_only_where_it_may_be_told() -> None:
    here = read({"traceparent": f"00-{TRACE}-{PARENT}-00"}, HERE)
    assert here is not None
    form = {"type": "json_schema", "json_schema": {"name": "secret"}}
    body = {"model": "m", "messages": [], "top_p": 0.5, "response_format": form}
    assert RequestTrace(here, "/").asking(body).asked == {}
    told = RequestTrace(here._replace(told=True), "/").asking(body).asked
    assert told == {"top_p": 0.5, "response_format.type": "json_schema"}
