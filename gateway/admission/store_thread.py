"""The thread that uses a store, and what becomes of those who wait for one that is away."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from gateway.store.database import Database, StoreFailed

_FAILURES: Final = 3
"""In a row, after which the store is left alone for a while."""
_REST: Final = 1.0
SILENT: Final = 2.0
"""Seconds without an answer, though it was asked, after which a store counts as away however long
its own timeouts are."""
_A_MOMENT: Final = 0.001
_LOOK: Final = 0.25
_STALLED: Final = 1.0
"""Seconds without a look after which it was this process that did nothing, not the store."""
_log: Final = logging.getLogger("llm_router")
T = TypeVar("T")


class StoreDown(Exception):
    """The store failed, or is left alone because it does."""

    def __init__(self, *, in_doubt: bool = False) -> None:
        """`in_doubt`: what it was asked for may have been done all the same."""
        super().__init__()
        self.in_doubt = in_doubt


def _untold(seconds: float) -> None:
    """Nobody measures."""


class StoreThread:
    """The one thread that uses the database. One that keeps failing is left alone, but for a
    probe a second.
    """

    def __init__(
        self, database: Database, now: Callable[[], float], what: str = "the store of limits"
    ) -> None:
        """`what`: it is, as the log calls it."""
        self._database = database
        self._now = now
        self._what = what
        self._thread = ThreadPoolExecutor(1, "limits-store")
        self._failures = 0
        self._not_before = 0.0
        self._asked_at: float | None = None
        """Since when it has been asked and has not answered."""
        self._pending = 0
        """Operations that are not over."""
        self._looked_at: float | None = None
        """As long as there are any: when this process was seen to run."""
        self.probed = False
        """Somebody probes a failing one, so that no request has to wait for it."""
        self.trips = 0
        """How often the store was asked."""
        self.took: Callable[[float], None] = _untold
        """Told how many seconds each operation took."""

    @property
    def down(self) -> bool:
        if self._failures >= _FAILURES:
            return True
        asked, now = self._asked_at, self._now()
        return asked is not None and now - asked > SILENT and not self._stalled(now)

    def _stalled(self, now: float) -> bool:
        """This process was paused, or busy, and may not have heard an answer that is there."""
        return self._looked_at is not None and now - self._looked_at > _STALLED

    def _look(self) -> None:
        """Again and again while anything is asked."""
        now = self._now()
        if not self._pending:
            self._looked_at = None
            return
        if self._stalled(now):
            self._asked_at = now
        self._looked_at = now
        asyncio.get_running_loop().call_later(_LOOK, self._look)

    @property
    def remote(self) -> bool:
        return self._database.remote

    def leave_alone(self) -> None:
        """It could not be reached at the start: only probes ask for it."""
        self._failures, self.probed = _FAILURES, True

    async def call(self, work: Callable[..., T], *arguments: Any, probe: bool = False) -> T:
        """Work that is given the database first. `probe`: it writes, and tells how the store is.
        Raises StoreDown.
        """
        if self.down:
            if self._now() < self._not_before or (self.probed and not probe):
                raise StoreDown
            self._not_before = self._now() + _REST
        self.trips += 1
        loop, began = asyncio.get_running_loop(), self._now()
        self._pending += 1
        if self._looked_at is None:
            self._look()
        if self._asked_at is None:
            self._asked_at = began
        try:
            result = await loop.run_in_executor(self._thread, work, self._database, *arguments)
        except (sqlite3.Error, StoreFailed) as error:
            self._failed(error)
            raise StoreDown(in_doubt=isinstance(error, StoreFailed) and error.in_doubt) from None
        finally:
            self._pending -= 1
            self.took(self._now() - began)
        self._asked_at = self._now() if self._pending else None
        if probe or not self.probed:  # a look may succeed where nothing can be written
            self._recovered()
        return result

    async def unless_away(self, asking: Coroutine[Any, Any, T]) -> T:
        """What comes of work that asks the store. Raises StoreDown as soon as that counts as away;
        the work goes on all the same, and what it gets then counts.
        """
        task = asyncio.ensure_future(asking)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be late
        while not task.done():
            await asyncio.wait((task,), timeout=self._patience)
            if self.down and not task.done():
                raise StoreDown
        return task.result()

    @asynccontextmanager
    async def turn(self, lock: asyncio.Lock) -> AsyncIterator[None]:
        """The lock of those who ask it. Raises StoreDown for who waits for it as soon as the store
        counts as away.
        """
        if lock.locked():
            acquiring = asyncio.ensure_future(lock.acquire())
            while not acquiring.done():
                await asyncio.wait((acquiring,), timeout=self._patience)
                if self.down and not acquiring.done():
                    acquiring.cancel()
                    raise StoreDown
        else:
            await lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @property
    def _patience(self) -> float:
        """Seconds until it counts as away, if it does not answer."""
        asked = self._asked_at
        return SILENT + _A_MOMENT - (0.0 if asked is None else self._now() - asked)

    def _recovered(self) -> None:
        if self.down:
            _log.warning("%s answers again", self._what)
        self._failures = 0

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == _FAILURES:
            _log.error("%s cannot be used: %s", self._what, error)
        if self.down:
            self._not_before = self._now() + _REST

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._database.close)
        self._thread.shutdown(wait=False)
