"""Answers in the store, behind those in memory: a store that is slow or away is one in which
nothing is found.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol, TypeVar

from gateway.cache.answer import MOST_BYTES
from gateway.cache.key import AnswerKey
from gateway.store import answers
from gateway.store.answers import StoredAnswer
from gateway.store.database import Database, StoreFailed, StoreUnusable

PATIENCE: Final = 0.25
"""Seconds that a request waits for it."""
OPENED_WITHIN: Final = 2.0
"""Seconds that a start waits for it."""
REST: Final = 5.0
"""Seconds for which one that failed is left alone."""
MOST_WAITING: Final = 16 * 1024 * 1024
"""Bytes of answers that wait to be written; more are not."""
MOST_OPENED: Final = MOST_BYTES + 64 * 1024
"""Bytes of an answer with what is known of it."""
_PRUNED_EVERY: Final = 64
"""Answers that are written."""
_FAILURES: Final = (sqlite3.Error, StoreFailed, StoreUnusable, OSError, TimeoutError)
_log: Final = logging.getLogger("llm_router")
T = TypeVar("T")


class Seal(Protocol):
    """gateway.cluster.seal.StateKeys, where the operator gave a key."""

    def seal(self, value: bytes, bound: bytes) -> bytes: ...

    def open(self, sealed: bytes, bound: bytes, most: int) -> bytes | None: ...


class Shelf:
    """All of it happens in one thread of its own, which opens the store where it is not open."""

    def __init__(
        self,
        opener: Callable[[], Database],
        clock: Callable[[], float],
        now: Callable[[], float],
        seal: Seal | None = None,
    ) -> None:
        """`opener` may raise StoreUnusable. `clock`: Unix seconds; `now`: monotonic ones. `seal`:
        without one answers stand there in clear.
        """
        self._opener = opener
        self._seal = seal
        self._database: Database | None = None
        self._clock = clock
        self._now = now
        self._thread = ThreadPoolExecutor(1, "answers-store")
        self._rests_until = 0.0
        self._waiting = 0
        self._written = 0
        self._writes: set[asyncio.Task[None]] = set()
        self.failures = 0

    @property
    def resting(self) -> bool:
        """It failed a moment ago."""
        return self._now() < self._rests_until

    async def open(self) -> None:
        """So that no request has to wait for it. It may fail, and is tried again by a request."""
        await self._ask(OPENED_WITHIN, _nothing)

    async def get(self, key: AnswerKey) -> StoredAnswer | None:
        """The relayed one first."""
        if self.resting:
            return None
        keys = (key.own,) if key.own == key.shared else (key.own, key.shared)
        return await self._ask(PATIENCE, self._read, keys, int(self._clock()))

    def put(self, answer: StoredAnswer) -> None:
        """Written when it can be; nobody waits for it."""
        size = len(answer.answer)
        if self.resting or self._waiting + size > MOST_WAITING:
            self.failures += 1
            return
        self._waiting += size
        task = asyncio.get_running_loop().create_task(self._put(answer))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def _put(self, answer: StoredAnswer) -> None:
        try:
            await self._ask(None, self._write, answer)
            self._written += 1
            if self._written % _PRUNED_EVERY == 1:
                await self._ask(None, answers.prune, int(self._clock()))
        finally:
            self._waiting -= len(answer.answer)

    async def _ask(self, seconds: float | None, work: Callable[..., T], *given: Any) -> T | None:
        """None where it fails or takes too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._thread, self._do, work, *given)
        except _FAILURES as error:
            if not self.resting:
                _log.warning("answers cannot be kept in the store, or found: %s", _said(error))
            self._rests_until = self._now() + REST
            self.failures += 1
            return None

    def _read(self, database: Database, keys: tuple[str, ...], now: int) -> StoredAnswer | None:
        found = {answer.key: answer for answer in answers.get(database, keys, now)}
        answer = next((found[key] for key in keys if key in found), None)
        if answer is None or self._seal is None:
            return answer
        opened = self._seal.open(answer.answer, _bound(answer.key), MOST_OPENED)
        return None if opened is None else answer._replace(answer=opened)

    def _write(self, database: Database, answer: StoredAnswer) -> None:
        if self._seal is not None:
            sealed = self._seal.seal(answer.answer, _bound(answer.key))
            answer = answer._replace(answer=sealed)
        answers.put(database, answer)

    def _do(self, work: Callable[..., T], *given: Any) -> T:
        """In the thread."""
        if self._database is None:
            self._database = self._opener()
        return work(self._database, *given)

    async def written(self) -> None:
        """What waits is written, as far as that works."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=REST)

    async def close(self) -> None:
        """The same, and nothing is asked of it any more."""
        await self.written()
        if (database := self._database) is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, database.close)
        self._thread.shutdown(wait=False)


def _nothing(database: Database) -> None:
    """It is open."""


def _bound(key: str) -> bytes:
    """What a sealed answer belongs to."""
    return b"answer " + key.encode()


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
