"""What becomes of requests while the store cannot be used, and of what was counted meanwhile."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any, Literal

import pytest

from gateway.admission.amounts import of_call
from gateway.admission.bounds import Bound
from gateway.admission.store_thread import StoreThread
from gateway.config.limits import WhenDown
from gateway.errors import LimitsUnavailable
from gateway.store import counters, ledger
from gateway.store.counters import used
from gateway.store.database import StoreUnusable
from gateway.store.limits_database import migrate, opened
from gateway.store.limits_rows import CounterId
from gateway.store.limits_schema import STEPS
from tests.admission.instances import Clock, Instance, limit_of, model_of

TOKENS = limit_of(on="tokens", per="ever", amount=100)
USD = limit_of(on="usd", per="ever", amount=1)


class Broken(StoreThread):
    """Fails as long as it is told to."""

    failing = False

    async def call(self, work: Any, *arguments: Any, probe: bool = False) -> Any:
        def failed(*_: Any) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        return await super().call(failed if self.failing else work, *arguments, probe=probe)


def breakable(directory: Path, when_down: WhenDown, *limits: Any) -> tuple[Instance, Broken]:
    process = Instance(directory, limits, when_down=when_down)
    thread = Broken(process.database, asyncio.get_running_loop().time)
    process.thread = process.leases._thread = process.queue._thread = thread
    return process, thread


async def test_what_is_leased_serves_and_then_the_share_of_this_process(place: Path) -> None:
    """100 tokens for one process: 50 are leased at the first request. All of the cap is its share,
    beside what it has.
    """
    process, thread = breakable(place, WhenDown(), TOKENS)
    assert await process.admit(10) is not None
    thread.failing = True
    assert await process.admit(40) is not None
    assert await process.admit(100) is not None
    with pytest.raises(LimitsUnavailable):
        await process.admit(30)
    thread.failing = False
    await asyncio.sleep(1.01)  # it is left alone for a second
    assert await process.admit(1) is None
    await process.thread.close()


Policy = Literal["last_known", "open", "refuse"]


@pytest.mark.parametrize(("policy", "served"), [("open", True), ("refuse", False)])
async def test_other_policies_hold(place: Path, policy: Policy, served: bool) -> None:
    process, thread = breakable(place, WhenDown(limits=policy), TOKENS)
    thread.failing = True
    if served:
        assert await process.admit(99) is not None
    else:
        with pytest.raises(LimitsUnavailable):
            await process.admit(1)
    await process.thread.close()


@pytest.mark.parametrize(("budgets", "served"), [("refuse", False), ("open", True)])
async def test_money_is_refused_unless_the_policy_says_otherwise(
    place: Path, budgets: Literal["refuse", "open"], served: bool
) -> None:
    process, thread = breakable(place, WhenDown(budgets=budgets), USD)
    thread.failing = True
    bound = Bound(model_of(), 10, of_call(10, 0, 20_000), True, 1)
    if served:
        assert await process.admit(bound=bound) is not None
    else:
        with pytest.raises(LimitsUnavailable):
            await process.admit(bound=bound)
    await process.thread.close()


async def test_only_what_is_beyond_the_slice_of_money_is_marked(place: Path) -> None:
    """A cent each; a half of the dollar is leased at the first. Limits of requests mark nothing."""
    requests = limit_of(on="requests", per="ever", amount=100)
    process, thread = breakable(place, WhenDown(budgets="open", limits="open"), USD, requests)
    bound = Bound(model_of(), 10, of_call(10, 0, 10_000_000), True, 1)
    marked = []
    for _ in range(60):
        reservation = await process.admit(bound=bound)
        assert reservation is not None
        marked.append(reservation.why is not None)
        thread.failing = True
    assert marked == [False] * 50 + [True] * 10
    await process.thread.close()


class LostInRecall(StoreThread):
    """Fails from the moment on at which something is called back."""

    lost = False

    async def call(self, work: Any, *arguments: Any, probe: bool = False) -> Any:
        def failed(*_: Any) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        self.lost = self.lost or work is counters.call_back
        return await super().call(failed if self.lost else work, *arguments, probe=probe)


async def lost_in_recall(place: Path, when_down: WhenDown, used_up: bool) -> Instance:
    """A process that will call back what another has leased, if it has not spent it all."""
    other, process = Instance(place, (TOKENS,)), Instance(place, (TOKENS,), when_down=when_down)
    for each in (other, process):
        await each.beat()
    reservation = await other.admit(100)
    assert reservation is not None
    if used_up:
        other.settle(reservation, 100)
        await other.queue.book()
    thread = LostInRecall(process.database, asyncio.get_running_loop().time)
    process.thread = process.leases._thread = process.queue._thread = thread
    return process


LOST: dict[Policy, bool] = {"last_known": True, "open": True, "refuse": False}


@pytest.mark.parametrize(("policy", "served"), LOST.items(), ids=LOST)
async def test_a_store_that_goes_away_during_a_recall_is_one_that_is_down(
    place: Path, policy: Policy, served: bool
) -> None:
    """Of two processes each has half of the cap as its share then."""
    process = await lost_in_recall(place, WhenDown(limits=policy), used_up=False)
    if served:
        assert await process.admit(50) is not None
    else:
        with pytest.raises(LimitsUnavailable):
            await process.admit(50)
    if policy == "last_known":
        with pytest.raises(LimitsUnavailable):
            await process.admit(51)
    await process.thread.close()


async def test_what_is_known_to_be_spent_is_refused_though_the_store_went_away(place: Path) -> None:
    process = await lost_in_recall(place, WhenDown(limits="open"), used_up=True)
    assert await process.admit(1) is None
    await process.thread.close()


async def test_rows_wait_for_the_store_and_are_counted_once(place: Path) -> None:
    process, thread = breakable(place, WhenDown(limits="open"), TOKENS)
    thread.failing = True
    for _ in range(10):
        reservation = await process.admit(20)
        assert reservation is not None
        process.settle(reservation, 20)
    assert process.queue.backlog == 10
    assert process.queue.age == 0.0
    thread.failing = False
    await asyncio.sleep(1.01)
    await process.queue.book()
    assert process.queue.backlog == 0
    counter = CounterId("all", "tokens/ever", 0)
    assert used(process.database, counter) == (200, 0)  # more than the cap, and told
    assert await process.admit(1) is None
    assert ledger.differences(process.database) == []
    await process.close()


async def test_a_store_that_fails_is_left_alone(place: Path) -> None:
    process, thread = breakable(place, WhenDown(limits="open"), TOKENS)
    thread.failing = True
    for _ in range(20):
        assert await process.admit(1) is not None
    assert thread.down
    assert thread.trips == 3
    await process.thread.close()


async def test_a_probe_is_made_beside_requests_where_there_is_one(place: Path) -> None:
    """No request waits for a store that hangs; the first probe that succeeds ends it."""
    process, thread = breakable(place, WhenDown(limits="open"), TOKENS)
    thread.probed = thread.failing = True
    for _ in range(3):
        assert await process.admit(1) is not None
    await asyncio.sleep(1.01)  # a probe is due
    assert await process.admit(1) is not None
    assert thread.trips == 3
    thread.failing = False
    assert await thread.call(used, CounterId("all", "tokens/ever", 0), probe=True) == (0, 0)
    assert not thread.down
    await process.thread.close()


async def test_a_lock_of_another_program_is_waited_for_and_then_it_is_down(tmp_path: Path) -> None:
    process, _ = breakable(tmp_path, WhenDown(), TOKENS)
    process.database.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "limits.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await process.admit(60) is not None  # its share
    other.execute("ROLLBACK")
    assert await process.admit(40) is not None
    assert await process.admit(1) is None
    other.close()
    await process.thread.close()


def test_a_store_of_a_newer_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    database = opened(path)
    assert migrate(database) == 0
    database.execute(f"PRAGMA user_version={len(STEPS) + 1}")
    database.close()
    with pytest.raises(StoreUnusable, match="newer"):
        opened(path)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    path.write_text("this is no database, and long enough to be looked at as one" * 20)
    with pytest.raises(StoreUnusable) as refused:
        opened(path)
    assert refused.value.setting == "store"


async def test_nobody_waits_long_for_a_store_that_does_not_answer(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was there before it counts as away waits until it does, all at once; who comes then does
    not wait. What it leases after that counts all the same.
    """
    monkeypatch.setattr("gateway.admission.store_thread.SILENT", 0.5)
    process, thread = breakable(place, WhenDown(), TOKENS)
    thread.probed, hanging = True, threading.Event()
    stuck = asyncio.ensure_future(thread.call(lambda _: hanging.wait(30)))
    assert None not in await asyncio.gather(*(process.admit(20) for _ in range(3)))
    assert thread.down
    trips = thread.trips
    assert await process.admit(20) is not None
    assert thread.trips == trips
    (counter,) = process.pool
    assert counter.free == -80
    hanging.set()
    assert await stuck
    await thread.call(used, counter.id)  # after what was asked before
    await asyncio.sleep(0)
    assert not thread.down
    assert (counter.held, counter.lease, counter.free) == (80, 50, -30)
    await process.thread.close()


async def test_what_goes_back_to_a_store_that_does_not_answer_holds_nobody_up(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.admission.store_thread.SILENT", 0.5)
    process, thread = breakable(place, WhenDown(), TOKENS)
    assert await process.admit(10) is not None
    hanging = threading.Event()
    stuck = asyncio.ensure_future(thread.call(lambda _: hanging.wait(30)))
    returning = asyncio.ensure_future(process.leases.return_all())
    await asyncio.sleep(0)
    assert await process.admit(20) is not None
    assert not returning.done()
    hanging.set()
    await asyncio.gather(stuck, returning)
    (counter,) = process.pool
    assert (counter.held, counter.lease, counter.free) == (30, 10, -20)
    await process.thread.close()


async def test_a_store_is_not_away_because_this_process_was_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer may be there: nobody is admitted without it until it is silent once more."""
    monkeypatch.setattr("gateway.admission.store_thread.SILENT", 1.0)
    process, thread = breakable(tmp_path, WhenDown(), TOKENS)
    slept, time, hanging = Clock(0), asyncio.get_running_loop().time, threading.Event()
    thread._now = lambda: time() + slept.now
    stuck = asyncio.ensure_future(thread.call(lambda _: hanging.wait(30)))
    await asyncio.sleep(0)
    slept.now += 60
    assert not thread.down
    await asyncio.sleep(0.3)
    assert not thread.down
    for _ in range(200):
        await asyncio.sleep(0 if thread.down else 0.05)
    assert thread.down
    hanging.set()
    assert await stuck
    assert not thread.down
    await process.thread.close()
