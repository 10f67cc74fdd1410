"""What was spent, added up by day as rows are booked. The question is answered from the table of
sums that is shortest and tells apart all that it asks for.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import add as add_numbers
from operator import itemgetter
from typing import Any, Final

from gateway.store.database import Database
from gateway.store.limits_rows import OWN, Booking

GROUPS: Final = ("day", "key", "team", "persona", "model")
"""What spend can be told by."""
_GROUP_COLUMNS: Final = {"key": "key_id"}
SUMS: Final = ("requests", "input", "cached", "output", "cost", "estimated", "unpriced")
"""What is added up: USD in nano-USD."""
SUMMED: Final[Mapping[str, tuple[str, ...]]] = {
    "spend_total": ("day", "team", "persona", "model"),
    "spend_key": ("day", "key_id", "team"),
    "spend_day": ("day", "key_id", "team", "persona", "model"),
}
"""Tables of sums by day, the shortest first, and what each tells apart."""
RUNNING: Final = "spend_until"
"""Of each key and team all that was spent until the end of a day on which something was: what days
cost is what it has grown by. The database keeps it with `spend_key`."""
_ADD_SUMS: Final = {
    table: f"INSERT INTO {table} VALUES({','.join('?' * (len(columns) + len(SUMS)))})"
    f" ON CONFLICT({', '.join(columns)}) DO UPDATE SET "
    + ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in SUMS)
    for table, columns in SUMMED.items()
}
_TOLD_BY: Final = ("day", "key_id", "team", "persona", "model")
_COUNTED: Final = itemgetter(*map(OWN.index, ("state", "input", "cached", "output", "cost")))
_LAST: Final = (
    "(SELECT * FROM spend_until u WHERE u.key_id = s.key_id AND u.team = s.team AND u.day < {}"
    " ORDER BY u.day DESC LIMIT 1)"
)
_DAY: Final = _LAST.replace("*", "u.day")
_OF_KEY: Final = "{0}.key_id = s.key_id AND {0}.team = s.team AND {0}.day = "
_ENDS: Final = {
    True: f"JOIN LATERAL {_LAST.format('?2')} AS b ON b.day >= ?1"
    f" LEFT JOIN LATERAL {_LAST.format('?1')} AS a ON TRUE",
    False: f"JOIN spend_until b ON {_OF_KEY.format('b')}{_DAY.format('?2')} AND b.day >= ?1"
    f" LEFT JOIN spend_until a ON {_OF_KEY.format('a')}{_DAY.format('?1')}",
}
"""Of a key and team, what it had spent until the last of its days before the end, and before the
beginning. Postgres reads the row itself, which SQLite has no word for."""
_GROWN: Final = (
    "SELECT {columns}, {sums} FROM spenders s {ends} GROUP BY {columns} ORDER BY {columns}"
)
"""What keys and teams have spent from one day to before another. In the order of `spenders`, so
that nothing is sorted."""


def add(database: Database, bookings: Iterable[Booking]) -> None:
    """Add ledger rows to the sums of their days."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for (*of, _, _, amends), rows, _, _ in bookings:
        counted = _COUNTED([*zip(*rows, strict=True)])
        _add(sums, tuple(of), counted[0] if amends is None else (), *counted[1:])
    for table, columns in SUMMED.items():
        added = sorted(told_apart(sums, columns).items())
        database.executemany(_ADD_SUMS[table], [(*key, *numbers) for key, numbers in added])


def _add(
    sums: dict[tuple[Any, ...], list[int]],
    of: tuple[Any, ...],
    states: Sequence[str],
    read: Iterable[int],
    cached: Iterable[int],
    output: Iterable[int],
    costs: Iterable[int | None],
) -> None:
    """Rows of one kind. `states`: without those of rows that amend others."""
    of_request = bool(of[3])
    numbers = (
        len(states) * of_request, sum(read), sum(cached), sum(output), sum(filter(None, costs)),
        states.count("estimated") + states.count("presumed"),
        states.count("unpriced") * of_request,
    )  # fmt: skip
    known = sums.get(of)
    sums[of] = [*numbers] if known is None else [*map(add_numbers, known, numbers)]


def told_apart(
    sums: Mapping[tuple[Any, ...], Sequence[int]], columns: Sequence[str]
) -> dict[tuple[Any, ...], list[int]]:
    """The same by fewer columns: those of a table."""
    places = [_TOLD_BY.index(name) for name in columns]
    fewer: dict[tuple[Any, ...], list[int]] = {}
    for (*of, provider, model), numbers in sums.items():
        told = *of, f"{provider}/{model}"
        key = tuple([told[place] for place in places])
        known = fewer.get(key)
        fewer[key] = [*numbers] if known is None else [*map(add_numbers, known, numbers)]
    return fewer


def spent(
    database: Database, by: Sequence[str], since: int, until: int, key: str | None = None
) -> list[dict[str, Any]]:
    """Sums of the days from `since` to before `until` (days since 1970), for each of what they are
    told by; with `key` of that one only.
    """
    columns = [_GROUP_COLUMNS.get(name, name) for name in by]
    names = [*by, *SUMS]
    if key is None and "key" in by and {*by} <= {"key", "team"}:
        found = _grown(database, columns, since, until)
    else:
        found = _added_up(database, columns, since, until, key)
    return [dict(zip(names, each, strict=True)) for each in found]


def _grown(database: Database, columns: Sequence[str], since: int, until: int) -> list[Any]:
    sums = ", ".join(f"CAST(SUM(b.{n}) - COALESCE(SUM(a.{n}), 0) AS BIGINT)" for n in SUMS)
    of = ", ".join(f"s.{name}" for name in columns)
    query = _GROWN.format(columns=of, sums=sums, ends=_ENDS[database.remote])
    return database.execute(query, (since, until)).fetchall()


def _added_up(
    database: Database, columns: Sequence[str], since: int, until: int, key: str | None
) -> list[Any]:
    sums = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in SUMS)
    grouped = f" GROUP BY {', '.join(columns)} ORDER BY {', '.join(columns)}" if columns else ""
    which, values = "day >= ? AND day < ?", [since, until]
    if key is not None:
        which += " AND key_id = ?"
        values.append(key)  # type: ignore[arg-type]
    asked = {*columns, "day", *(("key_id",) if key is not None else ())}
    table = next(table for table, told in SUMMED.items() if asked <= set(told))
    query = f"SELECT {', '.join([*columns, sums])} FROM {table} WHERE {which}{grouped}"
    return [each for each in database.execute(query, values) if each[len(columns)] is not None]
