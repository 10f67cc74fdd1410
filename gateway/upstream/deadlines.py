"""One timer for all that must not take too long: a timer for each request would cost more than all
there is to look at.
"""

import asyncio
import math
from typing import Final, Protocol

_TICK: Final = 0.01
"""Seconds between two looks, at least."""


_LATE: Final = 0.05
"""Seconds of delay from which on it is the loop that was held: what a provider sent meanwhile is
yet to be read, so as long is waited."""
_MOST_PATIENCE: Final = 1.0


class Watched(Protocol):
    """Something that may take too long."""

    def check(self, now: float) -> float:
        """Do what is due at `now`, by the loop's clock; returns when to look again at the
        latest."""


class DeadlineTimer:
    """Looks after everything that was added until it is removed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched: dict[Watched, None] = {}
        self._next = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def add(self, watched: Watched, due: float) -> None:
        """Look at it when it is `due`, and then when it says."""
        self._watched[watched] = None
        if due < self._next:
            self._set(due)

    def remove(self, watched: Watched) -> None:
        self._watched.pop(watched, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, due: float) -> None:
        self.close()
        self._next = due
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        late = now - self._next
        if late > _LATE:
            self._set(now + min(late, _MOST_PATIENCE))
            return
        following = min([watched.check(now) for watched in tuple(self._watched)], default=math.inf)
        self._next, self._timer = math.inf, None
        if self._watched and following < math.inf:
            self._set(max(following, now + _TICK))
