"""gateway.upstream.concurrency: a limit that a reload moves while requests wait for a place."""

import asyncio
from dataclasses import replace
from pathlib import Path

from gateway.config import Concurrency
from gateway.upstream.concurrency import ConcurrencyLimiter, Slot
from tests.config.samples import loaded


async def test_a_moved_limit_holds_from_the_next_request_on(tmp_path: Path) -> None:
    """Lowered, it holds although requests wait all the time; raised, those that wait profit from
    it.
    """
    provider = loaded(tmp_path).providers["local"]
    model, places = provider.models["small"], ConcurrencyLimiter()
    started: list[Slot] = []

    async def enter(limit: int) -> None:
        place = await places.take(
            provider, replace(model, concurrency=Concurrency(limit=limit, wait=30))
        )
        assert place is not None
        started.append(place)

    async def settled() -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    waiting = [asyncio.ensure_future(enter(3)) for _ in range(6)]
    await settled()
    assert len(started) == 3
    waiting += [asyncio.ensure_future(enter(1)) for _ in range(4)]
    await settled()
    for left, running in enumerate((3, 3, 4), 1):
        started[left - 1].leave()
        await settled()
        assert len(started) == running, (
            "three are sent, and only one may be: the first two to leave make no room"
        )
    waiting.append(asyncio.ensure_future(enter(4)))
    await settled()
    started[3].leave()
    await settled()
    assert len(started) == 4 + 4
    for place in started[4:]:
        place.leave()
    await settled()
    for place in started[8:]:
        place.leave()
    await asyncio.gather(*waiting)
    assert [waits for _, waits in places.waiting()] == [0]
