"""gateway.health.targets: whose fault a failure is, and what that sets aside."""

from collections import deque

import pytest

from gateway.config import BreakerSettings, Config, Hedge, Resilience, RetryBudget
from gateway.health.news import CallPermit
from gateway.health.targets import WELL, TargetHealth
from tests.routing.worlds import config, model, persona, provider
from translators.errors import FailureKind

K = FailureKind
SETTINGS = Resilience(
    breaker=BreakerSettings(
        window=10, min_calls=4, failure_rate=0.5, open_for=8, longest_open=60, ramp=10
    )
)
X = provider("x", model("m"), model("n"), keys=2)
OF_THE_TARGET = {
    K.CONNECT,
    K.TIMEOUT,
    K.SERVER_ERROR,
    K.OVERLOADED,
    K.MALFORMED,
    K.TRUNCATED,
    K.MODEL_NOT_FOUND,
}
OF_THE_KEY = {K.AUTHENTICATION, K.QUOTA}
OF_THE_LANE = {K.RATE_LIMIT, K.PERMISSION}


def world(**fields: object) -> Config:
    return config([X], persona("x/m", "x/n", **fields), resilience=SETTINGS)


def leave(
    book: TargetHealth, key: str = "KEY_1", target: str = "x/m", now: float = 100.0
) -> CallPermit:
    found = book.admit("x", target, key, now)
    assert found is not None
    return found


def fail(
    book: TargetHealth,
    kind: FailureKind,
    times: int = 10,
    key: str = "KEY_1",
    retry_after: float | None = None,
) -> None:
    for _ in range(times):
        if (given := book.admit("x", "x/m", key, 100.0)) is not None:
            book.failed(given, kind, retry_after, 100.0)


def usable(book: TargetHealth, target: str = "x/m", now: float = 100.0) -> list[str]:
    return [key.variable for key, _ in book.usable_keys(X, target, now)]


@pytest.mark.parametrize("kind", sorted(K))
def test_whose_fault_it_is(kind: FailureKind) -> None:
    """A caller's own fault, filtered content and odd words of a model set nothing aside, however
    often they come.
    """
    book = TargetHealth(world())
    fail(book, kind)
    target, key, other = book.standing(X, "x/m", 100.0), usable(book), usable(book, "x/n")
    assert (target.reason is not None) == (kind in OF_THE_TARGET)
    assert key == (["KEY_2"] if kind in OF_THE_KEY | OF_THE_LANE else ["KEY_1", "KEY_2"])
    assert other == (["KEY_2"] if kind in OF_THE_KEY else ["KEY_1", "KEY_2"])
    assert book.standing(X, "x/n", 100.0) == WELL


def test_without_a_usable_key_the_target_cannot_be_asked() -> None:
    book = TargetHealth(world())
    fail(book, K.AUTHENTICATION, retry_after=30.0)
    assert book.standing(X, "x/m", 100.0) == WELL
    fail(book, K.QUOTA, key="KEY_2", retry_after=20.0)
    standing = book.standing(X, "x/m", 100.0)
    assert (standing.reason, standing.retry_in) == ("no_usable_key: 20 s (quota)", 20.0)


def test_how_long_a_rate_limit_holds() -> None:
    """As long as the provider says; else a second, then twice as long each time it is still
    there."""
    book = TargetHealth(world())
    fail(book, K.RATE_LIMIT, 1, retry_after=7.0)
    assert [usable(book, now=now) for now in (106.9, 107.0)] == [["KEY_2"], ["KEY_1", "KEY_2"]]
    book = TargetHealth(world())
    waits, now = [], 100.0
    for _ in range(4):
        given = leave(book, now=now)
        book.failed(given, K.RATE_LIMIT, None, now)
        wait = next(
            seconds for seconds in range(1, 100) if "KEY_1" in usable(book, now=now + seconds)
        )
        waits.append(wait)
        now += wait
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize("said", [None, 1.0])
@pytest.mark.parametrize("keys", [1, 2])
def test_a_limit_that_is_always_reached_still_serves_what_it_allows(
    keys: int, said: float | None
) -> None:
    """Five calls a second are let through with each key and twice as many are wanted, for five
    minutes; an answer takes eight seconds.
    """
    asked = provider("x", model("m"), keys=keys)
    book = TargetHealth(config([asked]))
    allowed = {key.variable: 5.0 for key in asked.keys}
    running: deque[tuple[float, CallPermit]] = deque()
    answered = 0
    for tick in range(300 * 10 * keys):
        now = 100.0 + tick / (10 * keys)
        while running and running[0][0] <= now:
            book.succeeded(running.popleft()[1], now)
        allowed = {variable: min(5.0, left + 0.5 / keys) for variable, left in allowed.items()}
        usable_now = book.usable_keys(asked, "x/m", now)
        if not usable_now:
            continue
        variable = usable_now[tick % len(usable_now)][0].variable
        held = book.admit("x", "x/m", variable, now)
        assert held is not None
        if allowed[variable] >= 1:
            allowed[variable] -= 1
            running.append((now + 8.0, held))
            answered += 1
        else:
            book.failed(held, K.RATE_LIMIT, said, now)
    assert answered >= 0.8 * 300 * 5 * keys


@pytest.mark.parametrize(
    "kind", [K.OVERLOADED, K.AUTHENTICATION, K.QUOTA, K.RATE_LIMIT, K.PERMISSION]
)
def test_one_refusal_of_a_lone_key_closes_nothing_but_a_rate_of_them_does(
    kind: FailureKind,
) -> None:
    lone = provider("x", model("m"))
    book = TargetHealth(config([lone]))
    for number in range(10):
        assert book.standing(lone, "x/m", 100.0) == WELL, number
        held = book.admit("x", "x/m", "KEY_1", 100.0)
        assert held is not None
        book.failed(held, kind, 60.0, 100.0)
    assert book.standing(lone, "x/m", 100.0).retry_in == 60.0, (
        "and then as long as the provider said"
    )


def test_one_probe_whichever_key_it_is_made_with() -> None:
    book = TargetHealth(world())
    fail(book, K.SERVER_ERROR)
    assert book.admit("x", "x/m", "KEY_1", 107.0) is None
    probe = leave(book, now=108.0)
    assert [book.admit("x", "x/m", key, 108.0) for key in ("KEY_1", "KEY_2")] == [None, None]
    book.abandoned(probe)
    again = leave(book, "KEY_2", now=108.0)
    book.began(again, True, 0.2, 109.0)
    assert book.standing(X, "x/m", 109.0).share == 0.1, "content is enough to begin coming back"
    book.failed(again, K.TRUNCATED, None, 110.0)
    assert book.standing(X, "x/m", 110.0).reason is None, (
        "that it broke off later counts as one failure"
    )


def test_a_probe_for_a_key_is_given_back_if_the_target_has_none() -> None:
    """Leave is given for all of it or for nothing."""
    book = TargetHealth(world())
    fail(book, K.AUTHENTICATION, 1, retry_after=5.0)
    fail(book, K.SERVER_ERROR, key="KEY_2")
    probe = leave(book, "KEY_2", now=108.0)
    assert book.admit("x", "x/m", "KEY_1", 108.0) is None
    book.abandoned(probe)
    assert book.admit("x", "x/m", "KEY_1", 108.0) is not None


def test_a_call_counts_once_however_often_it_is_told() -> None:
    book = TargetHealth(world())
    given = leave(book)
    for _ in range(10):
        book.failed(given, K.TRUNCATED, None, 100.0)
    book.abandoned(given)
    assert book.standing(X, "x/m", 100.0) == WELL


def test_a_dead_key_is_shown_by_its_variable() -> None:
    book = TargetHealth(world())
    fail(book, K.AUTHENTICATION, 1)
    fail(book, K.RATE_LIMIT, 1, key="KEY_2", retry_after=3.0)
    assert book.key_document(X, X.keys[0], 100.0) == {
        "variable": "KEY_1", "weight": 1.0, "state": "open", "reason": "authentication",
        "retry_in_seconds": 8.0,
    }  # fmt: skip
    assert book.key_document(X, X.keys[1], 100.0) == {
        "variable": "KEY_2", "weight": 1.0, "state": "closed",
        "targets": {"x/m": {"state": "open", "reason": "rate_limit", "retry_in_seconds": 3.0}},
    }  # fmt: skip
    assert "secret" not in str(book.key_document(X, X.keys[0], 100.0))


def test_the_document_of_a_target() -> None:
    book = TargetHealth(world())
    book.began(leave(book), True, 0.25, 100.0)
    book.latency("x/m").observe_rate(100, 2.0, 100.0)
    assert book.document("x/m", 100.0) == {
        "state": "closed", "first_content_seconds": 0.25, "whole_answer_seconds": None,
        "tokens_per_second": 50.0,
    }  # fmt: skip


def test_a_reload_keeps_what_is_known_and_forgets_what_is_gone() -> None:
    book = TargetHealth(world())
    fail(book, K.SERVER_ERROR)
    fail(book, K.AUTHENTICATION, key="KEY_1")
    running = leave(book, "KEY_2", "x/n")
    smaller = config([provider("x", model("m"), keys=2)], persona("x/m"), resilience=SETTINGS)
    book.apply_config(smaller)
    assert book.standing(X, "x/m", 100.0).reason is not None
    book.began(running, True, 0.1, 100.0)
    book.failed(running, K.SERVER_ERROR, None, 100.0)
    assert book.admit("x", "x/n", "KEY_2", 100.0) is not None, (
        "a request keeps the configuration it began with"
    )
    book.apply_config(config([X], persona("x/m"), resilience=Resilience()))
    assert book.standing(X, "x/m", 100.0) == WELL, "other settings of the breaker: begun anew"


def test_budgets_follow_a_reload() -> None:
    first = world(hedge=Hedge(seconds=1, max_extra=0.05))
    book = TargetHealth(first)
    budget = book.hedges.of(first.personas["p"])
    assert budget is not None
    assert [budget.take(), budget.take()] == [True, False]
    book.apply_config(first)
    assert book.hedges.of(first.personas["p"]) is budget, "spent stays spent"
    changed = world(hedge=Hedge(seconds=1, max_extra=0.5))
    book.apply_config(changed)
    wider = book.hedges.of(changed.personas["p"])
    assert wider is not None
    wider.take()
    for _ in range(2):
        wider.request()
    assert wider.take(), "half of the requests"
    book.apply_config(world())
    assert book.hedges.of(world().personas["p"]) is None
    poor = config(
        [X], persona("x/m"), resilience=Resilience(retry_budget=RetryBudget(ratio=0, reserve=2))
    )
    book.apply_config(poor)
    assert [book.retries.take() for _ in range(3)] == [True, True, False]
