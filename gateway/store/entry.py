"""What is kept, and what any store can do with it."""

from dataclasses import dataclass, field
from typing import Final, Protocol

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of one entry; a larger one is not kept."""
FILE_LIFETIME: Final = 7 * 86_400
"""Seconds from when it was kept, of entries in a file."""
EXPIRED_AT_ONCE: Final = 100
"""Entries that one write takes away because their time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Two texts under an id, one caller's."""

    id: str
    caller: str
    """The id of the caller's key; "" where callers have none. For others it is not there."""
    previous: str | None
    """The id of the entry that this one continues."""
    status: str
    target: str
    input: bytes = field(repr=False)
    object: bytes = field(repr=False)
    items: tuple[str, ...] = ()
    """Ids of the parts of `object`, by which they can be found, too."""

    @property
    def size(self) -> int:
        """Bytes of its texts."""
        return len(self.input) + len(self.object)


class Store(Protocol):
    """Keeps entries. Nothing in it raises but `sqlite3.Error` and OSError."""

    async def put(self, entry: Entry) -> bool:
        """Keep it; whether it is kept."""

    async def get(self, entry_id: str, caller: str) -> Entry | None:
        """The caller's entry of that id."""

    async def delete(self, entry_id: str, caller: str) -> bool:
        """Forget it; whether it was there."""

    async def holder_of(self, item_id: str, caller: str) -> tuple[Entry, int] | None:
        """The entry that holds the item of that id, and its place among the items."""

    async def close(self) -> None:
        """Nothing is asked of it any more."""
