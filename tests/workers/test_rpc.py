"""gateway.workers.rpc: both ends ask at once, and nobody waits for one that is gone."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.workers.rpc import Answers, NoReply, RpcChannel


async def twice(about: Any) -> Any:
    return [about, about]


async def never(_: Any) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def linked(ours: Answers, theirs: Answers) -> AsyncIterator[tuple[RpcChannel, RpcChannel]]:
    one, other = socket.socketpair()
    async with RpcChannel.running(one, ours) as first, RpcChannel.running(other, theirs) as second:
        yield first, second


async def test_both_ends_ask_at_once_and_each_gets_its_own_answer() -> None:
    """Also answers of a megabyte, and an answer of nothing."""

    async def asks_back(about: Any) -> Any:
        return [await second.ask("twice", about, limit=5), None]

    async with linked({"twice": twice}, {"asks_back": asks_back}) as (first, second):
        big = "ü" * 500_000
        questions: list[Any] = [1, None, {"a": [True]}, big]
        answers = await asyncio.gather(
            *(first.ask("asks_back", about, limit=5) for about in questions)
        )
    assert answers == [[[about, about], None] for about in questions]


async def test_a_late_answer_is_no_answer() -> None:
    """And those that come in time are heard meanwhile and after."""
    async with linked({}, {"never": never, "twice": twice}) as (first, _):
        with pytest.raises(NoReply):
            await first.ask("never", limit=0.01)
        assert await first.ask("twice", 3, limit=5) == [3, 3]


async def test_nobody_waits_for_an_end_that_is_gone() -> None:
    one, other = socket.socketpair()
    async with RpcChannel.running(one, {}) as first:
        async with RpcChannel.running(other, {"never": never}):
            asked = asyncio.create_task(first.ask("never", limit=600))
            await asyncio.sleep(0.01)
        with pytest.raises(NoReply):
            await asked
        await first.ended
        with pytest.raises(NoReply):
            await first.ask("never", limit=600)


async def test_an_end_that_dies_in_the_middle_of_a_frame_is_gone() -> None:
    one, other = socket.socketpair()
    async with RpcChannel.running(one, {}) as first:
        other.sendall((100).to_bytes(4) + b"[")
        other.close()
        await asyncio.wait_for(first.ended, 5)
