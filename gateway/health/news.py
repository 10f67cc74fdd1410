"""What processes tell each other of providers: what this one has learned, and the hints of others.

A hint makes a target be asked behind others, and be set aside after two failures; alone it sets
nothing aside. Pure: every method is told the time (seconds, monotonic).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from gateway.health.breaker import LONGEST_TOLD, Admission, Breaker

Kind = Literal["limited", "refused", "open", "closed", "failing"]
"""limited: a provider said until when; refused: a key is set aside; open: a target is; closed: what
was told is over; failing: a target fails, and too few calls were made to set it aside."""
SHORTEST: Final = 2.0
"""Seconds of a rate limit that are worth telling: a shorter one is nearly over when it is known."""
MOST_WAITING: Final = 1000
AGREED: Final = 10.0
"""Seconds within which two processes that have set a target aside are proof enough."""
_LIMITS: Final = frozenset({"rate_limit", "quota"})
_OF_THE_KEY: Final = frozenset({"authentication", "quota"})
_OF_THE_LANE: Final = frozenset({"rate_limit", "permission"})


@dataclass(slots=True)
class CallPermit:
    """Leave to make one call, to be given back by exactly one of TargetHealth.succeeded, failed,
    abandoned.
    """

    target: str
    provider: str
    key: str
    """Its variable; empty for a server that needs none."""
    permits: list[tuple[Breaker, Admission]]


class Fact(NamedTuple):
    """Something that was learned of a provider."""

    kind: Kind
    provider: str
    target: str
    """provider/model; empty of a key at all targets."""
    key: str | None
    """Its variable, empty where there is none; None of a target with whatever key."""
    seconds: float
    """From now on."""
    reason: str
    calls: int = 0
    """Of `failing`: how many there were in the breaker's window."""
    failures: int = 0
    """Of these, how many failed."""

    @property
    def place(self) -> tuple[str, str, str | None]:
        """What it is about."""
        return self.provider, self.target, self.key


class News:
    """What others may be told, the oldest first. Of these at most a thousand wait."""

    __slots__ = ("told", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Fact] = deque(maxlen=MOST_WAITING)
        self.told: dict[Breaker, Fact] = {}
        """What was told and is not known to be over."""

    def failed(
        self,
        leave: CallPermit,
        reason: str,
        breaker: Breaker,
        retry_after: float | None,
        opened: bool,
        now: float,
    ) -> None:
        """A call failed, which counts for `breaker`. What a provider said of its limits is told
        even where its only key is not set aside for it here; all else once it is set aside.
        """
        kind: Kind
        if reason in _LIMITS and retry_after is not None and retry_after >= SHORTEST:
            kind, seconds = "limited", min(retry_after, LONGEST_TOLD)
        elif opened and reason != "rate_limit":
            kind = "refused" if reason in _OF_THE_KEY | _OF_THE_LANE else "open"
            seconds = breaker.opens_in(now) or 0.0
        else:
            return
        target = "" if reason in _OF_THE_KEY else leave.target
        key = None if kind == "open" else leave.key
        fact = self.told[breaker] = Fact(kind, leave.provider, target, key, seconds, reason)
        self.waiting.append(fact)

    def failing(
        self, leave: CallPermit, reason: str, breaker: Breaker, window: float, now: float
    ) -> None:
        """A target failed, and its breaker did not open: what is missing others may have seen."""
        counts = breaker.failing(now)
        if counts is not None:
            self.waiting.append(
                Fact("failing", leave.provider, leave.target, None, window, reason, *counts)
            )

    def succeeded(self, leave: CallPermit, now: float) -> None:
        """A call succeeded: what was told of what it used is over, unless it is still set aside."""
        for breaker, _ in leave.permits:
            fact = self.told.get(breaker)
            if fact is not None and breaker.opens_in(now) is None:
                del self.told[breaker]
                self.waiting.append(fact._replace(kind="closed", seconds=0.0))


class Hint(NamedTuple):
    """What a process says of a target."""

    sender: str
    at: float
    until: float
    reason: str


Hinted = dict[str, dict[str, Hint]]
"""By target and sender."""


def standing_hints(hinted: Hinted, target: str, now: float) -> list[Hint]:
    """The hints of a target that hold."""
    return [hint for hint in hinted.get(target, {}).values() if hint.until > now]


def agreed(hints: list[Hint], now: float) -> bool:
    """Whether two processes have set the target aside just now."""
    return len([hint for hint in hints if now - hint.at <= AGREED]) > 1


def forget_old(hinted: Hinted, now: float) -> None:
    """Take away what holds no more."""
    for target in list(hinted):
        left = {hint.sender: hint for hint in standing_hints(hinted, target, now)}
        if left:
            hinted[target] = left
        else:
            del hinted[target]


def withdrawn(hinted: Hinted, sender: str, target: str) -> bool:
    """Take a sender's hint away; whether there was one."""
    hints = hinted.get(target)
    if hints is None or hints.pop(sender, None) is None:
        return False
    if not hints:
        del hinted[target]
    return True


class Evidence(NamedTuple):
    """What a process has seen of a target."""

    until: float
    failures: int


Failing = dict[str, dict[str, Evidence]]
"""By target and sender."""


def seen_elsewhere(hinted: Hinted, failing: Failing, target: str, enough: int, now: float) -> int:
    """How often other processes have seen the target fail, in what each has told last; `enough` of
    one that they have set aside.
    """
    if hinted and standing_hints(hinted, target, now):
        return enough
    told = failing.get(target, {})
    return sum(each.failures for each in told.values() if each.until > now)


def forget_old_failures(failing: Failing, now: float) -> None:
    """Take away what holds no more."""
    for target in list(failing):
        left = {by: each for by, each in failing[target].items() if each.until > now}
        if left:
            failing[target] = left
        else:
            del failing[target]


def in_words(hinted: Hinted, instances: int, names: list[str], now: float) -> Iterator[str | None]:
    """Why each target is asked behind others; None if it is not."""
    for name in names:
        count = len(standing_hints(hinted, name, now)) if name in hinted else 0
        yield f"hinted: open at {count} of {max(instances, count + 1)} instances" if count else None
