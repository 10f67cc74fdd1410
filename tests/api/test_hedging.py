"""Hedging: a second target beside a slow first one. The faster wins, the other is hung up at once,
both are on record.
"""

import asyncio

import pytest

from tests.api.failing import BROKEN, MODES, World, chunks_of, said, world
from tests.fakes import Hang, InTurn, json_answer, sse

HEDGE = {"hedge": {"after": "50ms", "max_extra": "100%"}}
WRONG = json_answer(
    {"error": {"message": "no such tool", "type": "invalid_request_error", "param": "tools"}},
    "400 Bad Request",
)


async def left(w: World, call: int) -> None:
    """Wait until the provider sees that the gateway hung up on a call."""
    await asyncio.wait_for(w.fake.received[call].left.wait(), 20)


@pytest.mark.parametrize("mode", MODES)
async def test_the_second_wins_and_the_first_is_hung_up(mode: str) -> None:
    async with world(HEDGE, one=[Hang()], two=said("two", mode)) as w:
        reply = await w.ask(mode)
        assert (reply.status, reply.content, reply.headers["x-llm-router-provider"]) == (
            200,
            "two",
            "two",
        )
        await left(w, 0)
        assert await w.attempts() == [("two", "hedge", "ok"), ("one", "first", "cancelled")]
        record = w.running.gateway.records.find(reply.headers["x-llm-router-decision"])
        assert record is not None
        assert [(a["target"], a["why"], a["outcome"]) for a in record.outcome()["attempts"]] == [
            ("two/m", "hedge", "ok"),
            ("one/m", "first", "cancelled"),
        ]
        assert record.outcome()["served"] == "two/m"


@pytest.mark.parametrize("mode", MODES)
async def test_the_first_may_still_win(mode: str) -> None:
    free = asyncio.Event()
    async with world(HEDGE, one=[free, *said("one", mode)], two=[Hang()]) as w:
        call = asyncio.ensure_future(w.ask(mode))
        await w.calls(2)
        free.set()
        reply = await call
        assert (reply.content, reply.headers["x-llm-router-provider"]) == ("one", "one")
        await left(w, 1)
        assert await w.attempts() == [("one", "first", "ok"), ("two", "hedge", "cancelled")]


@pytest.mark.parametrize("mode", MODES)
async def test_a_first_that_answers_in_time_has_no_second(mode: str) -> None:
    async with world(
        {"hedge": {"after": "20s", "max_extra": "100%"}},
        one=said("one", mode),
        two=said("two", mode),
    ) as w:
        assert (await w.ask(mode)).content == "one"
        assert w.asked() == ["one"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_first_that_fails_in_time_is_an_ordinary_failover(mode: str) -> None:
    async with world(
        {"hedge": {"after": "20s", "max_extra": "100%"}}, one=BROKEN, two=said("two", mode)
    ) as w:
        assert (await w.ask(mode)).content == "two"
        assert await w.attempts() == [("one", "first", "server_error"), ("two", "failover", "ok")]


@pytest.mark.parametrize("mode", MODES)
async def test_a_first_that_fails_while_the_second_runs_leaves_it_running(mode: str) -> None:
    fails, answers = asyncio.Event(), asyncio.Event()
    once = {"resilience": {"breaker": {"min_calls": 1}}}
    async with world(
        HEDGE,
        policy=once,
        one=[fails, *BROKEN],
        two=[answers, *said("two", mode)],
        three=said("three", mode),
    ) as w:
        call = asyncio.ensure_future(w.ask(mode))
        await w.calls(2)
        fails.set()
        await w.set_aside("one")
        answers.set()
        assert (await call).content == "two"
        assert w.asked() == ["one", "two"]
        assert await w.attempts() == [("one", "first", "server_error"), ("two", "hedge", "ok")]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("more", [True, False])
async def test_when_both_fail_the_next_is_asked(mode: str, more: bool) -> None:
    free = asyncio.Event()
    third = {"three": said("three", mode)} if more else {}
    async with world(HEDGE, one=[free, *BROKEN], two=[free, *BROKEN], **third) as w:
        call = asyncio.ensure_future(w.ask(mode))
        await w.calls(2)
        free.set()
        reply = await call
        assert (reply.status, reply.headers["x-llm-router-attempts"]) == (
            (200, "3") if more else (502, "2")
        )
        assert sorted(await w.attempts())[:1] == [("one", "first", "server_error")]
        assert w.asked() == ["one", "two", *third]


@pytest.mark.parametrize("mode", MODES)
async def test_a_failure_that_ends_the_request_ends_the_second_too(mode: str) -> None:
    """The caller's own fault is the answer; the second is hung up."""
    free = asyncio.Event()
    async with world(HEDGE, one=[free, *WRONG], two=[Hang()]) as w:
        call = asyncio.ensure_future(w.ask(mode))
        await w.calls(2)
        free.set()
        reply = await call
        assert (reply.status, reply.document["error"]["param"]) == (400, "tools")
        await left(w, 1)


@pytest.mark.parametrize("mode", MODES)
async def test_a_caller_who_leaves_takes_both_with_them(mode: str) -> None:
    async with world(HEDGE, one=[Hang()], two=[Hang()]) as w:
        call = asyncio.ensure_future(w.ask(mode))
        await w.calls(2)
        call.cancel()
        await left(w, 0)
        await left(w, 1)
        assert {outcome for _, _, outcome in await w.attempts()} == {"cancelled"}
        assert [event.outcome for event in w.ended()] == ["client_gone"]


async def test_the_budget_bounds_the_share() -> None:
    """At a tenth: one to begin with and one for each ten requests, however slow the first is."""
    free = [asyncio.Event() for _ in range(23)]
    slow = InTurn(*([turn, *said("one")] for turn in free))
    async with world({"hedge": {"after": "1ms", "max_extra": "10%"}}, one=slow, two=[Hang()]) as w:
        for number, turn in enumerate(free):
            call = asyncio.ensure_future(w.ask())
            hedged = 1 + (number + 1) // 10
            await w.calls(number + 1 + hedged)
            await asyncio.sleep(0.01)  # a second call, were there one, would be made by now
            assert w.asked().count("two") == hedged
            turn.set()
            assert (await call).content == "one"


async def test_a_quantile_needs_a_few_answers_first() -> None:
    persona = {"hedge": {"after": "p50", "max_extra": "100%"}}
    async with world(persona, one=InTurn(*[said("one")] * 20, [Hang()]), two=said("two")) as w:
        assert {(await w.ask()).content for _ in range(20)} == {"one"}
        assert w.asked() == ["one"] * 20, "until then there is no hedge"
        assert (await w.ask()).content == "two"
        assert await w.attempts() == [("two", "hedge", "ok"), ("one", "first", "cancelled")]


async def test_a_stream_that_has_begun_is_not_hedged() -> None:
    """What counts is the first content, not the end."""
    slow = [*sse(*chunks_of("one ", finish=None), end=False), asyncio.Event()]
    async with world(HEDGE, one=slow, two=said("two", "stream")) as w:
        call = asyncio.ensure_future(w.ask("stream"))
        await w.calls(1)
        await asyncio.sleep(0.1)
        assert w.asked() == ["one"]
        call.cancel()
