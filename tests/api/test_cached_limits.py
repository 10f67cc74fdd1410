"""What limits count of answers that are given again, and who shares them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.admission.reservation import CACHED
from tests.api.limited import ADMIN, Limited, limited
from tests.fakes import Answer, json_answer, openai_completion

PERSONAS: Final = """
personas:
  p: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, cache: {}}
  alone: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, cache: {scope: key}}
"""
TEAMS: Final = "teams: {blue: {}, red: {}}"


@asynccontextmanager
async def caching(
    state: Path, limits: str = TEAMS, answer: Answer | None = None
) -> AsyncIterator[Limited]:
    async with limited(state, limits, answer, personas=PERSONAS) as it:
        yield it


def said(name: str) -> str:
    return f"x-llm-router-{name}"


async def test_a_hit_is_a_request_without_tokens_and_money(tmp_path: Path) -> None:
    async with caching(tmp_path, "limits: [{on: requests, per: day, amount: 100}]") as it:
        first, second = await it.chat(), await it.chat()
        paid, free = await it.rows()
        limits = await it.ask("/api/v1/limits", headers=ADMIN, method="GET")
        spend = await it.ask("/api/v1/spend?by=persona", headers=ADMIN, method="GET")
    assert (first.headers[said("cache")], second.headers[said("cache")]) == ("miss", "hit; age=0")
    assert paid.state == "settled"
    assert paid.cost
    assert (free.state, free.cost, free.attempts) == (CACHED, 0, 0)
    assert (free.input, free.cached, free.output, free.reasoning) == (0, 0, 0, 0)
    assert (free.provider, free.model, free.persona) == ("openai", "gpt-4.1", "p")
    assert free.decision == second.headers[said("decision")]
    assert limits.body["limits"][0]["used"] == 2
    (row,) = spend.body["rows"]
    assert (row["requests"], row["cost_usd"]) == (2, paid.cost / 1e9)


async def test_a_hit_needs_no_money_to_be_left(tmp_path: Path) -> None:
    dear = openai_completion()
    dear["usage"] = {"prompt_tokens": 3, "completion_tokens": 120, "total_tokens": 123}
    limits = "limits: [{on: usd, per: ever, amount: 0.001}]"
    async with caching(tmp_path, limits, json_answer(dear)) as it:
        got = [await it.chat(max_tokens=most) for most in (100, 101, 100)]
    assert [each.status for each in got] == [200, 429, 200]
    assert got[2].headers[said("cache")].startswith("hit")


async def test_a_hit_is_refused_when_no_request_is_left(tmp_path: Path) -> None:
    async with caching(tmp_path, "limits: [{on: requests, per: day, amount: 2}]") as it:
        got = [await it.chat() for _ in range(3)]
        got.append(await it.chat(stream=True))
    assert [each.status for each in got] == [200, 200, 429, 429]


async def test_a_key_that_may_not_ask_the_persona_gets_no_answer_of_it(tmp_path: Path) -> None:
    async with caching(tmp_path) as it:
        _, key = await it.new_key(team="blue")
        _, other = await it.new_key(team="blue", personas=["alone"])
        first = await it.chat(key=key)
        refused = await it.chat(key=other)
    assert first.status == 200
    assert refused.status == 403


async def test_keys_of_a_team_share_answers_and_nobody_else_does(tmp_path: Path) -> None:
    async with caching(tmp_path) as it:
        keys = [(await it.new_key(team=team))[1] for team in ("blue", "blue", "red")]
        keys += [(await it.new_key())[1] for _ in range(2)]
        got = [(await it.chat(key=key)).headers[said("cache")] for key in (*keys, *keys)]
        alone = [(await it.chat("alone", key=key)).headers[said("cache")] for key in (*keys, *keys)]
    assert got == ["miss", "hit; age=0", "miss", "miss", "miss"] + ["hit; age=0"] * 5
    assert alone == ["miss"] * 5 + ["hit; age=0"] * 5
