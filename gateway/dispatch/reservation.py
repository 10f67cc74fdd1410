"""What is held of its caller's limits for an exchange, as dispatch sees it: gateway.admission has
it, where the policy has limits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import RequestFailed
from gateway.telemetry.events import AttemptEnded, Why
from translators.chat import wire
from translators.chat.chunks import Chunk


@dataclass(slots=True)  # a tuple with names takes twice as long to make, and its fields to read
class Ending:
    """What is known of an exchange that has ended, as far as somebody pays for it."""

    attempts: Sequence[AttemptEnded]
    shown: int | None
    """Which of them gave what was shown, or came nearest to it; None if none was made."""
    served: bool
    """It gave content."""
    usage: wire.Usage | None
    """What was counted of what was shown."""
    counted_before: int
    """How many attempts before it gave a part of that."""
    received: int
    """Bytes of an answer whose tokens nobody counted."""
    estimated: bool
    """`usage` is an estimate of the gateway's own."""
    cost: int | None
    """Nano-USD of what was counted, by the price list; None: not known, or nothing was served."""
    decision: str
    revision: str


class Reservation(Protocol):
    """Held until it is settled."""

    @property
    def refused(self) -> RequestFailed | None:
        """Why it could not have more, if it was refused more."""

    async def cover(self, target: str, why: Why, ended: Sequence[AttemptEnded]) -> bool:
        """Hold what another call of `target` may need, after those that have `ended`. False if
        there is not so much."""

    def saw(self, chunks: Sequence[Chunk]) -> None:
        """A piece of a streamed answer went to the caller."""

    def headers(self) -> Mapping[str, str]:
        """What an answer says of limits."""

    def settle(self, ending: Ending) -> None:
        """Count what was used, and give the rest back."""
