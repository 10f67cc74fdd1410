"""translators.registry: which of its two dialects an OpenAI model is spoken to in."""

from typing import Any

import pytest

from translators import claude, openai, responses
from translators.chat.request import ChatRequest
from translators.dialect import ModelRecord, Note, Thinking, losses
from translators.registry import dialect_for

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
        (record("with_tools", on_by_default=False), {**TOOLS, "reasoning_effort": "low"}, responses),
    ],
)
def test_openais_two_dialects(model: ModelRecord, body: dict[str, Any], dialect: Any) -> None:
    assert dialect_for("openai", model, ChatRequest({"model": "m", "messages": [], **body})) is dialect


def test_other_dialects_have_one() -> None:
    assert dialect_for("claude", record("always"), ChatRequest(TOOLS)) is claude


def test_what_strict_mode_refuses() -> None:
    notes = [Note(kind, kind, "") for kind in ("dropped", "changed", "emulated", "repaired")]
    assert [note.kind for note in losses(notes)] == ["dropped", "changed"]
