"""gateway.health.breaker: opens by rate, one probe at a time, comes back gradually."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from gateway.config import BreakerSettings
from gateway.health.breaker import LONGEST_TOLD, PROBE_TIME, Admission, Breaker, Window

SETTINGS = BreakerSettings(
    window=10, min_calls=4, failure_rate=0.5, open_for=5, longest_open=30, ramp=10
)


def breaker(**fields: float) -> Breaker:
    return Breaker(replace(SETTINGS, **fields))


def called(tested: Breaker, failed: bool, now: float) -> None:
    permit = tested.admit(now)
    assert permit is not None
    if failed:
        tested.failed(permit, now, "server_error")
    else:
        tested.succeeded(permit, now)


def opened(now: float = 100.0, **fields: float) -> Breaker:
    tested = breaker(**fields)
    for _ in range(4):
        called(tested, True, now)
    assert tested.state(now) == "open"
    return tested


def test_too_few_calls_prove_nothing() -> None:
    tested = breaker()
    for _ in range(3):
        called(tested, True, 100.0)
    assert tested.state(100.0) == "closed"
    called(tested, True, 100.0)
    assert (tested.state(100.0), tested.opens_in(100.0), tested.reason) == (
        "open",
        5.0,
        "server_error",
    )


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [("gggbb", "closed"), ("ggbb", "open"), ("gggbbb", "open"), ("bbbg", "closed")],
)
def test_it_opens_by_the_share_of_failures(outcomes: str, state: str) -> None:
    """Only a failure opens it: a success that makes enough calls does not."""
    tested = breaker()
    for outcome in outcomes:
        called(tested, outcome == "b", 100.0)
    assert tested.state(100.0) == state


def test_what_is_older_than_the_window_does_not_count() -> None:
    tested = breaker()
    for _ in range(3):
        called(tested, True, 100.0)
    called(tested, True, 111.0)
    assert tested.state(111.0) == "closed"


def test_one_probe_at_a_time() -> None:
    tested = opened()
    assert tested.admit(104.9) is None
    assert tested.state(105.0) == "half_open"
    assert tested.opens_in(105.0) is None
    assert [tested.admit(105.0) for _ in range(3)] == [Admission.PROBE, None, None]
    assert tested.opens_in(105.0) is not None, "whoever plans now is told to wait for the probe"
    tested.abandoned(Admission.PROBE)
    assert tested.admit(106.0) is Admission.PROBE, (
        "who left without an answer makes room for another"
    )


def test_a_probe_that_hangs_lets_another_one_be_made_beside_it() -> None:
    tested = opened()
    assert tested.admit(105.0) is Admission.PROBE
    assert tested.admit(105.0 + PROBE_TIME - 0.1) is None
    assert tested.admit(105.0 + PROBE_TIME) is Admission.PROBE
    tested.succeeded(Admission.PROBE, 110.5)
    assert tested.state(110.5) == "ramping"
    tested.failed(
        Admission.PROBE, 120.0, "timeout"
    )  # the one that hung is one failure among all calls
    assert tested.state(120.0) == "ramping"


def test_of_two_probes_that_fail_only_the_first_counts() -> None:
    tested = opened()
    assert [tested.admit(105.0), tested.admit(110.0)] == [Admission.PROBE, Admission.PROBE]
    tested.failed(Admission.PROBE, 111.0, "timeout")
    tested.failed(Admission.PROBE, 112.0, "timeout")
    assert tested.opens_in(112.0) == 9.0


@pytest.mark.parametrize("outage", [20, 60, 130, 330, 900, 3600])
def test_after_an_outage_of_any_length_the_next_probe_is_seconds_away(outage: int) -> None:
    tested, now = Breaker(BreakerSettings()), 0.0
    while True:
        now += 0.25
        permit = tested.admit(now)
        if permit is None:
            continue
        if now >= outage:
            break
        tested.failed(permit, now, "server_error")
    assert now - outage <= 15.25


def test_a_probe_that_fails_doubles_the_time_up_to_the_longest() -> None:
    tested, now, waits = opened(), 100.0, []
    for _ in range(5):
        now += tested.opens_in(now) or 0.0
        permit = tested.admit(now)
        assert permit is Admission.PROBE
        tested.failed(permit, now, "timeout")
        waits.append(tested.opens_in(now))
    assert waits == [10, 20, 30, 30, 30]


def test_it_comes_back_gradually_and_forgets_after_the_ramp() -> None:
    tested = opened()
    permit = tested.admit(105.0)
    assert permit is Admission.PROBE
    tested.succeeded(permit, 105.0)
    assert (tested.state(105.0), tested.closed) == ("ramping", False)
    assert [tested.share(now) for now in (105.0, 107.5, 110.0, 114.0)] == [
        0.1,
        0.25,
        0.5,
        pytest.approx(0.9),
    ]
    assert (tested.share(115.0), tested.state(115.0), tested.closed) == (1.0, "closed", True)
    for _ in range(4):
        called(tested, True, 115.0)
    assert tested.opens_in(115.0) == 5, "as if it had never failed"


def test_fewer_failures_are_enough_while_it_comes_back() -> None:
    tested = opened()
    tested.succeeded(tested.admit(105.0) or Admission.CALL, 105.0)
    for _ in range(3):
        called(tested, True, 106.0)
    assert tested.opens_in(106.0) == 10, "and it stays away twice as long"


def test_what_was_sent_before_it_opened_tells_nothing_new() -> None:
    tested = breaker()
    early = [tested.admit(100.0) for _ in range(6)]
    assert set(early) == {Admission.CALL}
    for _ in range(5):
        tested.failed(Admission.CALL, 101.0, "timeout")
    tested.failed(Admission.CALL, 104.0, "timeout")
    tested.succeeded(Admission.CALL, 104.0)
    assert tested.opens_in(104.0) == 2.0


def test_a_trip_opens_at_once_for_as_long_as_the_provider_says() -> None:
    tested = breaker()
    tested.trip(Admission.CALL, 100.0, "quota", 12.5)
    assert (tested.opens_in(100.0), tested.reason) == (12.5, "quota")
    tested.trip(Admission.CALL, 101.0, "quota", 3.0)
    assert tested.opens_in(101.0) == 11.5, "a call sent before says nothing new"
    long = breaker()
    long.trip(Admission.CALL, 100.0, "quota", 9999.0)
    assert long.opens_in(100.0) == LONGEST_TOLD


def test_what_passes_is_over_when_the_time_is_up() -> None:
    """Without a probe and without a ramp: whatever the limit lets through by then may be used at
    once.
    """
    tested = breaker()
    tested.trip(Admission.CALL, 100.0, "rate_limit", passes=True)
    assert (tested.opens_in(104.9), tested.opens_in(105.0)) == (pytest.approx(0.1), None)
    assert [tested.admit(105.0) for _ in range(3)] == [Admission.CALL] * 3
    assert (tested.state(105.0), tested.share(105.0), tested.closed) == ("closed", 1.0, True)


@pytest.mark.parametrize(("succeeded_at", "wait"), [(None, 10.0), (103.0, 5.0), (106.0, 5.0)])
def test_what_passes_lasts_twice_as_long_only_if_nothing_succeeded_meanwhile(
    succeeded_at: float | None, wait: float
) -> None:
    tested = breaker()
    tested.trip(Admission.CALL, 100.0, "rate_limit", passes=True)
    if succeeded_at is not None:
        tested.succeeded(Admission.CALL, succeeded_at)
    assert tested.admit(107.0) is Admission.CALL
    tested.trip(Admission.CALL, 107.0, "rate_limit", passes=True)
    assert tested.opens_in(107.0) == wait


def test_without_a_ramp_it_is_back_at_once() -> None:
    tested = opened(ramp=0)
    tested.succeeded(tested.admit(105.0) or Admission.CALL, 105.0)
    assert (tested.state(105.0), tested.share(105.0)) == ("closed", 1.0)


def test_a_window_survives_a_clock_that_stands_still_or_jumps() -> None:
    window = Window(10)
    for now in (5.0, 5.0, 4.0, 5.9):
        window.add(True, now)
    assert window.counts(5.9) == (4, 4)
    assert window.counts(14.9) == (4, 4)
    assert window.counts(16.0) == (0, 0)
    assert window.counts(10**9) == (0, 0)


class BreakerMachine(RuleBasedStateMachine):
    """The breaker against a model that keeps every outcome. Time goes in whole seconds, as wide as
    the window's buckets.
    """

    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.tested = Breaker(SETTINGS)
        self.now = 1000
        self.outcomes: list[tuple[int, bool]] = []
        self.until: float | None = None
        self.ramp_from: int | None = None
        self.opened = 0
        self.probing: int | None = None
        self.passes = False

    def probes(self) -> bool:
        return self.probing is not None and self.now - self.probing < PROBE_TIME

    def state(self) -> str:
        if self.until is not None and self.passes and self.now >= self.until:
            self.until = None
        if self.until is not None:
            return "open" if self.now < self.until else "half_open"
        if self.ramp_from is not None and self.now - self.ramp_from < SETTINGS.ramp:
            return "ramping"
        return "closed"

    def open(self, seconds: float | None, passes: bool) -> None:
        self.passes = passes
        self.until = self.now + (
            min(30, 5 * 2**self.opened) if seconds is None else min(300, seconds)
        )
        self.opened += 1
        self.ramp_from = None
        self.outcomes = []

    @rule(seconds=st.integers(0, 12))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        if self.ramp_from is not None and self.state() == "closed":
            self.ramp_from, self.opened = None, 0

    @rule(target=permits)
    def call(self) -> Admission | None:
        expected = {"open": None, "half_open": None if self.probes() else Admission.PROBE}.get(
            self.state(), Admission.CALL
        )
        got = self.tested.admit(self.now)
        assert got is expected
        if got is Admission.PROBE:
            self.probing = self.now
        return got

    @rule(permit=consumes(permits))
    def success(self, permit: Admission | None) -> None:
        if permit is None:
            return
        self.tested.succeeded(permit, self.now)
        if permit is Admission.PROBE:
            self.probing = None
            if self.until is not None:
                self.until, self.ramp_from, self.outcomes = None, self.now, []
            return
        if self.passes:
            self.opened = 0
        if self.until is None:
            self.outcomes.append((self.now, False))

    @rule(permit=consumes(permits), passes=st.booleans())
    def failure(self, permit: Admission | None, passes: bool) -> None:
        if permit is None:
            return
        self.tested.failed(permit, self.now, "x", None, passes)
        if permit is Admission.PROBE and self.until is not None:
            self.probing = None
            if self.now >= self.until:
                self.open(None, passes)
        elif self.until is None:
            self.outcomes.append((self.now, True))
            recent = [bad for at, bad in self.outcomes if self.now - at < SETTINGS.window]
            if len(recent) >= (3 if self.state() == "ramping" else SETTINGS.min_calls) and sum(
                recent
            ) * 2 >= len(recent):
                self.open(None, passes)

    @rule(permit=consumes(permits), seconds=st.none() | st.integers(1, 60), passes=st.booleans())
    def trip(self, permit: Admission | None, seconds: int | None, passes: bool) -> None:
        if permit is None:
            return
        self.tested.trip(permit, self.now, "x", seconds, passes)
        if permit is Admission.PROBE:
            self.probing = None
        if self.until is None or (permit is Admission.PROBE and self.now >= self.until):
            self.open(seconds, passes)

    @rule(permit=consumes(permits))
    def nothing_told(self, permit: Admission | None) -> None:
        """The caller left, or it was the caller's own fault (4xx): no state changes but that
        another may probe.
        """
        if permit is None:
            return
        self.tested.abandoned(permit)
        if permit is Admission.PROBE:
            self.probing = None

    @precondition(lambda self: self.state() == "ramping")
    @rule()
    def share_grows(self) -> None:
        assert self.ramp_from is not None
        assert self.tested.share(self.now) == max(0.1, (self.now - self.ramp_from) / SETTINGS.ramp)

    @invariant()
    def same_state(self) -> None:
        state = self.state()
        assert self.tested.state(self.now) == state
        wait = self.tested.opens_in(self.now)
        if state == "open":
            assert self.until is not None
            assert wait == self.until - self.now
        else:
            assert (wait is None) == (not (state == "half_open" and self.probes()))


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
