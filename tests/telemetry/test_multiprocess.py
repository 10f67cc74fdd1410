"""gateway.telemetry.multiprocess: several registries told as one."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.telemetry.metrics import Metrics
from gateway.telemetry.multiprocess import GAUGES, Snapshot, exposition, merged, snapshot
from tests.telemetry.test_events_and_logs import ATTEMPT, ENDED


def measured(requests: int) -> Snapshot:
    metrics = Metrics(["p"], [("claude", "opus")], ["seed"])
    for _ in range(requests):
        metrics.on_event(ATTEMPT)
        metrics.on_event(ENDED)
    return snapshot(metrics.registry)


def of_requests(told: dict[str, float]) -> dict[str, float]:
    """Without what the operating system says of this process, which goes on."""
    return {name: value for name, value in told.items() if not name.startswith("process_")}


def series(told: Snapshot) -> dict[str, float]:
    text, _ = exposition(told, "")
    rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


def gauge(name: str, value: float) -> Snapshot:
    registry = CollectorRegistry()
    Gauge(name, "g", registry=registry).set(value)
    return snapshot(registry)


def test_counters_and_histograms_are_those_of_one_process_that_did_it_all() -> None:
    apart = series(merged([measured(2), measured(3)]))
    alone = of_requests(series(measured(5)))
    for name, value in alone.items():
        if "_created" not in name and name.partition("{")[0] not in GAUGES:
            assert apart[name] == pytest.approx(value), name
    assert (
        apart['llm_router_requests_total{model="opus",outcome="ok",persona="p",provider="claude"}']
        == 5
    )


def test_a_series_that_only_one_process_has_is_told() -> None:
    apart = of_requests(series(merged([measured(0), measured(1)])))
    assert apart == pytest.approx(of_requests(series(measured(1))), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("llm_router_in_flight_requests", 1.5),
        ("llm_router_waiting_requests", 1.5),
        ("llm_router_target_availability", 0.75),
        ("llm_router_key_availability", 0.75),
        ("llm_router_health_check_up", 0.5),
        ("llm_router_config_last_reload_successful", 0.5),
        ("llm_router_persona_availability", 0.75),
        ("llm_router_build_info", 1.0),
        ("process_virtual_memory_bytes", 1.5),
        ("process_resident_memory_bytes", 1.5),
        ("process_start_time_seconds", 1.0),
        ("process_open_fds", 1.5),
        ("process_max_fds", 1.5),
    ],
)
def test_each_gauge_has_a_rule(name: str, value: float) -> None:
    """Of 0.5 and 1, and nothing of a process that is gone."""
    assert series(merged([gauge(name, 0.5), gauge(name, 1.0)], [gauge(name, 7.0)])) == {name: value}


def test_no_gauge_is_without_a_rule() -> None:
    registry = Metrics([], [], []).registry
    assert {family.name for family in registry.collect() if family.type == "gauge"} == set(GAUGES)


def test_what_a_process_counted_outlives_it() -> None:
    gone = merged((), [measured(2), measured(3)])
    assert (
        series(merged([measured(1)], [gone]))[
            'llm_router_requests_total{model="opus",outcome="ok",persona="p",provider="claude"}'
        ]
        == 6
    )


def test_counting_began_with_the_first() -> None:
    told = [
        ["a", "counter", "h", [["a_total", {}, 1.0], ["a_created", {}, at]]] for at in (20.0, 10.0)
    ]
    assert merged([told[:1], told[1:]]) == [
        ["a", "counter", "h", [["a_total", {}, 2.0], ["a_created", {}, 10.0]]]
    ]


def test_openmetrics_for_who_accepts_it() -> None:
    registry = CollectorRegistry()
    Counter("c_total", "h", ["label"], registry=registry).labels('quoted "value"\n').inc()
    Histogram("h", "h", registry=registry).observe(0.3)
    text, content_type = exposition(
        merged([snapshot(registry)]), "application/openmetrics-text; version=1.0.0"
    )
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")
    assert 'c_total{label="quoted \\"value\\"\\n"} 1.0' in text
