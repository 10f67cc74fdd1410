"""The ledger in the store: rows are added once each, together with what they count; added up by
day; corrected by further rows, never changed.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import add, itemgetter
from typing import Any, Final, NamedTuple

from gateway.store.counters import reduce_leases, totals
from gateway.store.database import Database, portions, snapshot, transaction
from gateway.store.limits_rows import DAY, Booking, Charge, CounterId, LedgerRow

_READ: Final = ", ".join(f'"{name}"' for name in LedgerRow._fields)
_COLUMNS: Final = (*LedgerRow._fields, "day")
GROUPS: Final = ("day", "key", "team", "persona", "model")
"""What spend can be told by."""
_GROUP_COLUMNS: Final = {"key": "key_id"}
_SUMS: Final = ("requests", "input", "cached", "output", "cost", "estimated", "unpriced")
_ADD_DAY: Final = (
    "INSERT INTO spend_day VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT(day, key_id, team, persona, model) DO UPDATE SET "
    + ", ".join(f"{name} = spend_day.{name} + excluded.{name}" for name in _SUMS)
)
_SHORT: Final = ("/second", "/minute", "/hour")


class Difference(NamedTuple):
    """A counter or a day that does not say what the ledger's rows add up to."""

    what: str
    counted: int
    added_up: int


class Booked(NamedTuple):
    """What rows did to a counter."""

    amount: int
    """What all of them counted."""
    taken: int
    """From the process's slice of it."""
    spent: int
    """What it has spent now."""


def booking_of(row: LedgerRow) -> Booking:
    charges = row.charges
    text = json.dumps([[*counter, amount] for counter, amount in charges])
    return Booking(
        (*row[:-1], text, row.at // DAY),
        tuple(charge.counter for charge in charges),
        tuple(charge.amount for charge in charges),
    )


def row_of(values: Sequence[Any]) -> LedgerRow:
    """Back from what the table has, without the day."""
    charges = tuple(
        Charge(CounterId(scope, name, window), amount)
        for scope, name, window, amount in json.loads(values[-1])
    )
    return LedgerRow._make((*values[:-1], charges))


def book(
    database: Database, instance: str, bookings: Sequence[Booking], *, perhaps_known: bool = True
) -> dict[CounterId, Booked]:
    """Add rows that are not there yet, with what they count. One transaction, to be tried again as
    a whole: a row is counted once. Not `perhaps_known`: nobody has tried before.
    """
    with transaction(database):
        new = _unknown(database, bookings) if perhaps_known else bookings
        _add(database, new)
        every = _charged(bookings)
        charged = every if len(new) == len(bookings) else _charged(new)
        taken = reduce_leases(database, instance, charged)
        _spend(database, charged)
        after = totals(database, list(every))
    # What was booked before, by a try whose end nobody heard of, was taken from the slice then.
    return {
        counter: Booked(
            amount,
            taken.get(counter, 0) + amount - charged.get(counter, 0),
            after[counter][0],
        )
        for counter, amount in every.items()
    }


def _charged(bookings: Sequence[Booking]) -> dict[CounterId, int]:
    """What they count in all. Most rows of a batch count in the very counters of others."""
    sums: dict[int, tuple[Sequence[CounterId], list[int]]] = {}
    for _, counters, amounts in bookings:
        known = sums.get(id(counters))
        if known is None:
            sums[id(counters)] = counters, list(amounts)
        else:
            known[1][:] = map(add, known[1], amounts)
    total: dict[CounterId, int] = {}
    for counters, summed in sums.values():
        for counter, amount in zip(counters, summed, strict=True):
            if amount:
                total[counter] = total.get(counter, 0) + amount
    return total


def _unknown(database: Database, bookings: Sequence[Booking]) -> list[Booking]:
    """Those that are new. Inside a transaction, so that nobody adds one meanwhile."""
    by_id = {booking.values[0]: booking for booking in bookings}
    for some in portions(list(by_id)):
        marks = ",".join("?" * len(some))
        for (known,) in database.execute(f"SELECT id FROM ledger WHERE id IN ({marks})", some):
            by_id.pop(known, None)
    return list(by_id.values())


def _add(database: Database, bookings: Sequence[Booking]) -> None:
    if bookings:
        rows = [booking.values for booking in bookings]
        database.insert("ledger", _COLUMNS, rows)
        database.executemany(_ADD_DAY, _of_days(rows))


_DAY_KEY: Final = itemgetter(-1, *map(LedgerRow._fields.index, ("key_id", "team", "persona")))
_SUMMED: Final = itemgetter(
    *map(
        LedgerRow._fields.index,
        ("provider", "model", "state", "input", "cached", "output", "cost", "amends"),
    )
)


def _of_days(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What rows add to days, in the order of the table's key."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        provider, model, state, read, cached, written, cost, amends = _SUMMED(row)
        key = _DAY_KEY(row), provider, model
        known = sums.get(key)
        if known is None:
            known = sums[key] = [0] * len(_SUMS)
        if amends is None:
            known[0] += 1
            known[5] += state in ("estimated", "presumed")
            known[6] += state == "unpriced"
        known[1] += read
        known[2] += cached
        known[3] += written
        known[4] += cost or 0
    days = [
        (*day, f"{provider}/{model}", *summed) for (day, provider, model), summed in sums.items()
    ]
    return sorted(days)


def _spend(database: Database, charged: Mapping[CounterId, int]) -> None:
    """Count it as spent."""
    if charged:
        database.executemany(
            "INSERT INTO counters(scope, name, win, spent) VALUES(?, ?, ?, ?) ON"
            " CONFLICT(scope, name, win) DO UPDATE SET spent = counters.spent + excluded.spent",
            [(*counter, amount) for counter, amount in charged.items()],
        )


def find(database: Database, row_id: str) -> LedgerRow | None:
    found = database.execute(f"SELECT {_READ} FROM ledger WHERE id = ?", (row_id,)).fetchone()
    return None if found is None else row_of(found)


def rows(
    database: Database,
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
    query = f"SELECT {_READ} FROM ledger WHERE {which} ORDER BY id LIMIT ?"
    return [row_of(found) for found in database.execute(query, (*values, most))]


def spend(
    database: Database, by: Sequence[str], since: int, until: int, key: str | None = None
) -> list[dict[str, Any]]:
    """Sums of the days from `since` to before `until` (days since 1970), for each of what they are
    told by.
    """
    columns = [_GROUP_COLUMNS.get(name, name) for name in by]
    sums = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in _SUMS)
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


def amend(database: Database, row: LedgerRow) -> None:
    """Add a row that corrects another one: its numbers are what is to be added."""
    with transaction(database):
        new = _unknown(database, [booking_of(row)])
        _add(database, new)
        _spend(database, _charged(new))


def differences(database: Database) -> list[Difference]:
    """Where counters and days are not the sums of the ledger's rows: empty if all is well. Counters
    of windows up to an hour are forgotten after a while, and then not looked at.
    """
    with snapshot(database):
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
        days = dict(
            database.execute("SELECT day, CAST(SUM(cost) AS BIGINT) FROM spend_day GROUP BY day")
        )
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
