"""gateway.console.stats: what was counted, by whom, and when it is forgotten."""

import pytest

from gateway.console.stats import STEP, WINDOW, Count, Merged, Stats, quantile
from gateway.telemetry.events import AttemptEnded, RequestEnded, Usage

PROTOTYPE = RequestEnded(
    "req_1", "chat", None, "p", "openai", "m", False, 200, "ok", None, (), (), None, "stop", 0.1,
    0.09, None,
)  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_requests_are_counted_in_slices_and_attempts_by_target() -> None:
    clock = Clock()
    stats = Stats(clock)
    tries = (AttemptEnded("openai", "m", "overloaded", 1), AttemptEnded("claude", "n", "ok", 2))
    stats.on_event(
        PROTOTYPE._replace(attempts=tries, usage=Usage(3, 0, 4, 0), cost_nano_usd=5_000_000_000)
    )
    clock.now += STEP
    stats.on_event(PROTOTYPE._replace(status=502, outcome="upstream_error"))
    merged = Merged([stats.told(WINDOW)], STEP)
    total = merged.total.document()
    assert (total["requests"], total["errors"], total["extra_attempts"]) == (2, 1, 1)
    assert (total["prompt_tokens"], total["completion_tokens"], total["cost_usd"]) == (3, 4, 5.0)
    assert [(p["start"], p["requests"]) for p in merged.points()] == [
        (1_000_000, 1),
        (1_000_010, 1),
    ]
    targets = merged.named("targets")
    assert {name: (t["requests"], t["errors"]) for name, t in targets.items()} == {
        "openai/m": (1, 1),
        "claude/n": (1, 0),
    }
    assert merged.named("personas")["p"]["requests"] == 2


def test_what_failed_for_the_caller_alone_is_an_error() -> None:
    """A caller's own mistake and a caller who left are none; a stream that broke off is."""
    count = Count()
    for status, outcome in (
        (400, "invalid_request"),
        (499, "client_gone"),
        (200, "stream_aborted"),
    ):
        count.request(PROTOTYPE._replace(status=status, outcome=outcome))
    assert (count.requests, count.errors) == (3, 1)


def test_catalogs_and_metrics_are_not_counted() -> None:
    stats = Stats(Clock())
    stats.on_event(PROTOTYPE._replace(api="/v1/models", persona=None))
    assert Merged([stats.told(WINDOW)], STEP).total.requests == 0


def test_an_hour_is_kept_and_no_more() -> None:
    clock = Clock()
    stats = Stats(clock)
    for _ in range(2 * WINDOW // STEP):
        stats.on_event(PROTOTYPE)
        clock.now += STEP
    assert Merged([stats.told(WINDOW)], STEP).total.requests == WINDOW // STEP
    assert Merged([stats.told(60)], STEP).total.requests == 6


def test_names_in_a_slice_are_bounded() -> None:
    stats = Stats(Clock())
    for number in range(1000):
        attempt = AttemptEnded("openai", f"m{number}", "ok", 1)
        stats.on_event(PROTOTYPE._replace(attempts=(attempt,)))
    told = stats.told(WINDOW)["targets"]
    assert (len(told), told["other"][0]) == (201, 800)


def test_several_processes_are_added_up_into_the_steps_that_were_asked_for() -> None:
    clock = Clock()
    first, second = Stats(clock), Stats(clock)
    first.on_event(PROTOTYPE)
    clock.now += 20
    second.on_event(PROTOTYPE)
    merged = Merged([first.told(WINDOW), second.told(WINDOW)], 60)
    assert [(p["start"], p["requests"]) for p in merged.points()] == [(999_960, 1), (1_000_020, 1)]
    assert merged.named("personas")["p"]["requests"] == 2


def test_a_quantile_is_the_bound_above_it() -> None:
    count = Count()
    for milliseconds in range(1, 101):
        count.took(milliseconds / 1000, False)
    assert quantile(count.durations, 0.5) == pytest.approx(0.05, rel=0.25)
    assert quantile(count.durations, 0.95) == pytest.approx(0.095, rel=0.25)
    assert quantile({}, 0.5) is None


def test_a_duration_beyond_all_bounds_counts_in_the_last() -> None:
    count = Count()
    count.took(1e9, False)
    found = quantile(count.durations, 0.5)
    assert found is not None
    assert 600 < found < 700
