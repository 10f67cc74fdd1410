"""Capability records of real models, one for each way in which they differ."""

from dataclasses import replace
from typing import Any

from translators.capabilities import ModelRecord, Thinking

_LEVELS = ("low", "medium", "high", "xhigh", "max")
_CAPABILITIES = frozenset(
    {
        "streaming",
        "tool_calling",
        "parallel_tool_calls",
        "vision",
        "pdf",
        "json_schema",
        "reasoning",
    }
)

_OLD = ModelRecord(
    context_window=200_000,
    max_output_tokens=64_000,
    capabilities=_CAPABILITIES,
    thinking=Thinking(kind="budget", min_budget=1024, max_budget=32_768),
    sampling="exclusive",
    forced_tool_choice="without_thinking",
    prefill=True,
)
_NEW = ModelRecord(
    context_window=1_000_000,
    max_output_tokens=128_000,
    capabilities=_CAPABILITIES,
    thinking=Thinking(kind="adaptive", levels=_LEVELS),
    sampling="refused",
    api_version="2026-10-21",
)

_ON = replace(
    _NEW,
    thinking=Thinking(kind="adaptive", levels=_LEVELS, on_by_default=True, switch_off="disabled"),
)
_CAPPED = replace(_ON, thinking=replace(_ON.thinking, off_max_effort="high"))
_ALWAYS = replace(
    _NEW,
    thinking=Thinking(kind="adaptive", levels=_LEVELS, on_by_default=True, switch_off="never"),
    mid_system="native",
    forced_tool_choice="no",
    binds_thinking=True,
)
_BOTH = replace(
    _NEW,
    thinking=Thinking(kind="adaptive", levels=("low", "medium", "high", "max")),
    sampling="full",
    forced_tool_choice="without_thinking",
    api_version=None,
)

RECORDS: dict[str, ModelRecord] = {
    "claude-haiku-4-5": _OLD,
    "claude-sonnet-4-5": _OLD,
    "claude-opus-4-5": replace(
        _OLD, thinking=replace(_OLD.thinking, levels=("low", "medium", "high"))
    ),
    "claude-sonnet-4-6": _BOTH,
    "claude-opus-4-6": _BOTH,
    "claude-opus-4-8": replace(_NEW, mid_system="native"),
    "claude-sonnet-5": _ON,
    "claude-opus-5": replace(_CAPPED, mid_system="native"),
    "claude-haiku-5-5": _CAPPED,
    "claude-sonnet-5-5": replace(
        _CAPPED,
        thinking=replace(_CAPPED.thinking, switch_off="between_tools"),
        forced_tool_choice="no",
        binds_thinking=True,
    ),
    "claude-opus-5-5": _ALWAYS,
    "claude-fable-5-1": _ALWAYS,
}


def record(model: str, overrides: dict[str, Any]) -> ModelRecord:
    """The record of `model` with some fields changed, in the words of JSON."""
    changed = dict(overrides)
    base = RECORDS[model]
    if "thinking" in changed:
        changed["thinking"] = replace(base.thinking, **changed["thinking"])
    for name in ("capabilities", "unsupported"):
        if name in changed:
            changed[name] = frozenset(changed[name])
    return replace(base, **changed)
