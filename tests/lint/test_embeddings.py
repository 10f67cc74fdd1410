"""Personas and models of embeddings: one space, one kind, and nothing without effect."""

from typing import Any

import pytest
import yaml

from gateway.config import ConfigError
from tests.serving import config_of

CAPABILITIES = """
version: 1
providers:
  here:
    dialect: openai
    base_url: http://here.example/v1
    models:
      small:
        capabilities: [embeddings]
        embedding: {space: one, dimensions: 8, shorten: cut, min_dimensions: 2, max_input_tokens: 50}
        cost_tier: low
        prices: [{valid_from: 2026-11-01, input: 1}]
      same: {like: small, cost_tier: low}
      large: {like: small, embedding: {space: two, dimensions: 8}}
      alone: {like: small, embedding: {dimensions: 8}}
      chat: {context_window: 100, max_output_tokens: 10, cost_tier: low}
"""  # noqa: E501


def problems(
    persona: dict[str, Any], model: dict[str, Any] | None = None, dialect: str = "openai"
) -> list[str]:
    capabilities = yaml.safe_load(CAPABILITIES)
    here = capabilities["providers"]["here"]
    here["dialect"] = dialect
    here["models"]["small"].update(model or {})
    policy = {"version": 1, "personas": {"p": {"description": "d", **persona}}}
    try:
        config_of(yaml.safe_dump(policy), {}, yaml.safe_dump(capabilities))
    except ConfigError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "persona",
    [
        {"targets": ["here/small"]},
        {
            "targets": ["here/small", "here/same"],
            "strategy": "weighted",
            "defaults": {"dimensions": 4},
            "params": "strict",
        },
        {"targets": ["here/small", "here/large"], "equivalent": True},
        {"targets": ["here/small"], "requires": ["embeddings"], "max_price": 1},
    ],
)
def test_a_persona_of_one_space_is_taken(persona: dict[str, Any]) -> None:
    assert problems(persona) == []


def test_a_model_of_embeddings_needs_no_window_and_no_price_of_answers() -> None:
    model = (
        config_of("version: 1\npersonas: {p: {targets: [here/small]}}", {}, CAPABILITIES)
        .providers["here"]
        .models["small"]
    )
    assert (model.record.context_window, model.prices[0].output) == (50, 0)


@pytest.mark.parametrize(
    ("persona", "said"),
    [
        (
            {"targets": ["here/small", "here/large"]},
            "vectors of here/small and here/large cannot stand for each other",
        ),
        (
            {"targets": ["here/alone", "here/small"]},
            "vectors of here/alone and here/small cannot stand for each other",
        ),
        (
            {
                "targets": ["here/small"],
                "rules": [{"name": "r", "when": {"key": ["12345678"]}, "targets": ["here/large"]}],
            },
            "vectors of here/small and here/large cannot stand for each other",
        ),
        (
            {"targets": ["here/small", "here/chat"]},
            "'here/small' makes embeddings and 'here/chat' does not: a persona is of one kind",
        ),
        (
            {"targets": ["here/small"], "equivalent": True},
            "has no effect: all targets are of one space",
        ),
        (
            {"targets": ["here/chat"], "equivalent": True},
            "has no effect: no target makes embeddings",
        ),
        (
            {"targets": ["here/small"], "system_prompt": "be kind"},
            "has no effect: the persona makes embeddings",
        ),
        (
            {"targets": ["here/small"], "cache": {"ttl": 60}},
            "has no effect: the persona makes embeddings",
        ),
        (
            {"targets": ["here/small"], "defaults": {"dimensions": 9}},
            "here/small: This model's embeddings have at most 8 dimensions, not 9.",
        ),
        (
            {"targets": ["here/small"], "defaults": {"dimensions": 0}},
            "must be a number of dimensions, at least 1, not 0",
        ),
    ],
)
def test_what_cannot_be_is_a_problem(persona: dict[str, Any], said: str) -> None:
    assert said in problems(persona)


def test_a_default_of_chat_is_unknown() -> None:
    (said,) = problems({"targets": ["here/small"], "defaults": {"temperature": 1}})
    assert said.startswith("unknown parameter of embeddings 'temperature'")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"capabilities": []}, "must hold 'embeddings' where there is 'embedding', and only there"),
        (
            {"capabilities": ["embeddings", "streaming"]},
            "holds 'streaming': a model of embeddings does nothing else",
        ),
        ({"embedding": {"space": "one", "dimensions": 0}}, "must be at least 1, not 0"),
        (
            {"embedding": {"space": "one", "dimensions": 8, "min_dimensions": 9}},
            "must be at most the dimensions (8), not 9",
        ),
    ],
)
def test_facts_that_contradict_each_other_are_problems(model: dict[str, Any], said: str) -> None:
    assert said in problems({"targets": ["here/chat"]}, model)


def test_claude_has_no_embeddings() -> None:
    assert "has no meaning for the dialect 'claude', which has no embeddings" in problems(
        {"targets": ["here/chat"]}, None, "claude"
    )
