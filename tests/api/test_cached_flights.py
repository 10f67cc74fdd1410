"""Equal requests that are on their way at once: one asks, the others wait for its answer."""

import asyncio
from typing import Any, Final

import pytest

from tests.api.cached import HI, POLICY, Cached, Got, cached
from tests.fakes import (
    OPENAI_STREAM,
    SSE_HEAD,
    End,
    Hang,
    InTurn,
    Reset,
    Step,
    json_answer,
    openai_completion,
)
from tests.simulator.conftest import until
from translators.json_codec import loads

MANY: Final = 50
KEEPS_ALIVE: Final = POLICY.replace("watch: 0", "watch: 0, keep_alive_interval: 0.05")


def after(gate: asyncio.Event, *steps: Step) -> list[Step]:
    """What is said once the test says so."""
    return [gate, *steps]


def begun(it: Cached, requests: int) -> Any:
    return lambda: it.running.gateway.running >= requests


async def together(it: Cached, gate: asyncio.Event, **more: Any) -> list[Got]:
    """MANY equal requests, answered when all are on their way."""
    asked = [asyncio.ensure_future(it.chat(**more)) for _ in range(MANY)]
    await until(begun(it, MANY))
    gate.set()
    return await asyncio.gather(*asked)


async def test_one_of_many_asks_and_all_are_answered() -> None:
    gate = asyncio.Event()
    async with cached(after(gate, *json_answer(openai_completion()))) as it:
        got = await together(it, gate)
        metrics = await it.metrics()
        flights = len(it.cache.flights)
        ends = it.ends()
    assert it.asked == 1
    assert {(each.status, each.body) for each in got} == {(200, got[0].body)}
    assert sorted(str(each.cache) for each in got) == ["hit; age=0"] * (MANY - 1) + ["miss"]
    assert metrics == {"miss": 1, "stored": 1, "waited": MANY - 1}
    assert flights == 0
    waited = [end for end in ends if end.cache == "hit"]
    assert all(end.upstream_seconds > 0 for end in waited)


async def test_one_of_many_streams_is_asked_for_and_all_are_whole() -> None:
    gate = asyncio.Event()
    steps = [SSE_HEAD, OPENAI_STREAM[0], gate, b"".join(OPENAI_STREAM[1:]), End()]
    async with cached(steps, KEEPS_ALIVE) as it:
        got = await together(it, gate, stream=True)
    assert it.asked == 1
    bodies = {each.body.replace(b": keep-alive\n\n", b"") for each in got}
    assert bodies == {b"".join(OPENAI_STREAM)}
    assert {str(each.cache) for each in got} <= {"miss", "wait", "hit; age=0"}
    assert [each.cache for each in got].count("miss") == 1


async def test_a_stream_that_waits_shows_that_it_is_there() -> None:
    gate = asyncio.Event()
    async with cached(after(gate, *json_answer(openai_completion())), KEEPS_ALIVE) as it:
        leader = asyncio.ensure_future(it.chat())
        await until(begun(it, 1))
        follower = asyncio.ensure_future(it.chat(stream=True))
        await until(begun(it, 2))
        await asyncio.sleep(0.2)
        gate.set()
        first, second = await asyncio.gather(leader, follower)
    assert (first.cache, second.cache) == ("miss", "wait")
    assert second.body.startswith(b": keep-alive\n\n")
    assert second.body.endswith(b"data: [DONE]\n\n")
    assert it.asked == 1
    assert [end.cache for end in it.ends()].count("hit") == 1


async def test_if_the_first_callers_leaves_the_next_one_asks() -> None:
    answers = InTurn([Hang()], json_answer(openai_completion()))
    async with cached(answers) as it:
        leader = asyncio.ensure_future(it.chat())
        await until(lambda: it.asked == 1)
        others = [asyncio.ensure_future(it.chat()) for _ in range(5)]
        await until(begun(it, 6))
        leader.cancel()
        got = await asyncio.gather(*others)
    assert it.asked == 2
    assert sorted(str(each.cache) for each in got) == ["hit; age=0"] * 4 + ["miss"]


@pytest.mark.parametrize("stream", [False, True])
async def test_if_the_first_fails_the_next_one_asks(stream: bool) -> None:
    gate = asyncio.Event()
    failed = json_answer({"error": {"message": "m"}}, "500 Internal Server Error")
    good = (
        [SSE_HEAD, b"".join(OPENAI_STREAM), End()] if stream else json_answer(openai_completion())
    )
    async with cached(InTurn([gate, *failed], good)) as it:
        leader = asyncio.ensure_future(it.chat(stream=stream))
        await until(lambda: it.asked == 1)
        others = [asyncio.ensure_future(it.chat(stream=stream)) for _ in range(5)]
        await until(begun(it, 6))
        gate.set()
        first, *got = await asyncio.gather(leader, *others)
    assert first.status == 502
    assert it.asked == 2
    assert {each.status for each in got} == {200}
    assert sorted(str(each.cache) for each in got) == ["hit; age=0"] * 4 + ["miss"]


async def test_a_stream_that_breaks_off_is_no_answer_for_who_waits() -> None:
    gate = asyncio.Event()
    broken = [SSE_HEAD, b"".join(OPENAI_STREAM[:2]), gate, Reset()]
    async with cached(InTurn(broken, [SSE_HEAD, b"".join(OPENAI_STREAM), End()])) as it:
        leader = asyncio.ensure_future(it.chat(stream=True))
        await until(lambda: it.asked == 1)
        follower = asyncio.ensure_future(it.chat(stream=True))
        await until(begun(it, 2))
        gate.set()
        first, second = await asyncio.gather(leader, follower)
    assert b"error" in first.body
    assert second.body == b"".join(OPENAI_STREAM)
    assert (first.cache, second.cache, it.asked) == ("miss", "miss", 2)


async def test_those_behind_a_failing_target_do_not_wait_one_after_another() -> None:
    failed = json_answer({"error": {"message": "m"}}, "400 Bad Request")
    gate = asyncio.Event()
    async with cached(after(gate, *failed)) as it:
        got = await together(it, gate)
    assert {each.status for each in got} == {400}
    assert it.asked == MANY


async def test_if_the_answer_is_none_to_keep_all_ask_at_once() -> None:
    first, others = asyncio.Event(), asyncio.Event()
    completion = openai_completion()
    completion["choices"][0]["finish_reason"] = "content_filter"
    filtered = json_answer(completion)
    async with cached(InTurn([first, *filtered], [others, *filtered])) as it:
        asked = [asyncio.ensure_future(it.chat()) for _ in range(5)]
        await until(begun(it, 5))
        first.set()
        await until(lambda: it.asked == 5)
        others.set()
        got = await asyncio.gather(*asked)
    assert [each.cache for each in got] == ["miss"] * 5


async def test_one_who_waits_may_leave() -> None:
    gate = asyncio.Event()
    async with cached(after(gate, *json_answer(openai_completion()))) as it:
        leader = asyncio.ensure_future(it.chat())
        await until(lambda: it.asked == 1)
        follower = asyncio.ensure_future(it.chat())
        await until(begun(it, 2))
        follower.cancel()
        await until(lambda: it.running.gateway.running == 1)
        gate.set()
        first, again = await leader, await it.chat()
    assert (first.cache, again.cache, it.asked) == ("miss", "hit; age=0", 1)
    assert [end.outcome for end in it.ends()] == ["client_gone", "ok", "ok"]


async def test_nobody_waits_longer_than_the_time_of_the_request() -> None:
    gate = asyncio.Event()
    body = {"model": "on_claude", "max_tokens": 9, "messages": HI}
    async with cached(claude=[gate, *json_answer({})]) as it:
        leader = asyncio.ensure_future(it.ask("/v1/messages", body))
        await until(lambda: it.asked == 1)
        late = await it.ask("/v1/messages", body, {"x-stainless-timeout": "0.2"})
        asked = it.asked
        leader.cancel()
    assert (late.status, asked) == (504, 1)
    assert "total time limit" in loads(late.body)["error"]["message"]


async def test_who_does_not_want_an_old_answer_does_not_wait() -> None:
    gate = asyncio.Event()
    held = [gate, *json_answer(openai_completion())]
    async with cached(InTurn(held, json_answer(openai_completion("another")))) as it:
        leader = asyncio.ensure_future(it.chat())
        await until(lambda: it.asked == 1)
        got = await it.chat({"cache-control": "no-cache"})
        gate.set()
        await leader
    assert loads(got.body)["choices"][0]["message"]["content"] == "another"
    assert it.asked == 2
