"""gateway.telemetry.sampling: held against the SDK's own samplers."""

import random

import pytest
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind

from gateway.config.server import Tracing
from gateway.telemetry.sampling import bounds
from gateway.telemetry.spans import around
from gateway.telemetry.trace_context import read
from gateway.telemetry.traces import Traces

RATIO = TraceIdRatioBased(0.3)
SAMPLERS = {
    "on": ALWAYS_ON,
    "off": ALWAYS_OFF,
    "ratio": RATIO,
    "tiny": TraceIdRatioBased(1e-9),
    "parent": sampling.DEFAULT_ON,
    "parent, ratio": ParentBased(RATIO),
    "parent the other way": ParentBased(ALWAYS_OFF, ALWAYS_OFF, ALWAYS_ON),
    "parent, then ratio": ParentBased(RATIO, RATIO),
}
PARENTS = [None, "00", "01"]


def said(sampler: sampling.Sampler, trace_id: str, flags: str | None) -> bool:
    """What the SDK says."""
    parent = None
    if flags is not None:
        here = read({"traceparent": f"00-{trace_id}-{'1' * 16}-{flags}"}, "2" * 16)
        assert here is not None
        parent = around(here)
    asked = sampler.should_sample(parent, int(trace_id, 16), "", SpanKind.SERVER)
    return asked.decision is sampling.Decision.RECORD_AND_SAMPLE


@pytest.mark.parametrize("flags", PARENTS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_says_what_its_bounds_say(name: str, flags: str | None) -> None:
    dice = random.Random(3)
    found = bounds(SAMPLERS[name].get_description())
    assert found is not None
    bound = found[0 if flags is None else 1 + int(flags)]
    for _ in range(100):
        trace_id = f"{dice.getrandbits(128):032x}"
        expected = said(SAMPLERS[name], trace_id, flags)
        assert (int(trace_id[16:], 16) < bound) is expected


@pytest.mark.parametrize(
    "description", ["MyOwn", "ParentBased{root:MyOwn,remoteParentSampled:AlwaysOnSampler}", ""]
)
def test_of_others_nothing_is_known(description: str) -> None:
    assert bounds(description) is None
    unknown = f"ParentBased{{root:{description},remoteParentSampled:A,remoteParentNotSampled:B,x}}"
    assert bounds(unknown) is None


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("flags", PARENTS)
@pytest.mark.parametrize(
    "named", ["parentbased_traceidratio", "parentbased_always_off", "traceidratio", "always_on"]
)
def test_a_request_is_sampled_as_the_variable_says(
    named: str, flags: str | None, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", named)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.4")
    sampler = sampling._get_from_env_or_default()
    traces = Traces(lambda: Tracing(trust_parent=trusted), lambda name: "", "1", {})
    dice = random.Random(5)
    for _ in range(50):
        trace_id = f"{dice.getrandbits(128):032x}"
        headers = {} if flags is None else {"traceparent": f"00-{trace_id}-{'1' * 16}-{flags}"}
        begun = traces.begin(headers)
        expected = said(sampler, begun.trace_id, flags if trusted else None)
        assert (begun.sampled, begun.told) == (expected, expected)


def test_a_sampler_of_which_nothing_is_known_is_asked_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Even(sampling.Sampler):
        def should_sample(self, parent: object, trace_id: int, *_: object) -> object:  # type: ignore[override]
            sampler = ALWAYS_OFF if trace_id % 2 else ALWAYS_ON
            return sampler.should_sample(None, trace_id, "")

        def get_description(self) -> str:
            return "Even"

    monkeypatch.setitem(sampling._KNOWN_SAMPLERS, "even", Even())
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "even")
    traces = Traces(Tracing, lambda name: "", "1", {})
    for last, sampled in (("2", True), ("3", False)):
        caller = {"traceparent": f"00-{'1' * 31}{last}-{'1' * 16}-01"}
        assert traces.begin(caller).sampled is sampled
