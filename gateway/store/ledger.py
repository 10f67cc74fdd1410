"""The ledger in the store: rows are added once each, together with what they count, and with sums
of days (spend.py); corrected by further rows, never changed.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, Final, NamedTuple

from gateway.store import spend
from gateway.store.counters import LONGEST_WINDOW, SHORT, reduce_leases, totals
from gateway.store.database import Database, portions, snapshot, transaction
from gateway.store.limits_rows import (
    COMMON,
    DAY,
    FOREVER,
    OWN,
    Booking,
    Charge,
    CounterId,
    LedgerRow,
)
from gateway.store.spend_check import unequal_sums

_READ: Final = ", ".join(f'"{name}"' for name in LedgerRow._fields)
_AS_ROW: Final = itemgetter(*map((*COMMON, *OWN).index, LedgerRow._fields))
CARRY: Final = (
    "INSERT INTO carried VALUES(?, ?, ?, ?) ON CONFLICT(scope, name, win) DO UPDATE SET"
    " amount = carried.amount + excluded.amount"
)
"""What rows count that are not there any more, or will soon not be."""
_MONEY: Final = "usd/"
_PAGE: Final = 5000
"""Rows that are in memory at a time when all are read."""


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
    values = {**row._asdict(), "charges": text, "day": row.at // DAY}
    return Booking(
        tuple([values[name] for name in COMMON]),
        (tuple([values[name] for name in OWN]),),
        tuple(charge.counter for charge in charges),
        tuple(charge.amount for charge in charges),
    )


def book(database: Database, instance: str, rows: Sequence[LedgerRow]) -> dict[CounterId, Booked]:
    """Add rows that are not there yet, with what they count. One transaction, to be tried again as
    a whole: a row is counted once.
    """
    return book_all(database, instance, [booking_of(row) for row in rows])


def book_all(
    database: Database, instance: str, bookings: Sequence[Booking], *, perhaps_known: bool = True
) -> dict[CounterId, Booked]:
    """The same of rows as the table has them. `perhaps_known`: somebody may have tried before;
    then each booking is of one row.
    """
    with transaction(database):
        new = _unknown(database, bookings) if perhaps_known else bookings
        _add(database, new)
        if perhaps_known:
            _carry_late(database, new)
        every = _charged(bookings)
        charged = every if len(new) == len(bookings) else _charged(new)
        taken = reduce_leases(database, instance, charged)
        _spend(database, charged)
        if beyond := {
            counter: amount - taken.get(counter, 0)
            for counter, amount in charged.items()
            if counter.name.startswith(_MONEY) and amount > taken.get(counter, 0)
        }:
            _confirm(database, instance, beyond)
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
    """What they count in all."""
    total: dict[CounterId, int] = {}
    for _, _, counters, amounts in bookings:
        for counter, amount in zip(counters, amounts, strict=True):
            if amount:
                total[counter] = total.get(counter, 0) + amount
    return total


def _unknown(database: Database, bookings: Sequence[Booking]) -> list[Booking]:
    """Those that are new. Inside a transaction, so that nobody adds one meanwhile."""
    by_id: dict[str, Booking] = {}
    for booking in bookings:
        by_id.setdefault(booking.rows[0][0], booking)
    for some in portions(list(by_id)):
        marks = ",".join("?" * len(some))
        for (known,) in database.execute(f"SELECT id FROM ledger WHERE id IN ({marks})", some):
            by_id.pop(known, None)
    return list(by_id.values())


def _add(database: Database, bookings: Sequence[Booking]) -> None:
    if bookings:
        database.insert("ledger", COMMON, OWN, [booking[:2] for booking in bookings])
        spend.add(database, bookings)


def _carry_late(database: Database, bookings: Sequence[Booking]) -> None:
    """Rows of a month whose others were carried over already."""
    if database.remote:
        until = carried_until(database)
        late = _charged([booking for booking in bookings if booking.rows[0][0] < until])
        database.executemany(CARRY, [(*each, amount) for each, amount in sorted(late.items())])


def carried_until(database: Database) -> str:
    """The id before which rows count in `carried`, whether they are still there or not."""
    return f"{_noted(database, 'carried'):012x}"


def _append(database: Database, row: LedgerRow) -> None:
    """Add one with what it counts, if it is new. Inside a transaction."""
    new = _unknown(database, [booking_of(row)])
    _add(database, new)
    _carry_late(database, new)
    _spend(database, _charged(new))


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


def row_of(found: Sequence[Any]) -> LedgerRow:
    return LedgerRow._make((*found[:-1], tuple(charges_of(found[-1]))))


def rows_of(booking: Booking) -> list[LedgerRow]:
    return [row_of(_AS_ROW((*booking.common, *row))) for row in booking.rows]


def charges_of(written: str) -> Iterator[Charge]:
    """As the table has them."""
    for scope, name, window, amount in json.loads(written):
        yield Charge(CounterId(scope, name, window), amount)


def amend(database: Database, row: LedgerRow) -> None:
    """Add a row that corrects another one: its numbers are what is to be added."""
    with transaction(database):
        _append(database, row)


def amendments(database: Database, row_id: str) -> Iterator[LedgerRow]:
    """The rows that correct one, in their order."""
    number = 1
    while (found := find(database, f"{row_id}-{number}")) is not None:
        yield found
        number += 1


def presume(database: Database, instance: str, row: LedgerRow) -> None:
    """A process is given up: `row` is what it may have spent of what it had leased. Inside a
    transaction.
    """
    _append(database, row)
    database.execute(
        "INSERT INTO presumed VALUES(?1, ?2) ON CONFLICT(instance) DO UPDATE SET row_id = ?2",
        (instance, row.id),
    )


def _confirm(database: Database, instance: str, spent: Mapping[CounterId, int]) -> None:
    """So much of what was presumed is booked by rows of its own, and is not presumed any more."""
    if (row := _presumed(database, instance)) is None:
        return
    left = _left(database, row)
    confirmed = {counter: min(amount, left[counter]) for counter, amount in spent.items()}
    _take_off(database, row, confirmed, None, f"booked by {instance}")


def withdraw(database: Database, instance: str) -> None:
    """Everything that a process has spent is booked, or is known to it: nothing is presumed any
    more. Inside a transaction.
    """
    if (row := _presumed(database, instance)) is not None:
        cost = sum(each.cost or 0 for each in (row, *amendments(database, row.id)))
        _take_off(database, row, _left(database, row), -cost, f"{instance} was found")
    database.execute("DELETE FROM presumed WHERE instance = ?", (instance,))


def _presumed(database: Database, instance: str) -> LedgerRow | None:
    query = "SELECT row_id FROM presumed WHERE instance = ?"
    found = database.execute(query, (instance,)).fetchone()
    return None if found is None else find(database, found[0])


def _left(database: Database, row: LedgerRow) -> Counter[CounterId]:
    """What a row and those that correct it still count."""
    left: Counter[CounterId] = Counter()
    for each in (row, *amendments(database, row.id)):
        for counter, amount in each.charges:
            left[counter] += amount
    return left


def _take_off(
    database: Database, row: LedgerRow, less: Mapping[CounterId, int], cost: int | None, why: str
) -> None:
    charges = tuple(Charge(counter, -amount) for counter, amount in less.items() if amount)
    if not charges and not cost:
        return
    number = 1 + sum(1 for _ in amendments(database, row.id))
    added = row._replace(
        id=f"{row.id}-{number}", cost=cost, amends=row.id, why=why, charges=charges
    )
    _append(database, added)


def differences(database: Database) -> list[Difference]:
    """Where counters and days are not the sums of the ledger's rows: empty if all is well. Charges
    are read a page at a time; days the database adds up itself. What the ledger keeps no rows of
    any more, and counters of windows up to an hour that were forgotten, are not looked at.
    """
    with snapshot(database):
        pruned = _noted(database, "pruned")
        counted = {
            CounterId(*found[:3]): found[3]
            for found in database.execute("SELECT scope, name, win, spent FROM counters")
            if _looked_at(CounterId(*found[:3]), pruned)
        }
        added_up = {
            counter: amount
            for counter, amount in _charged_in_all(database).items()
            if _looked_at(counter, pruned)
            and (counter in counted or not counter.name.endswith(SHORT))
        }
        days = list(unequal_sums(database, -(-pruned * 1000 // DAY)))
    return [
        *_unequal({_named(c): n for c, n in counted.items()},
                  {_named(c): n for c, n in added_up.items()}),
        *starmap(Difference, days),
    ]  # fmt: skip


def _charged_in_all(database: Database) -> dict[CounterId, int]:
    """By all rows, and by those that are not there any more."""
    total: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    for *name, amount in database.execute("SELECT scope, name, win, amount FROM carried"):
        total[*name] += amount
    for page in _pages(database, carried_until(database)):
        for charges in json.loads(f"[{','.join(page)}]"):  # a call for all of them
            for scope, name, window, amount in charges:
                total[scope, name, window] += amount
    return {CounterId(*name): amount for name, amount in total.items()}


def _noted(database: Database, what: str) -> int:
    """`pruned`: Unix seconds before which rows were taken out; `carried`: Unix milliseconds before
    which they count as `carried`. 0 if none are.
    """
    found = database.execute("SELECT v FROM meta WHERE k = ?", (what,)).fetchone()
    return 0 if found is None else int(found[0])


def _looked_at(counter: CounterId, pruned: int) -> bool:
    """Not a window with rows that were taken out and whose sums nobody needs any more."""
    if counter.window == FOREVER:
        return True
    if counter.name.endswith(SHORT):
        return counter.window >= pruned
    return counter.window > pruned - LONGEST_WINDOW


def _pages(database: Database, first: str) -> Iterator[list[str]]:
    """The charges of all rows from an id on."""
    query = "SELECT id, charges FROM ledger WHERE id {} ? ORDER BY id LIMIT ?"
    page = database.execute(query.format(">="), (first, _PAGE)).fetchall()
    while page:
        yield [charges for _, charges in page]
        page = database.execute(query.format(">"), (page[-1][0], _PAGE)).fetchall()


def _named(counter: CounterId) -> str:
    return f"{counter.scope} {counter.name} {counter.window}"


def _unequal(counted: Mapping[str, int], added_up: Mapping[str, int]) -> Iterator[Difference]:
    for what in sorted(counted.keys() | added_up.keys()):
        if counted.get(what, 0) != added_up.get(what, 0):
            yield Difference(what, counted.get(what, 0), added_up.get(what, 0))
