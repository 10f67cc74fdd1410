"""gateway.upstream.concurrency: a limit, a bounded queue in order, a bounded wait."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from gateway.config import Concurrency, Model, Provider
from gateway.upstream.concurrency import ConcurrencyLimiter, QueueFull, Slot
from tests.routing.worlds import model, provider


def limited(
    limit: int = 1, queue: int = 1, wait: float = 30, of_provider: Concurrency | None = None
) -> tuple[Provider, Model]:
    one = replace(model("m"), concurrency=Concurrency(limit=limit, queue=queue, wait=wait))
    where = provider("x", one, model("n"), concurrency=of_provider)
    return where, one


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def started(coroutine: Coroutine[Any, Any, Slot | None]) -> asyncio.Task[Slot | None]:
    return asyncio.ensure_future(coroutine)


async def taken(places: ConcurrencyLimiter, where: Provider, what: Model) -> Slot:
    place = await places.take(where, what)
    assert place is not None
    return place


async def test_without_a_limit_there_is_nothing_to_give_back() -> None:
    where = provider("x", model("m"))
    assert await ConcurrencyLimiter().take(where, where.models["m"]) is None


async def test_they_wait_in_order_and_the_one_too_many_is_turned_away() -> None:
    places, (where, one) = ConcurrencyLimiter(), limited(1, 2)
    first = await taken(places, where, one)
    second, third = started(places.take(where, one)), started(places.take(where, one))
    await settled()
    with pytest.raises(QueueFull) as full:
        await places.take(where, one)
    assert full.value.retry_after >= 1
    first.leave()
    first.leave()
    await settled()
    assert (second.done(), third.done()) == (True, False), "a place is given back once"
    (place,) = [await second]
    assert place is not None
    place.leave()
    last = await third
    assert last is not None
    last.leave()
    assert await taken(places, where, one)


async def test_who_waits_too_long_is_turned_away_and_the_queue_goes_on() -> None:
    places, (where, one) = ConcurrencyLimiter(), limited(1, 5, wait=0.02)
    first = await taken(places, where, one)
    with pytest.raises(QueueFull):
        await places.take(where, one)
    patient = started(
        places.take(where, replace(one, concurrency=Concurrency(limit=1, queue=5, wait=30)))
    )
    await settled()
    first.leave()
    assert await patient is not None


async def test_who_leaves_the_queue_is_passed_over() -> None:
    places, (where, one) = ConcurrencyLimiter(), limited(1, 5)
    first = await taken(places, where, one)
    gone, next_one = started(places.take(where, one)), started(places.take(where, one))
    await settled()
    gone.cancel()
    first.leave()  # before the cancelled one has woken
    assert await next_one is not None
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_who_is_cancelled_at_the_moment_of_getting_a_place_gives_it_on() -> None:
    places, (where, one) = ConcurrencyLimiter(), limited(1, 5)
    first = await taken(places, where, one)
    unlucky, next_one = started(places.take(where, one)), started(places.take(where, one))
    await settled()
    first.leave()
    unlucky.cancel()
    assert await next_one is not None


async def test_who_waits_for_a_model_takes_no_place_from_the_providers_other_models() -> None:
    places, (where, one) = (
        ConcurrencyLimiter(),
        limited(1, 5, of_provider=Concurrency(limit=2, queue=0)),
    )
    assert await taken(places, where, one)
    waiting = started(places.take(where, one))
    await settled()
    other = await taken(places, where, where.models["n"])
    with pytest.raises(QueueFull):
        await places.take(where, where.models["n"])
    other.leave()
    waiting.cancel()


async def test_a_provider_that_is_full_gives_the_models_place_back() -> None:
    places, (where, one) = (
        ConcurrencyLimiter(),
        limited(1, 0, of_provider=Concurrency(limit=1, queue=0)),
    )
    other = await taken(places, where, where.models["n"])
    for _ in range(3):
        with pytest.raises(QueueFull):
            await places.take(where, one)
    other.leave()
    assert await taken(places, where, one)


@pytest.mark.parametrize("seed", range(10))
async def test_never_more_than_the_limit_and_nobody_forgotten(seed: int) -> None:
    """Callers come, wait, leave and are cancelled in any order."""
    random, places = Random(seed), ConcurrencyLimiter()
    where, one = limited(3, 1000, of_provider=Concurrency(limit=4, queue=1000))
    inside = {"m": 0, "n": 0}

    async def call(name: str) -> None:
        place = await taken(places, where, one if name == "m" else where.models["n"])
        inside[name] += 1
        assert inside["m"] <= 3
        assert inside["m"] + inside["n"] <= 4
        try:
            for _ in range(random.randrange(4)):
                await asyncio.sleep(0)
        finally:
            inside[name] -= 1
            place.leave()

    tasks = []
    for _ in range(200):
        tasks.append(asyncio.ensure_future(call(random.choice("mn"))))
        if random.random() < 0.3:
            random.choice(tasks).cancel()
        if random.random() < 0.5:
            await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    for _ in range(3):
        assert await taken(places, where, one), "every place is free again"


async def test_who_leaves_the_queue_takes_up_no_room_in_it() -> None:
    places, (where, one) = ConcurrencyLimiter(), limited(1, 1)
    first = await taken(places, where, one)
    for _ in range(3):
        gone = started(places.take(where, one))
        await settled()
        gone.cancel()
        await settled()
        assert dict(places.waiting()) == {"x/m": 0}
    waits = started(places.take(where, one))
    await settled()
    assert not waits.done()
    first.leave()
    place = await waits
    assert place is not None
    place.leave()


def shares(limit: int, of: int) -> list[int]:
    """How many places each of so many processes has, the oldest first."""
    where, one = limited(limit, 0)
    found = []

    async def count(rank: int) -> int:
        places = ConcurrencyLimiter()
        places.divide(of, rank)
        for number in range(limit + 1):
            try:
                await places.take(where, one)
            except QueueFull:
                return number
        return limit + 1

    for rank in range(of):
        found.append(asyncio.run(count(rank)))
    return found


@pytest.mark.parametrize(
    ("limit", "of", "each"),
    [(10, 1, [10]), (10, 4, [3, 3, 2, 2]), (8, 4, [2] * 4), (3, 4, [1] * 4), (1, 2, [1, 1])],
)
def test_processes_divide_the_places_and_each_has_one(limit: int, of: int, each: list[int]) -> None:
    assert shares(limit, of) == each


async def test_who_waits_is_seated_when_another_process_goes_and_nobody_loses_a_place() -> None:
    places, (where, one) = ConcurrencyLimiter(), limited(4, 10)
    places.divide(4, 0)
    first = await taken(places, where, one)
    waiting = [started(places.take(where, one)) for _ in range(4)]
    await settled()
    assert [task.done() for task in waiting] == [False] * 4
    places.divide(1, 0)
    await settled()
    assert [task.done() for task in waiting] == [True] * 3 + [False]
    places.divide(2, 0)  # four are taken of two: each keeps its own
    first.leave()
    await settled()
    assert not waiting[3].done()
    for task in waiting[:2]:
        place = await task
        assert place is not None
        place.leave()
    place = await waiting[3]
    assert place is not None
