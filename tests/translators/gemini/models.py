"""Capability records of real models, one for each way in which they differ."""

from dataclasses import replace
from typing import Any

from translators.capabilities import ModelRecord, Thinking

_ALL = frozenset({
    "streaming", "tool_calling", "parallel_tool_calls", "vision", "pdf", "audio_input", "video",
    "json_object", "json_schema", "reasoning",
    "web_search",
})  # fmt: skip
_PENALTIES = frozenset({"frequency_penalty", "presence_penalty"})

_BUDGET = ModelRecord(
    context_window=1_048_576,
    max_output_tokens=65_536,
    capabilities=_ALL | {"multiple_choices"},
    thinking=Thinking(
        kind="budget", switch_off="zero", on_by_default=True, min_budget=0, max_budget=24_576
    ),
    prefill=True,
    signatures="optional",
    call_ids=False,
    media_in_tool_results=False,
    tools_with_json=False,
    builtin_with_functions=False,
)
_LEVEL = ModelRecord(
    context_window=1_048_576,
    max_output_tokens=65_536,
    capabilities=_ALL,
    thinking=Thinking(
        kind="level",
        levels=("minimal", "low", "medium", "high"),
        switch_off="never",
        on_by_default=True,
    ),
    unsupported=_PENALTIES,
    prefill=True,
    signatures="required",
)
_NEWEST = replace(
    _LEVEL,
    thinking=replace(_LEVEL.thinking, levels=("low", "medium", "high")),
    sampling="ignored",
    prefill=False,
)

RECORDS: dict[str, ModelRecord] = {
    "gemini-2.5-flash": _BUDGET,
    "gemini-2.5-flash-lite": replace(
        _BUDGET, thinking=replace(_BUDGET.thinking, min_budget=512, on_by_default=False)
    ),
    "gemini-2.5-pro": replace(
        _BUDGET,
        thinking=replace(_BUDGET.thinking, switch_off="never", min_budget=128, max_budget=32_768),
    ),
    "gemini-3-pro-preview": replace(
        _LEVEL, thinking=replace(_LEVEL.thinking, levels=("low", "high"))
    ),
    "gemini-3.1-flash-image": replace(
        _LEVEL,
        thinking=replace(_LEVEL.thinking, levels=("minimal", "high")),
        capabilities=_ALL | {"image_output"},
    ),
    "gemini-3.5-flash": _LEVEL,
    "gemini-3.8-flash": _NEWEST,
    "gemma-4-31b-it": replace(
        _BUDGET,
        thinking=Thinking(),
        signatures="none",
        capabilities=frozenset({"streaming", "tool_calling", "vision", "json_object"}),
    ),
}


def record(model: str, overrides: dict[str, Any]) -> ModelRecord:
    """The record of `model` with some fields changed, in the words of JSON."""
    changed = dict(overrides)
    base = RECORDS[model]
    if "thinking" in changed:
        changed["thinking"] = replace(base.thinking, **changed["thinking"])
    for name in ("capabilities", "unsupported"):
        if name in changed:
            changed[name] = getattr(base, name) | frozenset(changed[name])
    return replace(base, **changed)
