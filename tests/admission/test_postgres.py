"""What only a database that machines share has: silent processes, clocks, two versions, news."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from gateway.admission.amounts import of_call
from gateway.admission.bounds import Bound
from gateway.admission.store_thread import StoreDown
from gateway.admission.upkeep import StoreClock
from gateway.store import counters, ledger, presumed, spend
from gateway.store.counters import EXPIRY, MONEY_EXPIRY, used
from gateway.store.database import StoreFailed, StoreUnusable, transaction
from gateway.store.limits_rows import CounterId
from gateway.store.postgres import EXPANDED, PostgresDatabase, Signals, opened, place_of
from gateway.store.postgres_schema import CHANNEL, STEPS, TOLD
from tests.admission.conftest import on_postgres
from tests.admission.instances import NOON, Clock, Instance, limit_of, model_of, needs
from tests.postgres import run_sql

TOKENS: Final = limit_of(on="tokens", per="ever", amount=1000)
USD: Final = limit_of(on="usd", per="ever", amount=1)
OF_TOKENS: Final = CounterId("all", "tokens/ever", 0)
OF_USD: Final = CounterId("all", "usd/ever", 0)
CENT: Final = Bound(model_of(), 10, of_call(10, 0, 10_000_000), True, 1)


@pytest.fixture
def place(tmp_path: Path, postgres_url: str) -> Any:
    yield from on_postgres(tmp_path, postgres_url)


def in_thread(work: Any, *arguments: Any) -> Any:
    """Outside the test's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *arguments).result()


async def given_up(place: Path) -> tuple[Instance, Instance, int]:
    """A process that was not seen for 15 minutes while it held a cent, another one, and what the
    first had leased of money.
    """
    silent, other = (Instance(place, (USD,)) for _ in range(2))
    for process in (silent, other):
        await process.beat()
    assert await silent.admit(bound=CENT) is not None
    _, leased = used(other.database, OF_USD)
    await other.thread.call(counters.beat, other.name, int(NOON) + MONEY_EXPIRY)
    await other.thread.call(presumed.expire, int(NOON) + MONEY_EXPIRY)
    return silent, other, leased


def total(process: Instance) -> tuple[int, int]:
    """Nano-USD by the ledger's rows, and by its days."""
    (day,) = spend.spent(process.database, (), 0, 2**31)
    return sum(row.cost or 0 for row in ledger.rows(process.database)), day["cost"]


async def test_money_of_a_process_that_is_gone_is_presumed_to_be_spent(place: Path) -> None:
    _, other, leased = await given_up(place)
    assert used(other.database, OF_USD) == (leased, 0)
    (row,) = ledger.rows(other.database)
    assert (row.state, row.cost, row.charges) == ("presumed", leased, ((OF_USD, leased),))
    assert await other.thread.call(presumed.expire, int(NOON) + MONEY_EXPIRY + 9) == []
    assert ledger.differences(other.database) == []


async def test_its_journal_takes_the_place_of_what_was_presumed(place: Path) -> None:
    silent, other, _ = await given_up(place)
    silent.crash()
    assert await other.recover() == 1
    assert used(other.database, OF_USD) == (10_000_000, 0)
    assert total(other) == (10_000_000, 10_000_000)
    assert ledger.differences(other.database) == []


async def test_what_it_books_when_it_is_back_is_not_presumed_twice(place: Path) -> None:
    silent, other, leased = await given_up(place)
    (held,) = silent.journal.files
    first = await silent.admit(bound=CENT)
    assert first is not None
    silent.settle(first, 100)
    await silent.queue.book()
    assert used(other.database, OF_USD) == (leased, 0)
    assert ledger.differences(other.database) == []
    assert held.pending == 1
    silent.crash()
    await other.recover()
    assert used(other.database, OF_USD) == (10_000_000 + 200_000, 0)
    assert total(other) == (10_200_000, 10_200_000)


async def test_a_process_that_is_back_has_what_it_uses_and_no_more(place: Path) -> None:
    slept, time = Clock(0), asyncio.get_running_loop().time
    silent, other, leased = await given_up(place)
    silent.leases._now = lambda: time() + slept.now
    slept.now += MONEY_EXPIRY
    await silent.beat()
    assert await silent.admit(bound=CENT) is not None
    assert leased > used(other.database, OF_USD)[1] >= 20_000_000
    assert used(other.database, OF_USD)[0] == 0
    assert silent.pool.find(OF_USD).lease == used(other.database, OF_USD)[1]  # type: ignore[union-attr]
    assert ledger.differences(other.database) == []


async def test_an_idle_process_that_was_away_has_nothing_when_it_is_seen_again(place: Path) -> None:
    """No request came meanwhile: the next one leases anew, whatever it had."""
    paused, other = (Instance(place, (TOKENS,)) for _ in range(2))
    slept, time = Clock(0), asyncio.get_running_loop().time
    paused.leases._now = lambda: time() + slept.now
    await paused.beat()
    admitted = await paused.admit(1)
    assert admitted is not None
    paused.settle(admitted, 1)
    await paused.queue.book()
    await other.thread.call(presumed.expire, int(NOON) + EXPIRY)
    assert await other.admit(999) is not None
    slept.now += EXPIRY
    paused.leases.seen(paused.leases._now(), 2)
    assert await paused.admit(1) is None


async def test_slices_of_a_silent_process_return_and_those_of_money_later(place: Path) -> None:
    silent, other = (Instance(place, (TOKENS, USD)) for _ in range(2))
    for process in (silent, other):
        await process.beat()
    assert await silent.admit(bound=CENT) is not None
    at = int(NOON)
    await other.thread.call(counters.beat, other.name, at + MONEY_EXPIRY)
    assert await other.thread.call(presumed.expire, at + EXPIRY - 1) == []
    assert used(other.database, OF_TOKENS)[1] > 0
    assert await other.thread.call(presumed.expire, at + EXPIRY) == []
    assert used(other.database, OF_TOKENS) == (0, 0)
    assert used(other.database, OF_USD)[1] > 0
    assert await other.thread.call(presumed.expire, at + MONEY_EXPIRY) == [silent.name]
    assert used(other.database, OF_USD)[1] == 0
    silent.crash()
    assert await other.recover() == 1  # its journal is found, however late
    assert used(other.database, OF_USD)[0] == 10_000_000
    assert ledger.differences(other.database) == []


async def test_a_process_that_was_paused_leases_anew_before_it_admits(place: Path) -> None:
    """Another has used all of the cap meanwhile: nothing is admitted from a slice of before."""
    paused, other = (Instance(place, (TOKENS,)) for _ in range(2))
    slept, time = Clock(0), asyncio.get_running_loop().time
    paused.leases._now = lambda: time() + slept.now
    await paused.beat()
    assert await paused.admit(1) is not None
    await other.thread.call(counters.beat, other.name, int(NOON) + EXPIRY)
    await other.thread.call(presumed.expire, int(NOON) + EXPIRY)
    assert await other.admit(1000) is not None
    slept.now += EXPIRY
    assert await paused.admit(1) is None
    assert sum(used(other.database, OF_TOKENS)) == 1000


async def test_what_was_leased_before_a_pause_is_not_used_after_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is paused before it hears of it, and goes on with another request."""
    paused, other = (Instance(place, (TOKENS,)) for _ in range(2))
    await pausing(monkeypatch, paused, other, counters.lease)
    assert await paused.admit(1) is None
    assert sum(used(other.database, OF_TOKENS)) == 1000


@pytest.mark.parametrize("known", [True, False], ids=["undone", "in_doubt"])
async def test_what_was_going_back_during_a_pause_is_not_used_after_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    paused, other = (Instance(place, (TOKENS,)) for _ in range(2))
    admitted = await paused.admit(1)
    assert admitted is not None
    paused.settle(admitted, 1)
    await paused.queue.book()
    down = StoreDown(in_doubt=not known)
    await pausing(monkeypatch, paused, other, counters.give_back, down, most=999)
    with pytest.raises(StoreDown):
        await paused.leases.return_all()
    assert await paused.admit(1) is None
    assert sum(used(other.database, OF_TOKENS)) == 1000


async def pausing(
    monkeypatch: pytest.MonkeyPatch,
    paused: Instance,
    other: Instance,
    during: Any,
    down: StoreDown | None = None,
    most: int = 1000,
) -> None:
    """A process is paused between what it asks the store for first and what it hears of it, `down`
    or the answer; the other one has all that is left of the cap then.
    """
    slept, time, call = Clock(0), asyncio.get_running_loop().time, paused.thread.call
    paused.leases._now = lambda: time() + slept.now
    await paused.beat()

    async def asked(work: Any, *arguments: Any, probe: bool = False) -> Any:
        answer = await call(work, *arguments, probe=probe)
        if work is during and not slept.now:
            await other.thread.call(presumed.expire, int(NOON) + EXPIRY)
            assert await other.admit(most) is not None
            slept.now += EXPIRY
            assert paused.leases.take_now((), needs())
            if down is not None:
                raise down
        return answer

    monkeypatch.setattr(paused.thread, "call", asked)


async def test_what_may_have_gone_back_is_not_used(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection was lost while it was made good."""
    process, other = (Instance(place, (TOKENS,)) for _ in range(2))
    assert await process.admit(1) is not None
    call = process.thread.call

    async def cut_off(work: Any, *arguments: Any, probe: bool = False) -> Any:
        await call(work, *arguments, probe=probe)
        raise StoreDown(in_doubt=True)

    with monkeypatch.context() as cut:
        cut.setattr(process.thread, "call", cut_off)
        with pytest.raises(StoreDown):
            await process.leases.return_all()
    assert await other.admit(999) is not None
    assert await process.admit(1) is None


def test_a_transaction_whose_connection_is_lost_is_not_gone_on_with(postgres_url: str) -> None:
    """By its next statement; and whether the last one made it good is in doubt."""
    database, other = opened(postgres_url), opened(postgres_url)

    def cut(*, noticed: bool) -> None:
        (backend,) = database.execute("SELECT pg_backend_pid()").fetchone()
        other.execute("SELECT pg_terminate_backend(?, 5000)", (backend,))
        if noticed:
            database._loop.run_until_complete(asyncio.sleep(0.05))

    def lost(*, noticed: bool, before_its_end: bool) -> None:
        with transaction(database):
            database.execute("INSERT INTO raises VALUES('a', 'b', 1, 1, 1)")
            cut(noticed=noticed)
            if before_its_end:
                database.execute("INSERT INTO raises VALUES('c', 'd', 1, 1, 1)")

    for noticed, before_its_end in product((True, False), repeat=2):
        with pytest.raises(StoreFailed) as failed:
            lost(noticed=noticed, before_its_end=before_its_end)
        assert failed.value.in_doubt != before_its_end
        assert database.execute("SELECT 1 FROM raises").fetchall() == []
    for each in (database, other):
        each.close()


async def test_one_busy_process_of_four_gets_all_of_a_cap_in_few_trips(place: Path) -> None:
    processes = [Instance(place, (limit_of(on="requests", per="ever", amount=1000),))
                 for _ in range(4)]  # fmt: skip
    for process in processes:
        await process.beat()
    for process in processes:
        assert await process.admit() is not None
        await process.leases.return_idle()

    async def tend() -> None:
        while True:
            for process in processes[1:]:
                await process.leases.answer_recalls()
            await asyncio.sleep(0.02)

    for process in processes:
        await process.beat()
    tending = asyncio.ensure_future(tend())
    busy, before = processes[0], processes[0].thread.trips
    admitted = sum([await busy.admit() is not None for _ in range(1100)])
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    assert admitted == 1000 - 4
    assert busy.thread.trips - before <= 120


async def test_four_processes_at_once_admit_exactly_the_cap(place: Path) -> None:
    limit = limit_of(on="requests", per="ever", amount=100)
    processes = [Instance(place, (limit,)) for _ in range(4)]
    for process in processes:
        await process.beat()

    async def tend() -> None:
        while True:
            for process in processes:
                await process.leases.answer_recalls()
            await asyncio.sleep(0.01)

    tending = asyncio.ensure_future(tend())
    admitted = await asyncio.gather(*(processes[n % 4].admit() for n in range(200)))
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    assert sum(each is not None for each in admitted) == 100


def test_windows_go_by_the_clock_of_the_store() -> None:
    """A machine's clock may be ten minutes off, or jump: nothing changes."""
    own, monotonic = Clock(NOON - 600), Clock(50.0)
    clock = StoreClock(own, monotonic)
    assert clock() == NOON - 600
    clock.set(NOON)
    monotonic.now += 3
    own.now += 100_000
    assert clock() == NOON + 3


def test_a_schema_of_the_next_version_can_be_used_and_a_newer_one_is_not_touched(
    postgres_url: str,
) -> None:
    database = opened(postgres_url)
    database.execute("UPDATE schema_version SET version = ?", (len(STEPS) + EXPANDED,))
    database.close()
    database = opened(postgres_url)
    assert database.version() == len(STEPS) + EXPANDED
    database.execute("UPDATE schema_version SET version = version + 1")
    database.close()
    with pytest.raises(StoreUnusable, match="newer") as refused:
        opened(postgres_url)
    assert "a-secret" not in str(refused.value)


def test_many_that_start_at_once_make_one_schema(postgres_url: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(opened, [postgres_url] * 8))
    assert [database.version() for database in made] == [len(STEPS)] * 8
    for database in made:
        database.close()


def test_a_schema_that_was_made_while_one_waited_to_make_it_is_seen(postgres_url: str) -> None:
    """However little was told of it to who waited: what it knew of tables may be of before."""
    first, waiting = PostgresDatabase(postgres_url), PostgresDatabase(postgres_url)
    assert (first.version(), waiting.version()) == (0, 0)
    first.begin()
    with ThreadPoolExecutor(1) as thread:
        begun = thread.submit(waiting.begin)
        while not waits_for_a_lock(first):
            assert not begun.done()
        first.execute("CREATE TABLE schema_version(version BIGINT NOT NULL)")
        first.execute("INSERT INTO schema_version VALUES(5)")
        first.execute("COMMIT")
        begun.result()
    assert waiting.version() == 5
    for database in (first, waiting):
        database.close()


def waits_for_a_lock(database: PostgresDatabase) -> bool:
    """Whether somebody waits for one."""
    return bool(database.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall())


def test_a_transaction_that_nobody_goes_on_with_is_ended_by_the_server(postgres_url: str) -> None:
    """A process that was stopped in the middle of one keeps the others for a moment only."""
    stopped, other = opened(postgres_url, 0.3), opened(postgres_url)
    stopped.begin()
    stopped.execute("INSERT INTO raises VALUES('a', 'b', 1, 1, 1)")
    other.begin()  # waits until the server has put the first one out
    assert other.execute("SELECT * FROM raises").fetchall() == []
    other.execute("COMMIT")
    with pytest.raises(StoreFailed):
        stopped.execute("COMMIT")
    assert stopped.execute("SELECT COUNT(*) FROM raises").fetchone() == (0,)
    stopped.close()
    other.close()


def test_a_lost_connection_is_made_again_by_the_next_statement(postgres_url: str) -> None:
    database = opened(postgres_url)
    killer = opened(postgres_url)
    mine = "SELECT pg_backend_pid()"
    (pid,) = database.execute(mine).fetchone()
    killer.execute("SELECT pg_terminate_backend(?)", (pid,))
    with pytest.raises(StoreFailed):
        database.execute(mine)
    assert database.execute(mine).fetchone() != (pid,)
    database.close()
    killer.close()


class Closing:
    """A connection whose server has said that it ends, and has not closed it yet."""

    def __init__(self) -> None:
        self.terminated = False

    def is_closed(self) -> bool:
        return False

    async def fetch(self, *_: Any, **__: Any) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) …")

    def terminate(self) -> None:
        self.terminated = True


def test_a_connection_that_is_being_closed_fails_and_is_made_again(postgres_url: str) -> None:
    database, closing = opened(postgres_url), Closing()
    database._drop()
    database._connection = closing
    with pytest.raises(StoreFailed, match="another operation"):
        database.execute("SELECT 1")
    assert closing.terminated
    assert database.execute("SELECT 1").fetchone() == (1,)
    database.close()


def test_a_password_is_shown_nowhere() -> None:
    assert place_of("postgresql://u:secret@db.example:5432/router?sslmode=require") == (
        "postgresql://db.example:5432/router"
    )
    database = PostgresDatabase("postgresql://u:secret@127.0.0.1:9/router")
    with pytest.raises(StoreFailed) as failed:
        database.execute("SELECT 1")
    assert "secret" not in str(failed.value)
    database.close()


async def test_changes_are_told_at_once_and_what_is_no_news_is_ignored(postgres_url: str) -> None:
    database = in_thread(opened, postgres_url)
    signals = Signals(postgres_url)
    assert signals.take("changes")  # nobody listens: anything may have been
    listening = asyncio.ensure_future(signals.listen(lambda: 0.05))
    for _ in range(100):
        await asyncio.sleep(0.05)
        if signals.listening:
            break
    assert [signals.take(table) for table in TOLD] == [True] * len(TOLD)
    assert [signals.take(table) for table in TOLD] == [False] * len(TOLD)
    await run_sql(postgres_url, f"NOTIFY {CHANNEL}, '{'x' * 7000}'")
    await run_sql(postgres_url, "INSERT INTO changes(at, what, id) VALUES(1, 'key', 'k')")
    await asyncio.sleep(0.3)
    assert signals._told == {"changes"}
    assert [signals.take("changes"), signals.take("meta")] == [True, False]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    in_thread(database.close)
