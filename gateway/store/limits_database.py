"""The file of keys, counters and the ledger: opened, brought to the newest schema, and used by one
thread. What stands in the tables is the business of the modules beside it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.store.limits_schema import STEPS
from gateway.store.sqlite import StoreUnusable

BUSY: Final = 5.0
"""Seconds for which another process's write is waited for."""


def opened(path: Path) -> sqlite3.Connection:
    """The database at `path`, made if it is not there. Raises StoreUnusable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        database = sqlite3.connect(
            path, timeout=BUSY, check_same_thread=False, isolation_level=None
        )
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        migrate(database)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"{path} cannot be used as a store: {error}", "store") from None
    return database


def version(database: sqlite3.Connection) -> int:
    """Of the schema: how many steps it has had."""
    (found,) = database.execute("PRAGMA user_version").fetchone()
    return int(found)


def migrate(database: sqlite3.Connection) -> int:
    """Bring the schema to the newest version; how many steps that took. Raises StoreUnusable for a
    file of a newer program.
    """
    if version(database) == len(STEPS):
        return 0
    with transaction(database):
        had = version(database)  # another process may have been faster
        if had > len(STEPS):
            raise StoreUnusable(
                f"the store has schema {had}, and this program knows {len(STEPS)}: it was written"
                " by a newer one",
                "store",
            )
        for step in STEPS[had:]:
            for statement in filter(str.strip, step.split(";")):
                database.execute(statement)
        database.execute(f"PRAGMA user_version={len(STEPS)}")
    return len(STEPS) - had


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; other processes wait."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
