"""Retries, keys, breakers, limits and clocks, as a caller meets them: real sockets, real faults."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.api.failing import BROKEN, MODES, chunks_of, said, world
from tests.chaos.faulty import blackhole
from tests.fakes import (
    SSE_HEAD,
    End,
    Hang,
    InTurn,
    Pause,
    Received,
    Step,
    json_answer,
    openai_chunk,
    sse,
)

PATIENT = {"on_failure": {"retries": 1, "backoff": {"initial": 0.01, "max": 5}}}
LIMITED = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}


@pytest.mark.parametrize("mode", MODES)
async def test_a_target_that_fails_once_is_asked_again(mode: str) -> None:
    async with world(PATIENT, one=InTurn(BROKEN, said("here", mode))) as w:
        reply = await w.ask(mode)
        assert (reply.status, reply.content, reply.headers["x-llm-router-attempts"]) == (
            200,
            "here",
            "2",
        )
        assert await w.attempts() == [("one", "first", "server_error"), ("one", "retry", "ok")]


@pytest.mark.parametrize("mode", MODES)
async def test_others_are_asked_before_one_is_asked_again(mode: str) -> None:
    async with world(PATIENT, one=InTurn(BROKEN, said("one", mode)), two=BROKEN) as w:
        assert (await w.ask(mode)).content == "one"
        assert w.asked() == ["one", "two", "one"]


async def test_retry_after_is_honoured_within_the_requests_time() -> None:
    """One that fits is waited for; one that does not is told to the caller, at once."""
    soon, late = (
        json_answer(LIMITED, "429 Too Many Requests", **after)
        for after in ({"retry_after_ms": "30"}, {"retry_after": "60"})
    )
    persona = {**PATIENT, "timeouts": {"total": 20}}
    async with world(persona, one=InTurn(soon, said("here"))) as w:
        assert (await w.ask()).content == "here"
        assert w.asked() == ["one", "one"]
    async with world(persona, one=late) as w:
        reply = await w.ask()
        assert (reply.status, reply.code, reply.headers["retry-after"]) == (
            429,
            "rate_limit_exceeded",
            "60",
        )
        assert w.asked() == ["one"]
        assert (await w.ask()).status == 429, (
            "a lone key is not set aside for one refusal: the caller hears the provider's own words"
        )


async def test_a_rate_limit_without_a_time_is_waited_out_too() -> None:
    """Its key is left alone for a second: the retry comes after that, not in vain before it."""
    async with world(
        PATIENT, one=InTurn(json_answer(LIMITED, "429 Too Many Requests"), said("here"))
    ) as w:
        assert (await w.ask()).content == "here"
        assert await w.attempts() == [("one", "first", "rate_limit"), ("one", "retry", "ok")]


async def test_the_soonest_moment_of_all_targets_is_told() -> None:
    answers = {
        name: json_answer(LIMITED, "429 Too Many Requests", retry_after=after)
        for name, after in (("one", "90"), ("two", "40"), ("three", "70"))
    }
    async with world(**answers) as w:
        assert (await w.ask()).headers["retry-after"] == "40"
        assert (await w.ask()).headers["retry-after"] == "40"


KEYS = {"one": {"keys": [{"variable": "KEY_A"}, {"variable": "KEY_B"}]}}
ENVIRON = {"KEY_A": "sk-aaa", "KEY_B": "sk-bbb"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("status", "code", "reason", "everywhere"),
    [
        ("401 Unauthorized", "invalid_api_key", "authentication", True),
        ("402 Payment Required", "insufficient_quota", "quota", True),
        ("403 Forbidden", "permission_denied", "permission", False),
        ("429 Too Many Requests", "rate_limit_exceeded", "rate_limit", False),
    ],
)
async def test_a_key_that_is_refused_makes_way_for_another(
    status: str, code: str, reason: str, everywhere: bool, mode: str
) -> None:
    """The same target answers with its other key; the dead one is set aside, and shown by its
    variable.
    """
    refused = json_answer({"error": {"message": "no", "code": code}}, status)

    def by_key(received: Received) -> Sequence[Step]:
        return (
            refused
            if received.headers["authorization"] == "Bearer sk-aaa"
            else said("with b", mode)
        )

    async with world({}, KEYS, ENVIRON, one=by_key) as w:
        w.running.gateway.state.random = lambda: 0.0  # type: ignore[method-assign]
        reply = await w.ask(mode)
        assert (reply.status, reply.content) == (200, "with b")
        assert await w.attempts() == [("one", "first", reason), ("one", "key", "ok")]
        dead = w.key(0) if everywhere else w.key(0)["targets"]["one/m"]
        assert (w.key(0)["variable"], dead["state"], dead["reason"]) == ("KEY_A", "open", reason)
        assert w.key(1)["state"] == "closed"
        assert (await w.ask(mode)).content == "with b"
        assert len(w.fake.received) == 3, "the dead key is not tried again"
        assert "sk-" not in str([w.key(0), w.key(1), reply.headers])


async def test_when_every_key_is_refused_the_next_target_is_asked() -> None:
    refused = json_answer(
        {"error": {"message": "no", "code": "invalid_api_key"}}, "401 Unauthorized"
    )
    async with world({}, KEYS, ENVIRON, one=refused, two=said("two")) as w:
        assert (await w.ask()).content == "two"
        assert w.asked() == ["one", "one", "two"]
        assert (await w.ask()).content == "two"
        assert w.asked() == ["one", "one", "two", "two"]


BREAKER = {
    "resilience": {
        "breaker": {"min_calls": 2, "failure_rate": 0.5, "open_for": 60, "longest_open": 60}
    }
}


@pytest.mark.parametrize("mode", MODES)
async def test_a_breaker_opens_and_recovers_through_one_probe(mode: str) -> None:
    free = asyncio.Event()
    async with world(
        policy=BREAKER, one=InTurn(BROKEN, BROKEN, [free, *said("back", mode)], said("well", mode))
    ) as w:
        assert [(await w.ask(mode)).status for _ in range(2)] == [502, 502]
        reply = await w.ask(mode)
        assert (reply.status, reply.code) == (503, "no_available_target")
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        assert "cooldown" in reply.document["error"]["message"]
        assert len(w.fake.received) == 2
        w.time_passes(61)
        probe = asyncio.ensure_future(w.ask(mode))
        await w.calls(3)
        assert [
            reply.status for reply in await asyncio.gather(*(w.ask(mode) for _ in range(5)))
        ] == [503] * 5
        assert len(w.fake.received) == 3, "one probe at a time"
        free.set()
        assert (await probe).content == "back"
        assert (await w.ask(mode)).content == "well"


async def test_a_callers_own_errors_open_nothing() -> None:
    wrong = json_answer(
        {"error": {"message": "no such tool", "type": "invalid_request_error", "param": "tools"}},
        "400 Bad Request",
    )
    async with world(policy=BREAKER, one=wrong) as w:
        assert [(await w.ask()).status for _ in range(5)] == [400] * 5
        assert len(w.fake.received) == 5


async def test_streams_that_break_open_it() -> None:
    async with world(policy=BREAKER, one=sse(*chunks_of("half", finish=None))) as w:
        assert [(await w.ask("stream")).code for _ in range(2)] == ["stream_truncated"] * 2
        assert (await w.ask("stream")).status == 503


ONE_AT_A_TIME = {"one": {"model": {"concurrency": {"limit": 1, "queue": 1, "wait": 30}}}}


@pytest.mark.parametrize("mode", MODES)
async def test_who_finds_no_place_is_sent_on(mode: str) -> None:
    free = asyncio.Event()
    async with world({}, ONE_AT_A_TIME, one=[free, *said("one", mode)], two=said("two", mode)) as w:
        first = asyncio.ensure_future(w.ask(mode))
        await w.calls(1)
        second = asyncio.ensure_future(w.ask(mode))
        await w.waiting(1)
        third = await w.ask(mode)
        assert (third.content, third.headers["x-llm-router-provider"]) == ("two", "two")
        assert await w.attempts(0) == [("one", "first", "no_place"), ("two", "failover", "ok")]
        free.set()
        assert [(await call).content for call in (first, second)] == ["one", "one"]


@pytest.mark.parametrize("mode", MODES)
async def test_without_another_target_who_finds_no_place_is_told_when_to_come_back(
    mode: str,
) -> None:
    free = asyncio.Event()
    async with world({}, ONE_AT_A_TIME, one=[free, *said("one", mode)]) as w:
        first = asyncio.ensure_future(w.ask(mode))
        await w.calls(1)
        second = asyncio.ensure_future(w.ask(mode))
        await w.waiting(1)
        third = await w.ask(mode)
        assert (third.status, third.code) == (503, "no_place_in_queue")
        assert int(third.headers["retry-after"]) >= 1
        free.set()
        assert [(await call).content for call in (first, second)] == ["one", "one"]


BEGUN: dict[str, list[Step]] = {
    "json": [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{",
        Hang(),
    ],
    "stream": [SSE_HEAD, openai_chunk({"role": "assistant", "content": ""}), Hang()],
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("code", "timeouts", "begun"),
    [
        ("connect_timeout", {"connect": 0.1}, False),
        ("first_content_timeout", {"first_content": 0.1}, False),
        ("first_content_timeout", {"first_content": 0.1}, True),
        ("idle_timeout", {"idle": 0.1}, True),
        ("total_timeout", {"total": 0.1}, False),
        ("total_timeout", {"total": 0.1}, True),
    ],
)
async def test_four_clocks_each_with_its_own_code(
    code: str, timeouts: dict[str, float], begun: bool, mode: str
) -> None:
    steps = BEGUN[mode] if begun else [Hang()]
    with blackhole() as port:
        urls = {"one": f"http://127.0.0.1:{port}/v1"} if code == "connect_timeout" else {}
        async with world({"timeouts": timeouts}, urls=urls, one=steps) as w:
            reply = await w.ask(mode)
            assert (reply.status, reply.code) == (504, code)
            assert await w.attempts() == [("one", "first", code)]
            assert reply.headers["x-llm-router-decision"].startswith("dec_")


@pytest.mark.parametrize(
    ("code", "timeouts"), [("idle_timeout", {"idle": 0.1}), ("total_timeout", {"total": 0.2})]
)
async def test_after_content_a_clock_ends_the_stream_with_its_code(
    code: str, timeouts: dict[str, float]
) -> None:
    async with world(
        {"timeouts": timeouts}, one=[SSE_HEAD, *chunks_of("half", finish=None), Hang()]
    ) as w:
        reply = await w.ask("stream")
        assert (reply.status, reply.content, reply.code) == (200, "half", code)
        assert await w.attempts() == [("one", "first", code)]


async def test_a_targets_own_clock_holds_before_the_personas() -> None:
    persona = {
        "targets": [{"target": "one/m", "timeouts": {"first_content": 0.1}}, "two/m"],
        "timeouts": {"first_content": 30},
    }
    async with world(persona, one=[Hang()], two=said("two")) as w:
        assert (await w.ask()).content == "two"
        assert await w.attempts() == [
            ("one", "first", "first_content_timeout"),
            ("two", "failover", "ok"),
        ]


async def test_waiting_for_a_place_is_no_time_of_the_providers() -> None:
    """The first answer takes longer than the second may: its clock begins when it is asked, not
    when it gets in line.
    """
    begun, rest = chunks_of("slow", finish=None), [chunks_of("")[-1], b"data: [DONE]\n\n"]
    slow = [SSE_HEAD, *begun, Pause(0.8), *rest, End()]
    persona = {"targets": [{"target": "one/m", "timeouts": {"first_content": 0.5}}]}
    async with world(persona, ONE_AT_A_TIME, one=InTurn(slow, said("fast"))) as w:
        first = asyncio.ensure_future(w.ask("stream"))
        await w.calls(1)
        second = await w.ask()
        assert (second.status, second.content) == (200, "fast")
        assert (await first).content == "slow"


async def test_who_is_asked_late_is_not_to_blame_that_time_ran_out() -> None:
    """The first target uses the request's time up: only its own breaker opens."""
    persona = {
        "targets": [{"target": "one/m", "timeouts": {"first_content": 0.3}}, "two/m"],
        "timeouts": {"total": 0.4},
    }
    async with world(
        persona, policy=BREAKER, one=[Hang()], two=InTurn([Hang()], [Hang()], said("two"))
    ) as w:
        assert [(await w.ask()).code for _ in range(2)] == ["total_timeout"] * 2
        assert (await w.ask()).content == "two"
        assert w.asked() == ["one", "two", "one", "two", "two"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("body", "answer", "status"),
    [
        ({}, None, 200),
        ({}, BROKEN, 502),
        ({"logprobs": True}, None, 400),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, None, 200),
    ],
)
async def test_every_answer_names_its_decision(
    body: dict[str, Any], answer: list[Step] | None, status: int, mode: str
) -> None:
    async with world(one=answer or said("one", mode)) as w:
        reply = await w.ask(mode, **body)
        assert reply.status == status
        record = w.running.gateway.records.find(reply.headers["x-llm-router-decision"])
        assert record is not None
        assert record.outcome()["status"] == status


async def test_a_prompt_too_long_for_the_first_goes_to_one_that_holds_it() -> None:
    """A refusal by the provider moves on, to a larger window only."""
    long = json_answer(
        {"error": {"message": "too long", "code": "context_length_exceeded"}}, "400 Bad Request"
    )
    targets = {"three": {"model": {"context_window": 200_000}}}
    async with world(PATIENT, targets, one=long, two=said("two"), three=said("three")) as w:
        assert (await w.ask()).content == "three"
        assert w.asked() == ["one", "three"]
