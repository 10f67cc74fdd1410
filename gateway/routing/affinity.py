"""Conversations that stay where they are: prompt caches and signed reasoning live at one provider,
under one key.

Pure but for its own table: every method is told the time (seconds, monotonic).
"""

import hashlib
import math
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final, NamedTuple

CAPACITY: Final = 50_000
"""Conversations remembered; the one served longest ago is forgotten."""
LIFETIME: Final = 3600.0
"""Seconds after its last answer that a conversation is remembered."""


class Pin(NamedTuple):
    """Where a conversation was served last. `key` is the key's variable, empty where there is
    none."""

    target: str
    key: str


class Affinity:
    """The conversations of one running gateway."""

    __slots__ = ("_pins", "fresh")

    def __init__(self) -> None:
        self._pins: OrderedDict[str, tuple[str, str, float]] = OrderedDict()
        self.fresh: deque[tuple[str, Pin]] | None = None
        """Conversations that others would not find by themselves; None where there are none."""

    def __len__(self) -> int:
        return len(self._pins)

    def find(self, conversation: str, now: float) -> Pin | None:
        found = self._pins.get(conversation)
        return Pin(found[0], found[1]) if found is not None and now - found[2] <= LIFETIME else None

    def remember(self, conversation: str, target: str, key: str, now: float) -> None:
        """The conversation was served there."""
        pins = self._pins
        pins[conversation] = target, key, now
        pins.move_to_end(conversation)
        if len(pins) > CAPACITY:
            pins.popitem(last=False)

    def tell(self, conversation: str, target: str, key: str) -> None:
        """The conversation is about to be remembered there: others are to know it, where that is
        new.
        """
        before = self._pins.get(conversation)
        if self.fresh is not None and (before is None or before[:2] != (target, key)):
            self.fresh.append((conversation, Pin(target, key)))


def ranks(conversation: str, weighted: Iterable[tuple[str, float]]) -> list[float]:
    """Weighted rendezvous hashing: a number for each name, the smallest first, the same for the
    same conversation everywhere.

    Over many conversations each name is first in proportion to its weight; a name that goes away
    moves only its own conversations.
    """
    return [rank(_unit(conversation, name), weight) for name, weight in weighted]


def rank(drawn: float, weight: float) -> float:
    """When a name's turn comes that has `weight` and drew a number above 0 and up to 1: the sooner,
    the heavier it is.
    """
    return -math.log(drawn) / weight if weight > 0 else math.inf


def _unit(conversation: str, name: str) -> float:
    """A number above 0 and below 1, evenly spread."""
    digest = hashlib.blake2b(f"{conversation}\0{name}".encode(), digest_size=8).digest()
    return ((int.from_bytes(digest) >> 12) + 0.5) / 2**52  # as many bits as keep it below 1
