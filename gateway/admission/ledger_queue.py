"""Settled requests on their way into the ledger, a batch at a time; and the journals of processes
that are gone.
"""

import asyncio
import logging
from collections import Counter as Counted
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from gateway.admission.accounts import Account
from gateway.admission.amounts import shown
from gateway.admission.counters import Counter
from gateway.admission.journal import Journal, JournalFile, abandoned
from gateway.admission.journal_lines import Form, JournalUnknown, SettledRow, at_of, read_journal
from gateway.admission.refusals import resets_at
from gateway.admission.scopes import in_words
from gateway.admission.store_thread import StoreThread
from gateway.store import keys as key_store
from gateway.store import ledger, presumed
from gateway.store.database import Database
from gateway.store.limits_rows import CounterId

BATCH: Final = 500
_TOLD_AT: Final = (100, 80)
"""Percent of a budget, or of a limit that only warns, at which the log says so."""
_MOST_REACHED: Final = 1000
_log: Final = logging.getLogger("llm_router")


Waiting = tuple[SettledRow, Form, Account, JournalFile]
"""A request that has ended, and is not yet in the ledger; whose counters it waits in, and where it
was written down."""


class Reached(NamedTuple):
    """A step of a budget that was reached. Amounts are USD, tokens or requests."""

    counter: CounterId
    step: int
    """In percent."""
    amount: float
    used: float
    resets_at: str | None


class LedgerQueue:
    """What waits for the ledger."""

    def __init__(
        self, instance: str, thread: StoreThread, journal: Journal, clock: Callable[[], float]
    ) -> None:
        self._instance = instance
        self._thread = thread
        self._journal = journal
        self._clock = clock
        self._waiting: list[Waiting] = []
        self._used_keys: dict[str, str] = {}
        """By a key, the id of the last row of it."""
        self._turn = asyncio.Lock()
        self.reached: deque[Reached] = deque(maxlen=_MOST_REACHED)
        """Steps of budgets that nobody was told of yet."""
        self._failed = False
        """The last try to book did, or nobody waited for its end: perhaps it was booked."""

    @property
    def backlog(self) -> int:
        """Rows that wait."""
        return len(self._waiting)

    @property
    def age(self) -> float:
        """Seconds since the oldest of them was admitted."""
        waiting = self._waiting
        return self._clock() - at_of(waiting[0][0][0]) / 1000 if waiting else 0.0

    def failed(self, error: OSError) -> None:
        """The journal could not be written."""
        self._journal.failed(error)

    def add(self, waiting: Waiting, said: str) -> None:
        """It has ended. `said`: journal_lines.said_of."""
        settled, form, _, file = waiting
        try:
            file.settle(form, said, settled)
        except OSError as error:  # the row is kept, and written and booked as soon as may be
            self._journal.failed(error)
        self._waiting.append(waiting)

    async def book(self) -> None:
        """Bring all that waits into the ledger. Raises StoreDown; then it goes on waiting."""
        async with self._turn:
            await self._book()

    async def _book(self) -> None:
        while batch := self._waiting[:BATCH]:
            groups: dict[Form, list[SettledRow]] = {}
            for settled, form, _, _ in batch:
                group = groups.get(form)
                if group is None:
                    group = groups[form] = []
                group.append(settled)
            perhaps_known, self._failed = self._failed, True
            booked = await self._thread.call(self._booked, groups, perhaps_known)
            self._failed = False
            del self._waiting[: len(batch)]
            for file, count in Counted([file for _, _, _, file in batch]).items():
                file.pending -= count
            for form, group in groups.items():
                self._used_keys[form.key_id] = group[-1][0]
            self._note(booked, {account for _, _, account, _ in batch})
        self._journal.remove_booked()

    def _booked(
        self,
        database: Database,
        groups: Mapping[Form, Sequence[SettledRow]],
        perhaps_known: bool,
    ) -> Mapping[CounterId, ledger.Booked]:
        """On the store's thread."""
        if perhaps_known:
            bookings = [form.booking(each) for form, group in groups.items() for each in group]
        else:
            bookings = [each for form, group in groups.items() for each in form.bookings(group)]
        return ledger.book_all(database, self._instance, bookings, perhaps_known=perhaps_known)

    def _note(self, booked: Mapping[CounterId, ledger.Booked], accounts: Iterable[Account]) -> None:
        """What was booked of counters of these."""
        counters = {counter.id: counter for each in accounts for counter in each.charged}
        for name, of in booked.items():
            counter = counters[name]
            counter.booked(of.amount, of.taken)
            counter.spent = of.spent
            self._watch(counter)

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
            used, most = shown(limit.on, counter.spent), shown(limit.on, counter.cap)
            self.reached.append(Reached(counter.id, reached, most, used, resets_at(counter)))

    async def book_key_use(self) -> None:
        """When keys were used last. Raises StoreDown."""
        used, self._used_keys = self._used_keys, {}
        if used:
            times = [(key_id, at_of(row) // 1000) for key_id, row in used.items()]
            await self._thread.call(key_store.used_at, times)


async def recover(directory: Path, thread: StoreThread, unknown: set[str]) -> int:
    """Bring the journals of processes that are gone into the ledger; how many rows that were. What
    was held and never settled counts whole (`presumed`). `unknown`: those whose journals cannot be
    understood; they stay where they are. Raises StoreDown, OSError.
    """
    count = 0
    for instance, paths in abandoned(directory):
        if instance in unknown:
            continue
        try:
            for path in paths:
                rows = read_journal(path)
                while batch := await asyncio.to_thread(list, islice(rows, BATCH)):
                    await thread.call(ledger.book, instance, batch)
                    count += len(batch)
        except JournalUnknown as error:
            _log.error("limits: %s: it stays, and is not counted", error)
            unknown.add(instance)
            continue
        await thread.call(presumed.remove, instance)
        for path in paths:
            path.unlink()
    return count
