"""Whether the sums of days are those of the ledger's rows: every number of every table. The
database adds up, a day at a time; what it gives is what is not equal.
"""

from collections.abc import Iterator
from typing import Any, Final

from gateway.store.database import Database
from gateway.store.limits_rows import DAY
from gateway.store.spend import RUNNING, SUMMED, SUMS

Unequal = tuple[str, int, int]
"""What it is; what a table says, and what rows add up to."""
_FINEST: Final = "spend_day"
_OWN: Final = "amends IS NULL AND persona <> ''"
"""Rows of requests."""
_COUNTED: Final = {
    "requests": f"CASE WHEN {_OWN} THEN 1 ELSE 0 END",
    "cost": "COALESCE(cost, 0)",
    "estimated": "CASE WHEN amends IS NULL AND state IN ('estimated', 'presumed')"
    " THEN 1 ELSE 0 END",
    "unpriced": f"CASE WHEN {_OWN} AND state = 'unpriced' THEN 1 ELSE 0 END",
}
"""What a row counts, where that is not what its column of the same name says."""
_LATER: Final = "~"
"""After every id."""
_ALL: Final = ", ".join(SUMS)
_GREW: Final = (
    "SELECT day, key_id, team, "
    + ", ".join(f"{name} - LAG({name}, 1, 0) OVER days" for name in SUMS)
    + f" FROM {RUNNING} WINDOW days AS (PARTITION BY key_id, team ORDER BY day)"
)
"""The running sums as those of days again."""
_OTHERS: Final = (
    f"SELECT COUNT(*) FROM ({_GREW} EXCEPT SELECT day, key_id, team, {_ALL} FROM spend_key) AS d"
)


def _comparison(table: str, rows: str) -> str:
    """What gives, for each sum that is not equal, what it is of; each number as the table says it,
    and as `rows` add up to it.
    """
    of = ", ".join(SUMMED[table])
    said = ", ".join(f"{name}, 0 AS of_{name}" for name in SUMS)
    both = ", ".join(
        f"CAST(SUM({each}) AS BIGINT)" for name in SUMS for each in (name, f"of_{name}")
    )
    unequal = " OR ".join(f"SUM({name}) <> SUM(of_{name})" for name in SUMS)
    return (
        f"SELECT {of}, {both} FROM (SELECT {of}, {said} FROM {table} WHERE day = ?1"
        f" UNION ALL {rows}) AS d GROUP BY {of} HAVING {unequal} ORDER BY {of}"
    )


def _of_ledger(table: str) -> str:
    """Its comparison with the ledger's rows from one id to before another."""
    of = ", ".join(
        "provider || '/' || model" if name == "model" else name for name in SUMMED[table]
    )
    counted = ", ".join(f"0, {_COUNTED.get(name, name)}" for name in SUMS)
    return _comparison(table, f"SELECT {of}, {counted} FROM ledger WHERE id >= ?2 AND id < ?3")


def _of_finest(table: str) -> str:
    """Its comparison with a day of the table that tells everything apart."""
    of, counted = ", ".join(SUMMED[table]), ", ".join(f"0, {name}" for name in SUMS)
    return _comparison(table, f"SELECT {of}, {counted} FROM {_FINEST} WHERE day = ?1")


_COARSER: Final = tuple(table for table in SUMMED if table != _FINEST)
_WITH_LEDGER: Final = {table: _of_ledger(table) for table in SUMMED}
_WITH_FINEST: Final = {table: _of_finest(table) for table in _COARSER}


def unequal_sums(database: Database, first: int) -> Iterator[Unequal]:
    """All that is not equal. `first`: the first day whose rows are all there. Inside a snapshot."""
    rows = dict(_days_of_ledger(database, first))
    for day in sorted(rows.keys() | _days_of_sums(database, first)):
        yield from _unequal_day(database, day, rows.get(day, (_LATER, _LATER)))
    yield from _running(database)


def _days_of_ledger(database: Database, first: int) -> Iterator[tuple[int, tuple[str, str]]]:
    """Each, with the id that it begins with, and the one that it ends before: ids begin with their
    time.
    """
    start = f"{first * DAY:012x}" if first else ""
    query = "SELECT day FROM ledger WHERE id >= ? ORDER BY id LIMIT 1"
    while (found := database.execute(query, (start,)).fetchone()) is not None:
        (day,) = found
        end = f"{(day + 1) * DAY:012x}"
        ends = end if end > start else _LATER  # an id that does not: with all that are left
        yield day, (start, ends)
        start = ends


def _days_of_sums(database: Database, first: int) -> set[int]:
    days = set()
    for table in SUMMED:
        query, after = f"SELECT MIN(day) FROM {table} WHERE day > ?", first - 1
        while (day := database.execute(query, (after,)).fetchone()[0]) is not None:
            days.add(day)
            after = day
    return days


def _unequal_day(database: Database, day: int, ids: tuple[str, str]) -> list[Unequal]:
    finest = _unequal(_FINEST, database.execute(_WITH_LEDGER[_FINEST], (day, *ids)))
    found = [*finest]
    for table in _COARSER:
        if finest:
            rows = database.execute(_WITH_LEDGER[table], (day, *ids))
        else:  # it says what the rows add up to, and is shorter
            rows = database.execute(_WITH_FINEST[table], (day,))
        found += _unequal(table, rows)
    return found


def _unequal(table: str, rows: Any) -> list[Unequal]:
    width = len(SUMMED[table])
    return [
        (f"{table} {name} {' '.join(map(str, row[:width]))}", said, added_up)
        for row in rows
        for name, said, added_up in zip(SUMS, row[width::2], row[width + 1 :: 2], strict=True)
        if said != added_up
    ]


def _running(database: Database) -> Iterator[Unequal]:
    """The running sums beside those of `spend_key`: how many are others, and how many are
    missing.
    """
    (others,) = database.execute(_OTHERS).fetchone()
    if others:
        yield f"{RUNNING} sums unlike those of days", others, 0
    counts = [
        database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        for table in (RUNNING, "spend_key")
    ]
    if counts[0] != counts[1]:
        yield f"{RUNNING} days", counts[0], counts[1]
