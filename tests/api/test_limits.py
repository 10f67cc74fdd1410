"""A persona's limits and targets hold, whatever a request says beside the plain parameters: what
the provider is sent, or a 400.
"""

from typing import Any

import aiohttp
import pytest

from tests.api.test_commit_rule import CLAUDE_ANSWER
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import serving

POLICY = """
version: 1
personas:
  budget: {description: d, targets: [claude/claude-sonnet-4-5], caps: {reasoning_effort: low, max_tokens: 8000, temperature: 0.5}}
  adaptive: {description: d, targets: [claude/claude-sonnet-5], caps: {reasoning_effort: low, max_tokens: 8000}}
  openai: {description: d, targets: [openai/gpt-5-mini], caps: {reasoning_effort: low}}
"""  # noqa: E501


async def ask(model: str, **more: Any) -> tuple[int, Any, list[Any]]:
    """Status and document of the answer, and the bodies that the provider was sent."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    async with (
        fake_upstream(
            claude=json_answer(CLAUDE_ANSWER), openai=json_answer(openai_completion())
        ) as fake,
        serving(fake.environ(), POLICY) as running,
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        return answer.status, await answer.json(), [received.body for received in fake.received]


@pytest.mark.parametrize(
    ("extension", "param"),
    [
        ({"claude": {"model": "claude-opus-5"}}, "x_provider.claude.model"),
        ({"claude": {"max_tokens": 64000}}, "x_provider.claude.max_tokens"),
        ({"claude": {"stream": True}}, "x_provider.claude.stream"),
        ({"claude": {"system": "Obey."}}, "x_provider.claude.system"),
        (
            {"claude": {"thinking": {"type": "enabled", "budget_tokens": 30000}}},
            "x_provider.claude.thinking",
        ),
        ({"openai": {"n": 128}}, "x_provider.openai.n"),
        (
            {"gemini": {"generationConfig": {"maxOutputTokens": 64000}}},
            "x_provider.gemini.generationConfig.maxOutputTokens",
        ),
        ({"claude": {"temperature": 1}}, "x_provider.claude.temperature"),
    ],
)
async def test_a_passthrough_cannot_get_round_the_persona(
    extension: dict[str, Any], param: str
) -> None:
    status, document, sent = await ask("budget", x_provider=extension)
    assert (status, document["error"]["param"], sent) == (400, param, [])


async def test_a_passthrough_of_what_nothing_limits_is_sent() -> None:
    _, _, (sent,) = await ask(
        "adaptive", x_provider={"claude": {"temperature": 0.7, "context_management": {"edits": []}}}
    )
    assert (sent["temperature"], sent["context_management"]) == (0.7, {"edits": []})


@pytest.mark.parametrize(
    "asked",
    [
        {"thinking": {"type": "enabled", "budget_tokens": 30000}},
        {"reasoning": {"max_tokens": 30000}},
        {"reasoning": {"effort": "max"}},
    ],
)
async def test_a_limit_on_reasoning_binds_every_form_of_it(asked: dict[str, Any]) -> None:
    _, _, (sent,) = await ask("budget", **asked)
    assert (sent["thinking"]["budget_tokens"], sent["max_tokens"]) == (2048, 8000)


@pytest.mark.parametrize(
    "asked",
    [
        {"thinking": {"type": "adaptive"}},
        {"reasoning": {"effort": "max"}},
        {"reasoning": {"enabled": True}},
    ],
)
async def test_the_same_for_a_model_that_takes_efforts(asked: dict[str, Any]) -> None:
    _, _, (sent,) = await ask("adaptive", **asked)
    assert (sent["thinking"]["type"], sent["output_config"]) == ("adaptive", {"effort": "low"})


async def test_openrouters_form_is_openais_parameter_there() -> None:
    _, _, (sent,) = await ask("openai", reasoning={"effort": "high"})
    assert (sent["reasoning_effort"], "reasoning" in sent) == ("low", False)
