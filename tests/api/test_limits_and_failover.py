"""What is held while targets fail, hedge and resume: another call is made only if it fits."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.http.event_stream import EventStream
from tests.api.limited import limited
from tests.fakes import (
    OPENAI_STREAM,
    Hang,
    Pause,
    Reset,
    Step,
    json_answer,
    openai_completion,
    sse,
)

TWO = """
personas:
  pair:
    description: d
    targets: [claude/claude-sonnet-5, openai/gpt-4.1]
    on_failure: {{retries: 0}}
    {more}
"""
DOWN = json_answer({"type": "error", "error": {"type": "api_error", "message": "no"}}, "500 No")


async def test_a_failover_keeps_the_hold_and_costs_only_what_answered(tmp_path: Path) -> None:
    async with limited(
        tmp_path, "limits: [{on: usd, per: day, amount: 0.02}]",
        personas=TWO.format(more=""), claude=DOWN,
    ) as gateway:  # fmt: skip
        got = await gateway.chat("pair", max_tokens=1000)
        assert got.status == 200
        (row,) = await gateway.rows()
        assert (row.provider, row.attempts, row.state, row.cost) == ("openai", 2, "settled", 22_000)


async def hedged(tmp_path: Path, amount: float) -> tuple[int, Any]:
    """A request whose first target is slow, and whose second answers at once."""
    slow: list[Step] = [Pause(1.5), *DOWN]
    async with limited(
        tmp_path, f"limits: [{{on: usd, per: day, amount: {amount}}}]",
        personas=TWO.format(more="hedge: {after: 50ms, max_extra: 100%}"), claude=slow,
    ) as gateway:  # fmt: skip
        got = await gateway.chat("pair", max_tokens=1000)
        paths = len(gateway.fake.received)
        (row,) = await gateway.rows()
        assert all(counter.held == 0 for counter in gateway.admission.pool)
        return paths, (got.status, row)


async def test_a_hedge_holds_both_and_the_loser_is_counted(tmp_path: Path) -> None:
    """At most 10,000 and 8,000 nano-USD a token, 1,000 tokens each: 0.018 USD and the prompts."""
    paths, (status, row) = await hedged(tmp_path, 0.025)
    assert (paths, status) == (2, 200)
    assert (row.provider, row.state) == ("openai", "estimated")
    assert row.cost > 22_000  # the prompt that the slow one has read


async def test_a_hedge_that_does_not_fit_is_not_made(tmp_path: Path) -> None:
    """The first then fails, and the second is asked in its place."""
    paths, (status, row) = await hedged(tmp_path, 0.0125)
    assert (paths, status) == (2, 200)
    assert (row.attempts, row.state, row.cost) == (2, "settled", 22_000)


async def test_a_stream_that_breaks_counts_what_was_shown(tmp_path: Path) -> None:
    steps = [*sse(*OPENAI_STREAM[:3], end=False), Pause(0.05), Reset()]
    async with limited(tmp_path, "limits: [{on: usd, per: day, amount: 1}]", steps) as gateway:
        got = await gateway.chat(stream=True, max_tokens=1000)
        assert b"error" in got.body
        (row,) = await gateway.rows()
        assert (row.state, row.output) == ("estimated", 3)  # "from openai": 11 bytes
        assert row.cost == row.input * 2000 + 3 * 8000


async def test_a_caller_who_leaves_a_stream_is_counted_for_what_was_shown(tmp_path: Path) -> None:
    steps = [*sse(*OPENAI_STREAM[:3], end=False), Hang()]
    async with limited(tmp_path, "limits: [{on: usd, per: day, amount: 1}]", steps) as gateway:
        body = {"model": "p", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        answer = await gateway.session.post(
            f"{gateway.running.url}/v1/chat/completions", json={**body, "max_tokens": 99}
        )
        read = b""
        while b"openai" not in read:
            read += await answer.content.readany()
        answer.close()
        await asyncio.wait_for(gateway.fake.left_early.wait(), 5)
        await asyncio.sleep(0.1)
        (row,) = await gateway.rows()
        assert (row.state, row.output) == ("estimated", 3)


async def test_an_answer_that_nobody_counted_is_estimated(tmp_path: Path) -> None:
    uncounted = {n: v for n, v in openai_completion("x" * 400).items() if n != "usage"}
    async with limited(
        tmp_path, "limits: [{on: usd, per: day, amount: 1}]", json_answer(uncounted)
    ) as gateway:
        assert (await gateway.chat(max_tokens=1000)).status == 200
        (row,) = await gateway.rows()
        assert row.state == "estimated"
        assert 100 <= row.output <= 250


async def test_a_failover_that_cannot_be_written_down_is_not_made(tmp_path: Path) -> None:
    """The first call's prompt was read and timed out, so a second call needs more than is held; the
    disk of the journal is full by then.
    """
    late: list[Step] = [Hang()]
    personas = TWO.format(more="timeouts: {first_content: 0.5}").replace(
        "[claude/claude-sonnet-5, openai/gpt-4.1]", "[openai/gpt-4.1, claude/claude-sonnet-5]"
    )
    async with limited(
        tmp_path, "limits: [{on: usd, per: day, amount: 5}]", late, personas=personas
    ) as gateway:
        asked = asyncio.ensure_future(gateway.chat("pair", max_tokens=1000))
        await gateway.fake.arrived.wait()

        def full(document: Any) -> None:
            raise OSError(28, "No space left on device")

        (file,) = gateway.admission.journal.files
        file.write = full  # type: ignore[method-assign]
        got = await asked
        assert (got.status, got.body["error"]["code"]) == (504, "first_content_timeout")
        assert len(gateway.fake.received) == 1
        del file.write
        await gateway.rows()
        assert all(counter.held == 0 for counter in gateway.admission.pool)


async def test_a_stream_is_settled_before_its_last_bytes_go_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has all of an answer is in the ledger with what it cost, though the process is killed."""
    end, held = EventStream.end, []
    async with limited(
        tmp_path, "limits: [{on: usd, per: day, amount: 5}]", sse(*OPENAI_STREAM)
    ) as gateway:

        async def watched(out: EventStream, data: bytes) -> Any:
            held.append([counter.held for counter in gateway.admission.pool])
            return await end(out, data)

        monkeypatch.setattr(EventStream, "end", watched)
        assert (await gateway.chat(stream=True)).status == 200
        assert held == [[0]]
        assert len(await gateway.rows()) == 1
