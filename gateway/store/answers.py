"""The table of answers that are given again to the same request, in SQLite or Postgres: under a
digest, until their time is over, and up to a size.
"""

import sqlite3
from typing import Final, NamedTuple

from gateway.store.database import Database, StoreFailed, StoreUnusable, padded, transaction
from gateway.store.postgres_schema import translated

TOTAL_BYTES: Final = 1024 * 1024 * 1024
"""Of all answers; the oldest go first."""
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS cached_answers(key TEXT PRIMARY KEY, at INT NOT NULL,
  expires INT NOT NULL, bytes INT NOT NULL, answer BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS cached_answers_at ON cached_answers(at);
CREATE INDEX IF NOT EXISTS cached_answers_expires ON cached_answers(expires);
"""
_UNLOGGED: Final = "CREATE TABLE", "CREATE UNLOGGED TABLE"
"""They stand in no write-ahead log, and so in no backup and on no standby."""
_PUT: Final = """
INSERT INTO cached_answers VALUES(?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET
  at = excluded.at, expires = excluded.expires, bytes = excluded.bytes, answer = excluded.answer
"""
_EVICT: Final = """
DELETE FROM cached_answers WHERE key IN (SELECT key FROM (SELECT key,
  SUM(bytes) OVER (ORDER BY at DESC, key) AS total FROM cached_answers) AS summed WHERE total > ?)
"""


class StoredAnswer(NamedTuple):
    """An answer as it is kept. Times are Unix seconds."""

    key: str
    at: int
    expires: int
    answer: bytes


def prepared(database: Database) -> Database:
    """The database with the table in it. Raises StoreUnusable."""
    statements = (
        translated(_TABLE.replace(*_UNLOGGED))
        if database.remote
        else [*filter(str.strip, _TABLE.split(";"))]
    )
    try:
        with transaction(database):  # others that start wait
            for statement in statements:
                database.execute(statement)
    except (sqlite3.Error, StoreFailed) as error:
        database.close()
        raise StoreUnusable(f"answers cannot be kept in the store: {error}", "store") from None
    return database


def get(database: Database, keys: tuple[str, ...], now: int) -> list[StoredAnswer]:
    """Those whose time is not over. Raises sqlite3.Error, StoreFailed, as all here."""
    asked = padded(keys)
    marks = ", ".join("?" * len(asked))
    query = (
        f"SELECT key, at, expires, answer FROM cached_answers WHERE key IN ({marks})"
        " AND expires > ?"
    )
    return [StoredAnswer(*row) for row in database.execute(query, (*asked, now))]


def put(database: Database, answer: StoredAnswer) -> None:
    """In place of an older one."""
    size = len(answer.answer)
    database.execute(_PUT, (answer.key, answer.at, answer.expires, size, answer.answer))


def prune(database: Database, now: int, most: int = TOTAL_BYTES) -> None:
    """Those whose time is over go, and the oldest until the rest are at most so many bytes."""
    database.execute("DELETE FROM cached_answers WHERE expires <= ?", (now,))
    database.execute(_EVICT, (most,))
