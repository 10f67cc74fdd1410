"""What becomes of every field of a Messages request, for each kind of target.

To Claude all of them are relayed. This table holds what is said of the others; it is shown in
translators/PARAMETERS.md and held against the official SDK's types by a test.
"""

from typing import Final

from translators.notes import Verdict

NEED: Final = Verdict(
    "rejected", "Only targets of the Claude dialect are planned; 400 if there is none."
)
_ONLY_CLAUDE: Final = Verdict("dropped", "only Claude takes it")
_HINT: Final = Verdict("ignored", "A hint, or what holds anyway: no answer changes without it.")

FIELDS: Final[dict[str, Verdict]] = {
    "model": Verdict("mapped", "A persona; `[1m]` behind it and `claude-` before it are forgiven."),
    "max_tokens": Verdict("mapped", "`max_completion_tokens`, held to the model's maximum."),
    "messages": Verdict("mapped", "Blocks become parts, results become tool messages."),
    "system": Verdict("mapped", "A system message, without Claude Code's billing line."),
    "stream": Verdict("mapped", "`stream`; the usage is always asked for."),
    "temperature": Verdict("depends", "`temperature`, where the model samples."),
    "top_p": Verdict("depends", "`top_p`, where the model samples."),
    "top_k": Verdict("depends", "`top_k`: Gemini and servers that have it."),
    "stop_sequences": Verdict("emulated", "The gateway cuts the text, and says which one it was."),
    "metadata": Verdict("mapped", "`safety_identifier`; the session is `prompt_cache_key`."),
    "tools": Verdict("mapped", "Functions and web search; tools that run at Claude need it."),
    "tool_choice": Verdict("mapped", "`tool_choice` and `parallel_tool_calls`."),
    "thinking": Verdict("mapped", "`reasoning_effort`."),
    "output_config": Verdict("mapped", "`reasoning_effort` and `response_format`."),
    "output_format": Verdict("mapped", "`response_format`."),
    "service_tier": Verdict("mapped", "`standard_only` is `default`."),
    "speed": Verdict("mapped", "`fast` is `service_tier: fast`."),
    "cache_control": _HINT,
    "context_management": Verdict(
        "depends", "Clearing thinking needs nothing; other edits are dropped."
    ),
    "mcp_servers": NEED,
    "container": NEED,
    "thread": NEED,
    "compaction": NEED,
    "fallback_credit_token": NEED,
    "inference_geo": NEED,
    "safeguards": _ONLY_CLAUDE,
    "fallbacks": Verdict("dropped", "the persona's own targets are the fallbacks"),
    "diagnostics": _ONLY_CLAUDE,
    "user_profile_id": _ONLY_CLAUDE,
    "workspace_id": _ONLY_CLAUDE,
    "billing_policy": _ONLY_CLAUDE,
    "betas": _HINT,
    "tags": _HINT,
}

UNKNOWN: Final = Verdict("dropped", "this field is not known")

_AS_TEXT: Final = Verdict("mapped", "Its text.")
_LEFT_OUT: Final = Verdict(
    "ignored", "What came of it stands beside it, or is no business of another provider's."
)
_TOLD: Final = Verdict("emulated", "What the tool gave is told as text.")
_FUNCTION: Final = Verdict("emulated", "Declared as a function; the caller runs it either way.")

BLOCKS: Final[dict[str, Verdict]] = {
    "text": Verdict("mapped", "A text part; its citations stay here."),
    "image": Verdict("mapped", "`image_url`; one that lies at Claude needs it."),
    "document": Verdict(
        "mapped", "`file` or text, its title and context before it; citations of it are dropped."
    ),
    "search_result": Verdict("mapped", "Text: source, title and what was found."),
    "thinking": Verdict(
        "depends",
        "What the same target signed goes back to it; what it only showed is `reasoning_content`.",
    ),
    "redacted_thinking": Verdict("depends", "Only a target of the same kind takes it."),
    "tool_use": Verdict("mapped", "`tool_calls`."),
    "tool_result": Verdict("mapped", "A tool message, in the order of the calls."),
    "tool_reference": Verdict("emulated", "Text; the tool is declared from then on."),
    "tool_addition": Verdict("mapped", "Declares a tool from there on."),
    "tool_removal": Verdict("mapped", "Declares it no more."),
    "compaction": Verdict(
        "emulated", "Its summary as text; one that only Claude can read needs it."
    ),
    "server_tool_use": _LEFT_OUT,
    "mcp_tool_use": _LEFT_OUT,
    "fallback": _LEFT_OUT,
    "mcp_tool_listing": _LEFT_OUT,
    "browser_state": _ONLY_CLAUDE,
    "container_upload": NEED,
    "web_search_tool_result": Verdict("emulated", "A line of text for each result."),
    "web_fetch_tool_result": _TOLD,
    "advisor_tool_result": _TOLD,
    "code_execution_tool_result": _TOLD,
    "bash_code_execution_tool_result": _TOLD,
    "text_editor_code_execution_tool_result": _TOLD,
    "tool_search_tool_result": _TOLD,
    "mcp_tool_result": _TOLD,
}
"""What becomes of a block of a message; one that is not here needs Claude."""

TOOL_TYPES: Final[dict[str, Verdict]] = {
    "custom": Verdict("mapped", "A function."),
    "bash_": _FUNCTION,
    "text_editor_": _FUNCTION,
    "memory_": _FUNCTION,
    "web_search_": Verdict("mapped", "`web_search_options`; what limits the search is dropped."),
    "tool_search_tool_": Verdict("emulated", "All deferred tools are declared."),
}
"""What becomes of a tool, by the beginning of its type; any other needs Claude."""

HUB_FIELDS: Final[dict[str, str]] = {
    "max_tokens": "max_completion_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "metadata": "safety_identifier",
    "tools": "tools",
    "tool_choice": "tool_choice",
    "thinking": "reasoning_effort",
    "output_config": "reasoning_effort",
    "output_format": "response_format",
    "service_tier": "service_tier",
    "speed": "service_tier",
}
"""The hub's parameter that a field becomes, whose own verdicts then hold for each provider."""
