"""gateway.telemetry.counters: what a scrape reads is what prometheus_client's own metrics would have said."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from gateway.telemetry.counters import Counts, Tallies, Times

BOUNDS = (0.005, 0.1, 1, 2.5, 600)


def text(registry: CollectorRegistry) -> list[bytes]:
    return [line for line in generate_latest(registry).splitlines() if b"_created" not in line]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0.0, 0.005, 0.0051, 1.0, 2.5, 600.0, 601.0, 1e9]))))
def test_the_same_as_the_library_says(seen: list[tuple[str, float]]) -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    counter = Counter("x_total", "Things.", ["kind"], registry=theirs)
    histogram = Histogram("y_seconds", "Times.", ["kind"], buckets=BOUNDS, registry=theirs)
    counts, times = Counts("x", "Things.", ["kind"]), Times("y_seconds", "Times.", ["kind"], BOUNDS)
    ours.register(Tallies([counts, times]))
    for kind, value in seen:
        counter.labels(kind).inc(value)
        histogram.labels(kind).observe(value)
        counts.cell(kind)[0] += value
        times.observe(times.cell(kind), value)
    assert text(ours) == text(theirs)
