"""The counters of this process: of each window one, with the slice that the store has leased it and
what is held of that.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from gateway.admission.amounts import INDEX
from gateway.admission.windows import began, ends
from gateway.config.limits import Limit
from gateway.store.limits_rows import CounterId

MOST_USERS: Final = 10_000
"""End users that one limit counts at a time in a process."""


class Counter:
    """What this process has of one counter: of its slice (`lease`) a part is `free`, a part was
    used by requests that ended and is not yet in the ledger (`unbooked`), and the rest is held for
    requests that run.
    """

    __slots__ = (
        "cap", "ends", "free", "id", "index", "lease", "limit", "refused_at", "refused_need",
        "spent", "told", "touched", "unbooked", "used",
    )  # fmt: skip

    def __init__(self, id_: CounterId, limit: Limit, cap: int, ends: float) -> None:
        self.id = id_
        self.limit = limit
        self.cap = cap
        self.ends = ends
        self.index = INDEX[limit.on]
        self.lease = self.free = self.unbooked = 0
        self.used = self.spent = 0
        """Of all processes, when the store was asked last: leased and spent, and spent."""
        self.refused_at = self.touched = float("-inf")
        """Monotonic seconds: of the last refusal, and of the last use."""
        self.refused_need = 0
        self.told = 0
        """The part of it, in percent, that the log was told."""

    @property
    def held(self) -> int:
        """For requests that run."""
        return self.lease - self.free - self.unbooked

    def grow(self, by: int) -> None:
        """The slice is larger by so much, or smaller, and so is what is free of it."""
        self.lease += by
        self.free += by

    def booked(self, amount: int, taken: int) -> None:
        """So much of what was used is in the ledger now, which took `taken` of the slice."""
        self.unbooked -= amount
        self.lease -= taken
        self.free += amount - taken
        self.used += amount - taken

    @property
    def left(self) -> int:
        """What this process could still have, as far as it knows."""
        return max(0, self.cap - self.used + self.free)

    def set_cap(self, cap: int) -> None:
        """From now on so much may be used; what was refused before is no sign any more."""
        if cap != self.cap:
            self.cap, self.refused_at = cap, float("-inf")

    @property
    def idle(self) -> bool:
        """Nothing of it is here."""
        return not (self.lease or self.free or self.unbooked)


class Applied(NamedTuple):
    """A limit that holds for a request, and where it is counted."""

    limit: Limit
    scope: str
    of_user: bool
    """The scope is still without its user."""


class CounterPool:
    """The counters that are in use. `raised`: what a limit has more at the moment."""

    def __init__(self, raised: Callable[[str, str], int]) -> None:
        self._raised = raised
        self._current: dict[tuple[str, str], Counter] = {}
        self._ended: list[Counter] = []
        self._users: dict[tuple[str, str], int] = {}
        self.dropped = 0
        """How often counters were dropped: who remembers some looks for them again then."""

    def of(self, applied: Sequence[Applied], user: str, now: float) -> list[Counter]:
        """The counters for a request that is admitted `now`, Unix seconds."""
        found = []
        current = self._current
        for limit, scope, of_user in applied:
            if of_user:
                scope = f"{scope}+user/{user}"
            counter = current.get((scope, limit.name))
            if counter is None or counter.ends <= now or counter.limit is not limit:
                counter = self._made(limit, scope, now)
            found.append(counter)
        return found

    def full(self, applied: Applied, user: str) -> bool:
        """There are too many end users for one more."""
        if (
            not applied.of_user
            or self._users.get((applied.scope, applied.limit.name), 0) < MOST_USERS
        ):
            return False
        return (f"{applied.scope}+user/{user}", applied.limit.name) not in self._current

    def _made(self, limit: Limit, scope: str, now: float) -> Counter:
        """A counter of the window of `now`; what there was goes on as one that has ended."""
        start = began(limit.per, now, limit.timezone)
        key = scope, limit.name
        old = self._current.get(key)
        made = Counter(
            CounterId(scope, limit.name, start), limit, limit.most + self._raised(*key),
            ends(limit.per, start, limit.timezone),
        )  # fmt: skip
        if old is not None and old.id == made.id:  # the policy was reloaded in its window
            old.limit = limit
            old.set_cap(made.cap)
            return old
        if old is not None:
            self._ended.append(old)
        elif "+user/" in scope:
            self._count_user(key, 1)
        self._current[key] = made
        return made

    def _count_user(self, key: tuple[str, str], by: int) -> None:
        limit = key[0].partition("+user/")[0], key[1]
        self._users[limit] = self._users.get(limit, 0) + by

    def recap(self) -> None:
        """Raises have changed."""
        for key, counter in self._current.items():
            counter.set_cap(counter.limit.most + self._raised(*key))

    def find(self, id_: CounterId) -> Counter | None:
        """The counter of that name, in a window that runs or has ended."""
        counter = self._current.get((id_.scope, id_.name))
        if counter is not None and counter.id == id_:
            return counter
        return next((counter for counter in self._ended if counter.id == id_), None)

    def __iter__(self) -> Iterator[Counter]:
        yield from self._ended
        yield from self._current.values()

    def forget(self, now: float) -> None:
        """Drop those whose window is over and of which nothing is here."""
        self._ended = [counter for counter in self._ended if not counter.idle]
        gone = [
            key
            for key, counter in self._current.items()
            if counter.idle and (counter.ends <= now or counter.limit.per is None)
        ]
        self.dropped += bool(gone)
        for key in gone:
            del self._current[key]
            if "+user/" in key[0]:
                self._count_user(key, -1)
