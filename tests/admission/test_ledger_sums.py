"""Counters and days are the sums of the ledger's rows, whatever was booked, corrected, presumed and
taken out before.
"""

import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.admission import administration
from gateway.admission.windows import began
from gateway.config.limits import Per
from gateway.store import (
    counters,
    ledger,
    limits_database,
    limits_rows,
    partitions,
    presumed,
    retention,
    spend,
)
from gateway.store.counters import MONEY_EXPIRY
from gateway.store.database import Database
from gateway.store.engine import open_store
from gateway.store.limits_rows import Author, Charge, CounterId, LedgerRow, Want
from gateway.store.limits_schema import STEPS as STEPS_OF_SCHEMA
from gateway.store.limits_schema import statements
from tests.admission.instances import NOON
from tests.postgres import Server

DAY: Final = 86_400
ANN: Final = Author("ann")
SCOPES: Final = ("all", "team/blue", "key/k1")
KEYS: Final = ("k1", "blue"), ("k2", "blue"), ("k1", "red")
RANGES: Final = ((0, 2**31), (NOON // DAY - 30, NOON // DAY + 1), (NOON // DAY - 70, NOON // DAY))
"""Days since 1970."""
PERIODS: Final[tuple[Per, ...]] = ("minute", "day", "week", "month", "ever")
_AGO: Final = st.integers(0, 100)
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("book"), _AGO, st.integers(0, 1000)),
        st.tuples(st.just("book again"), _AGO, st.integers(0, 1000)),
        st.tuples(st.just("amend"), _AGO, st.integers(0, 1000)),
        st.tuples(st.just("give up"), _AGO, st.integers(1, 1000)),
        st.tuples(st.just("find"), _AGO, st.integers(0, 1000)),
        st.tuples(st.just("prune"), st.integers(0, 120), st.just(0)),
    ),
    min_size=1,
    max_size=40,
)


class World:
    """A ledger, and what a plain sum makes of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.rows: list[LedgerRow] = []
        self.sums: Counter[CounterId] = Counter()
        self.gone: list[str] = []

    def row(self, days_ago: int, cost: int) -> LedgerRow:
        at = NOON - days_ago * DAY + len(self.rows)
        scope = SCOPES[len(self.rows) % 3]
        charges = tuple(
            Charge(CounterId(scope, f"usd/{per}", began(per, at)), cost) for per in PERIODS
        )
        name = f"{int(at * 1000):012x}{len(self.rows):012x}"
        key_id, team = KEYS[len(self.rows) % len(KEYS)]
        return LedgerRow(
            name, int(at * 1000), key_id, team, "p", "", "openai", "m", "settled", 1, 1, 0, 0, 1, 0,
            cost, "r", "", name, None, None, charges,
        )  # fmt: skip

    def step(self, name: str, days_ago: int, amount: int) -> None:
        match name:
            case "book":
                row = self.row(days_ago, amount)
                self._book("live", row)
            case "book again" if self.rows:
                # A row that was taken out is much older than any that a process tries again.
                if ledger.find(self.database, self.rows[-1].id) is not None:
                    ledger.book(self.database, "live", [self.rows[-1]])
            case "amend" if self.rows:
                self._amend(self.rows[amount % len(self.rows)], amount)
            case "give up":
                self._give_up(amount)
            case "find" if self.gone:
                self._find(self.gone.pop(), days_ago, amount)
            case "prune":
                self._prune(int(NOON - days_ago * DAY) // DAY * DAY)

    def _book(self, instance: str, row: LedgerRow) -> None:
        ledger.book(self.database, instance, [row])
        self.rows.append(row)
        for counter, charged in row.charges:
            self.sums[counter] += charged

    def _amend(self, row: LedgerRow, cost: int) -> None:
        if ledger.find(self.database, row.id) is None:  # it was taken out
            return
        before = sum(each.cost or 0 for each in ledger.amendments(self.database, row.id))
        administration.amend_row(self.database, row.id, cost, "why", int(NOON), ANN)
        for counter, _ in row.charges:
            self.sums[counter] += cost - before - (row.cost or 0)

    def _give_up(self, amount: int) -> None:
        """A process that had leased so much, and is not seen any more."""
        instance = f"gone-{len(self.rows)}-{len(self.gone)}-{amount}"
        counter = CounterId("all", "usd/ever", 0)
        counters.beat(self.database, instance, int(NOON))
        counters.lease(self.database, instance, [Want(counter, amount, 10**12)], 10**12)
        presumed.expire(self.database, int(NOON) + MONEY_EXPIRY)
        self.gone.append(instance)
        self.sums[counter] += amount

    def _find(self, instance: str, days_ago: int, amount: int) -> None:
        """Its journal has one row; it may be of more than it had leased."""
        self.sums[CounterId("all", "usd/ever", 0)] -= int(instance.rpartition("-")[2])
        self._book(instance, self.row(days_ago, amount))
        presumed.remove(self.database, instance)

    def _prune(self, before: int) -> None:
        while retention.prune(self.database, before):
            pass
        kept = [row.id for row in ledger.rows(self.database, most=10_000)]
        assert all(int(each[:12], 16) >= self._first_kept(before) * 1000 for each in kept)

    def _first_kept(self, before: int) -> int:
        """Rows of a month with a table go with all of it."""
        if not partitions.parts(self.database):
            return before
        month = datetime.fromtimestamp(before, UTC).replace(day=1, hour=0, minute=0, second=0)
        return int(month.timestamp())

    def check(self) -> None:
        assert ledger.differences(self.database) == []
        for first, last in RANGES:
            for by in (("key",), ("team", "key"), ("key", "team")):
                asked = self.database, by, int(first), int(last)
                assert spend.spent(*asked) == sums_of_days(*asked)
        asked = [counter for counter in self.sums if counter.window == 0]
        found = counters.totals(self.database, asked)
        assert {c: found[c][0] for c in asked} == {c: self.sums[c] for c in asked}


def sums_of_days(
    database: Database, by: tuple[str, ...], first: int, last: int
) -> list[dict[str, Any]]:
    """What keys have spent, day by day, added up."""
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for row in spend.spent(database, ("day", "key", "team"), first, last):
        added = sums.setdefault(tuple(row[name] for name in by), Counter())
        for name in row.keys() - {"day", "key", "team"}:
            added[name] += row[name]
    return [dict(zip(by, name, strict=True)) | dict(sums[name]) for name in sorted(sums)]


def make_months(database: Database) -> None:
    """Tables of the last four months, and none of the one before: as if it had run for so long."""
    for part in partitions.parts(database):
        database.execute(f"DROP TABLE {part.table}")
    for days_ago in (90, 60, 30, 0):
        partitions.prepare(database, int(NOON) - days_ago * DAY)


def run(steps: list[tuple[str, int, int]], url: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        database = open_store(url, Path(directory))
        make_months(database)
        world = World(database)
        for step in steps:
            world.step(*step)
            world.check()
        database.close()


@settings(max_examples=60)
@given(steps=STEPS)
def test_counters_are_the_sums_of_rows(steps: list[tuple[str, int, int]]) -> None:
    run(steps, "sqlite:")


@settings(
    max_examples=8, phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow),
)  # fmt: skip
@given(steps=STEPS)
def test_counters_are_the_sums_of_rows_on_postgres(
    postgres_server: Server, steps: list[tuple[str, int, int]]
) -> None:
    run(steps, postgres_server.new_database())


def world_in(directory: Path) -> World:
    return World(open_store("sqlite:", directory))


def test_rows_of_days_that_are_kept_stay_and_the_sums_of_days_that_are_not(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    for days_ago in (90, 60, 30, 0):
        world.step("book", days_ago, 10 + days_ago)
    world.step("prune", 45, 0)
    assert [row.cost for row in ledger.rows(world.database)] == [40, 10]
    (sums,) = spend.spent(world.database, (), 0, 2**31)
    assert (sums["requests"], sums["cost"]) == (4, 100 + 70 + 40 + 10)
    assert counters.used(world.database, CounterId("all", "usd/ever", 0))[0] == 100 + 10
    day = CounterId("all", "usd/day", began("day", NOON - 90 * DAY))
    assert counters.used(world.database, day) == (0, 0)  # a day that ended long ago is forgotten
    world.check()
    world.database.close()


def test_many_rows_go_a_batch_at_a_time(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    rows = []
    for _ in range(retention.BATCH + 1):
        rows.append(world.row(50, 1))
        world.rows.append(rows[-1])
    ledger.book(world.database, "live", rows)
    before = int(NOON) - 40 * DAY
    assert [retention.prune(world.database, before) for _ in range(3)] == [True, True, False]
    assert ledger.differences(world.database) == []
    world.database.close()


TAMPERED: Final = {
    "counter": "UPDATE counters SET spent = spent + 1 WHERE name = 'usd/ever'",
    "row": "DELETE FROM ledger WHERE id = (SELECT MAX(id) FROM ledger)",
    "day": "UPDATE spend_day SET cost = cost + 1 WHERE day = (SELECT MAX(day) FROM spend_day)",
    "total": "UPDATE spend_total SET cost = cost + 1 WHERE day = (SELECT MAX(day) FROM spend_day)",
    "of keys": "UPDATE spend_key SET cost = cost + 1 WHERE day = (SELECT MAX(day) FROM spend_day)",
    "running": "UPDATE spend_until SET requests = requests + 1 WHERE day > 20000",
    "input": "UPDATE ledger SET input = input + 1 WHERE id = (SELECT MAX(id) FROM ledger)",
    "key": "UPDATE ledger SET key_id = 'other' WHERE id = (SELECT MAX(id) FROM ledger)",
    "carried": "UPDATE carried SET amount = amount + 1 WHERE name = 'usd/ever'",
}


def test_what_was_changed_by_hand_is_told(tmp_path: Path) -> None:
    for number, statement in enumerate(TAMPERED.values()):
        world = world_in(tmp_path / str(number))
        for days_ago in (60, 0):
            world.step("book", days_ago, 7)
        world.step("prune", 40, 0)
        assert ledger.differences(world.database) == []
        world.database.execute(statement)
        assert ledger.differences(world.database) != []
        world.database.close()


def test_an_unequal_sum_is_told_with_both_numbers(tmp_path: Path) -> None:
    """Where the longest table is wrong, the others are still compared with the rows."""
    world = world_in(tmp_path)
    world.step("book", 0, 7)
    (row,) = ledger.rows(world.database)
    day = row.at // limits_rows.DAY
    world.database.execute("UPDATE spend_day SET cost = 9")
    of = f"{day} {row.key_id} {row.team} {row.persona} {row.provider}/{row.model}"
    expected = [ledger.Difference(f"spend_day cost {of}", 9, row.cost or 0)]
    assert ledger.differences(world.database) == expected
    world.database.execute("DELETE FROM spend_total")
    of = f"{day} {row.team} {row.persona} {row.provider}/{row.model}"
    assert ledger.Difference(f"spend_total requests {of}", 0, 1) in ledger.differences(
        world.database
    )
    world.database.execute("INSERT INTO spend_key VALUES(3, 'k', 't', 1, 2, 0, 0, 0, 0, 0)")
    found = ledger.differences(world.database)
    assert ledger.Difference("spend_key input 3 k t", 2, 0) in found
    world.database.close()


def test_a_ledger_of_several_pages_is_read_in_pieces(tmp_path: Path) -> None:
    """However many rows there are, few are in memory at a time."""
    world = world_in(tmp_path)
    rows = [world.row(0, 1)._replace(id=f"{number:024x}") for number in range(12_000)]
    ledger.book(world.database, "live", rows)
    sizes: list[int] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.database, name)

        def execute(self, sql: str, parameters: Any = (), /) -> Any:
            found = world.database.execute(sql, parameters).fetchall()
            if "charges FROM ledger" in sql:
                sizes.append(len(found))

            class Rows(list[Any]):
                def fetchall(self) -> list[Any]:
                    return list(self)

                def fetchone(self) -> Any:
                    return next(iter(self), None)

            return Rows(found)

    assert ledger.differences(Counting()) == []
    assert (sum(sizes), max(sizes)) == (12_000, ledger._PAGE)
    world.database.close()


def filled_by_an_older_program(database: Database) -> None:
    """With the tables of the second version, and sums of several days in them."""
    for number, step in enumerate(STEPS_OF_SCHEMA[:2]):
        for statement in statements(number, step):
            database.execute(statement)
    database.execute("PRAGMA user_version=2")
    for day in (7, 3, 5):
        for key_id, team in KEYS:
            database.execute(
                "INSERT INTO spend_key VALUES(?, ?, ?, 1, 2, 3, 4, ?, 0, 0)",
                (day, key_id, team, day * 10),
            )


def test_sums_of_a_file_of_the_version_before_are_taken_over(tmp_path: Path) -> None:
    database = limits_database.connected(tmp_path / "limits.sqlite")
    filled_by_an_older_program(database)
    assert limits_database.migrate(database) == len(STEPS_OF_SCHEMA) - 2
    # And what a program of the version before adds meanwhile, of a day in the middle too.
    database.execute("INSERT INTO spend_key VALUES(4, 'k1', 'red', 1, 2, 3, 4, 1, 0, 0)")
    database.execute("UPDATE spend_key SET cost = cost + 5 WHERE day = 3 AND key_id = 'k2'")
    found = spend.spent(database, ("key", "team"), 3, 7)
    assert found == sums_of_days(database, ("key", "team"), 3, 7)
    assert [row["cost"] for row in found] == [80, 81, 85]
    assert [row["cost"] for row in spend.spent(database, ("key",), 6, 7)] == []
    database.close()
