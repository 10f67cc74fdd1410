"""Which target is tried next after a failure: a generator that is told outcomes and does nothing itself."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.routing.selection import Candidate
from translators.errors import FailureKind

_K = FailureKind

MOVES_ON: Final[dict[FailureKind, bool]] = {
    _K.CONNECT: True,
    _K.TIMEOUT: True,
    _K.RATE_LIMIT: True,
    _K.QUOTA: True,
    _K.OVERLOADED: True,
    _K.SERVER_ERROR: True,
    _K.AUTHENTICATION: True,
    _K.PERMISSION: True,
    _K.MODEL_NOT_FOUND: True,
    _K.MALFORMED: True,
    _K.TRUNCATED: True,
    _K.NO_OUTPUT: True,
    _K.MODEL_OUTPUT: True,
    _K.CONTEXT_LENGTH: True,  # but only to a larger window
    _K.REQUEST_TOO_LARGE: True,
    _K.CONTENT_FILTER: False,
    _K.INVALID_REQUEST: False,
}
"""Whether another target may serve after such a failure. A request that is wrong in itself is wrong everywhere."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one target; `number` counts from 1."""

    candidate: Candidate
    number: int


def attempts(candidates: Sequence[Candidate]) -> Generator[Attempt, FailureKind | None, None]:
    """Yields the attempts in order. Send it what each ended with; it ends when nothing is left that could do better.

    None stands for an attempt that was never sent, because the target's dialect cannot say the request: another one may.
    """
    smallest_window = 0
    number = 0
    for candidate in candidates:
        window = candidate.model.record.context_window
        if window <= smallest_window:
            continue
        number += 1
        kind = yield Attempt(candidate, number)
        if kind is None:
            continue
        if not MOVES_ON[kind]:
            return
        if kind is FailureKind.CONTEXT_LENGTH:
            smallest_window = max(smallest_window, window)
