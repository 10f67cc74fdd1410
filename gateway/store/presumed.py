"""Processes that were not seen for long. Others get their slices; but money that they had may be
spent, so it is booked as spent, by a row of the ledger, until their journals say how much was.
"""

import hashlib
from collections.abc import Sequence

from gateway.store.counters import (
    EXPIRY,
    MONEY_EXPIRY,
    of_money,
    remove_instance,
    return_leases,
    see,
    take,
)
from gateway.store.database import Database, transaction
from gateway.store.ledger import presume, withdraw
from gateway.store.limits_rows import Charge, CounterId, LedgerRow


def expire(database: Database, now: int) -> list[str]:
    """Slices of what is no money return after EXPIRY, those of money count as spent after
    MONEY_EXPIRY: the processes of which they do.
    """
    with transaction(database):
        silent = database.execute(
            "SELECT id, seen FROM instances WHERE seen <= ?", (now - EXPIRY,)
        ).fetchall()
        gone = [instance for instance, seen in silent if seen <= now - MONEY_EXPIRY]
        for instance, _ in silent:
            if instance in gone:
                _give_up(database, instance, now)
            else:
                return_leases(database, instance, money=False)
    return gone


def _give_up(database: Database, instance: str, now: int) -> None:
    money = of_money(database, instance)
    remove_instance(database, instance)
    if money:
        presume(database, instance, _row_of(instance, money, now))


def _row_of(instance: str, money: Sequence[tuple[CounterId, int]], now: int) -> LedgerRow:
    """All of it, as one row that is of no request."""
    at = now * 1000
    return LedgerRow(
        f"{at:012x}{hashlib.sha256(instance.encode()).hexdigest()[:12]}", at, "-", "", "", "", "",
        "", "presumed", 0, 0, 0, 0, 0, 0, _most(money), "", "", "", None,
        f"{instance} was not seen for {MONEY_EXPIRY} s", tuple(Charge(*each) for each in money),
    )  # fmt: skip


def _most(money: Sequence[tuple[CounterId, int]]) -> int:
    """Nano-USD that may have been spent of slices. One request counts in several kinds of counters,
    but in one of each kind.
    """
    sums: dict[tuple[str, str], int] = {}
    for counter, amount in money:
        kind = counter.scope.partition("/")[0], counter.name
        sums[kind] = sums.get(kind, 0) + amount
    return max(sums.values())


def start_over(
    database: Database, instance: str, now: int, money: Sequence[tuple[CounterId, int]] | None
) -> None:
    """A process that was not seen for long is there again, with no slices but what it still uses of
    `money`; None: its slices of that were never others'.
    """
    with transaction(database):
        return_leases(database, instance, money=money is not None)
        if money is not None:
            withdraw(database, instance)
            take(database, instance, money)
        see(database, instance, now)


def remove(database: Database, instance: str) -> None:
    """A process is gone, and everything of it is in the ledger: its slices return."""
    with transaction(database):
        withdraw(database, instance)
        remove_instance(database, instance)
