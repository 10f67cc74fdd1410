"""What free endpoints said of the providers that have a health check: one that failed twice in a
row is down until a check succeeds.

Pure: every method is told the time (seconds, monotonic).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.config import CheckOutcome
from gateway.health.documents import CheckDocument

FAILURES: Final[frozenset[CheckOutcome]] = frozenset(
    {"connect", "timeout", "malformed", "server_error"}
)
ENOUGH: Final = 2
"""Failures in a row that set a provider aside: one may be chance."""


@dataclass(slots=True)
class ProbeResult:
    """The last check of a provider. Times are monotonic seconds."""

    outcome: CheckOutcome
    status: int | None
    """Of the answer, if there was one."""
    failures: int
    """In a row, up to this one."""
    at: float
    next_at: float

    @property
    def down(self) -> bool:
        return self.failures >= ENOUGH

    def retry_in(self, now: float) -> float:
        """Seconds until the provider may be up again, as far as that can be known: when the next
        check is made.
        """
        return max(1.0, self.next_at - now)


class ProbeResults:
    """The health checks of one running gateway, by provider."""

    __slots__ = ("_last", "down")

    def __init__(self) -> None:
        self._last: dict[str, ProbeResult] = {}
        self.down: dict[str, ProbeResult] = {}
        """By the names of providers; nearly always empty, which is cheap to see."""

    def record(
        self, provider: str, outcome: CheckOutcome, status: int | None, now: float, next_at: float
    ) -> None:
        """Record how a check ended."""
        before = self._last.get(provider)
        failures = 0 if outcome not in FAILURES else 1 if before is None else before.failures + 1
        checked = self._last[provider] = ProbeResult(outcome, status, failures, now, next_at)
        if checked.down:
            self.down[provider] = checked
        else:
            self.down.pop(provider, None)

    def forget(self, provider: str) -> None:
        """Forget a provider whose check was removed or changed."""
        self._last.pop(provider, None)
        self.down.pop(provider, None)

    def last_outcome(self, provider: str) -> CheckOutcome | None:
        """How its last check ended; None before the first."""
        checked = self._last.get(provider)
        return None if checked is None else checked.outcome

    def up(self) -> Iterator[tuple[str, float]]:
        """The providers that were checked: 1, or 0 for those that are down."""
        return (
            (provider, 0.0 if checked.down else 1.0) for provider, checked in self._last.items()
        )

    def document(self, provider: str, now: float) -> CheckDocument:
        """What is known from the checks of a provider, as JSON."""
        checked = self._last.get(provider)
        if checked is None:
            return {"state": "unknown"}
        return {
            "state": "down" if checked.down else "failing" if checked.failures else "up",
            "outcome": checked.outcome,
            "status": checked.status,
            "failures": checked.failures,
            "checked_seconds_ago": round(now - checked.at, 3),
            "next_check_in_seconds": round(max(0.0, checked.next_at - now), 3),
        }
