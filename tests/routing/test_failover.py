"""gateway.routing.failover: the order of attempts, held against every way in which they can end."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Backoff, OnFailure
from gateway.config.personas import FAILURE_CLASSES, MOVES_ON
from gateway.health.retry_budget import Budget
from gateway.routing.candidates import Candidate
from gateway.routing.failover import NextAttempt, Outcome, attempts
from tests.routing.worlds import config, facts, model, persona, planned, provider
from translators.errors import FailureKind

K = FailureKind
PASSING = {
    K.CONNECT,
    K.TIMEOUT,
    K.RATE_LIMIT,
    K.OVERLOADED,
    K.SERVER_ERROR,
    K.MALFORMED,
    K.TRUNCATED,
    K.NO_OUTPUT,
    K.MODEL_OUTPUT,
}
LARGER = {K.CONTEXT_LENGTH, K.REQUEST_TOO_LARGE}


def candidates(*windows: int) -> list[Candidate]:
    """x/0, x/1 … with the windows given."""
    of = config(
        [provider("x", *(model(str(i), window=w) for i, w in enumerate(windows)))],
        persona(*(f"x/{i}" for i in range(len(windows)))),
    )
    return planned(of, facts(tokens=1, size=1)).eligible


@dataclass
class Played:
    """What the generator did when every attempt took `seconds` and ended as told."""

    steps: list[NextAttempt] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    """Seconds that the request had when an attempt was asked for, its wait not counted."""
    ended: bool = False

    @property
    def names(self) -> list[str]:
        return [step.candidate.name[2:] for step in self.steps]


def play(
    among: list[Candidate],
    *outcomes: Outcome | FailureKind | None,
    policy: OnFailure | None = None,
    budget: Budget | None = None,
    total: float = 1000.0,
    seconds: float = 0.0,
    random: float = 1.0,
) -> Played:
    clock = [total]
    played = Played()
    steps = attempts(
        among, policy or OnFailure(), budget or Budget(0.1, 100), lambda: random, lambda: clock[0]
    )
    step = next(steps, None)
    for outcome in outcomes:
        if step is None:
            break
        played.steps.append(step)
        played.left.append(clock[0])
        clock[0] -= step.wait + seconds
        try:
            step = steps.send(outcome if isinstance(outcome, Outcome) else Outcome(outcome))
        except StopIteration:
            step = None
    played.ended = step is None
    return played


THREE = candidates(1000, 100_000, 50_000)


def test_every_target_once_then_the_same_order_again() -> None:
    played = play(THREE, *[K.CONNECT] * 9)
    assert (played.names, played.ended) == (["0", "1", "2", "0", "1", "2"], True)
    assert [step.number for step in played.steps] == [1, 2, 3, 4, 5, 6]
    assert [step.wait for step in played.steps] == [0, 0, 0, 0.5, 0, 0], (
        "one pause a turn: the others have rested meanwhile"
    )


def test_the_backoff_doubles_up_to_the_longest_and_is_jittered() -> None:
    policy = OnFailure(retries=5, backoff=Backoff(initial=1.0, max=5.0))
    one = candidates(1000)
    assert [step.wait for step in play(one, *[K.CONNECT] * 9, policy=policy).steps] == [
        0,
        1,
        2,
        4,
        5,
        5,
    ]
    assert [step.wait for step in play(one, *[K.CONNECT] * 9, policy=policy, random=0.0).steps] == [
        0,
        0.5,
        1,
        2,
        2.5,
        2.5,
    ]


def test_retry_after_is_honoured_from_the_moment_it_was_said() -> None:
    """The target that is ready first is asked first; time that passed meanwhile has been waited
    already.
    """
    played = play(
        THREE,
        Outcome(K.RATE_LIMIT, 9.0),
        Outcome(K.RATE_LIMIT, 4.0),
        K.CONNECT,
        *[K.CONNECT] * 3,
        seconds=1.0,
    )
    assert played.names == ["0", "1", "2", "2", "1", "0"]
    assert [step.wait for step in played.steps[3:]] == [0.5, 1.5, 3.0]


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    assert play(candidates(1000), Outcome(K.RATE_LIMIT, 9.0), total=9.0).ended
    assert not play(candidates(1000), Outcome(K.RATE_LIMIT, 9.0), total=9.1).ended


def test_a_retry_costs_budget_a_failover_does_not() -> None:
    budget = Budget(0.0, 1)
    assert play(THREE, *[K.CONNECT] * 9, budget=budget).names == ["0", "1", "2", "0"]
    assert budget.balance == 0


@pytest.mark.parametrize("kind", sorted(MOVES_ON - PASSING))
def test_what_does_not_pass_is_not_asked_again(kind: FailureKind) -> None:
    assert play(candidates(1000, 2000), *[kind] * 9).names == ["0", "1"]


def test_a_provider_may_say_that_it_makes_no_sense_to_ask_again() -> None:
    assert play(
        THREE, Outcome(K.SERVER_ERROR, None, False), K.CONNECT, K.CONNECT, K.CONNECT
    ).names == ["0", "1", "2", "1"]


def test_an_overflow_moves_only_to_a_larger_window() -> None:
    assert play(THREE, K.CONNECT, K.CONTEXT_LENGTH).names == ["0", "1"]
    assert play(THREE, K.CONTEXT_LENGTH, K.CONNECT, K.CONNECT, K.CONNECT).names == [
        "0",
        "1",
        "2",
        "1",
    ]
    assert play(candidates(1000, 100_000), K.CONNECT, K.CONTEXT_LENGTH, K.CONNECT).names == [
        "0",
        "1",
    ], "nor back to the smaller one"
    again = [K.CONNECT, K.CONNECT, K.CONTEXT_LENGTH, K.CONNECT]
    assert play(candidates(1000, 1000), *again).names == ["0", "1", "0"], (
        "also where only a retry tells of it"
    )


def test_where_nothing_was_sent_the_next_is_asked() -> None:
    assert play(THREE, None, None, None).names == ["0", "1", "2"]


def test_every_kind_of_failure_has_a_name_in_the_policy_but_the_callers_own() -> None:
    named = [kind for kinds in FAILURE_CLASSES.values() for kind in kinds]
    assert len(named) == len(set(named))
    assert set(FailureKind) - set(named) == {K.INVALID_REQUEST}
    assert set(named) - {K.CONTENT_FILTER} == MOVES_ON


outcomes = st.builds(
    Outcome, st.none() | st.sampled_from(K), st.none() | st.floats(0, 50), st.booleans()
)
policies = st.builds(
    OnFailure,
    move_on=st.frozensets(st.sampled_from(sorted(set(K) - {K.INVALID_REQUEST})))
    | st.just(MOVES_ON),
    retries=st.integers(0, 5),
    max_attempts=st.integers(1, 12),
    backoff=st.builds(Backoff, initial=st.floats(0.01, 5), max=st.floats(5, 20)),
)


@given(
    windows=st.lists(st.sampled_from([1000, 2000, 3000]), min_size=1, max_size=5),
    told=st.lists(outcomes, min_size=40, max_size=40),
    policy=policies,
    reserve=st.integers(0, 6),
    total=st.floats(0.5, 100),
    seconds=st.floats(0, 5),
    random=st.floats(0, 1, exclude_max=True),
)
def test_whatever_happens(
    windows: list[int],
    told: list[Outcome],
    policy: OnFailure,
    reserve: int,
    total: float,
    seconds: float,
    random: float,
) -> None:
    budget = Budget(0.0, reserve)
    played = play(
        candidates(*windows),
        *told,
        policy=policy,
        budget=budget,
        total=total,
        seconds=seconds,
        random=random,
    )
    steps, ends = played.steps, told[: len(played.steps)]
    assert played.ended, "it ends"
    assert len(steps) <= policy.max_attempts
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    firsts = [
        i
        for i, step in enumerate(steps)
        if step.candidate.name not in {s.candidate.name for s in steps[:i]}
    ]
    assert firsts == list(range(len(firsts))), "each once before any is asked again"
    retried = len(steps) - len(firsts)
    assert retried <= reserve
    assert budget.balance == max(reserve, 0) - retried
    assert all(step.wait < left for step, left in zip(steps, played.left, strict=True)), (
        "never past the deadline"
    )
    overflown = 0
    for i, (step, end) in enumerate(zip(steps, ends, strict=True)):
        assert step.candidate.model.record.context_window > overflown
        last = i == len(steps) - 1
        if end.kind is not None and end.kind not in policy.move_on:
            assert last, "nothing after what ends it"
        if end.kind in LARGER:
            overflown = max(overflown, step.candidate.model.record.context_window)
    for name in {step.candidate.name for step in steps}:
        mine = [end for step, end in zip(steps, ends, strict=True) if step.candidate.name == name]
        assert len(mine) <= 1 + policy.retries
        assert all(end.kind in PASSING and end.may_pass for end in mine[:-1]), (
            "asked again only after what may pass"
        )


@given(
    windows=st.lists(st.sampled_from([1000, 2000]), min_size=1, max_size=5),
    kinds=st.lists(st.sampled_from(sorted(PASSING)), min_size=40, max_size=40),
)
def test_with_time_and_budget_every_target_is_asked_as_often_as_it_may(
    windows: list[int], kinds: list[FailureKind]
) -> None:
    policy = replace(OnFailure(), retries=2, max_attempts=50)
    played = play(candidates(*windows), *kinds, policy=policy)
    assert sorted(played.names) == sorted([str(i) for i in range(len(windows))] * 3)
