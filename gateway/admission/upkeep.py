"""What goes on beside requests: signs of life, the journal's way into the ledger, slices that go
back, and news of other processes.
"""

import asyncio
import contextlib
import logging
import os
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from gateway.admission.journal import Journal
from gateway.admission.ledger_queue import recover
from gateway.admission.service import Admission
from gateway.admission.store_thread import StoreDown, StoreThread
from gateway.config.limits import LimitsPolicy
from gateway.store import counters as counter_store
from gateway.store import engine, partitions, presumed, retention
from gateway.store.database import Database, StoreUnreachable, StoreUnusable
from gateway.telemetry.ids import unique

JOURNAL: Final = "journal"
_TICK: Final = 0.05
"""Seconds; everything that is done beside requests is done every so many of them."""
_BEAT: Final = 20
_LISTEN_AGAIN: Final = 0.5
"""Seconds at least until a lost connection that listens is made again; at most three times that."""
_DAY: Final = 86_400
_KEPT_COUNTERS: Final = 2 * _DAY
_PRUNED: Final = 1210
"""Every so many steps, with others in between, the ledger's oldest rows go."""
_MOST_BATCHES: Final = 20
_LAST_TRIES: Final = 3
"""To book what is left when the process ends: a journal may be gone with its machine. A store that
is away is asked no further."""
_log: Final = logging.getLogger("llm_router")


class StoreClock:
    """Unix seconds by the store's clock, once it was told: all processes have the same windows,
    however their machines' clocks stand. Between two looks the monotonic clock goes on with it.
    """

    def __init__(self, clock: Callable[[], float], now: Callable[[], float]) -> None:
        self._clock = clock
        self._now = now
        self._offset: float | None = None

    def __call__(self) -> float:
        return self._clock() if self._offset is None else self._now() + self._offset

    def set(self, moment: float) -> None:
        self._offset = moment - self._now()


def journal_directory(url: str, state: Path) -> Path:
    """Beside the store's file, or in the directory of what outlives the process."""
    file = engine.file_of(url, state)
    return (state if file is None else file.parent) / JOURNAL


@asynccontextmanager
async def running(
    policy: LimitsPolicy,
    state: Path,
    environ: Mapping[str, str],
    clock: Callable[[], float],
    now: Callable[[], float],
    allow_cold: bool = False,
) -> AsyncIterator[Admission]:
    """Limits of this process, what processes that died have left being booked first. `clock`: Unix
    seconds; `now`: monotonic seconds. A store that does not answer is waited for while nothing is
    admitted, or, with `allow_cold`, by what the policy says of a store that is down. Raises
    StoreUnusable.
    """
    url = engine.store_url(policy.store.url, environ)
    database, unseen = await asyncio.to_thread(_opened, url, state)
    thread = StoreThread(database, now)
    directory = journal_directory(url, state)
    instance = f"{socket.gethostname()}-{os.getpid()}-{unique(8)}"
    moment = StoreClock(clock, now) if thread.remote else clock
    try:
        journal = Journal(directory, instance)
        admission = Admission(policy, instance, thread, journal, moment, now)
        admission.signals = engine.signals_of(url)
        admission.unseen, admission.allow_cold = unseen, allow_cold
        upkeep = Upkeep(admission, directory, admission.signals, moment, now)
        if unseen:
            thread.leave_alone()
        else:
            await upkeep.start()
    except (StoreDown, OSError) as error:
        await thread.close()
        raise StoreUnusable(
            f"{engine.shown(url, state)} cannot be used as a store: {error}", "store"
        ) from None
    tending = asyncio.gather(upkeep.tend(), upkeep.write_journal(), upkeep.listen())
    tending.add_done_callback(_ended)
    try:
        yield admission
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        await upkeep.stop()


def _ended(tending: "asyncio.Future[Any]") -> None:
    # What was gathered and is cancelled ends with CancelledError, and is not `cancelled`.
    error = None if tending.cancelled() else tending.exception()
    if error is not None and not isinstance(error, asyncio.CancelledError):
        _log.error("limits: nothing is booked and no change is learned any more: %r", error)


def _opened(url: str, state: Path) -> tuple[Database, bool]:
    """The store, and whether it does not answer. Raises StoreUnusable."""
    try:
        return engine.open_store(url, state), False
    except StoreUnreachable as error:
        _log.error("%s; it is asked again once a second", error)
        return engine.open_unseen(url), True


class Upkeep:
    """One for a process. `signals`: of a store that tells of changes."""

    def __init__(
        self,
        admission: Admission,
        directory: Path,
        signals: Any,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._admission = admission
        self._thread = admission.thread
        self._leases = admission.leases
        self._directory = directory
        self._signals = signals
        self._clock = clock
        self._now = now
        self._unknown: set[str] = set()
        """Processes that are gone whose journals this program cannot read."""

    async def start(self) -> None:
        """Raises StoreDown, OSError."""
        found = await recover(self._directory, self._thread, self._unknown)
        if found:
            _log.warning("%d requests of processes that had ended were booked", found)
        await self._beat()

    async def stop(self) -> None:
        left = False
        for _ in range(_LAST_TRIES):
            with contextlib.suppress(StoreDown):
                left = await self._leave()
                break
        self._admission.journal.close(booked=left)
        await self._thread.close()

    async def _leave(self) -> bool:
        """Whether everything is booked; then others have the slices. Raises StoreDown."""
        admission = self._admission
        await admission.queue.book()
        await admission.queue.book_key_use()
        if any(file.pending for file in admission.journal.files):
            return False
        await self._leases.return_all()
        await self._thread.call(presumed.remove, self._leases.instance)
        return True

    async def listen(self) -> None:
        if self._signals is not None:
            await self._signals.listen(lambda: _LISTEN_AGAIN * random.uniform(1, 3))

    async def write_journal(self) -> None:
        """Until it is cancelled; whatever becomes of the store."""
        journal = self._admission.journal
        for step in count():
            await asyncio.sleep(_TICK)
            try:
                if step % 2 == 0 and journal.fault is not None:
                    journal.probe()
                journal.flush()
                if step % 2:
                    await asyncio.to_thread(journal.sync)
            except OSError as error:
                journal.failed(error)

    async def tend(self) -> None:
        """Until it is cancelled."""
        queue = self._admission.queue
        works: tuple[tuple[int, Callable[[], Awaitable[None]]], ...] = (
            (1, self._answer_recalls_soon),
            (4, self._answer_recalls),
            (4, queue.book),
            (5, self._leases.return_idle),
            (1, self._learn),
            (_BEAT, self._beat),
            (100, self._recover_others),
            (1200, queue.book_key_use),
            (1200, self._forget_old),
            (_PRUNED, self._prune),
        )
        self._thread.probed = True
        step = 0
        while True:
            await asyncio.sleep(_TICK)
            step += 1
            for every, work in works:
                if step % every == 0:
                    try:
                        await work()
                    except StoreDown:
                        continue
                    except OSError as error:
                        _log.error("limits: %s", error.strerror or error)

    async def _answer_recalls_soon(self) -> None:
        """Where the store tells of one, or there may be any."""
        told = self._leases.peers > 1 if self._signals is None else self._signals.take("meta")
        if told:
            await self._leases.answer_recalls()

    async def _answer_recalls(self) -> None:
        """Of a process that has only just begun, where nobody tells."""
        if self._signals is None:
            await self._leases.answer_recalls()

    async def _learn(self) -> None:
        """At once, where the store tells of a change."""
        if self._signals is not None and self._signals.listening and self._signals.take("changes"):
            await self._beat()

    async def _beat(self) -> None:
        """Say that this process is there, and learn what has changed. Raises StoreDown."""
        if self._admission.unseen:
            await self._thread.call(engine.bring_up, probe=True)
            await recover(self._directory, self._thread, self._unknown)
        began = self._now()
        of, moment = self._leases.instance, self._clock()
        beat, moment = await self._thread.call(_beat, of, moment, probe=True)
        if isinstance(self._clock, StoreClock):
            self._clock.set(moment)
        self._leases.seen(began, beat.peers)
        self._admission.share = beat.share
        await self._admission.learn(beat.revision)
        self._admission.unseen = False

    async def _recover_others(self) -> None:
        await recover(self._directory, self._thread, self._unknown)
        if self._thread.remote:
            for gone in await self._thread.call(presumed.expire, int(self._clock())):
                _log.warning(
                    "limits: %s was not seen for %d s: what it had leased of money counts as spent"
                    " until its journal is booked, by a gateway that starts with it",
                    gone, counter_store.MONEY_EXPIRY,
                )  # fmt: skip

    async def _prune(self) -> None:
        """Whole days, or months, that the ledger keeps no longer, as many as one turn may."""
        await self._thread.call(partitions.prepare, int(self._clock()))
        keep = self._admission.policy.store.ledger.keep
        before = int(self._clock() - keep) // _DAY * _DAY
        for _ in range(_MOST_BATCHES):
            if not await self._thread.call(retention.prune, before):
                return

    async def _forget_old(self) -> None:
        before = int(self._clock()) - _KEPT_COUNTERS
        await self._thread.call(counter_store.forget_old, before)


def _beat(database: Database, instance: str, moment: float) -> tuple[counter_store.Beat, float]:
    """The process is there; and Unix seconds by the store's clock, `moment` if it has none."""
    if (own := database.moment()) is not None:
        moment = own
    return counter_store.beat(database, instance, int(moment)), moment
