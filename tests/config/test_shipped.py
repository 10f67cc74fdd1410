"""The two files as they ship: they load, and their facts hang together."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from gateway.config import (
    ApiKey,
    Backoff,
    Balance,
    BreakerSettings,
    Concurrency,
    Condition,
    Config,
    Hedge,
    MediaFetch,
    Model,
    OnFailure,
    Persona,
    Price,
    PriceTier,
    Provider,
    Resilience,
    RetryBudget,
    Rule,
    ServerSettings,
    TargetRef,
    TimeoutOverrides,
    Timeouts,
    TimeWindow,
    TlsFiles,
)
from gateway.config.conditions import TokenRange
from gateway.config.providers import Auth
from gateway.config.schema import keys_of
from gateway.config.server import PolicyFile
from gateway.revisions.load import load
from gateway.routing.personas import apply
from translators.capabilities import ModelRecord, Thinking
from translators.chat.request import ChatRequest
from translators.dialect import Target
from translators.notes import losses
from translators.registry import DIALECTS

CONFIG: Final = load(Path(__file__).parents[2] / "config", {})
TODAY: Final = date(2026, 11, 24)
TIER_CEILINGS: Final = {"low": 3, "medium": 12, "high": 1000}


def models(config: Config) -> Iterator[tuple[str, Model]]:
    for provider in config.providers.values():
        for model in provider.models.values():
            yield f"{provider.name}/{model.id}", model


def test_the_four_personas() -> None:
    assert list(CONFIG.personas) == ["code_assistant", "chatbot", "analyst", "creative_writer"]


@pytest.mark.parametrize("persona", CONFIG.personas.values(), ids=lambda p: p.name)
def test_every_persona_is_described_and_has_targets_at_all_three_providers(
    persona: Persona,
) -> None:
    assert persona.description
    assert persona.system_prompt
    assert {target.provider for target in persona.targets} == {"claude", "openai", "gemini"}


@pytest.mark.parametrize("persona", CONFIG.personas.values(), ids=lambda p: p.name)
def test_every_rule_has_targets_at_more_than_one_provider(persona: Persona) -> None:
    for rule in persona.rules:
        assert len({target.provider for target in rule.targets or persona.targets}) > 1


def test_how_the_personas_choose() -> None:
    assert {name: persona.strategy for name, persona in CONFIG.personas.items()} == {
        "code_assistant": "priority", "chatbot": "cost", "analyst": "priority",
        "creative_writer": "priority",
    }  # fmt: skip
    assert CONFIG.personas["code_assistant"].hedge == Hedge(quantile=0.95)
    assert [rule.name for rule in CONFIG.personas["analyst"].rules] == ["long-documents"]
    assert [name for name, persona in CONFIG.personas.items() if persona.resume] == [
        "creative_writer"
    ]


def test_the_settings_that_are_written_out_are_the_defaults() -> None:
    assert (CONFIG.server, CONFIG.resilience) == (ServerSettings(), Resilience())


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        (
            "persona_policy.yaml",
            [PolicyFile, Persona, Rule, Condition, TokenRange, TimeWindow, TargetRef,
             TimeoutOverrides, Balance, OnFailure, Backoff, Hedge,
             ServerSettings, MediaFetch, Resilience, BreakerSettings, RetryBudget],
        ),
        ("capabilities.yaml", [Provider, Auth, ApiKey, TlsFiles, Model, Concurrency, Timeouts,
         ModelRecord, Thinking, Price,
             PriceTier]),
    ],
)  # fmt: skip
def test_every_key_stands_in_its_file(file: str, rows: list[type]) -> None:
    text = (CONFIG.directory / file).read_text("utf-8")
    assert [
        f"{row.__name__}.{key}"
        for row in rows
        for key in sorted(keys_of(row))
        if not re.search(rf"\b{key}\b", text)
    ] == []


def test_personas_begin_with_different_providers() -> None:
    assert {name: persona.targets[0].provider for name, persona in CONFIG.personas.items()} == {
        "code_assistant": "claude", "chatbot": "openai", "analyst": "gemini",
        "creative_writer": "claude",
    }  # fmt: skip


def test_no_target_is_switched_off_within_a_year() -> None:
    known = dict(models(CONFIG))
    soon = [
        str(target)
        for persona in CONFIG.personas.values()
        for target in persona.every_target()
        if (day := known[str(target)].retirement) is not None and (day - TODAY).days < 365
    ]
    assert soon == []


@pytest.mark.parametrize("persona", CONFIG.personas.values(), ids=lambda p: p.name)
@pytest.mark.parametrize("with_tools", [False, True], ids=["plain", "tools"])
def test_no_target_loses_a_personas_own_defaults(persona: Persona, with_tools: bool) -> None:
    """Else every answer would report a loss of something that the caller never asked for, and
    strict callers would get none.
    """
    tools = {
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
            }
        ]
    }
    body = {
        "model": persona.name,
        "messages": [{"role": "user", "content": "hi"}],
        **(tools if with_tools else {}),
    }
    request, notes = apply(persona, ChatRequest(body))
    lost = {"the caps": losses(notes)}
    for ref in persona.every_target():
        provider = CONFIG.providers[ref.provider]
        record = provider.models[ref.model].record
        if with_tools and not record.can("tool_calling"):
            continue
        target = Target(
            provider.name, provider.dialect, provider.base_url, ref.model, record, "key"
        )
        lost[str(ref)] = losses(DIALECTS[provider.dialect].build_request(request, target).notes)
    assert {where: found for where, found in lost.items() if found} == {}


def test_providers_are_where_their_vendors_say() -> None:
    assert {
        p.name: (p.dialect, p.base_url, p.key_variables) for p in CONFIG.providers.values()
    } == {
        "claude": ("claude", "https://api.anthropic.com", ("ANTHROPIC_API_KEY",)),
        "openai": ("openai", "https://api.openai.com/v1", ("OPENAI_API_KEY",)),
        "gemini": ("gemini", "https://generativelanguage.googleapis.com", ("GEMINI_API_KEY",)),
    }


def test_the_environment_moves_providers() -> None:
    environ = {
        "OPENAI_BASE_URL": "http://o/v1",
        "ANTHROPIC_BASE_URL": "http://a",
        "GEMINI_BASE_URL": "http://g",
    }
    config = load(CONFIG.directory, environ)
    assert {p.name: p.base_url for p in config.providers.values()} == {
        "openai": "http://o/v1",
        "claude": "http://a",
        "gemini": "http://g",
    }


def test_cost_tiers_follow_the_dearest_price_per_output_token() -> None:
    def tier(model: Model) -> str:
        dearest = max(price.output for price in model.prices)
        return next(name for name, ceiling in TIER_CEILINGS.items() if dearest <= ceiling)

    wrong = {
        name: (model.cost_tier, tier(model))
        for name, model in models(CONFIG)
        if model.prices and model.cost_tier != tier(model)
    }
    assert wrong == {}


def test_models_without_a_known_price_are_these() -> None:
    assert sorted(name for name, model in models(CONFIG) if model.price_at(TODAY) is None) == [
        "claude/claude-fable-5-2", "claude/claude-mythos-5-2", "gemini/gemini-4-hydrogen",
    ]  # fmt: skip


def test_nothing_that_is_switched_off_is_listed() -> None:
    assert [
        name
        for name, model in models(CONFIG)
        if model.retirement is not None and model.retirement < TODAY
    ] == []


def test_a_price_that_rises_soon() -> None:
    argon = CONFIG.providers["gemini"].models["gemini-4-argon"]
    prices = [argon.price_at(day) for day in (date(2026, 11, 30), date(2026, 12, 1))]
    assert [price and price.output for price in prices] == [10, 20]


def test_the_six_claude_models_that_cannot_be_forced_to_call_a_tool() -> None:
    found = {name for name, model in models(CONFIG) if model.record.forced_tool_choice == "no"}
    assert found == {
        "claude/claude-fable-5-1", "claude/claude-fable-5-2", "claude/claude-mythos-5-1",
        "claude/claude-mythos-5-2",
        "claude/claude-opus-5-5", "claude/claude-sonnet-5-5",
    }  # fmt: skip


def test_only_claude_must_be_told_an_open_schema_in_words() -> None:
    assert {
        name.partition("/")[0] for name, model in models(CONFIG) if not model.record.open_schemas
    } == {"claude"}
    assert all(
        not model.record.open_schemas
        for name, model in models(CONFIG)
        if name.startswith("claude/")
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude/claude-opus-4-5", "budget off=omit 1024..32768 low,medium,high"),
        ("claude/claude-haiku-4-5", "budget off=omit 1024..32768"),
        ("claude/claude-sonnet-4-6", "adaptive off=omit low,medium,high,max"),
        ("claude/claude-opus-4-8", "adaptive off=omit low,medium,high,xhigh,max"),
        ("claude/claude-opus-5", "adaptive on off=disabled<=high low,medium,high,xhigh,max"),
        ("claude/claude-sonnet-5", "adaptive on off=disabled low,medium,high,xhigh,max"),
        ("claude/claude-haiku-5-5", "adaptive on off=disabled<=high low,medium,high,xhigh,max"),
        (
            "claude/claude-sonnet-5-5",
            "adaptive on off=between_tools<=high low,medium,high,xhigh,max",
        ),
        ("claude/claude-opus-5-5", "adaptive on off=never low,medium,high,xhigh,max"),
        ("openai/gpt-5-mini", "effort on off=never minimal,low,medium,high"),
        ("openai/gpt-5.1", "effort off=omit none,low,medium,high"),
        ("openai/gpt-5.4", "effort off=omit none,low,medium,high,xhigh"),
        ("openai/gpt-6-luna", "effort on off=omit none,low,medium,high,xhigh"),
        ("openai/gpt-6.1-sol", "effort on off=never low,medium,high,xhigh"),
        ("openai/o3", "effort on off=never low,medium,high"),
        ("openai/gpt-4.1", "none off=omit"),
        ("gemini/gemini-2.5-pro", "budget on off=never 128..32768"),
        ("gemini/gemini-2.5-flash", "budget on off=zero 0..24576"),
        ("gemini/gemini-2.5-flash-lite", "budget off=zero 512..24576"),
        ("gemini/gemini-3.5-flash", "level on off=never minimal,low,medium,high"),
        ("gemini/gemini-3.6-flash", "level on off=never minimal,low,medium,high"),
        ("gemini/gemini-3.1-pro-preview", "level on off=never low,medium,high"),
        ("gemini/gemini-4-argon", "level on off=never low,medium,high"),
        ("gemini/gemma-4-31b-it", "none off=omit"),
    ],
)
def test_how_models_think(model: str, expected: str) -> None:
    thinking = dict(models(CONFIG))[model].record.thinking
    off = f"off={thinking.switch_off}" + (
        f"<={thinking.off_max_effort}" if thinking.off_max_effort else ""
    )
    budget = f"{thinking.min_budget}..{thinking.max_budget}" if thinking.kind == "budget" else ""
    told = [
        thinking.kind,
        "on" if thinking.on_by_default else "",
        off,
        budget,
        ",".join(thinking.levels),
    ]
    assert " ".join(filter(None, told)) == expected
