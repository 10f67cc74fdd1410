"""What processes tell each other through the store: messages, which every process reads once; who
they are; who probes a target; and states, sealed bytes under names that say nothing.

None of it is needed to go on: it is written behind, read with little patience, and may be lost.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from gateway.store.database import Database, portions, transaction
from gateway.store.postgres_schema import CHANNEL, translated

MOST_TEXT: Final = 7_000
"""Characters of a message; a longer one is not read."""
LONGEST_NAME: Final = 200
"""Characters of a sender's name."""
MOST_MESSAGES: Final = 1_000
"""That are read at once."""
TOTAL_BYTES: Final = 1024 * 1024 * 1024
"""Of all states; the oldest go."""
_AT_ONCE: Final = 1_000
_ROUNDS: Final = 20
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS told(rev INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL,
  at INT NOT NULL, until INT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS probes(target TEXT PRIMARY KEY, holder TEXT NOT NULL,
  expires INT NOT NULL);
CREATE TABLE IF NOT EXISTS members(id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INT NOT NULL,
  version TEXT NOT NULL, revision TEXT NOT NULL, started INT NOT NULL, seen INT NOT NULL);
CREATE TABLE IF NOT EXISTS told_once(id TEXT PRIMARY KEY, at INT NOT NULL);
CREATE TABLE IF NOT EXISTS states(id BLOB PRIMARY KEY, kept INT NOT NULL, expires INT NOT NULL,
  size INT NOT NULL, sealed BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS states_expires ON states(expires);
CREATE INDEX IF NOT EXISTS states_kept ON states(kept, size);
CREATE TABLE IF NOT EXISTS decisions(id TEXT PRIMARY KEY, at INT NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS decisions_at ON decisions(at);
"""
_UNLOGGED: Final = (
    "CREATE TABLE IF NOT EXISTS states",
    "CREATE UNLOGGED TABLE IF NOT EXISTS states",
)
"""States stand in no write-ahead log, and so in no backup and on no standby."""


class Told(NamedTuple):
    """A message."""

    rev: int
    sender: str
    at: int
    """When it was told, Unix seconds."""
    body: str


class State(NamedTuple):
    """Sealed bytes."""

    id: bytes
    expires: int
    sealed: bytes


class Member(NamedTuple):
    """A process on this store."""

    id: str
    host: str
    pid: int
    version: str
    """Of the program."""
    revision: str
    """Of its configuration."""
    started: int
    """When it was seen first, Unix seconds."""
    seen: int
    """When it was seen last."""


def create(database: Database) -> None:
    """The tables, where they are not there yet."""
    with transaction(database):  # others that start wait
        if database.remote:
            for statement in translated(_TABLES.replace(*_UNLOGGED)):
                database.execute(statement)
        else:
            for statement in filter(str.strip, _TABLES.split(";")):
                database.execute(statement)


def tell(database: Database, sender: str, now: int, until: int, body: str) -> None:
    """A message for all others, which holds until then; what held until now is taken away."""
    with transaction(database):
        database.execute("DELETE FROM told WHERE until <= ?", (now,))
        database.execute(
            "INSERT INTO told(sender, at, until, body) VALUES(?, ?, ?, ?)",
            (sender, now, until, body),
        )
        if database.remote:
            database.execute("SELECT pg_notify(?, ?)", (CHANNEL, "told"))


def told_since(database: Database, sender: str, rev: int, now: int) -> list[Told]:
    """Messages of others that hold and are newer, the oldest first."""
    query = (
        "SELECT rev, sender, at, body FROM told WHERE rev > ? AND sender <> ? AND until > ? AND"
        " length(body) <= ? AND length(sender) <= ? ORDER BY rev LIMIT ?"
    )
    values = (rev, sender, now, MOST_TEXT, LONGEST_NAME, MOST_MESSAGES)
    rows = database.execute(query, values)
    return [Told(*row) for row in rows]


def present(database: Database, member: Member) -> None:
    """The process is there, and this holds for it."""
    database.execute(
        "INSERT INTO members VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET"
        " version = excluded.version, revision = excluded.revision, seen = excluded.seen",
        member,
    )


def members(database: Database, since: int) -> list[Member]:
    """Processes that were seen after that, Unix seconds, the oldest first."""
    query = f"SELECT {', '.join(Member._fields)} FROM members WHERE seen > ? ORDER BY started, id"
    return [Member(*row) for row in database.execute(query, (since,))]


def remove_member(database: Database, name: str) -> None:
    """The process has ended."""
    database.execute("DELETE FROM members WHERE id = ?", (name,))


def forget_members(database: Database, before: int) -> None:
    """Those that were not seen since then."""
    database.execute("DELETE FROM members WHERE seen <= ?", (before,))


def first_to_tell(database: Database, name: str, now: int) -> bool:
    """Whether no process has told this before."""
    query = "INSERT INTO told_once VALUES(?, ?) ON CONFLICT(id) DO NOTHING RETURNING id"
    return database.execute(query, (name, now)).fetchone() is not None


def forget_told(database: Database, before: int) -> None:
    """What was told once before then, which nobody tells again."""
    database.execute("DELETE FROM told_once WHERE at <= ?", (before,))


def may_probe(database: Database, holder: str, target: str, now: int, until: int) -> bool:
    """Whether this process is the one that probes a target until then; else another does."""
    with transaction(database):
        query = "SELECT holder, expires FROM probes WHERE target = ?"
        found = database.execute(query, (target,)).fetchone()
        if found is not None and found[0] != holder and found[1] > now:
            return False
        database.execute(
            "INSERT INTO probes(target, holder, expires) VALUES(?, ?, ?) ON CONFLICT(target)"
            " DO UPDATE SET holder = excluded.holder, expires = excluded.expires",
            (target, holder, until),
        )
    return True


@contextmanager
def at_once(database: Database) -> Iterator[None]:
    """One commit for many rows. On Postgres `executemany` is one by itself, and nobody waits."""
    if database.remote:
        yield
    else:
        with transaction(database):
            yield


def keep(database: Database, now: int, states: Sequence[State], forgotten: Sequence[bytes]) -> None:
    """Keep states, and forget others."""
    with at_once(database):
        if forgotten:
            database.executemany("DELETE FROM states WHERE id = ?", [(each,) for each in forgotten])
        if states:
            # In one order everywhere, so that two processes never wait for each other.
            rows = sorted([(s.id, now, s.expires, len(s.sealed), s.sealed) for s in states])
            database.executemany(
                "INSERT INTO states(id, kept, expires, size, sealed) VALUES(?, ?, ?, ?, ?)"
                " ON CONFLICT(id) DO UPDATE SET kept = excluded.kept, expires = excluded.expires,"
                " size = excluded.size, sealed = excluded.sealed",
                rows,
            )


def find(database: Database, ids: Sequence[bytes], now: int) -> dict[bytes, bytes]:
    """The states of these ids that are there, and still hold."""
    found: dict[bytes, bytes] = {}
    for some in portions(ids):
        marks = ",".join("?" * len(some))
        query = f"SELECT id, sealed FROM states WHERE id IN ({marks}) AND expires > ?"
        found.update(
            (bytes(id_), bytes(sealed)) for id_, sealed in database.execute(query, (*some, now))
        )
    return found


def forget_old(database: Database, now: int, total: int = TOTAL_BYTES) -> None:
    """Take away states whose time is over, and the oldest of what is too much: some thousands at a
    time, so that nothing takes long.
    """
    over = f"SELECT id FROM states WHERE expires <= ? LIMIT {_AT_ONCE}"
    for _ in range(_ROUNDS):
        ids = database.execute(over, (now,)).fetchall()
        _take_away(database, ids)
        if len(ids) < _AT_ONCE:
            break
    (size,) = database.execute("SELECT COALESCE(SUM(size), 0) FROM states").fetchone()
    oldest = f"SELECT id, size FROM states ORDER BY kept, id LIMIT {_AT_ONCE}"
    for _ in range(_ROUNDS):
        if size <= total:
            break
        too_many = []
        for id_, bytes_ in database.execute(oldest).fetchall():
            if size <= total:
                break
            too_many.append((id_,))
            size -= bytes_
        _take_away(database, too_many)


def _take_away(database: Database, ids: Sequence[tuple[bytes]]) -> None:
    if ids:
        with at_once(database):
            database.executemany("DELETE FROM states WHERE id = ?", sorted(ids))
