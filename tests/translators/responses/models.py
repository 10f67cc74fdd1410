"""Capability records of real models, one for each way in which they differ."""

from typing import Any, Final

from translators.capabilities import ModelRecord, Thinking

_CAPABILITIES: Final = frozenset(
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
_UNSUPPORTED: Final = frozenset(
    {
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "logit_bias",
        "modalities",
        "prediction",
        "audio",
        "web_search_options",
    }
)

RECORDS: Final[dict[str, dict[str, Any]]] = {
    "gpt-4.1": {"max_output_tokens": 32_768},
    "gpt-6-astra": {
        "thinking": Thinking(
            kind="effort",
            levels=("low", "medium", "high", "xhigh"),
            on_by_default=True,
            switch_off="never",
        ),
        "sampling": "unless_reasoning",
        "unsupported": _UNSUPPORTED,
        "instructions_role": "developer",
        "responses": "with_tools",
    },
    "gpt-5.6-sol": {
        "thinking": Thinking(
            kind="effort", levels=("none", "low", "medium", "high", "xhigh"), on_by_default=True
        ),
        "sampling": "unless_reasoning",
        "unsupported": _UNSUPPORTED,
        "instructions_role": "developer",
        "responses": "with_tools",
    },
    "gpt-5.1": {
        "thinking": Thinking(
            kind="effort", levels=("none", "low", "medium", "high"), on_by_default=False
        ),
        "sampling": "unless_reasoning",
        "unsupported": _UNSUPPORTED,
        "instructions_role": "developer",
    },
    "o3-pro": {
        "thinking": Thinking(
            kind="effort", levels=("low", "medium", "high"), on_by_default=True, switch_off="never"
        ),
        "sampling": "refused",
        "unsupported": _UNSUPPORTED | {"verbosity", "parallel_tool_calls"},
        "instructions_role": "developer",
        "responses": "always",
    },
    "gpt-audio": {"capabilities": _CAPABILITIES | {"audio_input"}},
}


def record(model: str, changes: dict[str, Any]) -> ModelRecord:
    """The record of `model`, with what a case changes in it."""
    facts = {
        "context_window": 1_050_000,
        "max_output_tokens": 128_000,
        "capabilities": _CAPABILITIES,
        **RECORDS[model],
        **changes,
    }
    return ModelRecord(**facts)
