"""Which target is asked next after a failure: a generator that is told outcomes and does nothing
itself.

First every target once, in the plan's order. Then those whose failure may have passed are asked
again, in the same order, after a backoff, as long as the persona, the retry budget and the time
that is left allow.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.config import OnFailure
from gateway.health.retry_budget import Budget
from gateway.routing.candidates import Candidate
from translators.errors import FailureKind

_K = FailureKind

_MAY_PASS: Final = frozenset(
    {
        _K.CONNECT,
        _K.TIMEOUT,
        _K.RATE_LIMIT,
        _K.OVERLOADED,
        _K.SERVER_ERROR,
        _K.MALFORMED,
        _K.TRUNCATED,
        _K.NO_OUTPUT,
        _K.MODEL_OUTPUT,
    }
)
"""After these the same target may answer when it is asked again."""
_LARGER_ONLY: Final = frozenset({_K.CONTEXT_LENGTH, _K.REQUEST_TOO_LARGE})


@dataclass(slots=True)
class NextAttempt:
    """An attempt that is to be made at a target; `number` counts from 1. `wait`: seconds before it
    is made.
    """

    candidate: Candidate
    number: int
    wait: float = 0.0


class Outcome(NamedTuple):
    """How an attempt failed. `kind` is None if nothing was sent: the target's dialect cannot say
    the request, or it has no room for it.
    """

    kind: FailureKind | None
    retry_after: float | None = None
    """Seconds for which the provider wants to be left alone."""
    may_pass: bool = True
    """False where the same target would fail the same way again."""


def attempts(
    candidates: Sequence[Candidate],
    policy: OnFailure,
    budget: Budget,
    random: Callable[[], float],
    remaining: Callable[[], float],
) -> Generator[NextAttempt, Outcome, None]:
    """Yields the attempts in order. Send it how each failed; it ends when nothing is left that
    could do better.

    `budget` gives leave to retries; `dice` (0 to 1) jitters the backoff; `remaining` says how many
    seconds the request still has.
    """
    smallest_window = number = 0
    again: list[tuple[Candidate, float]] = []
    """Those to be asked again, each with the remaining seconds at which it may be."""
    for candidate in candidates:
        if candidate.model.record.context_window <= smallest_window:
            continue
        if number >= policy.max_attempts or remaining() <= 0:
            return
        number += 1
        outcome = yield NextAttempt(candidate, number)
        kind = outcome.kind
        if kind is None:
            continue
        if kind not in policy.move_on:
            return
        if kind in _LARGER_ONLY:
            smallest_window = max(smallest_window, candidate.model.record.context_window)
        elif kind in _MAY_PASS and outcome.may_pass:
            again.append((candidate, remaining() - (outcome.retry_after or 0.0)))
    for turn in range(policy.retries):
        backoff = min(policy.backoff.max, policy.backoff.initial * 2**turn) * (0.5 + random() / 2)
        still: list[tuple[Candidate, float]] = []
        for candidate, due in sorted(again, key=lambda item: -item[1]):
            if candidate.model.record.context_window <= smallest_window:
                continue
            wait = max(backoff, remaining() - due)
            if number >= policy.max_attempts or wait >= remaining() or not budget.take():
                return
            number += 1
            outcome = yield NextAttempt(candidate, number, wait)
            kind = outcome.kind
            if kind is not None and kind not in policy.move_on:
                return
            if kind in _LARGER_ONLY:
                smallest_window = max(smallest_window, candidate.model.record.context_window)
            elif kind in _MAY_PASS and outcome.may_pass:
                still.append((candidate, remaining() - (outcome.retry_after or 0.0)))
            backoff = 0.0  # the others of this turn have rested meanwhile
        again = still
