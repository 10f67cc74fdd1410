"""Decisions that instances keep for each other: as JSON, without content, for a while. In the
database of what they share (shared.py), which makes the table.
"""

from collections.abc import Sequence
from typing import Final

from gateway.store.database import Database

MOST: Final = 200_000
"""Decisions that are kept; the oldest go."""
_AT_ONCE: Final = 2_000
_ROUNDS: Final = 20
_TOO_MANY: Final = "SELECT at FROM decisions ORDER BY at DESC LIMIT 1 OFFSET ?"
_OLDEST: Final = (
    "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE at <= ? ORDER BY at LIMIT"
    f" {_AT_ONCE}) RETURNING 1"
)


def keep(database: Database, rows: Sequence[tuple[str, int, str]]) -> None:
    """Ids, Unix seconds and documents."""
    query = "INSERT INTO decisions(id, at, document) VALUES(?, ?, ?) ON CONFLICT(id) DO NOTHING"
    database.executemany(query, rows)


def find(database: Database, name: str) -> str | None:
    found = database.execute("SELECT document FROM decisions WHERE id = ?", (name,)).fetchone()
    return None if found is None else str(found[0])


def forget_old(database: Database, before: int, most: int = MOST) -> None:
    """Those that were made then or earlier, and the oldest of too many: some thousands at a time,
    so that nothing takes long.
    """
    beyond = database.execute(_TOO_MANY, (most,)).fetchone()
    until = before if beyond is None else max(before, int(beyond[0]))
    for _ in range(_ROUNDS):
        if len(database.execute(_OLDEST, (until,)).fetchall()) < _AT_ONCE:
            break
