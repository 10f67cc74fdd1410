"""Counters in the store: slices of them leased to processes, given back, called back, and who the
processes are.

`leased + spent` is what is used of a counter. A slice is given only where it fits under the cap, so
that all processes together never use more.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gateway.store.database import Database, portions, transaction
from gateway.store.limits_rows import CounterId, Given, Raise, Want

LIVE: Final = 10
"""Seconds since it was last seen for which a process counts as one."""
EXPIRY: Final = 30
"""Seconds without a sign of a process after which its slices of what is no money are others'."""
MONEY_EXPIRY: Final = 900
"""The same of money, which then counts as spent: its journal, which says how much of it was, is
waited for."""
_STANDING: Final = 2
"""Seconds that a process was seen for before others divide with it: two beats."""
SHORT: Final = ("/second", "/minute", "/hour")
"""What names of counters end in whose windows are forgotten soon after they have ended."""
LONGEST_WINDOW: Final = 31 * 86_400
"""Seconds of a window that ends."""
_OF_COUNTER: Final = "scope = ? AND name = ? AND win = ?"


class Beat(NamedTuple):
    """What a process is told when it says that it is there."""

    peers: int
    """Processes that are, this one included."""
    revision: int
    """Of keys and raises: the newest change."""
    recalls: int
    """How often anything was called back."""
    share: "Share"


class Share(NamedTuple):
    """Which part of what is divided among processes is one's own."""

    of: int = 1
    """Processes that divide it."""
    rank: int = 0
    """How many of them are older."""


ALONE: Final = Share()


def lease(database: Database, instance: str, wants: Sequence[Want], peers: int) -> list[Given]:
    """A slice of every counter, or of none if one has not enough: then `given` is 0 of those that
    are at fault.
    """
    with transaction(database):
        known = totals(database, [want.counter for want in wants])
        answers = [_offered(want, *known[want.counter], peers) for want in wants]
        if all(answer.given for answer in answers):
            granted = zip(wants, answers, strict=True)
            take(database, instance, [(want.counter, answer.given) for want, answer in granted])
    return answers


def totals(
    database: Database, counters: Sequence[CounterId]
) -> defaultdict[CounterId, tuple[int, int]]:
    """(spent, leased) of counters; of one that is not there yet (0, 0)."""
    found: defaultdict[CounterId, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for some in portions(counters):
        which = " OR ".join([f"({_OF_COUNTER})"] * len(some))
        query = f"SELECT scope, name, win, spent, leased FROM counters WHERE {which}"
        for *name, spent, leased in database.execute(query, [v for c in some for v in c]):
            found[CounterId(*name)] = spent, leased
    return found


def _offered(want: Want, spent: int, leased: int, peers: int) -> Given:
    left = want.cap - leased - spent
    if left < want.need:
        return Given(0, leased + spent, spent)
    given = max(want.need, left // (2 * peers))
    return Given(given, leased + spent + given, spent)


def take(database: Database, instance: str, amounts: Sequence[tuple[CounterId, int]]) -> None:
    """Slices of so much, whether they fit or not. Inside a transaction."""
    taken = [(*counter, amount) for counter, amount in amounts]
    database.executemany(
        "INSERT INTO counters(scope, name, win, leased) VALUES(?, ?, ?, ?)"
        " ON CONFLICT(scope, name, win) DO UPDATE SET leased = counters.leased + excluded.leased",
        taken,
    )
    database.executemany(
        "INSERT INTO leases(instance, scope, name, win, amount, answered) VALUES(?1, ?2, ?3, ?4,"
        " ?5, (SELECT recall FROM counters WHERE scope = ?2 AND name = ?3 AND win = ?4))"
        " ON CONFLICT(instance, scope, name, win) DO UPDATE SET"
        " amount = leases.amount + excluded.amount",
        [(instance, *each) for each in taken],
    )


def give_back(database: Database, instance: str, returned: Sequence[tuple[CounterId, int]]) -> None:
    """What a process does not need of its slices. Of all of them it has answered every recall."""
    with transaction(database):
        reduce_leases(database, instance, dict(returned))
        mine = [(instance, *counter) for counter, _ in returned]
        database.executemany(
            "UPDATE leases SET answered = (SELECT recall FROM counters WHERE scope = ?2 AND"
            " name = ?3 AND win = ?4) WHERE instance = ?1 AND scope = ?2 AND name = ?3 AND"
            " win = ?4",
            mine,
        )
        database.executemany(
            f"DELETE FROM leases WHERE instance = ? AND {_OF_COUNTER} AND amount = 0", mine
        )


def reduce_leases(
    database: Database, instance: str, amounts: Mapping[CounterId, int]
) -> dict[CounterId, int]:
    """Take up to so much from a process's slices; how much that was. Inside a transaction."""
    wanted = [counter for counter, amount in amounts.items() if amount > 0]
    taken: dict[CounterId, int] = {}
    for some in portions(wanted):
        which = " OR ".join([f"({_OF_COUNTER})"] * len(some))
        query = f"SELECT scope, name, win, amount FROM leases WHERE instance = ? AND ({which})"
        for *name, amount in database.execute(query, [instance, *(v for c in some for v in c)]):
            counter = CounterId(*name)
            taken[counter] = min(amount, amounts[counter])
    less = [(by, *counter) for counter, by in taken.items() if by]
    if less:
        database.executemany(
            f"UPDATE leases SET amount = amount - ? WHERE {_OF_COUNTER} AND instance = ?",
            [(*each, instance) for each in less],
        )
        database.executemany(f"UPDATE counters SET leased = leased - ? WHERE {_OF_COUNTER}", less)
    return taken


def call_back(database: Database, instance: str, counters: Sequence[CounterId], now: int) -> bool:
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


def unanswered(database: Database, instance: str, counters: Sequence[CounterId], now: int) -> bool:
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


def _holders(database: Database, instance: str, counter: CounterId, now: int, which: str) -> bool:
    query = (
        "SELECT 1 FROM leases l JOIN instances i ON i.id = l.instance WHERE l.scope = ? AND"
        f" l.name = ? AND l.win = ? AND l.instance <> ? AND l.amount > 0 AND i.seen > ? {which}"
        " LIMIT 1"
    )
    return database.execute(query, (*counter, instance, now - LIVE)).fetchone() is not None


def recalls(database: Database) -> int:
    """How often anything was called back."""
    (count,) = database.execute("SELECT v FROM meta WHERE k = 'recall'").fetchone()
    return int(count)


def called_back(database: Database, instance: str) -> list[CounterId]:
    """The counters of which this process has been asked for what it does not need."""
    query = (
        "SELECT l.scope, l.name, l.win FROM leases l JOIN counters c USING(scope, name, win) WHERE"
        " l.instance = ? AND c.recall > l.answered"
    )
    return [CounterId(*row) for row in database.execute(query, (instance,))]


def used(database: Database, counter: CounterId) -> tuple[int, int]:
    """(spent, leased) of a counter."""
    return totals(database, [counter])[counter]


def beat(database: Database, instance: str, now: int) -> Beat:
    """The process is there."""
    see(database, instance, now)
    live = database.execute(
        "SELECT id, started, seen FROM instances WHERE seen > ?", (now - LIVE,)
    ).fetchall()
    (revision,) = database.execute("SELECT COALESCE(MAX(rev), 0) FROM changes").fetchone()
    return Beat(max(1, len(live)), revision, recalls(database), _share(instance, live))


def _share(instance: str, live: Sequence[tuple[str, int, int]]) -> Share:
    """Who has only just begun divides with everybody, and is no part yet for those that stand: what
    starts over and over again takes nothing from them.
    """
    ages = {name: seen - started for name, started, seen in live}
    everybody = ages.get(instance, 0) < _STANDING
    names = [
        name
        for _, name in sorted((started, name) for name, started, _ in live)
        if everybody or ages[name] >= _STANDING
    ]
    return Share(len(names), names.index(instance)) if instance in names else ALONE


def see(database: Database, instance: str, now: int) -> None:
    """It is there."""
    database.execute(
        "INSERT INTO instances VALUES(?1, ?2, ?2) ON CONFLICT(id) DO UPDATE SET seen = ?2",
        (instance, now),
    )


def remove_instance(database: Database, instance: str) -> None:
    """The process is gone, and its journal was read: its slices return. Inside a transaction."""
    return_leases(database, instance)
    database.execute("DELETE FROM instances WHERE id = ?", (instance,))


def return_leases(database: Database, instance: str, *, money: bool = True) -> None:
    """A process's slices return, with `money` those of it, too. Inside a transaction."""
    which = "instance = ?" + ("" if money else " AND name NOT LIKE 'usd/%'")
    found = database.execute(
        f"SELECT scope, name, win, amount FROM leases WHERE {which}", (instance,)
    ).fetchall()
    database.executemany(
        f"UPDATE counters SET leased = leased - ? WHERE {_OF_COUNTER}",
        [(amount, *counter) for *counter, amount in found],
    )
    database.execute(f"DELETE FROM leases WHERE {which}", (instance,))


def of_money(database: Database, instance: str) -> list[tuple[CounterId, int]]:
    """A process's slices of money, in nano-USD."""
    found = database.execute(
        "SELECT scope, name, win, amount FROM leases WHERE instance = ? AND amount > 0 AND name"
        " LIKE 'usd/%' ORDER BY scope, name, win",
        (instance,),
    )
    return [(CounterId(*counter), amount) for *counter, amount in found]


def raises(database: Database, now: int) -> list[Raise]:
    """Those that hold."""
    rows = database.execute("SELECT scope, name, by, until FROM raises WHERE until > ?", (now,))
    return [Raise(*row) for row in rows]


def forget_old(database: Database, before: int) -> None:
    """Counters of short windows that ended long ago, and that nobody holds anything of."""
    database.execute(
        "DELETE FROM counters WHERE leased = 0 AND win > 0 AND win < ? AND"
        f" ({' OR '.join(['name LIKE ?'] * len(SHORT))})",
        (before, *(f"%{end}" for end in SHORT)),
    )
