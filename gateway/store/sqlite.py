"""A store in a file, which several processes may share and which outlives them."""

import asyncio
import fcntl
import os
import sqlite3
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway.store.database import StoreFailed, StoreUnusable
from gateway.store.entry import EXPIRED_AT_ONCE, FILE_LIFETIME, MOST_BYTES, Entry

TOTAL_BYTES: Final = 1024 * 1024 * 1024
BUSY: Final = 2.0
"""Seconds for which another process's write is waited for."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS responses(id TEXT PRIMARY KEY, caller TEXT, created INT, used INT,
  expires INT, previous TEXT, bytes INT, status TEXT, target TEXT, input BLOB, object BLOB);
CREATE TABLE IF NOT EXISTS items(id TEXT PRIMARY KEY, response TEXT, place INT);
CREATE INDEX IF NOT EXISTS responses_used ON responses(used);
CREATE INDEX IF NOT EXISTS responses_expires ON responses(expires);
CREATE INDEX IF NOT EXISTS items_response ON items(response);
"""
_COLUMNS: Final = "id, caller, previous, status, target, input, object"
T = TypeVar("T")


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    database = sqlite3.connect(path, timeout=BUSY, check_same_thread=False, isolation_level=None)
    begin_log(database, path)
    database.executescript(_SCHEMA)
    return database


def begin_log(database: sqlite3.Connection, path: Path) -> None:
    """Have the file at `path` written by way of a log (WAL). One process at a time, by a lock on
    the directory: SQLite does not wait for another one that does the same, but fails
    ("database is locked"), and workers start at once. Raises sqlite3.Error, OSError.
    """
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        database.execute("PRAGMA journal_mode=WAL")
    finally:
        os.close(directory)
    database.execute("PRAGMA synchronous=NORMAL")


class SqliteStore:
    """All of it happens in one thread of its own. What fails raises StoreFailed."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], float],
        *,
        total_bytes: int = TOTAL_BYTES,
        lifetime: int = FILE_LIFETIME,
    ) -> None:
        """`now`: Unix seconds. Raises StoreUnusable if the file cannot be used."""
        self._now = now
        self._total, self._lifetime = total_bytes, lifetime
        try:
            self._database = _opened(path)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnusable(f"{path} cannot be used as a store: {error}") from None
        self._thread = ThreadPoolExecutor(1, "responses-store")

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work, *arguments)
        except sqlite3.Error as error:
            raise StoreFailed(str(error)) from None

    async def put(self, entry: Entry) -> bool:
        """Refuses what is larger than an entry may be, and another caller's id."""
        if entry.size > MOST_BYTES:
            return False
        return await self._run(self._put, entry)

    async def get(self, entry_id: str, caller: str) -> Entry | None:
        """It counts as used."""
        return await self._run(self._get, entry_id, caller)

    async def delete(self, entry_id: str, caller: str) -> bool:
        return await self._run(self._delete, entry_id, caller)

    async def holder_of(self, item_id: str, caller: str) -> tuple[Entry, int] | None:
        return await self._run(self._holder_of, item_id, caller)

    async def close(self) -> None:
        await self._run(self._database.close)
        self._thread.shutdown(wait=False)

    def _put(self, entry: Entry) -> bool:
        now = int(self._now())
        packed, whole = zlib.compress(entry.input), zlib.compress(entry.object)
        row = (
            entry.id, entry.caller, now, now, now + self._lifetime, entry.previous,
            len(packed) + len(whole), entry.status, entry.target, packed, whole,
        )  # fmt: skip
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            self._expire(now)
            query = "SELECT 1 FROM responses WHERE id = ? AND caller <> ?"
            foreign = database.execute(query, (entry.id, entry.caller)).fetchone() is not None
            if not foreign:
                self._insert(entry, row)
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
        return not foreign

    def _insert(self, entry: Entry, row: tuple[Any, ...]) -> None:
        self._forget(entry.id)
        marks = ",".join("?" * len(row))
        self._database.execute(f"INSERT INTO responses VALUES({marks})", row)
        items = [(item, entry.id, place) for place, item in enumerate(entry.items)]
        self._database.executemany("INSERT OR REPLACE INTO items VALUES(?, ?, ?)", items)
        self._evict()

    def _expire(self, now: int) -> None:
        query = "SELECT id FROM responses WHERE expires <= ? LIMIT ?"
        for (gone,) in self._database.execute(query, (now, EXPIRED_AT_ONCE)).fetchall():
            self._forget(gone)

    def _evict(self) -> None:
        """The least recently used go until the rest fits."""
        (size,) = self._database.execute("SELECT TOTAL(bytes) FROM responses").fetchone()
        while size > self._total:
            query = "SELECT id, bytes FROM responses ORDER BY used, rowid LIMIT 1"
            gone, bytes_ = self._database.execute(query).fetchone()
            self._forget(gone)
            size -= bytes_

    def _forget(self, entry_id: str) -> None:
        self._database.execute("DELETE FROM responses WHERE id = ?", (entry_id,))
        self._database.execute("DELETE FROM items WHERE response = ?", (entry_id,))

    def _get(self, entry_id: str, caller: str) -> Entry | None:
        now = int(self._now())
        query = f"SELECT {_COLUMNS} FROM responses WHERE id = ? AND caller = ? AND expires > ?"
        row = self._database.execute(query, (entry_id, caller, now)).fetchone()
        if row is None:
            return None
        self._database.execute("UPDATE responses SET used = ? WHERE id = ?", (now, entry_id))
        query = "SELECT id FROM items WHERE response = ? ORDER BY place"
        items = self._database.execute(query, (entry_id,)).fetchall()
        return Entry(
            id=row[0],
            caller=row[1],
            previous=row[2],
            status=row[3],
            target=row[4],
            input=zlib.decompress(row[5]),
            object=zlib.decompress(row[6]),
            items=tuple([item for (item,) in items]),
        )

    def _delete(self, entry_id: str, caller: str) -> bool:
        found = self._get(entry_id, caller) is not None
        if found:
            self._forget(entry_id)
        return found

    def _holder_of(self, item_id: str, caller: str) -> tuple[Entry, int] | None:
        query = "SELECT response, place FROM items WHERE id = ?"
        row = self._database.execute(query, (item_id,)).fetchone()
        entry = None if row is None else self._get(row[0], caller)
        return None if entry is None else (entry, row[1])
