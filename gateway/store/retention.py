"""Rows of the ledger that are older than it keeps them. What they counted in windows that are still
looked at is carried over, so that counters are the sums of the rows and of that; days have theirs
already (`spend_day`).
"""

from collections import Counter
from typing import Final

from gateway.store.counters import LONGEST_WINDOW, SHORT
from gateway.store.database import Database, transaction
from gateway.store.ledger import charges_of
from gateway.store.limits_rows import FOREVER, CounterId

BATCH: Final = 500
_MARK: Final = (
    "INSERT INTO meta VALUES('pruned', ?1) ON CONFLICT(k) DO UPDATE SET v = ?1 WHERE meta.v < ?1"
)
_ADD: Final = (
    "INSERT INTO carried VALUES(?, ?, ?, ?) ON CONFLICT(scope, name, win) DO UPDATE SET"
    " amount = carried.amount + excluded.amount"
)


def prune(database: Database, before: int) -> bool:
    """Take out the oldest rows that were admitted before, Unix seconds, a batch of them: False if
    there are none any more, and no counters of windows that ended before, either.
    """
    with transaction(database):
        database.execute(_MARK, (before,))
        found = database.execute(
            "SELECT id, charges FROM ledger WHERE id < ? ORDER BY id LIMIT ?",
            (f"{before * 1000:012x}", BATCH),
        ).fetchall()
        if not found:
            _forget_ended(database, before)
            return False
        total: Counter[CounterId] = Counter()
        for _, charges in found:
            for counter, amount in charges_of(charges):
                if _carried(counter, before):
                    total[counter] += amount
        database.executemany(_ADD, [(*each, amount) for each, amount in sorted(total.items())])
        database.execute("DELETE FROM ledger WHERE id <= ?", (found[-1][0],))
    return True


def _carried(counter: CounterId, before: int) -> bool:
    """A window that may have rows on both sides, or that never ends."""
    if counter.name.endswith(SHORT):
        return False
    return counter.window == FOREVER or counter.window > before - LONGEST_WINDOW


def _forget_ended(database: Database, before: int) -> None:
    ended = (before - LONGEST_WINDOW,)
    database.execute("DELETE FROM counters WHERE leased = 0 AND win > 0 AND win <= ?", ended)
    database.execute("DELETE FROM carried WHERE win > 0 AND win <= ?", ended)
