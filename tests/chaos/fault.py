"""What a row of the table of faults says, and which outcome it stands for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.chaos.answers import TEXT, Answer
from tests.chaos.faulty import Step
from tests.chaos.outcomes import Outcome, Refused, Served

Place = Literal["server", "tls", "refused", "unresolvable", "blackhole"]
PLACES: Final = 8
"""Requests that are sent to a faulty provider at a time: as many as a case has, unless it is about
waiting."""
Steps = Callable[[Answer, bool, int], Sequence[Step]]
"""For a good answer, whether it is to be a stream, and how many requests came before: what the
server does after it read one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`json` and `stream` are the outcomes without a fallback; None where the phase does not
    exist."""

    phase: str
    name: str
    json: Outcome | None
    stream: Outcome | None
    steps: Steps | None = None
    on_accept: Sequence[Step] | None = None
    place: Place = "server"
    patient: bool = False
    """The gateway's clocks are long: the fault is none of time."""
    requests: int = 1
    """Requests of each case, at once."""
    retries: int = 0
    """How often the gateway may ask the provider again."""
    sometimes_served: bool = False
    """Every other call of this provider works: the outcome stands beside a served one, and both
    must be seen."""
    heavy: bool = False
    """Many megabytes: the cases come one after the other."""
    calls: int | None = 1
    """How often the provider is asked for one request: what it may charge for. None where that is
    not known."""
    text: str = TEXT
    """Of a whole answer."""
    read_slowly: bool = False
    """The callers read only when nothing moves any more."""
    lead_up: tuple[Outcome, ...] = ()
    """What is seen of the requests before the one that counts, one after the other, without a
    fallback."""
    breaker: Mapping[str, float] = field(default_factory=dict)
    """`resilience.breaker` of the policy."""

    @property
    def title(self) -> str:
        return f"{self.phase}: {self.name}"

    def outcome(self, stream: bool, backed: bool) -> Outcome | None:
        """What the caller is to see; None where the case does not exist."""
        if backed and self.lead_up:
            return None
        alone = self.stream if stream else self.json
        # Every target is asked once before one is asked again.
        fails_first = isinstance(alone, Refused) or self.retries > 0
        return Served(by_fallback=True) if backed and fails_first else alone

    def calls_in_all(self, backed: bool) -> int | None:
        """What the provider is asked in one case. With a fallback that one is asked before the
        provider is asked again.
        """
        if self.calls is None:
            return None
        return len(self.lead_up) + self.requests * (1 if backed and self.retries else self.calls)
