"""Limits in a running gateway: as many as they say, not one more and not one less, in the words of
every API.
"""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as google_errors

from gateway.config.limits import WhenDown
from tests.api.limited import HI, limited, read_rows
from tests.fakes import OPENAI_STREAM, End, Pause, json_answer, openai_completion, sse
from translators.chat.request import ChatRequest

HUNDRED = "limits: [{on: requests, per: day, amount: 100}]"


@pytest.mark.parametrize("_", range(5))
async def test_200_at_once_at_a_limit_of_100_are_100_and_100(tmp_path: Path, _: int) -> None:
    async with limited(tmp_path, HUNDRED) as gateway:
        answers = await asyncio.gather(*(gateway.chat() for _ in range(200)))
        assert Counter(a.status for a in answers) == {200: 100, 429: 100}
        assert len(gateway.fake.received) == 100
        assert len(await gateway.rows()) == 100


async def test_a_caller_who_hammers_costs_the_store_nothing(tmp_path: Path) -> None:
    async with limited(tmp_path, "limits: [{on: requests, per: day, amount: 1}]") as gateway:
        assert (await gateway.chat()).status == 200
        assert (await gateway.chat()).status == 429
        trips: list[Any] = []
        call = gateway.admission.thread.call

        async def counted(work: Any, *arguments: Any) -> Any:
            trips.append(work.__name__)
            return await call(work, *arguments)

        gateway.admission.thread.call = counted  # type: ignore[method-assign]
        assert {(await gateway.chat()).status for _ in range(20)} == {429}
        assert "lease" not in trips


async def test_money_is_never_more_than_the_cap_with_streams_aborts_and_failures(
    tmp_path: Path,
) -> None:
    """Every answer may cost 32,768 x 8,000 nano-USD; 100 ask at once, and some leave."""
    steps = [*sse(*OPENAI_STREAM[:2], end=False), Pause(0.05), b"".join(OPENAI_STREAM[2:]), End()]
    cap = 1.0
    async with limited(
        tmp_path, f"limits: [{{on: usd, per: day, amount: {cap}}}]", steps
    ) as gateway:
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                counters = list(gateway.admission.pool)
                most = max([most, *(c.held + c.unbooked + c.spent for c in counters)])
                await asyncio.sleep(0.001)

        watching = asyncio.ensure_future(watch())

        async def one(number: int) -> int:
            asked = gateway.chat(stream=True, max_tokens=20_000)
            if number % 5 == 0:
                try:
                    return (await asyncio.wait_for(asked, 0.03)).status
                except TimeoutError:
                    return 499
            return (await asked).status

        statuses = Counter(await asyncio.gather(*map(one, range(100))))
        watching.cancel()
        assert most <= cap * 10**9
        assert statuses[200] >= 1
        assert statuses[429] >= 1
        rows = await gateway.rows()
        assert sum(row.cost or 0 for row in rows) <= cap * 10**9
        assert {row.state for row in rows} <= {"settled", "estimated"}
        assert all(counter.held == 0 for counter in gateway.admission.pool)


async def test_room_that_was_held_and_not_used_is_there_again(tmp_path: Path) -> None:
    """Each may cost 0.16 USD and costs 0.000022: one after the other thousands fit."""
    async with limited(tmp_path, "limits: [{on: usd, per: day, amount: 0.2}]") as gateway:
        statuses = [(await gateway.chat(max_tokens=20_000)).status for _ in range(20)]
        assert statuses == [200] * 20


async def test_a_target_over_budget_is_not_asked_and_a_cheaper_one_serves(tmp_path: Path) -> None:
    async with limited(tmp_path, "limits: [{on: usd, per: day, amount: 0.05}]") as gateway:
        got = await gateway.chat("both", max_tokens=20_000)
        assert (got.status, got.headers["x-llm-router-model"]) == (200, "gpt-served")
        assert [each.path for each in gateway.fake.received] == ["/openai/v1/chat/completions"]
        body = {"model": "both", "messages": HI, "max_tokens": 20_000}
        plan = (await gateway.ask("/api/v1/route", body)).body
        dear = next(t for t in plan["targets"] if t["provider"] == "claude")
        (reason,) = dear["reasons"]
        assert reason.startswith("over_budget: needs 0.2")
        assert reason.endswith(" USD (everything together, day)")
        name = got.headers["x-llm-router-decision"]
        record = (await gateway.ask(f"/api/v1/decisions/{name}", method="GET")).body
        assert record["targets"][-1]["reasons"][0].startswith("over_budget: ")


async def test_a_target_without_a_price_is_not_asked_under_a_budget(tmp_path: Path) -> None:
    async with limited(tmp_path, "limits: [{on: usd, per: day, amount: 5}]") as gateway:
        got = await gateway.chat(service_tier="priority")
        assert (got.status, got.body["error"]["code"]) == (400, "no_eligible_target")
        assert "unknown_price" in got.body["error"]["message"]


async def test_an_answer_without_a_limit_is_fitted_to_what_is_left(tmp_path: Path) -> None:
    """0.05 USD: 32,768 tokens of answer cost 0.26, so about 6,200 are asked for."""
    async with limited(
        tmp_path, "limits: [{on: usd, per: day, amount: 0.05, fit: true}]"
    ) as gateway:
        got = await gateway.chat()
        assert got.status == 200
        assert "max_tokens=changed" in got.headers["x-llm-router-dropped-params"]
        sent = gateway.fake.received[0].body
        most = sent.get("max_completion_tokens") or sent["max_tokens"]
        assert 6_000 < most < 6_250
        assert (await gateway.chat(max_tokens=20_000)).status == 400  # a caller's own limit stays


TEXT = [{"role": "user", "content": "information technology department " * 100}]
"""306 tokens, estimated as 702."""


@pytest.mark.parametrize(
    ("left", "counted", "status"),
    [(1300, False, 200), (1000, True, 200), (340, True, 200), (330, True, 400), (270, False, 400)],
)
async def test_where_the_estimate_of_a_prompt_decides_it_is_counted(
    tmp_path: Path, left: int, counted: bool, status: int
) -> None:
    """338 tokens are held then, else 839: as counted or 15 % more than estimated, and 32."""
    limits = f"limits: [{{on: input_tokens, per: day, amount: {left}}}]"
    async with limited(tmp_path, limits) as gateway:
        counter = gateway.running.gateway.counter
        seen, count = [], counter.count_request

        async def told(request: ChatRequest) -> int | None:
            seen.append(await count(request))
            return seen[-1]

        counter.count_request = told  # type: ignore[method-assign]
        planned = await gateway.ask("/api/v1/route", {"model": "p", "messages": TEXT})
        assert (planned.body["targets"][0]["verdict"] == "rejected") == (status == 400)
        assert planned.body["tokens_exact"] == counted
        got = await gateway.chat(messages=TEXT)
        assert got.status == status, got.body
        assert seen == [306, 306] * counted


@pytest.mark.parametrize(("left", "held"), [(1300, 839), (1000, 338)])
async def test_what_was_counted_is_what_is_held(tmp_path: Path, left: int, held: int) -> None:
    limits = f"limits: [{{on: input_tokens, per: day, amount: {left}}}]"
    answering = asyncio.Event()
    steps = [answering, *json_answer(openai_completion())]
    async with limited(tmp_path, limits, steps) as gateway:
        asked = asyncio.ensure_future(gateway.chat(messages=TEXT))
        await gateway.fake.arrived.wait()
        assert [counter.held for counter in gateway.admission.pool] == [held]
        answering.set()
        assert (await asked).status == 200


async def test_money_for_a_prompt_is_counted_near_a_limit_too(tmp_path: Path) -> None:
    """2,000 nano-USD a token: 338 are 0.000676 USD, 839 are 0.001678."""
    limits = "limits: [{on: usd, per: day, amount: 0.0009}]"
    async with limited(tmp_path, limits) as gateway:
        got = await gateway.chat(messages=TEXT, max_tokens=10)
        assert got.status == 200, got.body


async def test_a_request_that_never_fits_is_told_so(tmp_path: Path) -> None:
    async with limited(tmp_path, "limits: [{on: usd, per: day, amount: 0.01}]") as gateway:
        got = await gateway.chat(max_tokens=20_000)
        error = got.body["error"]
        assert (got.status, error["code"]) == (400, "request_exceeds_limit")
        assert (error["limit"]["amount"], error["limit"]["scope"]) == (0.01, "all")
        assert error["limit"]["needs"] == pytest.approx(0.16, abs=0.01)


async def test_end_users_are_counted_by_themselves(tmp_path: Path) -> None:
    async with limited(
        tmp_path, "limits: [{on: requests, per: day, amount: 1, each: user}]"
    ) as gateway:
        users = ["ann", "bob", "ann", "", ""]
        statuses = [(await gateway.chat(user=user)).status for user in users]
        assert statuses == [200, 200, 429, 200, 429]
        assert "ann" not in str(await gateway.rows())


async def test_so_many_at_a_time_and_then_again(tmp_path: Path) -> None:
    slow = json_answer(openai_completion())
    async with limited(
        tmp_path, "limits: [{on: concurrency, amount: 3}]", [Pause(0.3), *slow]
    ) as gateway:
        for _ in range(2):
            answers = await asyncio.gather(*(gateway.chat() for _ in range(8)))
            assert Counter(a.status for a in answers) == {200: 3, 429: 5}
        refused = next(a for a in answers if a.status == 429)
        assert (refused.headers["retry-after"], refused.headers["x-should-retry"]) == ("1", "true")


async def test_a_team_is_counted_together_and_a_persona_by_itself(tmp_path: Path) -> None:
    policy = """
teams: {blue: {limits: [{on: requests, per: day, amount: 3}]}}
limits: [{on: requests, per: day, amount: 2, persona: q}]
"""
    async with limited(tmp_path, policy) as gateway:
        _, one = await gateway.new_key(team="blue")
        _, two = await gateway.new_key(team="blue")
        _, other = await gateway.new_key()
        asked = [("p", one), ("p", two), ("p", one), ("p", two), ("p", other), ("q", other)]
        statuses = [(await gateway.chat(model, key)).status for model, key in asked]
        assert statuses == [200, 200, 200, 429, 200, 200]
        assert [(await gateway.chat("q", other)).status for _ in range(2)] == [200, 429]
        refused = await gateway.chat("p", two)
        assert refused.headers["x-llm-router-limit"] == "team/blue/requests/day"
        assert "(team blue, day)" in refused.body["error"]["message"]


async def test_a_limit_that_warns_refuses_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with limited(
        tmp_path, "limits: [{on: requests, per: day, amount: 2, when_reached: warn}]"
    ) as gateway:
        assert {(await gateway.chat()).status for _ in range(4)} == {200}
        assert len(await gateway.rows()) == 4
        assert [r.getMessage() for r in caplog.records if "% of the limit" in r.getMessage()] != []


@pytest.mark.parametrize("told", [True, False])
async def test_answers_say_what_is_left_of_the_tightest_budget_where_they_are_to(
    tmp_path: Path, told: bool
) -> None:
    """An answer costs 22,000 nano-USD; the day's budget is tighter than the month's."""
    limits = "limits: [{on: usd, per: day, amount: 0.5}, {on: usd, per: month, amount: 9}]"
    policy = f"{limits}\nreport_budget: {str(told).lower()}"
    async with limited(tmp_path, policy) as gateway:
        await gateway.chat()
        await gateway.admission.queue.book()
        headers = (await gateway.chat()).headers
        found = {name: headers[name] for name in headers if "budget" in name}
        assert found == (
            {
                "x-llm-router-budget-limit-usd": "0.500000",
                "x-llm-router-budget-remaining-usd": "0.499956",
            }
            if told
            else {}
        )


async def test_every_answer_says_how_much_of_a_minute_is_left(tmp_path: Path) -> None:
    policy = (
        "limits: [{on: requests, per: minute, amount: 5}, {on: tokens, per: minute, amount: 90000}]"
    )
    async with limited(tmp_path, policy) as gateway:
        headers = (await gateway.chat()).headers
        assert headers["x-ratelimit-limit-requests"] == "5"
        assert headers["x-ratelimit-remaining-requests"] == "4"
        assert headers["x-ratelimit-reset-requests"].endswith("s")
        assert headers["x-ratelimit-limit-tokens"] == "90000"
        assert 0 < int(headers["x-ratelimit-remaining-tokens"]) < 90_000


ONE = {
    "requests": "limits: [{on: requests, per: hour, amount: 1}]",
    "money": "limits: [{on: usd, per: hour, amount: 0.27}, {on: requests, per: day, amount: 1}]",
}
TOLD: dict[str, tuple[str, int, str, str]] = {
    "chat": ("/v1/chat/completions", 429, "rate_limit_exceeded", "insufficient_quota"),
    "native": ("/api/v1/chat", 429, "rate_limit_exceeded", "insufficient_quota"),
    "responses": ("/v1/responses", 429, "rate_limit_exceeded", "insufficient_quota"),
    "messages": ("/v1/messages", 429, "rate_limit_error", "rate_limit_error"),
    "gemini": ("/v1beta/models/p:generateContent", 429, "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"),
}
BODIES: dict[str, Any] = {
    "chat": {"model": "p", "messages": HI},
    "native": {"persona": "p", "messages": HI},
    "responses": {"model": "p", "input": "hi"},
    "messages": {"model": "p", "messages": HI, "max_tokens": 10},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}


def code_of(error: Any) -> str:
    """What a client of the API looks at."""
    return str(error.get("code") if isinstance(error.get("code"), str) else
               error.get("status") or error.get("type"))  # fmt: skip


@pytest.mark.parametrize("api", TOLD)
async def test_a_refusal_speaks_the_callers_language(tmp_path: Path, api: str) -> None:
    path, status, code, quota = TOLD[api]
    for number, (limits, expected) in enumerate(zip(ONE.values(), (code, quota), strict=True)):
        async with limited(tmp_path / str(number), limits) as gateway:
            assert (await gateway.ask(path, BODIES[api])).status == 200
            got = await gateway.ask(path, BODIES[api])
            assert (got.status, code_of(got.body["error"])) == (status, expected)
            assert int(got.headers["retry-after"]) > 0
            assert "x-llm-router-limit" in got.headers
            assert len(gateway.fake.received) == 1
            if expected == "insufficient_quota" or (api == "messages" and number):
                assert got.headers["x-should-retry"] == "false"


async def test_official_clients_raise_their_own_class_and_do_not_hammer(tmp_path: Path) -> None:
    async with limited(tmp_path, "limits: [{on: requests, per: day, amount: 1}]") as gateway:
        assert (await gateway.chat()).status == 200
        url = gateway.running.url
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=3) as client:
            with pytest.raises(openai.RateLimitError) as refused:
                await client.chat.completions.create(model="p", messages=HI)  # type: ignore[arg-type]
            assert refused.value.code == "insufficient_quota"
            with pytest.raises(openai.RateLimitError):
                await client.responses.create(model="p", input="hi")
        async with anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=3) as claude:
            with pytest.raises(anthropic.RateLimitError):
                await claude.messages.create(model="p", messages=HI, max_tokens=5)  # type: ignore[arg-type]
        google = genai.Client(api_key="k", http_options={"base_url": url})
        with pytest.raises(google_errors.ClientError) as told:
            await asyncio.to_thread(google.models.generate_content, model="p", contents="hi")
        assert told.value.code == 429
        refusals = [e for e in gateway.running.events if getattr(e, "status", None) == 429]
        assert len(refusals) == 4


async def test_inputs_of_embeddings_are_counted_where_the_estimate_does_not_tell(
    tmp_path: Path,
) -> None:
    """100 times " the" are 100 tokens, and estimated to be more; 32 are held around them."""
    personas = """
personas:
  e: {description: d, targets: [openai/text-embedding-3-small]}
"""
    answer = {
        "object": "list", "model": "served",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.6, -0.8]}],
        "usage": {"prompt_tokens": 100, "total_tokens": 100},
    }  # fmt: skip
    for amount, status in ((132, 200), (131, 400)):
        limits = f"limits: [{{on: tokens, per: day, amount: {amount}}}]"
        async with limited(
            tmp_path / str(amount), limits, json_answer(answer), personas=personas
        ) as gateway:
            text = {"model": "e", "input": " the" * 100}
            assert (await gateway.ask("/v1/embeddings", text)).status == status
            ids = {"model": "e", "input": [[279] * 100]}
            assert (await gateway.ask("/v1/embeddings", ids)).status == (
                429 if status == 200 else 400
            )


async def test_embeddings_are_counted(tmp_path: Path) -> None:
    personas = """
personas:
  e: {description: d, targets: [openai/text-embedding-3-small]}
"""
    answer = json_answer({
        "object": "list", "model": "e", "usage": {"prompt_tokens": 4, "total_tokens": 4},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.6, -0.8]}],
    })  # fmt: skip
    async with limited(
        tmp_path, "limits: [{on: requests, per: day, amount: 1}, {on: usd, per: day, amount: 1}]",
        answer, personas=personas,
    ) as gateway:  # fmt: skip
        body = {"model": "e", "input": "geese"}
        assert [(await gateway.ask("/v1/embeddings", body)).status for _ in range(2)] == [200, 429]
        (row,) = await gateway.rows()
        assert (row.input, row.cost, row.state) == (4, 80, "settled")


async def test_a_failed_request_gives_its_money_back(tmp_path: Path) -> None:
    failing = json_answer({"error": {"message": "no"}}, "500 Internal Server Error")
    async with limited(tmp_path, "limits: [{on: usd, per: day, amount: 0.3}]", failing) as gateway:
        assert {(await gateway.chat()).status for _ in range(5)} == {502}
        rows = await gateway.rows()
        assert [(row.state, row.cost) for row in rows] == [("free", 0)] * 5


async def test_what_is_left_at_the_end_stands_in_the_ledger_and_nothing_is_held(
    tmp_path: Path,
) -> None:
    async with limited(tmp_path, "limits: [{on: usd, per: day, amount: 1}]") as gateway:
        await asyncio.gather(*(gateway.chat(max_tokens=10) for _ in range(20)))
    rows = read_rows(tmp_path)
    assert [(row.state, row.cost) for row in rows] == [("settled", 22_000)] * 20
    assert list((tmp_path / "journal").iterdir()) == []


async def test_a_caller_who_leaves_while_room_is_made_holds_nothing(tmp_path: Path) -> None:
    async with limited(tmp_path, HUNDRED) as gateway:

        async def leave() -> None:
            with pytest.raises((TimeoutError, aiohttp.ClientError)):
                await asyncio.wait_for(gateway.chat(), 0.0005)

        await asyncio.gather(*(leave() for _ in range(30)))
        await asyncio.sleep(0.2)
        assert all(counter.held == 0 for counter in gateway.admission.pool)


async def test_metrics_tell_of_refusals_of_what_is_used_and_of_the_store(tmp_path: Path) -> None:
    """Neither a key nor an end user is a label."""
    policy = """
limits: [{on: requests, per: day, amount: 4}, {on: requests, per: hour, amount: 1, each: user}]
key_defaults: {limits: [{on: tokens, per: day, amount: 1000000}]}
"""
    async with limited(tmp_path, policy) as gateway:
        key_id, key = await gateway.new_key()
        assert (await gateway.chat(key=key, user="canary")).status == 200
        assert (await gateway.chat(key=key, user="canary")).status == 429
        await gateway.rows()
        text = (await gateway.ask("/metrics", method="GET")).body.decode()
        told = dict(line.rpartition(" ")[::2] for line in text.splitlines() if line[0] != "#")
        assert (
            told['llm_router_limit_rejections_total{on="requests",per="hour",scope="all+user"}']
            == "1.0"
        )
        assert told['llm_router_limit_used_ratio{limit="requests/day",scope="all"}'] == "0.25"
        assert told["llm_router_store_up"] == "1.0"
        assert told["llm_router_journal_backlog_rows"] == "0.0"
        assert float(told["llm_router_store_op_seconds_count"]) > 0
        assert key_id not in text
        assert "canary" not in text


async def test_a_gateway_whose_journal_cannot_be_written_is_not_ready_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a request may use is written down before it is sent, or it is not sent; unless the
    policy says otherwise.
    """

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    async with limited(tmp_path, HUNDRED) as gateway:
        with monkeypatch.context() as disk:
            disk.setattr("gateway.admission.journal.os.write", full)
            refused = await gateway.chat()
            assert (refused.status, refused.body["error"]["code"]) == (503, "limits_unavailable")
            told = await gateway.ask("/health/ready", method="GET")
            assert (told.status, told.body["status"]) == (503, "limits_unavailable")
            assert (told.body["limits"]["journal"], told.body["limits"]["store"]) == ("down", "up")
            when_down = WhenDown(budgets="open")
            gateway.admission.leases.when_down = when_down
            assert (await gateway.chat()).status == 200
            assert (await gateway.ask("/health/ready", method="GET")).status == 200
        await asyncio.sleep(0.3)  # it is tried beside requests
        told = await gateway.ask("/health/ready", method="GET")
        assert told.body["limits"] == {
            "store": "up", "journal": "up",
            "when_down": {"keys": "last_known", "limits": "last_known", "budgets": "open"},
        }  # fmt: skip
        assert len(await gateway.rows()) == 1
        assert all(counter.held == 0 for counter in gateway.admission.pool)
