"""Rows of the ledger that are older than it keeps them. What they counted in windows that are still
looked at is carried over, so that counters are the sums of the rows and of that; days have theirs
already (`spend_day`).

Rows go one by one from a ledger that is one table, and from the tables of a Postgres that are no
month's. A month that is kept no longer is carried over a batch at a time, and then dropped.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from gateway.store import partitions
from gateway.store.counters import LONGEST_WINDOW, SHORT
from gateway.store.database import Database, transaction
from gateway.store.ledger import CARRY, carried_until, charges_of
from gateway.store.limits_rows import FOREVER, Charge, CounterId
from gateway.store.partitions import BEFORE, OTHER, Part, id_of

BATCH: Final = 500
MONTH_BATCH: Final = 5000
"""Rows of a month: the database itself adds them up."""
_MARK: Final = (
    "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT(k) DO UPDATE SET v = ?2 WHERE meta.v < ?2"
)
_SUMS: Final = (
    "SELECT c ->> 0, c ->> 1, (c ->> 2)::bigint, SUM((c ->> 3)::bigint)::bigint FROM ledger,"
    " jsonb_array_elements(charges::jsonb) AS c WHERE id >= ? AND id < ? GROUP BY 1, 2, 3"
)
_ENOUGH: Final = "SELECT id FROM ledger WHERE id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"


def prune(database: Database, before: int) -> bool:
    """Take out the oldest of what was admitted before, Unix seconds: False if there is nothing any
    more, and no counters of windows that ended before, either.
    """
    parts = partitions.parts(database)
    with transaction(database):
        database.execute(_MARK, ("pruned", before))
        for table in _tables(database, parts):
            if _take_rows(database, table, before):
                return True
        over = next((part for part in parts if part.end <= id_of(before)), None)
        if over is not None:
            return _carry(database, over, before) or partitions.drop(database, over)
        _forget_ended(database, before)
        return False


def _tables(database: Database, parts: Iterable[Part]) -> list[str]:
    """Those that rows are taken out of."""
    if not database.remote:
        return ["ledger"]
    return [*(part.table for part in parts if part.table == BEFORE), OTHER]


def _take_rows(database: Database, table: str, before: int) -> bool:
    """A batch of them; False if there are none."""
    found = database.execute(
        f"SELECT id, charges FROM {table} WHERE id < ? ORDER BY id LIMIT ?",
        (id_of(before), BATCH),
    ).fetchall()
    if not found:
        return False
    carried = carried_until(database)
    _add(database, (c for id_, text in found if id_ >= carried for c in charges_of(text)), before)
    database.execute(f"DELETE FROM {table} WHERE id <= ?", (found[-1][0],))
    return True


def _carry(database: Database, part: Part, before: int) -> bool:
    """The next rows that are older than the end of a month; False if all are carried over. Whole
    milliseconds, so that their time says which.
    """
    first = carried_until(database)
    if first >= part.end[: len(first)]:
        return False
    found = database.execute(_ENOUGH, (first, part.end, MONTH_BATCH)).fetchone()
    end = part.end if found is None else f"{int(found[0][:12], 16) + 1:012x}"
    _add(database, _charges(database, first, end), before)
    database.execute(_MARK, ("carried", int(end[:12], 16)))
    return True


def _charges(database: Database, first: str, end: str) -> list[Charge]:
    found = database.execute(_SUMS, (first, end))
    return [Charge(CounterId(*name), amount) for *name, amount in found]


def _add(database: Database, charges: Iterable[Charge], before: int) -> None:
    total: Counter[CounterId] = Counter()
    for counter, amount in charges:
        if _carried(counter, before):
            total[counter] += amount
    database.executemany(CARRY, [(*each, amount) for each, amount in sorted(total.items())])


def _carried(counter: CounterId, before: int) -> bool:
    """A window that may have rows on both sides, or that never ends."""
    if counter.name.endswith(SHORT):
        return False
    return counter.window == FOREVER or counter.window > before - LONGEST_WINDOW


def _forget_ended(database: Database, before: int) -> None:
    ended = (before - LONGEST_WINDOW,)
    database.execute("DELETE FROM counters WHERE leased = 0 AND win > 0 AND win <= ?", ended)
    database.execute("DELETE FROM carried WHERE win > 0 AND win <= ?", ended)
