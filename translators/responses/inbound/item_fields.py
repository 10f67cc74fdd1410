"""What becomes of every kind of input item and of tool of a Responses request, where the target
does not speak this API. Shown in translators/PARAMETERS.md, and held against the SDK's types.
"""

from collections.abc import Mapping
from typing import Final

from translators.notes import Verdict

_HOSTED: Final = Verdict("rejected", "OpenAI's own: only native targets are planned, else 400.")
_CALL: Final = Verdict("mapped", "`tool_calls`, its name with the namespace in it.")
_OUTPUT: Final = Verdict("mapped", "A tool message behind its call, wherever it stands.")

ITEMS: Final[Mapping[str, Verdict]] = {
    "message": Verdict("mapped", "A message; the assistant's is part of its turn."),
    "function_call": _CALL,
    "custom_tool_call": _CALL,
    "tool_search_call": Verdict(
        "depends", "The client's is a call of `tool_search`; the server's needs a native target."
    ),
    "function_call_output": _OUTPUT,
    "custom_tool_call_output": _OUTPUT,
    "tool_search_output": Verdict(
        "depends", "The client's declares its tools and names them; the server's needs OpenAI."
    ),
    "reasoning": Verdict(
        "depends", "The gateway's own goes back to whoever signed it; another's is dropped."
    ),
    "item_reference": Verdict("emulated", "The item that the gateway keeps."),
    "additional_tools": Verdict("mapped", "Its tools are declared."),
    "compaction": Verdict("emulated", "The gateway's own as a user's summary; OpenAI's needs it."),
    "compaction_trigger": Verdict("emulated", "The model is asked for a summary."),
    "configuration_update": Verdict("mapped", "The last one wins over the request."),
    "image_generation_call": Verdict("mapped", "The picture, behind the turn."),
    "web_search_call": Verdict("ignored", "The answer that follows says what was found."),
    **dict.fromkeys(
        (
            "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
            "apply_patch_call", "apply_patch_call_output", "computer_call",
            "computer_call_output", "file_search_call", "code_interpreter_call",
            "mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response",
            "program", "program_output",
        ),
        _HOSTED,
    ),
}  # fmt: skip

TOOLS: Final[Mapping[str, Verdict]] = {
    "function": Verdict("mapped", "A function."),
    "custom": Verdict("mapped", "A custom tool, or a function with one text."),
    "namespace": Verdict("emulated", "Its members, each with the namespace in its name."),
    "tool_search": Verdict(
        "depends", "The client's is a function; the server's needs a native target."
    ),
    "web_search": Verdict(
        "mapped", "`web_search_options`; left out with a report where the target cannot search."
    ),
    **dict.fromkeys(
        ("web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"),
        Verdict("mapped", "As `web_search`."),
    ),
    **dict.fromkeys(
        (
            "file_search", "code_interpreter", "computer", "computer_use_preview", "mcp",
            "image_generation", "local_shell", "shell", "apply_patch",
            "programmatic_tool_calling",
        ),
        _HOSTED,
    ),
}  # fmt: skip
