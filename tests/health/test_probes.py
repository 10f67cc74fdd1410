"""gateway.health.probes: what a row of checks makes of a provider, beside what is known from
calls."""

import pytest

from gateway.config import BreakerSettings, Resilience
from gateway.health.probes import FAILURES, CheckOutcome
from gateway.health.targets import WELL, TargetHealth
from gateway.routing.plan import refusal
from tests.routing.worlds import config, context, facts, model, names, persona, planned, provider
from translators.errors import FailureKind

X, Y = provider("x", model("m"), model("n")), provider("y", model("m"))
SETTINGS = Resilience(
    breaker=BreakerSettings(window=10, min_calls=4, failure_rate=0.5, open_for=60, ramp=10)
)
WORLD = config(
    [X, Y], persona("x/m", "y/m"), persona("x/m", "x/n", name="lone"), resilience=SETTINGS
)


def checked(
    book: TargetHealth, *outcomes: CheckOutcome, now: float = 1000.0, pause: float = 30.0
) -> None:
    for outcome in outcomes:
        book.checks.record("x", outcome, None, now, now + pause)


@pytest.mark.parametrize("outcome", sorted(FAILURES))
def test_two_failures_in_a_row_set_all_its_targets_aside_and_nobody_elses(
    outcome: CheckOutcome,
) -> None:
    book = TargetHealth(WORLD)
    checked(book, outcome)
    assert book.standing(X, "x/m", 1000.0) == WELL
    assert book.admit("x", "x/m", "KEY_1", 1000.0) is not None
    checked(book, outcome)
    for target in ("x/m", "x/n"):
        standing = book.standing(X, target, 1010.0)
        assert (standing.reason, standing.retry_in) == (
            f"unavailable: health check: {outcome}",
            20.0,
        )
        assert book.admit("x", target, "KEY_1", 1010.0) is None
    assert book.standing(Y, "y/m", 1010.0) == WELL
    assert {(p, m): share for p, m, share in book.availability(1010.0)} == {
        ("x", "m"): 0,
        ("x", "n"): 0,
        ("y", "m"): 1,
    }


def test_only_failures_in_a_row_count() -> None:
    book = TargetHealth(WORLD)
    checked(book, "connect", "ok", "timeout", "key_refused", "server_error")
    assert book.standing(X, "x/m", 1000.0) == WELL


@pytest.mark.parametrize("outcome", ["ok", "key_refused"])
def test_one_answer_is_enough_to_come_back_at_once(outcome: CheckOutcome) -> None:
    book = TargetHealth(WORLD)
    checked(book, "connect", "connect", "connect", outcome)
    assert book.standing(X, "x/m", 1000.0) == WELL


def test_breakers_are_as_if_there_were_no_checks() -> None:
    """A failed check counts as no call, and one that succeeds shortens no cooldown."""
    book = TargetHealth(WORLD)
    for _ in range(4):
        given = book.admit("x", "x/m", "KEY_1", 1000.0)
        assert given is not None
        book.failed(given, FailureKind.SERVER_ERROR, None, 1000.0)
    cooldown = book.standing(X, "x/m", 1000.0)
    assert cooldown.reason == "cooldown: 60 s (server_error)"
    checked(book, *["timeout"] * 20)
    assert book.document("x/n", 1000.0)["state"] == "closed"
    checked(book, "ok")
    assert book.standing(X, "x/m", 1000.0) == cooldown
    assert book.standing(X, "x/n", 1000.0) == WELL


def test_the_plan_says_so_and_goes_to_another() -> None:
    book = TargetHealth(WORLD)
    checked(book, "connect", "connect")
    seen = context(WORLD, now=1010.0, book=book)
    made = planned(WORLD, facts(), seen)
    assert names(made) == ["y/m"]
    assert made.candidates[-1].reasons == ("unavailable: health check: connect",)
    lone = planned(WORLD, facts(), seen, name="lone")
    error = refusal(lone)
    assert (error.status, lone.retry_in) == (503, 20.0)


def test_a_check_that_is_late_says_a_second() -> None:
    book = TargetHealth(WORLD)
    checked(book, "connect", "connect")
    assert book.standing(X, "x/m", 1031.0).retry_in == 1.0


def test_a_reload_keeps_what_checks_said_and_who_ends_a_check_forgets_it() -> None:
    book = TargetHealth(WORLD)
    checked(book, "connect", "connect")
    book.apply_config(WORLD)
    assert book.standing(X, "x/m", 1000.0).reason is not None
    book.checks.forget("x")
    assert book.standing(X, "x/m", 1000.0) == WELL
    assert list(book.checks.up()) == []
    assert book.checks.document("x", 1000.0) == {"state": "unknown"}


def test_what_is_shown() -> None:
    book = TargetHealth(WORLD)
    book.checks.record("x", "server_error", 503, 1000.0, 1030.0)
    assert book.checks.document("x", 1002.5) == {
        "state": "failing", "outcome": "server_error", "status": 503, "failures": 1,
        "checked_seconds_ago": 2.5,
        "next_check_in_seconds": 27.5,
    }  # fmt: skip
    book.checks.record("x", "server_error", 503, 1030.0, 1060.0)
    assert (
        book.checks.document("x", 1030.0)["state"],
        book.checks.document("x", 1030.0)["failures"],
    ) == ("down", 2)
    assert list(book.checks.up()) == [("x", 0.0)]
    book.checks.record("x", "ok", 200, 1060.0, 1090.0)
    assert book.checks.document("x", 1060.0)["state"] == "up"
    assert list(book.checks.up()) == [("x", 1.0)]
