"""What goes on beside requests."""

import asyncio
from pathlib import Path

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
