"""POST /api/v1/tokens, and what answers teach it."""

import io
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.accounting import token_counter
from gateway.accounting.token_estimate import estimate_text
from gateway.api.auth import read
from tests.accounting.counting import count_texts
from tests.accounting.samples import SAMPLES
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps

TEXT = SAMPLES["english"] * 40
MESSAGES = [{"role": "user", "content": TEXT}]
KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"}


async def post(running: Running, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    data = io.BytesIO(dumps(body))
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}{path}",
            data=data,
            headers={"content-type": "application/json", **headers},
        ) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_request_is_weighed_for_each_target_of_its_persona() -> None:
    """In each model's own tokens, in either form of the request; no provider is called."""
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        status, answer = await post(
            running, "/api/v1/tokens", {"model": "all", "messages": MESSAGES}
        )
        _, native = await post(running, "/api/v1/tokens", {"persona": "all", "messages": MESSAGES})
        assert fake.received == []
        models = {p.name: p.models for p in running.gateway.config.providers.values()}
    assert (status, native) == (200, answer)
    estimated = answer["estimated_tokens"]
    assert answer["persona"] == "all"
    assert answer["exact"] == {"encoding": "o200k_base", "tokens": count_texts([TEXT]) + 5}
    assert estimated == pytest.approx(answer["exact"]["tokens"], rel=0.15)
    assert [(t["provider"], t["model"]) for t in answer["targets"]] == [
        ("openai", "gpt-4.1"),
        ("claude", "claude-sonnet-5"),
        ("gemini", "gemini-3.5-flash"),
    ]
    for target in answer["targets"]:
        model = models[target["provider"]][target["model"]]
        assert target["tokens"] == int(estimated * model.token_factor)
        assert (target["context_window"], target["max_output_tokens"]) == (
            model.record.context_window,
            model.record.max_output_tokens,
        )
        assert target["fits"]


async def test_what_does_not_fit_is_said_so_with_the_answer_asked_for() -> None:
    policy = POLICY + "  small: {description: d, targets: [openai/gpt-4o]}\n"
    messages = [{"role": "user", "content": "strange words about nothing in particular " * 14_000}]
    async with serving(KEYS, policy) as running:
        answers = [
            await post(running, "/api/v1/tokens", {"model": "small", "messages": messages, **more})
            for more in ({}, {"max_tokens": 16_000})
        ]
    assert [answer["targets"][0]["fits"] for _, answer in answers] == [True, False]


async def test_the_personas_own_prompt_is_counted() -> None:
    policy = (
        POLICY + f"  told: {{description: d, system_prompt: {TEXT!r}, targets: [openai/gpt-4.1]}}\n"
    )
    async with serving(KEYS, policy) as running:
        _, plain = await post(
            running, "/api/v1/tokens", {"model": "on_openai", "messages": MESSAGES}
        )
        _, told = await post(running, "/api/v1/tokens", {"model": "told", "messages": MESSAGES})
    assert told["exact"]["tokens"] > 1.9 * plain["exact"]["tokens"]


async def test_direct_models_and_errors_are_those_of_the_other_routes() -> None:
    async with serving(KEYS, access=read({"LLM_ROUTER_API_KEYS": "secret"})) as running:
        statuses = [
            (await post(running, "/api/v1/tokens", body, **headers))[0]
            for body, headers in [
                ({"model": "openai/gpt-4.1", "messages": MESSAGES}, {"x-api-key": "secret"}),
                ({"model": "all", "messages": MESSAGES}, {}),
                ({"model": "nobody", "messages": MESSAGES}, {"x-api-key": "secret"}),
                ({"model": "all", "messages": []}, {"x-api-key": "secret"}),
            ]
        ]
    assert statuses == [200, 401, 404, 400]


async def test_it_answers_for_a_megabyte_that_would_make_tiktoken_panic() -> None:
    async with serving(KEYS) as running:
        status, answer = await post(
            running,
            "/api/v1/tokens",
            {"model": "all", "messages": [{"role": "user", "content": " " * 1_200_000}]},
        )
    assert status == 200
    assert answer["exact"]["tokens"] > 5


async def test_near_a_limit_the_estimate_decides_where_nothing_can_be_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The estimate of these words is a third too high: counting decides otherwise."""
    policy = POLICY + "  two: {description: d, targets: [openai/gpt-4o, openai/gpt-4.1]}\n"
    words, window = "strange words about nothing in particular ", 128_000
    near_limit = words * next(
        n for n in range(10_000, 30_000, 10) if estimate_text(words * n) > 1.02 * window
    )
    assert count_texts([near_limit]) < 0.98 * window
    body = {"model": "two", "messages": [{"role": "user", "content": near_limit}]}
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), policy) as running,
    ):
        await post(running, "/v1/chat/completions", body)
        with monkeypatch.context() as broken:
            broken.setattr(token_counter, "WORKER", Path("no such file"))
            pid = running.gateway.counter.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            status, tokens = await post(running, "/api/v1/tokens", body)
            await post(running, "/v1/chat/completions", body)
    assert (status, tokens["exact"]) == (200, None)
    assert tokens["estimated_tokens"] > window
    assert [received.body["model"] for received in fake.received] == ["gpt-4o", "gpt-4.1"]


async def test_real_answers_correct_the_estimate_of_their_target() -> None:
    """Only where the plan had to estimate, and only of the target that served."""
    policy = POLICY + "  two: {description: d, targets: [openai/gpt-4o, openai/gpt-4o-mini]}\n"
    body = {
        "model": "two",
        "messages": [{"role": "user", "content": "a short word or two " * 12_000}],
    }
    completion = {
        **openai_completion(),
        "usage": {"prompt_tokens": 90_000, "completion_tokens": 2, "total_tokens": 90_002},
    }
    async with (
        fake_upstream(openai=json_answer(completion)) as fake,
        serving(fake.environ(), policy) as running,
    ):
        _, before = await post(running, "/api/v1/tokens", body)
        for _ in range(3):
            assert (await post(running, "/v1/chat/completions", body))[0] == 200
        _, after = await post(running, "/api/v1/tokens", body)
        assert running.gateway.state.learned.expected_output("two", "openai/gpt-4o") == 2
    assert before["targets"][0]["tokens"] < after["targets"][0]["tokens"] < 90_000
    assert before["targets"][1] == after["targets"][1]


async def test_the_cost_of_a_request_is_in_its_event_unless_the_tier_has_another_price() -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        for tier in ({}, {"service_tier": "default"}, {"service_tier": "flex"}):
            await post(
                running,
                "/v1/chat/completions",
                {"model": "on_openai", "messages": MESSAGES, **tier},
            )
    costs = [event.cost_nano_usd for event in running.events if hasattr(event, "cost_nano_usd")]
    assert costs == [22_000, 22_000, None]
