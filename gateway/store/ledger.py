"""The ledger in the store: rows are added once each, together with what they count; added up by
day; corrected by further rows, never changed.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.store.counters import reduce_lease, used
from gateway.store.limits_database import transaction
from gateway.store.limits_rows import Charge, CounterId, LedgerRow

_COLUMNS: Final = (
    "id, at, key_id, team, persona, user, provider, model, state, attempts, input, cached, written,"
    " output, reasoning, cost, revision, decision, request, amends, why, charges"
)
_MARKS: Final = ",".join("?" * (len(LedgerRow._fields) + 1))
_DAY: Final = 86_400_000
GROUPS: Final = ("day", "key", "team", "persona", "model")
"""What spend can be told by."""
_GROUP_COLUMNS: Final = {"key": "key_id"}
_SUMS: Final = ("requests", "input", "cached", "output", "cost", "estimated", "unpriced")
_SHORT: Final = ("/second", "/minute", "/hour")


class Difference(NamedTuple):
    """A counter or a day that does not say what the ledger's rows add up to."""

    what: str
    counted: int
    added_up: int


class Booked(NamedTuple):
    """What rows did to a counter."""

    taken: int
    """From the process's slice of it."""
    spent: int
    """What it has spent now."""


def book(
    database: sqlite3.Connection, instance: str, rows: Sequence[LedgerRow]
) -> dict[CounterId, Booked]:
    """Add rows that are not there yet, with what they count. One transaction, to be tried again as
    a whole: a row is counted once.
    """
    total: Counter[CounterId] = Counter()
    with transaction(database):
        for row in rows:
            if _added(database, row):
                for counter, amount in row.charges:
                    total[counter] += amount
        return {
            counter: Booked(_spend(database, instance, counter, amount), used(database, counter)[0])
            for counter, amount in total.items()
        }


def _added(database: sqlite3.Connection, row: LedgerRow) -> bool:
    """Whether it is new."""
    day = row.at // _DAY
    charges = json.dumps([[*counter, amount] for counter, amount in row.charges])
    added = database.execute(
        f"INSERT INTO ledger({_COLUMNS}, day) VALUES({_MARKS}) ON CONFLICT DO NOTHING",
        (*row[:-1], charges, day),
    ).rowcount
    if added != 1:
        return False
    amends = row.amends is not None
    of_day = (
        day, row.key_id, row.team, row.persona, f"{row.provider}/{row.model}", int(not amends),
        row.input, row.cached, row.output, row.cost or 0,
        int(row.state in ("estimated", "presumed") and not amends),
        int(row.state == "unpriced" and not amends),
    )  # fmt: skip
    database.execute(
        "INSERT INTO spend_day VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
        + ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS),
        of_day,
    )
    return True


def _spend(database: sqlite3.Connection, instance: str, counter: CounterId, amount: int) -> int:
    """Count it as spent instead of leased; how much was leased of it."""
    taken = reduce_lease(database, instance, counter, amount) if amount > 0 else 0
    database.execute(
        "INSERT INTO counters(scope, name, win, spent) VALUES(?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET spent = spent + excluded.spent",
        (*counter, amount),
    )
    return taken


def find(database: sqlite3.Connection, row_id: str) -> LedgerRow | None:
    found = database.execute(f"SELECT {_COLUMNS} FROM ledger WHERE id = ?", (row_id,)).fetchone()
    return None if found is None else _row(found)


def rows(
    database: sqlite3.Connection,
    *,
    key: str | None = None,
    after: str = "",
    since: int = 0,
    until: int = 2**53,
    most: int = 1000,
) -> list[LedgerRow]:
    """In the order of their time; `after`: an id, `since` and `until`: Unix milliseconds."""
    which, values = "id > ? AND at >= ? AND at < ?", [max(after, f"{since:012x}"), since, until]
    if key is not None:
        which, values = f"key_id = ? AND {which}", [key, *values]
    query = f"SELECT {_COLUMNS} FROM ledger WHERE {which} ORDER BY id LIMIT ?"
    return [_row(found) for found in database.execute(query, (*values, most))]


def _row(found: Sequence[Any]) -> LedgerRow:
    charges = tuple(
        Charge(CounterId(scope, name, window), amount)
        for scope, name, window, amount in json.loads(found[-1])
    )
    return LedgerRow._make((*found[:-1], charges))


def spend(
    database: sqlite3.Connection, by: Sequence[str], since: int, until: int, key: str | None = None
) -> list[dict[str, Any]]:
    """Sums of the days from `since` to before `until` (days since 1970), for each of what they are
    told by.
    """
    columns = [_GROUP_COLUMNS.get(name, name) for name in by]
    sums = ", ".join(f"SUM({name})" for name in _SUMS)
    grouped = f" GROUP BY {', '.join(columns)} ORDER BY {', '.join(columns)}" if columns else ""
    which, values = "day >= ? AND day < ?", [since, until]
    if key is not None:
        which += " AND key_id = ?"
        values.append(key)  # type: ignore[arg-type]
    query = f"SELECT {', '.join([*columns, sums])} FROM spend_day WHERE {which}{grouped}"
    names = [*by, *_SUMS]
    return [
        dict(zip(names, found, strict=True))
        for found in database.execute(query, values)
        if found[len(by)] is not None
    ]


def amend(database: sqlite3.Connection, row: LedgerRow) -> None:
    """Add a row that corrects another one: its numbers are what is to be added."""
    with transaction(database):
        if _added(database, row):
            for counter, amount in row.charges:
                _spend(database, "", counter, amount)


def differences(database: sqlite3.Connection) -> list[Difference]:
    """Where counters and days are not the sums of the ledger's rows: empty if all is well. Counters
    of windows up to an hour are forgotten after a while, and then not looked at.
    """
    database.execute("BEGIN")  # one moment of it
    try:
        charged: Counter[CounterId] = Counter()
        costs: Counter[int] = Counter()
        for charges, day, cost in database.execute("SELECT charges, day, cost FROM ledger"):
            costs[day] += cost or 0
            for scope, name, window, amount in json.loads(charges):
                charged[CounterId(scope, name, window)] += amount
        counted = {
            CounterId(*found[:3]): found[3]
            for found in database.execute("SELECT scope, name, win, spent FROM counters")
        }
        days = dict(database.execute("SELECT day, SUM(cost) FROM spend_day GROUP BY day"))
    finally:
        database.execute("COMMIT")
    return [
        *_unequal({f"{c.scope} {c.name} {c.window}": n for c, n in counted.items()},
                  {f"{c.scope} {c.name} {c.window}": n for c, n in charged.items()
                   if c in counted or not c.name.endswith(_SHORT)}),
        *_unequal({f"day {d}": n for d, n in days.items()},
                  {f"day {d}": n for d, n in costs.items()}),
    ]  # fmt: skip


def _unequal(counted: Mapping[str, int], added_up: Mapping[str, int]) -> Iterator[Difference]:
    for what in sorted(counted.keys() | added_up.keys()):
        if counted.get(what, 0) != added_up.get(what, 0):
            yield Difference(what, counted.get(what, 0), added_up.get(what, 0))
