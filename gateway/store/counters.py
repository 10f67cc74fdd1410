"""Counters in the store: slices of them leased to processes, given back, called back, and who the
processes are.

`leased + spent` is what is used of a counter. A slice is given only where it fits under the cap, so
that all processes together never use more.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.store.limits_database import transaction
from gateway.store.limits_rows import CounterId, Given, Raise, Want

LIVE: Final = 10
"""Seconds since it was last seen for which a process counts as one."""
_OF_COUNTER: Final = "scope = ? AND name = ? AND win = ?"


class Beat(NamedTuple):
    """What a process is told when it says that it is there."""

    peers: int
    """Processes that are, this one included."""
    revision: int
    """Of keys and raises: the newest change."""
    recalls: int
    """How often anything was called back."""


def lease(
    database: sqlite3.Connection, instance: str, wants: Sequence[Want], peers: int
) -> list[Given]:
    """A slice of every counter, or of none if one has not enough: then `given` is 0 of those that
    are at fault.
    """
    answers = []
    with transaction(database):
        for want in wants:
            answers.append(_offered(database, want, peers))
        if all(answer.given for answer in answers):
            for want, answer in zip(wants, answers, strict=True):
                _take(database, instance, want.counter, answer.given)
    return answers


def _offered(database: sqlite3.Connection, want: Want, peers: int) -> Given:
    row = database.execute(
        f"SELECT leased, spent FROM counters WHERE {_OF_COUNTER}", want.counter
    ).fetchone()
    leased, spent = row or (0, 0)
    left = want.cap - leased - spent
    if left < want.need:
        return Given(0, leased + spent, spent)
    given = max(want.need, left // (2 * peers))
    return Given(given, leased + spent + given, spent)


def _take(database: sqlite3.Connection, instance: str, counter: CounterId, amount: int) -> None:
    database.execute(
        "INSERT INTO counters(scope, name, win, leased) VALUES(?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET leased = leased + excluded.leased",
        (*counter, amount),
    )
    database.execute(
        "INSERT INTO leases(instance, scope, name, win, amount, answered) VALUES(?1, ?2, ?3, ?4,"
        " ?5, (SELECT recall FROM counters WHERE scope = ?2 AND name = ?3 AND win = ?4))"
        " ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
        (instance, *counter, amount),
    )


def give_back(
    database: sqlite3.Connection, instance: str, returned: Sequence[tuple[CounterId, int]]
) -> None:
    """What a process does not need of its slices. Of all of them it has answered every recall."""
    with transaction(database):
        for counter, amount in returned:
            if amount:
                reduce_lease(database, instance, counter, amount)
            database.execute(
                "UPDATE leases SET answered = (SELECT recall FROM counters WHERE scope = ?2 AND"
                " name = ?3 AND win = ?4) WHERE instance = ?1 AND scope = ?2 AND name = ?3 AND"
                " win = ?4",
                (instance, *counter),
            )
            database.execute(
                f"DELETE FROM leases WHERE instance = ? AND {_OF_COUNTER} AND amount = 0",
                (instance, *counter),
            )


def reduce_lease(
    database: sqlite3.Connection, instance: str, counter: CounterId, amount: int
) -> int:
    """Take up to `amount` from a process's slice; how much that was. Inside a transaction."""
    row = database.execute(
        f"SELECT amount FROM leases WHERE instance = ? AND {_OF_COUNTER}", (instance, *counter)
    ).fetchone()
    taken: int = min(amount, row[0]) if row else 0
    if taken:
        database.execute(
            f"UPDATE leases SET amount = amount - ? WHERE instance = ? AND {_OF_COUNTER}",
            (taken, instance, *counter),
        )
        database.execute(
            f"UPDATE counters SET leased = leased - ? WHERE {_OF_COUNTER}", (taken, *counter)
        )
    return taken


def call_back(
    database: sqlite3.Connection, instance: str, counters: Sequence[CounterId], now: int
) -> bool:
    """Ask the other processes for what they do not need of these. False if none has any."""
    with transaction(database):
        asked = False
        for counter in counters:
            if _holders(database, instance, counter, now, ""):
                asked = True
                database.execute(
                    f"UPDATE counters SET recall = recall + 1 WHERE {_OF_COUNTER}", counter
                )
        if asked:
            database.execute("UPDATE meta SET v = v + 1 WHERE k = 'recall'")
    return asked


def unanswered(
    database: sqlite3.Connection, instance: str, counters: Sequence[CounterId], now: int
) -> bool:
    """Whether a live process has not yet given back what it can."""
    return any(
        _holders(
            database,
            instance,
            counter,
            now,
            "AND l.answered < (SELECT recall FROM counters c WHERE c.scope = l.scope AND"
            " c.name = l.name AND c.win = l.win)",
        )
        for counter in counters
    )


def _holders(
    database: sqlite3.Connection, instance: str, counter: CounterId, now: int, which: str
) -> bool:
    query = (
        "SELECT 1 FROM leases l JOIN instances i ON i.id = l.instance WHERE l.scope = ? AND"
        f" l.name = ? AND l.win = ? AND l.instance <> ? AND l.amount > 0 AND i.seen > ? {which}"
        " LIMIT 1"
    )
    return database.execute(query, (*counter, instance, now - LIVE)).fetchone() is not None


def recalls(database: sqlite3.Connection) -> int:
    """How often anything was called back."""
    (count,) = database.execute("SELECT v FROM meta WHERE k = 'recall'").fetchone()
    return int(count)


def called_back(database: sqlite3.Connection, instance: str) -> list[CounterId]:
    """The counters of which this process has been asked for what it does not need."""
    query = (
        "SELECT l.scope, l.name, l.win FROM leases l JOIN counters c USING(scope, name, win) WHERE"
        " l.instance = ? AND c.recall > l.answered"
    )
    return [CounterId(*row) for row in database.execute(query, (instance,))]


def used(database: sqlite3.Connection, counter: CounterId) -> tuple[int, int]:
    """(spent, leased) of a counter."""
    row = database.execute(
        f"SELECT spent, leased FROM counters WHERE {_OF_COUNTER}", counter
    ).fetchone()
    return row or (0, 0)


def beat(database: sqlite3.Connection, instance: str, now: int) -> Beat:
    """The process is there."""
    database.execute(
        "INSERT INTO instances VALUES(?1, ?2, ?2) ON CONFLICT DO UPDATE SET seen = ?2",
        (instance, now),
    )
    (peers,) = database.execute(
        "SELECT COUNT(*) FROM instances WHERE seen > ?", (now - LIVE,)
    ).fetchone()
    (revision,) = database.execute("SELECT COALESCE(MAX(rev), 0) FROM changes").fetchone()
    return Beat(max(1, peers), revision, recalls(database))


def remove_instance(database: sqlite3.Connection, instance: str) -> None:
    """The process is gone, and its journal was read: its slices return. Inside a transaction."""
    for *counter, amount in database.execute(
        "SELECT scope, name, win, amount FROM leases WHERE instance = ?", (instance,)
    ).fetchall():
        database.execute(
            f"UPDATE counters SET leased = leased - ? WHERE {_OF_COUNTER}", (amount, *counter)
        )
    database.execute("DELETE FROM leases WHERE instance = ?", (instance,))
    database.execute("DELETE FROM instances WHERE id = ?", (instance,))


def raises(database: sqlite3.Connection, now: int) -> list[Raise]:
    """Those that hold."""
    rows = database.execute("SELECT scope, name, by, until FROM raises WHERE until > ?", (now,))
    return [Raise(*row) for row in rows]


def forget_old(database: sqlite3.Connection, before: int) -> None:
    """Counters of short windows that ended long ago, and that nobody holds anything of."""
    database.execute(
        "DELETE FROM counters WHERE leased = 0 AND win > 0 AND win < ? AND (name LIKE '%/second' OR"
        " name LIKE '%/minute' OR name LIKE '%/hour')",
        (before,),
    )
