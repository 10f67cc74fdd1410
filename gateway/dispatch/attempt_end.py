"""What the end of an attempt means: for its record, for the health of its target, and for what the
caller is told.
"""

import logging
from typing import Final

from gateway.dispatch.attempt_record import Attempt
from gateway.dispatch.exchange import Exchange
from gateway.errors import UNTOLD, UpstreamFailed
from gateway.routing.state import RouterState
from translators.errors import FailureKind, UpstreamFailure

_CLOCKS: Final = frozenset(
    {"connect_timeout", "first_content_timeout", "idle_timeout", "total_timeout"}
)
_log: Final = logging.getLogger("llm_router")


def broke_off(
    attempt: Attempt, failure: UpstreamFailure, exchange: Exchange, state: RouterState
) -> None:
    """An answer that had begun broke off: into the record, and into the target's health."""
    exchange.broke(attempt, outcome_of(failure))
    if attempt.leave is not None:
        state.health.failed(attempt.leave, failure.kind, failure.retry_after, state.now())


def failed(attempt: Attempt, failure: UpstreamFailure) -> UpstreamFailed:
    """What a caller may be told of a failed attempt; what the provider said of our account goes
    into the log instead.
    """
    failure = attempt.cleaned(failure)
    if failure.kind in UNTOLD:
        key = "without a key" if attempt.key is None else f"with {attempt.key.variable}"
        words = "".join(c if c.isprintable() else " " for c in failure.message)
        _log.warning(
            "%s %s: %s (%s): %s",
            attempt.candidate.name,
            key,
            failure.kind.value,
            failure.upstream_status,
            words,
        )
    return UpstreamFailed(failure, attempt.candidate.provider.name)


def release(attempt: Attempt, state: RouterState) -> None:
    """Give back a place and a leave; both only once."""
    if attempt.place is not None:
        attempt.place.leave()
    if attempt.leave is not None:
        state.health.abandoned(attempt.leave)


def outcome_of(failure: UpstreamFailure) -> str:
    """What the record calls a failure: its kind or, for our own clocks, which one it was."""
    return (
        failure.code
        if failure.kind is FailureKind.TIMEOUT and failure.code in _CLOCKS
        else failure.kind.value
    )
