"""The cache of a process: answers in memory, those of the store behind them, and the requests on
their way that others wait for.
"""

import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from gateway.cache.answer import MOST_BYTES, CachedAnswer, decoded, encoded
from gateway.cache.flight import Flights
from gateway.cache.key import AnswerKey
from gateway.cache.memory import AnswerMemory
from gateway.cache.metrics import CacheMetrics
from gateway.cache.shelf import Seal, Shelf
from gateway.config.cache import CacheSettings
from gateway.config.limits import LimitsPolicy
from gateway.store.answers import StoredAnswer
from gateway.store.engine import STORE_URL, open_answers, store_url

_UNREADABLE: Final = (ValueError, TypeError, KeyError, struct.error)


class ResponseCache:
    """`clock`: Unix seconds."""

    def __init__(self, clock: Callable[[], float], shelf: Shelf | None = None) -> None:
        self.clock = clock
        self.memory = AnswerMemory()
        self.flights = Flights()
        self.shelf = shelf
        """None without a store."""
        self.metrics = CacheMetrics(self.memory.sizes, lambda: shelf.failures if shelf else 0)

    def find(
        self, persona: str, settings: CacheSettings, key: AnswerKey, max_age: float | None = None
    ) -> CachedAnswer | None:
        """What is in memory. `max_age`: seconds that the caller bears."""
        now, answers = self.clock(), self.memory.of(persona)
        text = answers.get(key.own, now)
        if text is None and key.shared != key.own:
            text = answers.get(key.shared, now)
        return None if text is None else self._fresh(decoded(text), settings, now, max_age)

    async def find_stored(
        self, persona: str, settings: CacheSettings, key: AnswerKey, max_age: float | None = None
    ) -> CachedAnswer | None:
        """What is in the store; from now on in memory, too."""
        if self.shelf is None or not settings.persist:
            return None
        stored = await self.shelf.get(key)
        if stored is None:
            return None
        try:
            answer = self._fresh(decoded(stored.answer), settings, self.clock(), max_age)
        except _UNREADABLE:
            return None  # another version's
        if answer is not None:
            self._remember(persona, settings, stored.key, stored.answer, answer.at)
        return answer

    def _fresh(
        self, answer: CachedAnswer, settings: CacheSettings, now: float, max_age: float | None
    ) -> CachedAnswer | None:
        age = now - answer.at
        return answer if age < settings.ttl and (max_age is None or age <= max_age) else None

    def keep(
        self, persona: str, settings: CacheSettings, key: AnswerKey, answer: CachedAnswer
    ) -> bool:
        """Whether it is kept: it is not if it is too large, or JSON cannot say it."""
        try:
            text = encoded(answer)
        except ValueError:
            return False
        if len(text) > min(MOST_BYTES, settings.max_bytes):
            return False
        name = key.own if answer.relayed else key.shared
        self._remember(persona, settings, name, text, answer.at)
        if self.shelf is not None and settings.persist:
            at = int(answer.at)
            self.shelf.put(StoredAnswer(name, at, at + settings.ttl, text))
        return True

    def _remember(
        self, persona: str, settings: CacheSettings, name: str, text: bytes, at: float
    ) -> None:
        answers = self.memory.of(persona)
        gone = answers.put(name, text, at + settings.ttl, settings.max_bytes)
        self.metrics.count(persona, "evicted", gone)

    async def close(self) -> None:
        if self.shelf is not None:
            await self.shelf.close()


@asynccontextmanager
async def running(
    limits: LimitsPolicy | None,
    state: Path,
    environ: Mapping[str, str],
    clock: Callable[[], float],
    now: Callable[[], float],
    seal: Seal | None = None,
) -> AsyncIterator[ResponseCache]:
    """A cache, closed at the end; with a store where keys and limits have one. `clock`: Unix
    seconds; `now`: monotonic ones. Raises StoreUnusable for a URL of no store.
    """
    shelf = None
    if limits is not None or environ.get(STORE_URL):
        url = store_url(None if limits is None else limits.store.url, environ)
        shelf = Shelf(partial(open_answers, url, state), clock, now, seal)
        await shelf.open()
    cache = ResponseCache(clock, shelf)
    try:
        yield cache
    finally:
        await cache.close()
