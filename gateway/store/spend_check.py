"""Whether the sums of days are those of the ledger's rows: every number of every table."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.store.database import Database
from gateway.store.spend import RUNNING, SUMMED, SUMS, added_up, told_apart

Unequal = tuple[str, int, int]
"""What it is; what a table says, and what rows add up to."""
_READ: Final = (
    "day", "key_id", "team", "persona", "provider", "model", "state", "input", "cached", "output",
    "cost", "amends",
)  # fmt: skip
READ: Final = ", ".join(_READ)
"""Columns of the ledger that a row is looked at by."""
_NAMES: Final = 6
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


class SpendCheck:
    """Told of all rows, in the order of their ids, which is that of their days: it has those of one
    day in memory at a time, added up. `first`: the first day whose rows are all there.
    """

    def __init__(self, database: Database, first: int) -> None:
        self._database = database
        self._first = first
        self._sums: dict[tuple[Any, ...], list[int]] = {}
        self._seen: set[int] = set()
        self.unequal: list[Unequal] = []

    def add(self, page: Sequence[tuple[Any, ...]]) -> None:
        """Rows as READ gives them."""
        found = added_up((row[:_NAMES], row[_NAMES:]) for row in page)
        for of, numbers in found.items():
            known = self._sums.get(of)
            self._sums[of] = numbers if known is None else [
                had + more for had, more in zip(known, numbers, strict=True)
            ]  # fmt: skip
        self._compare(before=page[-1][0])

    def _compare(self, before: int | None = None) -> None:
        for day in sorted({of[0] for of in self._sums}):
            if before is None or day < before:
                sums = {of: self._sums.pop(of) for of in [of for of in self._sums if of[0] == day]}
                self._compare_day(day, sums)

    def _compare_day(self, day: int, sums: dict[tuple[Any, ...], list[int]]) -> None:
        self._seen.add(day)
        if day < self._first:
            return
        for table, columns in SUMMED.items():
            width = len(columns)
            query = f"SELECT {', '.join(columns)}, {_ALL} FROM {table} WHERE day = ?"
            said = {
                tuple(row[:width]): [*row[width:]] for row in self._database.execute(query, (day,))
            }
            self._note(table, said, told_apart(sums, columns))

    def _note(self, table: str, said: dict[Any, list[int]], rows: dict[Any, list[int]]) -> None:
        nothing = [0] * len(SUMS)
        for of in sorted(said.keys() | rows.keys()) if said != rows else ():
            for name, one, other in zip(
                SUMS, said.get(of, nothing), rows.get(of, nothing), strict=True
            ):
                if one != other:
                    self.unequal.append((f"{table} {name} {' '.join(map(str, of))}", one, other))

    def end(self) -> list[Unequal]:
        """There are no more rows: all that is not equal."""
        self._compare()
        for table in SUMMED:
            query = f"SELECT DISTINCT day FROM {table} WHERE day >= ? ORDER BY day"
            for (day,) in self._database.execute(query, (self._first,)).fetchall():
                if day not in self._seen:
                    self._compare_day(day, {})
        return self.unequal + list(self._running())

    def _running(self) -> Iterator[Unequal]:
        """The running sums beside those of `spend_key`: how many are others, and how many are
        missing.
        """
        (others,) = self._database.execute(_OTHERS).fetchone()
        if others:
            yield f"{RUNNING} sums unlike those of days", others, 0
        counts = [
            self._database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
            for table in (RUNNING, "spend_key")
        ]
        if counts[0] != counts[1]:
            yield f"{RUNNING} days", counts[0], counts[1]
