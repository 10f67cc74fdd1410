"""The ledger's months in Postgres: a table each, so that one that is kept no longer is dropped, and
not deleted row by row.

A row's month is in its id, which begins with its time; so ids are unique over all of them. Beside
the months there may be two more tables: `ledger_before` has all rows of a ledger that was one
table, as it was, and `ledger_other` what no month has a table for. Nobody waits for readers of the
ledger for longer than a moment: what cannot be done then is done a minute later.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from gateway.store.database import Database, transaction

BEFORE: Final = "ledger_before"
OTHER: Final = "ledger_other"
_AHEAD: Final = 2
"""Months that have a table: this one, and the next."""
_END: Final = re.compile(r" TO \('([^']+)'\)")
_PARTS: Final = (
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON"
    " c.oid = i.inhrelid WHERE i.inhparent = 'ledger'::regclass"
)
_IF_FREE: Final = (
    "DO $$ BEGIN SET LOCAL lock_timeout = '100ms'; {work};"
    " EXCEPTION WHEN lock_not_available THEN NULL; END $$"
)
_MAKE: Final = (
    "CREATE TABLE {table} (LIKE ledger INCLUDING ALL); ALTER TABLE ledger ATTACH PARTITION {table}"
    " FOR VALUES FROM ('{first}') TO ('{end}')"
)
_BOUND: Final = (
    "greatest((SELECT max(id) || '~' FROM ledger), lpad(to_hex(1000 * extract(epoch FROM"
    " date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months')::bigint), 12, '0'))"
)
"""The end of the next month, and of all rows, as an id."""
_VOUCHING: Final = 7_154_021_302
"""Names the advisory lock of those who vouch for a ledger's ids."""
_TURN: Final = f"pg_advisory_xact_lock({_VOUCHING})"
_SAID: Final = (
    "EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = 'ledger'::regclass AND conname ="
    " 'ledger_until')"
)
_SAY: Final = (
    f"DO $$ BEGIN PERFORM {_TURN}; IF NOT {_SAID} AND (SELECT relkind FROM pg_class WHERE oid ="
    " 'ledger'::regclass) = 'r' THEN EXECUTE format('ALTER TABLE ledger ADD CONSTRAINT ledger_until"
    f" CHECK (id < %L) NOT VALID', {_BOUND}); END IF; END $$"
)
_CHECK: Final = (
    f"DO $$ BEGIN PERFORM {_TURN}; IF {_SAID} THEN"
    " ALTER TABLE ledger VALIDATE CONSTRAINT ledger_until; END IF; END $$"
)
VOUCH: Final = (_SAY, _CHECK)
"""Before a ledger becomes a part of one in months, each in a transaction of its own: the server
knows then that all ids are older than the end of the next month, and reads none of them while
everybody waits. The second reads them all, beside those who read and write.
"""
STEP: Final = (
    f"SELECT {_TURN}",
    f"ALTER TABLE ledger RENAME TO {BEFORE}",
    f"ALTER INDEX ledger_pkey RENAME TO {BEFORE}_pkey",
    f"ALTER INDEX ledger_key RENAME TO {BEFORE}_key",
    f"CREATE TABLE ledger (LIKE {BEFORE}) PARTITION BY RANGE (id)",
    "ALTER TABLE ledger ADD PRIMARY KEY (id)",
    "CREATE INDEX ledger_key ON ledger(key_id, id)",
    f"CREATE TABLE {OTHER} PARTITION OF ledger DEFAULT",
    "DO $$ DECLARE until text := (SELECT substring(pg_get_constraintdef(oid) from '''([^'']+)''')"
    f" FROM pg_constraint WHERE conrelid = '{BEFORE}'::regclass AND conname = 'ledger_until');"
    f" BEGIN IF EXISTS (SELECT 1 FROM {BEFORE}) THEN"
    f" EXECUTE format('ALTER TABLE ledger ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE)"
    f" TO (%L)', until); ALTER TABLE {BEFORE} DROP CONSTRAINT ledger_until;"
    f" ELSE DROP TABLE {BEFORE}; END IF; END $$",
)
"""What makes a ledger one in months, in the transaction of a new version of the schema."""


class Part(NamedTuple):
    """A table of the ledger's rows, up to an id that is none of its own."""

    table: str
    end: str


def id_of(seconds: int) -> str:
    """No id of a row that was admitted then or later is before it."""
    return f"{seconds * 1000:012x}"


def parts(database: Database) -> list[Part]:
    """The oldest first, without what is of no month; empty on a database that has one table."""
    if not database.remote:
        return []
    found = [(name, _END.search(bounds)) for name, bounds in database.execute(_PARTS)]
    return sorted([Part(name, end[1]) for name, end in found if end], key=lambda part: part.end)


def prepare(database: Database, now: int) -> None:
    """Tables of this month and the next, where they are not there."""
    for table, first, end in _missing(database, now):
        with transaction(database):  # another process may have been faster
            if (table, first, end) in _missing(database, now) and not _strays(database, first, end):
                work = _MAKE.format(table=table, first=first, end=end)
                database.execute(_IF_FREE.format(work=work))


def _missing(database: Database, now: int) -> list[tuple[str, str, str]]:
    if not database.remote:
        return []
    known = max([part.end for part in parts(database)], default="")
    return [month for month in _months(now) if month[1] >= known]


def _months(now: int) -> Iterator[tuple[str, str, str]]:
    """Name, first id and end of each."""
    firsts = [datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0)]
    for _ in range(_AHEAD):
        firsts.append((firsts[-1] + timedelta(days=31)).replace(day=1))
    for first, end in pairwise(firsts):
        bounds = [id_of(int(each.timestamp())) for each in (first, end)]
        yield f"ledger_{first:%Y_%m}", bounds[0], bounds[1]


def _strays(database: Database, first: str, end: str) -> bool:
    """Whether the table of all others has rows of a month: then they stay there, all of them."""
    query = f"SELECT 1 FROM {OTHER} WHERE id >= ? AND id < ? LIMIT 1"
    found: Any = database.execute(query, (first, end)).fetchone()
    return found is not None


def drop(database: Database, part: Part) -> bool:
    """Whether it is gone. Inside a transaction."""
    database.execute(_IF_FREE.format(work=f"DROP TABLE {part.table}"))
    return part not in parts(database)
