"""The file of keys, counters and the ledger: opened, brought to the newest schema, and used by one
thread. What stands in the tables is the business of the modules beside it.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

from gateway.store.database import Group, Look, StoreUnusable, transaction
from gateway.store.limits_schema import STEPS, statements
from gateway.store.sqlite import begin_log

BUSY: Final = 5.0
"""Seconds for which another process's write is waited for."""
_TOGETHER: Final = (40, 8)
"""Rows of one statement that adds them: a sixth cheaper than as many statements; and where they
have columns in common, that are bound once for all, by two fifths."""


class SqliteDatabase(sqlite3.Connection):
    """The file, as `gateway.store.database` asks for it."""

    remote = False

    def insert(
        self, table: str, common: Sequence[str], own: Sequence[str], groups: Sequence[Group], /
    ) -> None:
        rest: list[tuple[Any, ...]] = []
        for same, rows in groups:
            done = 0
            for size in _TOGETHER:
                while len(rows) - done >= size:
                    some = chain.from_iterable(rows[done : done + size])
                    self.execute(_insertion(table, (*common,), (*own,), size), [*same, *some])
                    done += size
            rest += [same + row for row in rows[done:]]
        most, every = _TOGETHER[0], (*common, *own)
        alone = len(rest) % most
        self.executemany(_insertion(table, (), every, 1), rest[:alone])
        for start in range(alone, len(rest), most):
            some = chain.from_iterable(rest[start : start + most])
            self.execute(_insertion(table, (), every, most), [*some])

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def begin_snapshot(self) -> None:
        self.execute("BEGIN")

    def moment(self) -> float | None:
        return None

    def version(self) -> int:
        (found,) = self.execute("PRAGMA user_version").fetchone()
        return int(found)

    def check(self) -> str:
        (found,) = self.execute("PRAGMA integrity_check").fetchone()
        return str(found)


@cache
def _insertion(table: str, common: tuple[str, ...], own: tuple[str, ...], rows: int) -> str:
    """A statement that adds so many rows, the values that they have in common first."""
    names = ", ".join(f'"{name}"' for name in (*common, *own))
    marks = ", ".join([*[f"?{number}" for number in range(1, len(common) + 1)], *"?" * len(own)])
    return f"INSERT INTO {table}({names}) VALUES {', '.join([f'({marks})'] * rows)}"


def connected(path: Path) -> SqliteDatabase:
    """The database at `path`, made if it is not there, as it is. Raises StoreUnusable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        database = sqlite3.connect(
            path,
            timeout=BUSY,
            check_same_thread=False,
            isolation_level=None,
            factory=SqliteDatabase,
        )
        begin_log(database, path)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"{path} cannot be used as a store: {error}", "store") from None
    return database


def look_at(path: Path) -> Look:
    """Raises StoreUnusable."""
    try:
        if not path.exists():
            return Look(0, len(STEPS), len(STEPS), None)
        with closing(to_be_read(path)) as database:
            (schema,) = database.execute("PRAGMA user_version").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"{path} cannot be used as a store: {error}", "store") from None
    return Look(int(schema), len(STEPS), len(STEPS), None)


def to_be_read(path: Path) -> sqlite3.Connection:
    """The database at `path`, in which nothing can be changed. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def opened(path: Path) -> SqliteDatabase:
    """The same with the newest schema. Raises StoreUnusable."""
    database = connected(path)
    try:
        migrate(database)
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} cannot be used as a store: {error}", "store") from None
    return database


def migrate(database: SqliteDatabase) -> int:
    """Bring the schema to the newest version; how many steps that took. Raises StoreUnusable for a
    file of a newer program.
    """
    if database.version() == len(STEPS):
        return 0
    with transaction(database):
        had = database.version()  # another process may have been faster
        if had > len(STEPS):
            raise StoreUnusable(
                f"the store has schema {had}, and this program knows {len(STEPS)}: it was written"
                " by a newer one",
                "store",
            )
        for number, step in enumerate(STEPS[had:], had):
            for statement in statements(number, step):
                database.execute(statement)
        database.execute(f"PRAGMA user_version={len(STEPS)}")
    return len(STEPS) - had
