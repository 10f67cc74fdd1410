"""What goes on beside requests."""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from gateway.admission.store_thread import StoreDown
from gateway.admission.upkeep import Upkeep, running
from gateway.config.limits import LedgerSettings, LimitsPolicy, StoreSettings
from gateway.store import ledger
from tests.admission.instances import NOON, Clock, Instance, limit_of

REQUESTS = limit_of(on="requests", per="ever", amount=100)
DAY = 86_400
POLICY = LimitsPolicy(store=StoreSettings(ledger=LedgerSettings(keep=31 * DAY)))


async def test_rows_go_once_the_policy_keeps_them_no_longer(tmp_path: Path) -> None:
    clock = Clock()
    process = Instance(tmp_path, (REQUESTS,), clock)
    for days_later in (0, 10):
        clock.now = NOON + days_later * DAY
        reservation = await process.admit()
        assert reservation is not None
        process.settle(reservation, 0)
    await process.close()
    loop = asyncio.get_running_loop()
    async with running(POLICY, tmp_path, {}, clock, loop.time) as admission:
        upkeep = Upkeep(admission, tmp_path / "journal", None, clock, loop.time)
        kept = []
        for days_later in (31, 32, 41, 42):
            clock.now = NOON + days_later * DAY
            await upkeep._prune()
            kept.append(len(await admission.thread.call(ledger.rows)))
        assert kept == [2, 1, 1, 0]
        assert await admission.thread.call(ledger.differences) == []


async def test_rows_whose_booking_nobody_waited_for_are_booked_once(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that ends in the middle of it books again what may be there already."""
    process, begun, go_on = Instance(place, (REQUESTS,)), asyncio.Event(), threading.Event()
    loop, book_all = asyncio.get_running_loop(), ledger.book_all

    def slow(*arguments: Any, **said: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(20)
        return book_all(*arguments, **said)

    monkeypatch.setattr(ledger, "book_all", slow)
    reservation = await process.admit()
    assert reservation is not None
    process.settle(reservation, 0)
    booking = asyncio.ensure_future(process.queue.book())
    await begun.wait()
    booking.cancel()
    await asyncio.gather(booking, return_exceptions=True)
    go_on.set()
    await process.queue.book()
    assert process.queue.backlog == 0
    assert len(ledger.rows(process.database)) == 1
    assert ledger.differences(process.database) == []


class FailsOnce:
    """The first call of it finds the store away."""

    def __init__(self, work: Any) -> None:
        self._work = work
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        if self.calls == 1:
            raise StoreDown
        await self._work()


async def test_a_gateway_that_ends_tries_again_to_book_what_is_left(tmp_path: Path) -> None:
    """A lost connection is no reason to leave rows to a journal that may go with its machine."""
    loop = asyncio.get_running_loop()
    async with running(POLICY, tmp_path, {}, Clock(), loop.time) as admission:
        admission.queue.book = book = FailsOnce(admission.queue.book)  # type: ignore[method-assign]
    assert book.calls == 2
    assert list((tmp_path / "journal").iterdir()) == []


async def test_that_nothing_goes_on_beside_requests_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Upkeep) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Upkeep, "tend", broken)
    with caplog.at_level(logging.ERROR, "llm_router"):
        loop = asyncio.get_running_loop()
        async with running(POLICY, tmp_path, {}, Clock(), loop.time):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    assert caplog.messages == [
        "limits: nothing is booked and no change is learned any more:"
        " RuntimeError('a fault of ours')"
    ]


async def test_a_gateway_that_ends_as_it_should_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "llm_router"):
        loop = asyncio.get_running_loop()
        async with running(POLICY, tmp_path, {}, Clock(), loop.time):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert caplog.messages == []
