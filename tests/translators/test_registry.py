"""translators.registry: which of its two dialects an OpenAI model is spoken to in."""

from typing import Any

import pytest

from translators import claude, openai, responses
from translators.capabilities import ModelRecord, Thinking
from translators.chat.request import ChatRequest
from translators.notes import Note, losses
from translators.registry import dialect_for, is_open, wants_reasoning_back

TOOLS = {"tools": [{"type": "function", "function": {"name": "f"}}]}


def record(way: Any, on_by_default: bool = True, levels: Any = ("none", "low")) -> ModelRecord:
    thinking = Thinking(kind="effort", on_by_default=on_by_default, levels=levels)
    return ModelRecord(context_window=1, max_output_tokens=1, responses=way, thinking=thinking)


@pytest.mark.parametrize(
    ("model", "body", "dialect"),
    [
        (record("never"), TOOLS, openai),
        (record("always"), {}, responses),
        (record("with_tools"), {}, openai),
        (record("with_tools"), TOOLS, responses),
        (record("with_tools"), {"functions": [{"name": "f"}]}, responses),
        (record("with_tools"), {"tools": [{"type": "custom", "custom": {"name": "f"}}]}, openai),
        (record("with_tools"), {**TOOLS, "reasoning_effort": "none"}, openai),
        (record("with_tools", levels=("low",)), {**TOOLS, "reasoning_effort": "none"}, responses),
        (record("with_tools", on_by_default=False), TOOLS, openai),
        (
            record("with_tools", on_by_default=False),
            {**TOOLS, "reasoning_effort": "low"},
            responses,
        ),
    ],
)
def test_openais_two_dialects(model: ModelRecord, body: dict[str, Any], dialect: Any) -> None:
    assert dialect_for("openai", model, {"model": "m", "messages": [], **body}) is dialect


def test_other_dialects_have_one() -> None:
    assert dialect_for("claude", record("always"), TOOLS) is claude


def test_what_strict_mode_refuses() -> None:
    notes = [Note(kind, kind, "") for kind in ("dropped", "changed", "emulated", "repaired")]
    assert [note.kind for note in losses(notes)] == ["dropped", "changed"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, False),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}},
            },
            True,
        ),
        ({"type": "array", "items": {"type": "object"}}, True),
        ({"type": "array", "items": {"$ref": "#"}}, True),
        ({"enum": [{"a": 1}]}, True),
        ({}, False),
    ],
)
def test_which_schemas_are_open(schema: dict[str, Any], expected: bool) -> None:
    assert is_open(schema) is expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, True),
        ({"forced_tool_choice": "no"}, False),
        ({"forced_tool_choice": "without_thinking"}, True),
        (
            {
                "forced_tool_choice": "without_thinking",
                "thinking": Thinking(kind="adaptive", on_by_default=True, switch_off="never"),
            },
            False,
        ),
    ],
)
def test_who_can_be_made_to_call_a_tool(facts: dict[str, Any], expected: bool) -> None:
    assert ModelRecord(context_window=1, max_output_tokens=1, **facts).can_force_tools is expected


ON = Thinking(kind="adaptive", on_by_default=True, switch_off="disabled")
ASKED = Thinking(kind="budget")
ALWAYS = Thinking(kind="adaptive", on_by_default=True, switch_off="never")


def facts(**of: Any) -> ModelRecord:
    return ModelRecord(context_window=1, max_output_tokens=1, **of)


@pytest.mark.parametrize(
    ("dialect", "model", "body", "expected"),
    [
        ("claude", facts(), {}, False),
        ("claude", facts(), {"reasoning_effort": "high"}, False),
        ("claude", facts(thinking=ON), {}, True),
        ("claude", facts(thinking=ON), {"reasoning_effort": "none"}, False),
        ("claude", facts(thinking=ON), {"thinking": {"type": "disabled"}}, False),
        ("claude", facts(thinking=ON), {"reasoning": {"enabled": False}}, False),
        ("claude", facts(thinking=ALWAYS), {"reasoning_effort": "none"}, True),
        ("claude", facts(thinking=ASKED), {}, False),
        ("claude", facts(thinking=ASKED), {"reasoning_effort": "low"}, True),
        (
            "claude",
            facts(thinking=ASKED),
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            True,
        ),
        ("claude", facts(thinking=ASKED), {"reasoning": {"effort": "low"}}, True),
        ("gemini", facts(signatures="required"), {}, True),
        ("gemini", facts(signatures="optional"), {}, False),
        ("openai", record("never"), {}, False),
        ("openai", record("always"), {}, True),
        ("openai", record("with_tools"), {}, True),
        ("openai", record("with_tools"), {"reasoning_effort": "none"}, False),
    ],
)
def test_who_wants_its_reasoning_back(
    dialect: str, model: ModelRecord, body: dict[str, Any], expected: bool
) -> None:
    assert (
        wants_reasoning_back(
            dialect, model, ChatRequest({"model": "m", "messages": [], **TOOLS, **body})
        )
        is expected
    )
