"""Which tools Claude may, must or must not call: `tool_choice`, `parallel_tool_calls` and the older
`function_call`.
"""

from dataclasses import dataclass
from typing import Final

from translators.chat.emulation import TOLD, ForcedCall
from translators.claude.request.content import text_block
from translators.claude.request.context import Translation
from translators.claude.request.tools import Declared
from translators.claude.wire import Block, ChoiceMode, ToolChoice
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject


@dataclass(slots=True)
class Choice:
    """What the caller asks: `mode` auto, any, tool or none (None: nothing asked), and the tools it
    may be. Nobody changes it.
    """

    mode: ChoiceMode | None
    name: str | None
    tools: list[JsonObject]

    @property
    def forced(self) -> bool:
        return self.mode in ("any", "tool")


_MODES: Final[dict[str, ChoiceMode]] = {"auto": "auto", "required": "any", "none": "none"}
"""Claude's mode for each word that may be asked for (translators.chat.ranges)."""

NO_CHOICE: Final = Choice(None, None, [])
"""Where no tool is declared."""


def read_choice(body: JsonObject, declared: Declared, translation: Translation) -> Choice:
    """The caller's choice among declared tools. Raises InvalidRequest if it names another."""
    param = (
        "function_call" if declared.legacy and body.get("tool_choice") is None else "tool_choice"
    )
    asked = body.get(param)
    if asked is None:
        return Choice(None, None, declared.tools)
    if asked.__class__ is str:
        return Choice(_MODES[asked], None, declared.tools)
    if asked.get("type") == "allowed_tools":
        return _allowed(asked["allowed_tools"], declared, translation)
    name = (asked.get("function") or asked.get("custom") or asked)["name"]
    if name not in declared.callers_names:
        raise InvalidRequest(
            f"Tool choice {str(name)[:80]!r} not found in 'tools' parameter.",
            param,
            "invalid_value",
        )
    return Choice("tool", name, declared.tools)


def _allowed(allowed: JsonObject, declared: Declared, translation: Translation) -> Choice:
    wanted = {_allowed_name(tool) for tool in allowed["tools"]}
    tools = [tool for tool in declared.tools if _allowed_name(tool) in wanted]
    if not tools:
        translation.report.dropped(
            "tool_choice.allowed_tools", "it names no declared tool: all of them are allowed"
        )
        tools = declared.tools
    elif len(tools) < len(declared.tools):
        translation.report.emulated(
            "tool_choice.allowed_tools",
            "only the allowed tools are declared: this changes the prompt's prefix",
        )
    if allowed["mode"] == "auto":
        return Choice("auto", None, tools)
    if len(tools) == 1 and (name := _allowed_name(tools[0])) in declared.callers_names:
        return Choice("tool", name, tools)
    return Choice("any", None, tools)


def _allowed_name(tool: JsonObject) -> str | None:
    inner = tool.get(tool.get("type", ""))
    name = (inner if inner.__class__ is dict else tool).get("name")
    return name if name.__class__ is str else None


def tell(
    forced: ForcedCall,
    choice: Choice,
    historic: list[str],
    system: list[Block],
    translation: Translation,
) -> Choice:
    """The choice for a model that cannot be forced: it is free to, and told to call.

    One tool that was named stays the only one, unless the history called others.
    """
    translation.report.emulated(forced.param, TOLD)
    system.append(text_block(forced.instruction(translation.names.upstream)))
    tools = choice.tools
    if choice.name is not None and not set(historic) - {translation.names.upstream(choice.name)}:
        tools = [tool for tool in tools if _allowed_name(tool) == choice.name]
    return Choice("auto", None, tools)


def write_choice(choice: Choice, parallel: bool, translation: Translation) -> ToolChoice | None:
    """Claude's `tool_choice`, or None where its default says the same."""
    if not choice.tools or (choice.mode in (None, "auto") and parallel):
        return None
    written: ToolChoice = {"type": choice.mode or "auto"}
    if choice.name is not None:
        written["name"] = translation.names.upstream(choice.name)
    if not parallel and choice.mode != "none":
        written["disable_parallel_tool_use"] = True
    return written
