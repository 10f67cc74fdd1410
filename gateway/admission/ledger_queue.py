"""Settled requests on their way into the ledger, a batch at a time; and the journals of processes
that are gone.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.admission.counters import Counter
from gateway.admission.journal import Journal, JournalFile, abandoned, read_journal
from gateway.admission.leases import StoreThread
from gateway.admission.scopes import in_words
from gateway.store import keys as key_store
from gateway.store import ledger, presumed
from gateway.store.limits_rows import LedgerRow

BATCH: Final = 500
_TOLD_AT: Final = (100, 80)
"""Percent of a budget, or of a limit that only warns, at which the log says so."""
_log: Final = logging.getLogger("llm_router")


class Settled(NamedTuple):
    """A request that has ended."""

    row: LedgerRow
    counted: Sequence[tuple[Counter, int]]
    """What of it waits for the ledger in the counters of this process."""
    file: JournalFile


class LedgerQueue:
    """What waits for the ledger."""

    def __init__(
        self, instance: str, thread: StoreThread, journal: Journal, clock: Callable[[], float]
    ) -> None:
        self._instance = instance
        self._thread = thread
        self._journal = journal
        self._clock = clock
        self._waiting: deque[Settled] = deque()
        self._used_keys: dict[str, int] = {}
        self._turn = asyncio.Lock()

    @property
    def backlog(self) -> int:
        """Rows that wait."""
        return len(self._waiting)

    @property
    def age(self) -> float:
        """Seconds since the oldest of them was admitted."""
        return self._clock() - self._waiting[0].row.at / 1000 if self._waiting else 0.0

    def failed(self, error: OSError) -> None:
        """The journal could not be written."""
        self._journal.failed(error)

    def add(self, settled: Settled, line: Mapping[str, Any]) -> None:
        """It has ended; `line` is what the journal has of it."""
        try:
            settled.file.write(line)
        except OSError as error:  # the row is kept here, and booked as soon as may be
            self._journal.failed(error)
        self._waiting.append(settled)
        self._used_keys[settled.row.key_id] = settled.row.at // 1000

    async def book(self) -> None:
        """Bring all that waits into the ledger. Raises StoreDown; then it goes on waiting."""
        async with self._turn:
            await self._book()

    async def _book(self) -> None:
        while self._waiting:
            batch = [self._waiting[i] for i in range(min(BATCH, len(self._waiting)))]
            booked = await self._thread.call(
                ledger.book, self._instance, [settled.row for settled in batch]
            )
            seen: dict[Counter, int] = {}
            for settled in batch:
                self._waiting.popleft()
                settled.file.pending -= 1
                for counter, amount in settled.counted:
                    counter.unbooked -= amount
                    seen[counter] = seen.get(counter, 0) + amount
            for counter, amount in seen.items():
                if (of := booked.get(counter.id)) is not None:
                    counter.lease -= of.taken
                    counter.used += amount - of.taken
                    counter.spent = of.spent
                    self._watch(counter)
        self._journal.remove_booked()

    def _watch(self, counter: Counter) -> None:
        """Tell the log once a window when most, and when all, of a budget is spent."""
        limit = counter.limit
        if limit.on != "usd" and limit.when_reached != "warn":
            return
        part = counter.spent * 100 // counter.cap
        reached = next((step for step in _TOLD_AT if part >= step), 0)
        if reached > counter.told:
            counter.told = reached
            _log.warning(
                "%d %% of the limit %s of %s is used", part, counter.id.name,
                in_words(counter.id.scope),
            )  # fmt: skip

    async def book_key_use(self) -> None:
        """When keys were used last. Raises StoreDown."""
        used, self._used_keys = self._used_keys, {}
        if used:
            await self._thread.call(key_store.used_at, list(used.items()))


async def recover(directory: Path, thread: StoreThread) -> int:
    """Bring the journals of processes that are gone into the ledger; how many rows that were. What
    was held and never settled counts whole (`presumed`). Raises StoreDown, OSError.
    """
    count = 0
    for instance, paths in abandoned(directory):
        for path in paths:
            rows = read_journal(path)
            while batch := await asyncio.to_thread(list, islice(rows, BATCH)):
                await thread.call(ledger.book, instance, batch)
                count += len(batch)
        await thread.call(presumed.remove, instance)
        for path in paths:
            path.unlink()
    return count
