"""gateway.telemetry.counters: what a scrape reads is what prometheus_client's own metrics would
have said.
"""

import prometheus_client
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from gateway.telemetry.counters import FastCollector

BOUNDS = (0.005, 0.1, 1, 2.5, 600)


def text(registry: CollectorRegistry) -> list[bytes]:
    return [line for line in generate_latest(registry).splitlines() if b"_created" not in line]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from([0.0, 0.005, 0.0051, 1.0, 2.5, 600.0, 601.0, 1e9]),
        )
    )
)
def test_the_same_as_the_library_says(seen: list[tuple[str, float]]) -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    counter = prometheus_client.Counter("x_total", "Things.", ["kind"], registry=theirs)
    histogram = prometheus_client.Histogram(
        "y_seconds", "Times.", ["kind"], buckets=BOUNDS, registry=theirs
    )
    fast = FastCollector()
    counts, times = (
        fast.counter("x", "Things.", ["kind"]),
        fast.histogram("y_seconds", "Times.", ["kind"], BOUNDS),
    )
    ours.register(fast)
    for kind, value in seen:
        counter.labels(kind).inc(value)
        histogram.labels(kind).observe(value)
        counts.series(kind)[0] += value
        times.observe(times.series(kind), value)
    assert text(ours) == text(theirs)
