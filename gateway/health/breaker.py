"""A circuit breaker: sets aside what fails too often, lets one probe through after a while, and
comes back gradually.

Pure: every method is told the time (seconds, monotonic).

    closed ──failure rate reached──▶ open ──time is up──▶ half_open ──the one probe succeeded──▶
    ramping ──time is up──▶ closed
       ▲                              ▲                      │
       │
       └── also: trip() at once       └────── it failed ─────┘ (twice as long)  ◀── failing again
       ──┘

A probe that has not ended after PROBE_TIME lets another one be made beside it: what hangs may hang
alone.

What `passes` (a rate limit) is over when its time is up: it closes then, without probe and ramp.
Only if nothing succeeded since the last time it is twice as long.
"""

from enum import Enum
from typing import Final, Literal

from gateway.config import BreakerSettings

State = Literal["closed", "open", "half_open", "ramping"]

_BUCKETS: Final = 10
_FEWEST_IN_RAMP: Final = 3
"""Outcomes that are enough to open again while coming back."""
_FEWEST_IF_HINTED: Final = 2
"""The same where other processes have seen it fail often enough."""
_FIRST_SHARE: Final = 0.1
PROBE_TIME: Final = 5.0
"""Seconds for a probe, before another may be made."""
LONGEST_TOLD: Final = 300.0
"""Seconds that a provider may ask to be left alone, at most, where `longest_open` is shorter."""


class Admission(Enum):
    """Permission for one call. The caller that got it reports how the call ended."""

    CALL = "call"
    PROBE = "probe"


_CALL: Final = Admission.CALL
_PROBE: Final = Admission.PROBE
"""Each look into an enumeration's class is a call in Python 3.11, of 0.2 µs."""


class Window:
    """Outcomes of the last `seconds`, in ten buckets: old ones drop out a tenth at a time."""

    __slots__ = ("_bad", "_epoch", "_good", "_width")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / _BUCKETS
        self._epoch = -1
        self._good = [0] * _BUCKETS
        self._bad = [0] * _BUCKETS

    def add(self, failed: bool, now: float) -> None:
        if int(now / self._width) != self._epoch:
            self._turn(now)
        (self._bad if failed else self._good)[self._epoch % _BUCKETS] += 1

    def counts(self, now: float) -> tuple[int, int]:
        """How many calls there were, and how many of them failed."""
        self._turn(now)
        bad = sum(self._bad)
        return sum(self._good) + bad, bad

    def clear(self) -> None:
        self._good = [0] * _BUCKETS
        self._bad = [0] * _BUCKETS

    def _turn(self, now: float) -> None:
        epoch = int(now / self._width)
        if epoch == self._epoch:
            return
        for old in range(max(self._epoch + 1, epoch - _BUCKETS + 1), epoch + 1):
            self._good[old % _BUCKETS] = self._bad[old % _BUCKETS] = 0
        self._epoch = max(epoch, self._epoch)


class Breaker:
    """The breaker of one target or of one key."""

    __slots__ = (
        "_passes",
        "_probing",
        "_ramp_from",
        "_settings",
        "_times_opened",
        "_until",
        "_window",
        "closed",
        "reason",
        "told_by",
    )

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._window = Window(settings.window)
        self._until: float | None = None
        """When it may be probed; None while it is not open."""
        self._passes = False
        """Whether what it last opened for is over when the time is up."""
        self._probing: float | None = None
        """When the last probe that runs was let through."""
        self._ramp_from: float | None = None
        self._times_opened = 0
        self.reason: str | None = None
        """Why it is open, or was last."""
        self.closed = True
        """Neither open nor coming back, whatever the time."""
        self.told_by: str | None = None
        """The process that told of what it last opened for; None: it was seen here."""

    def state(self, now: float) -> State:
        if self._until is not None:
            if now < self._until:
                return "open"
            if not self._passes:
                return "half_open"
            self._until = None
        if self._ramp_from is not None:
            if now - self._ramp_from < self._settings.ramp:
                return "ramping"
            self._ramp_from = None
            self._times_opened = 0
        self.closed = True
        return "closed"

    def opens_in(self, now: float) -> float | None:
        """Seconds until a call may be made: None if one may be made now. While the probe runs: what
        the next opening would last.
        """
        if self._until is None:
            return None
        if now < self._until:
            return self._until - now
        return self._settings.open_for if self._probes(now) else None

    def share(self, now: float) -> float:
        """The part of its usual calls that it should get now: below 1 while it comes back."""
        if self.state(now) != "ramping" or self._ramp_from is None:
            return 1.0
        return max(_FIRST_SHARE, (now - self._ramp_from) / self._settings.ramp)

    def admit(self, now: float) -> Admission | None:
        """Permission for one call now; None if no call may be made."""
        if self.closed:
            return _CALL
        match self.state(now):
            case "open":
                return None
            case "half_open":
                if self._probes(now):
                    return None
                self._probing = now
                return _PROBE
            case _:
                return _CALL

    def _probes(self, now: float) -> bool:
        """A probe is running and has not exceeded its time limit."""
        return self._probing is not None and now - self._probing < PROBE_TIME

    def succeeded(self, permit: Admission, now: float) -> None:
        if permit is _PROBE:
            self._probing = None
            if self._until is not None:
                self._until = None
                self._ramp_from = now
                self._window.clear()
            return
        if self._passes:
            self._times_opened = 0
        if self._until is None:
            self._window.add(False, now)

    def failed(
        self,
        permit: Admission,
        now: float,
        reason: str,
        seconds: float | None = None,
        passes: bool = False,
        elsewhere: int = 0,
    ) -> bool:
        """Whether it opened. `seconds`: how long the provider wants to be left alone, if it said
        so; holds once it opens. `elsewhere`: how often others have seen it fail just now, so that
        as many outcomes fewer are enough here.
        """
        if permit is _PROBE and self._until is not None:
            self._probing = None
            if now >= self._until:  # else another probe, begun later, has failed before
                return self._open(now, reason, seconds, passes)
        elif self._until is None:  # what was sent before it opened tells nothing new
            self._window.add(True, now)
            calls, bad = self._window.counts(now)
            fewest = self._settings.min_calls
            if self.state(now) == "ramping":
                fewest = min(fewest, _FEWEST_IN_RAMP)
            if elsewhere:
                fewest = min(fewest, max(_FEWEST_IF_HINTED, self._settings.min_calls - elsewhere))
            if calls >= fewest and bad >= self._settings.failure_rate * calls:
                return self._open(now, reason, seconds, passes)
        return False

    def trip(
        self,
        permit: Admission,
        now: float,
        reason: str,
        seconds: float | None = None,
        passes: bool = False,
    ) -> bool:
        """Open at once: one such failure is proof enough; whether it opened. `seconds`: as the
        provider said.
        """
        if permit is _PROBE:
            self._probing = None
        if self._until is None or (permit is _PROBE and now >= self._until):
            return self._open(now, reason, seconds, passes)
        return False

    def set_aside(self, by: str, now: float, seconds: float, reason: str, passes: bool) -> None:
        """Open for so long because the process `by` told so; what was seen here and lasts longer
        holds.
        """
        until = now + min(max(seconds, 0.0), LONGEST_TOLD)
        if self._until is None or self._until < until:
            self._until, self._passes, self.reason, self.told_by = until, passes, reason, by
            self.closed, self._ramp_from = False, None

    def end_wait(self, now: float) -> None:
        """It is known to work elsewhere: it may be probed at once."""
        if self._until is not None and self._until > now:
            self._until = now

    def wait_longer(self, now: float, seconds: float) -> None:
        """Another process probes: this one does not for so long, unless it has begun to."""
        if self._until is not None and now < self._until:
            self._until = max(self._until, now + seconds)

    def failing(self, now: float) -> tuple[int, int] | None:
        """How many calls there were, and how many of them failed, if these are as large a part as
        would open it, were there enough of them; None if not.
        """
        if self._until is not None:
            return None
        calls, bad = self._window.counts(now)
        return (calls, bad) if bad and bad >= self._settings.failure_rate * calls else None

    def count_anew(self, now: float) -> None:
        """Let what succeeded before weigh nothing against what fails from now on."""
        calls, bad = self._window.counts(now)
        if bad < self._settings.failure_rate * calls:
            self._window.clear()

    def abandoned(self, permit: Admission) -> None:
        """The call ended without telling anything (the caller left): the probe may be made by
        another.
        """
        if permit is _PROBE:
            self._probing = None

    def _open(self, now: float, reason: str, seconds: float | None, passes: bool) -> bool:
        settings = self._settings
        backoff = min(
            max(settings.longest_open, settings.open_for),
            settings.open_for * 2 ** min(self._times_opened, 30),
        )
        self._until = now + (
            backoff
            if seconds is None
            else min(max(seconds, 0.0), max(settings.longest_open, LONGEST_TOLD))
        )
        self.closed = False
        self._times_opened += 1
        self._passes = passes
        self._ramp_from = None
        self._window.clear()
        self.reason = reason
        self.told_by = None
        return True
