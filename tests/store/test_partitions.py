"""The ledger's months in Postgres: made ahead, dropped whole, and made of a ledger that was one
table.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final

import pytest

from gateway.admission import administration
from gateway.store import counters, ledger, partitions, retention, spend
from gateway.store.limits_rows import Author, Charge, CounterId, LedgerRow
from gateway.store.partitions import VOUCH
from gateway.store.postgres import PostgresDatabase, connected, opened
from gateway.store.postgres_schema import STEPS, WHOLE
from tests.admission.instances import NOON
from tests.postgres import run_sql

DAY: Final = 86_400
USD: Final = CounterId("all", "usd/ever", 0)


def row_at(moment: float, number: int) -> LedgerRow:
    at = int(moment * 1000)
    return LedgerRow(
        f"{at:012x}{number:012x}", at, "k1", "blue", "p", "", "openai", "m", "settled", 1, 1, 0, 0,
        1, 0, 7, "r", "", "request", None, None, (Charge(USD, 7),),
    )  # fmt: skip


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    with closing(opened(postgres_url)) as database:
        yield database


def tables(database: PostgresDatabase) -> dict[str, int]:
    """How many rows each table of the ledger has."""
    names = database.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ledger'::regclass"
        " ORDER BY 1"
    )
    return {
        name: database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for (name,) in names
    }


def begun_at(database: PostgresDatabase, *days: float) -> None:
    """Months as if it had run since then."""
    for part in partitions.parts(database):
        database.execute(f"DROP TABLE {part.table}")
    for each in days:
        partitions.prepare(database, int(NOON - each * DAY))


def test_a_new_store_has_a_table_of_this_month_and_of_the_next(database: PostgresDatabase) -> None:
    begun_at(database, 0)
    assert tables(database) == {"ledger_2026_11": 0, "ledger_2026_12": 0, "ledger_other": 0}
    partitions.prepare(database, int(NOON))
    partitions.prepare(database, int(NOON) + DAY)
    assert list(tables(database))[:3] == ["ledger_2026_11", "ledger_2026_12", "ledger_2027_01"]


def test_rows_stand_in_their_months_and_are_read_in_one_order(database: PostgresDatabase) -> None:
    begun_at(database, 30, 0)
    rows = [row_at(NOON - days * DAY, days) for days in (200, 45, 5, 0)]
    assert ledger.book(database, "i", rows)[USD].spent == 28
    assert tables(database) == {
        "ledger_2026_10": 1, "ledger_2026_11": 2, "ledger_2026_12": 0, "ledger_other": 1,
    }  # fmt: skip
    assert ledger.rows(database) == rows
    assert ledger.rows(database, key="k1", after=rows[1].id) == rows[2:]
    assert ledger.find(database, rows[0].id) == rows[0]
    assert ledger.book(database, "i", rows)[USD] == ledger.Booked(28, 28, 28)
    assert ledger.differences(database) == []


def test_a_month_that_is_kept_no_longer_is_dropped_and_no_row_of_it_deleted(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MONTH_BATCH", 3)
    begun_at(database, 60, 30, 0)
    rows = [row_at(NOON - 40 * DAY + number // 4 / 1000, number) for number in range(20)]
    rows += [row_at(NOON - days * DAY, days) for days in (20, 1)]
    ledger.book(database, "i", rows)
    sent: list[str] = []
    execute = PostgresDatabase.execute

    def listened(self: Any, sql: str, parameters: Any = ()) -> Any:
        sent.append(sql)
        return execute(self, sql, parameters)

    monkeypatch.setattr(PostgresDatabase, "execute", listened)
    assert not retention.prune(database, int(NOON) - 40 * DAY)  # the month is not over by then
    steps = 0
    while retention.prune(database, int(NOON) - 25 * DAY):
        assert ledger.differences(database) == []
        steps += 1
    assert steps > 3
    assert [sql for sql in sent if sql.startswith("DELETE FROM ledger")] == []
    assert ledger.rows(database) == rows[20:]
    assert list(tables(database)) == ["ledger_2026_11", "ledger_2026_12", "ledger_other"]
    assert counters.used(database, USD) == (7 * 22, 0)
    assert ledger.differences(database) == []
    (sums,) = spend.spent(database, (), 0, 2**31)
    assert (sums["requests"], sums["cost"]) == (22, 7 * 22)


def test_what_comes_late_into_a_month_that_is_over_counts_once(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction of a row that was carried over, and a row of a journal that was found."""
    monkeypatch.setattr(retention, "MONTH_BATCH", 1)
    begun_at(database, 60, 30, 0)
    rows = [row_at(NOON - 40 * DAY + number, number) for number in range(3)]
    ledger.book(database, "i", rows)
    before = int(NOON) - 25 * DAY
    retention.prune(database, before)
    administration.amend_row(database, rows[0].id, 10, "why", int(NOON), Author("ann"))
    ledger.book(database, "i", [row_at(NOON - 40 * DAY + 0.5, 9)])
    assert ledger.differences(database) == []
    while retention.prune(database, before):
        assert ledger.differences(database) == []
    ledger.book(database, "i", [row_at(NOON - 40 * DAY, 10)])  # there is no month of it any more
    assert tables(database)["ledger_other"] == 1
    while retention.prune(database, before):
        pass
    assert tables(database)["ledger_other"] == 0
    assert counters.used(database, USD) == (7 * 5 + 3, 0)
    assert ledger.differences(database) == []


def test_a_month_is_dropped_a_moment_later_where_the_ledger_is_being_read(
    database: PostgresDatabase, postgres_url: str
) -> None:
    begun_at(database, 60, 30, 0)
    before = int(NOON) - 25 * DAY
    with closing(PostgresDatabase(postgres_url)) as reader:
        reader.begin_snapshot()
        reader.execute("SELECT COUNT(*) FROM ledger")
        while retention.prune(database, before):
            pass
        assert "ledger_2026_10" in tables(database)
        partitions.prepare(database, int(NOON) + 40 * DAY)
        assert "ledger_2027_02" not in tables(database)
        ledger.book(database, "i", [row_at(NOON, 1)])  # nobody waits for the reader
        reader.execute("COMMIT")
    while retention.prune(database, before):
        pass
    partitions.prepare(database, int(NOON) + 40 * DAY)
    assert {"ledger_2026_10", "ledger_2027_02"} & tables(database).keys() == {"ledger_2027_02"}


def test_a_month_whose_rows_stand_elsewhere_already_stays_there(database: PostgresDatabase) -> None:
    """A program of the version before ran for months, and made no tables."""
    begun_at(database, 0)
    ledger.book(database, "i", [row_at(NOON + 70 * DAY, 1)])
    partitions.prepare(database, int(NOON) + 70 * DAY)
    assert [part.table for part in partitions.parts(database)][-1] == "ledger_2027_03"
    assert tables(database)["ledger_other"] == 1


def whole(url: str, rows: list[LedgerRow]) -> PostgresDatabase:
    """A store of the version before, whose ledger is one table."""
    database = PostgresDatabase(url)
    database.execute("CREATE TABLE schema_version(version BIGINT NOT NULL)")
    for statement in [each for step in STEPS[:WHOLE] for each in step]:
        database.execute(statement)
    database.execute("INSERT INTO schema_version VALUES(?)", (WHOLE,))
    ledger.book(database, "i", rows)
    return database


def test_a_ledger_of_one_table_becomes_one_in_months_and_loses_nothing(postgres_url: str) -> None:
    rows = [row_at(NOON - days * DAY, days) for days in range(500, 0, -1)]
    with closing(whole(postgres_url, rows)) as before, closing(opened(postgres_url)) as database:
        now = int(database.moment() or 0)
        assert database.version() == len(STEPS)
        assert tables(database) == {"ledger_before": 500, "ledger_other": 0}
        assert ledger.rows(database, most=1000) == rows
        assert ledger.differences(database) == []
        late = row_at(now, 1)
        assert ledger.book(before, "i", [*rows[-5:], late])[USD].spent == 7 * 501  # as it did
        assert tables(database)["ledger_before"] == 501
        partitions.prepare(database, now + 40 * DAY)
        assert len(partitions.parts(database)) > 1
        while retention.prune(database, int(NOON) - 400 * DAY):
            pass
        assert ledger.rows(database, most=1000) == [*rows[100:], late]
        assert ledger.differences(database) == []
        while retention.prune(database, now + 100 * DAY):
            pass
        assert "ledger_before" not in tables(database)
        assert ledger.differences(database) == []


def test_a_ledger_with_rows_of_the_future_becomes_one_in_months_too(postgres_url: str) -> None:
    rows = [row_at(NOON + days * DAY, days) for days in (0, 3650)]
    with closing(whole(postgres_url, rows)), closing(opened(postgres_url)) as database:
        assert tables(database) == {"ledger_before": 2, "ledger_other": 0}
        administration.amend_row(database, rows[1].id, 1, "why", int(NOON), Author("ann"))
        assert tables(database) == {"ledger_before": 3, "ledger_other": 0}
        assert ledger.differences(database) == []


def test_many_that_start_at_once_bring_a_store_to_months(postgres_url: str) -> None:
    rows = [row_at(NOON - days * DAY, days) for days in range(100, 0, -1)]
    whole(postgres_url, rows).close()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(opened, [postgres_url] * 8))
    assert {database.version() for database in made} == {len(STEPS)}
    assert tables(made[0]) == {"ledger_before": 100, "ledger_other": 0}
    for database in made:
        database.close()


def test_rows_are_read_once_while_others_write_and_not_while_they_wait(postgres_url: str) -> None:
    """The server says whether it has to read a table that becomes a part of another."""
    whole(postgres_url, [row_at(NOON - days * DAY, days) for days in range(9)]).close()
    for _ in range(2):  # a process that ended in between
        for statement in VOUCH:
            asyncio.run(run_sql(postgres_url, statement))
    heard: list[str] = []

    async def step() -> None:
        connection = await connected(postgres_url, 5)
        connection.add_log_listener(lambda _, said: heard.append(str(said.message)))
        await connection.execute("SET client_min_messages = debug1")
        async with connection.transaction():
            for statement in STEPS[WHOLE]:
                await connection.execute(statement)
        await connection.close()

    asyncio.run(step())
    known = 'partition constraint for table "ledger_before" is implied by existing constraints'
    assert known in heard
