"""A store in this process's memory: gone when it ends."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from gateway.store.entry import EXPIRED_AT_ONCE, MOST_BYTES, Entry

TOTAL_BYTES: Final = 64 * 1024 * 1024
MOST_ENTRIES: Final = 10_000
LIFETIME: Final = 3600.0
"""Seconds from when it was kept."""


class MemoryStore:
    """The least recently used goes first."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        total_bytes: int = TOTAL_BYTES,
        most_entries: int = MOST_ENTRIES,
        lifetime: float = LIFETIME,
    ) -> None:
        """`now`: seconds of any clock that only goes forward."""
        self._now = now
        self._total, self._most, self._lifetime = total_bytes, most_entries, lifetime
        self._entries: OrderedDict[str, tuple[float, Entry]] = OrderedDict()
        self._kept: OrderedDict[str, float] = OrderedDict()
        """When each was kept, the oldest first."""
        self._items: dict[str, tuple[str, int]] = {}
        self.size = 0
        """Bytes of all entries."""

    async def put(self, entry: Entry) -> bool:
        """Refuses what is larger than an entry may be, and another caller's id."""
        if entry.size > min(MOST_BYTES, self._total):
            return False
        known = self._entries.get(entry.id)
        if known is not None and known[1].caller != entry.caller:
            return False
        self._forget(entry.id)
        self._expire()
        now = self._now()
        self._entries[entry.id] = now, entry
        self._kept[entry.id] = now
        self.size += entry.size
        self._items.update((item, (entry.id, place)) for place, item in enumerate(entry.items))
        while self.size > self._total or len(self._entries) > self._most:
            self._forget(next(iter(self._entries)))
        return True

    async def get(self, entry_id: str, caller: str) -> Entry | None:
        """It counts as used."""
        found = self._entries.get(entry_id)
        if found is None or found[1].caller != caller:
            return None
        if found[0] + self._lifetime <= self._now():
            self._forget(entry_id)
            return None
        self._entries.move_to_end(entry_id)
        return found[1]

    async def delete(self, entry_id: str, caller: str) -> bool:
        if await self.get(entry_id, caller) is None:
            return False
        self._forget(entry_id)
        return True

    async def holder_of(self, item_id: str, caller: str) -> tuple[Entry, int] | None:
        found = self._items.get(item_id)
        if found is None or (entry := await self.get(found[0], caller)) is None:
            return None
        return entry, found[1]

    async def close(self) -> None:
        self._entries.clear()

    def _expire(self) -> None:
        limit = self._now() - self._lifetime
        for _ in range(EXPIRED_AT_ONCE):
            oldest = next(iter(self._kept.items()), None)
            if oldest is None or oldest[1] > limit:
                return
            self._forget(oldest[0])

    def _forget(self, entry_id: str) -> None:
        found = self._entries.pop(entry_id, None)
        if found is None:
            return
        self._kept.pop(entry_id, None)
        self.size -= found[1].size
        for item in found[1].items:
            if self._items.get(item, ("", 0))[0] == entry_id:
                del self._items[item]
