"""The caller's tools and tool_choice, flat as this API has them."""

from dataclasses import dataclass
from typing import Any, Final

from translators.chat.calls import OWN, refuse_foreign_tools
from translators.chat.tool_names import ToolNames, are_plain
from translators.responses.translation import Translation

Tool = dict[str, Any]

_NO_PARAMETERS: Final = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Tools:
    """What is said about tools: the tools, the choice, and whether several may be called at once (None: nothing is said)."""

    tools: list[Tool]
    choice: Any
    parallel: bool | None
    legacy: bool
    """The caller speaks of `functions`: one call, answered as `function_call`."""
    one_call: bool
    """Only the first call of the answer may be shown."""
    names: frozenset[str] = frozenset()
    """What the caller's own tools are called, by the caller."""


NO_TOOLS: Final = Tools([], None, None, legacy=False, one_call=False)


def read_tools(body: dict[str, Any], reasons: bool, translation: Translation) -> Tools:
    """`tools` or the older `functions`, with their choice. `reasons`: the model reasons in this request.

    Names that the API would refuse get aliases, which `translation` then knows. Raises InvalidRequest for another server's tools.
    """
    declared, functions, options = body.get("tools"), body.get("functions"), body.get("web_search_options")
    if not declared and not functions and options is None:
        return NO_TOOLS
    legacy = not declared
    written = [{"type": "function", "function": function} for function in functions or ()] if legacy else declared or []
    tools = [_flat(tool) for tool in written]
    named = [tool["name"] for tool in tools if tool["type"] in OWN]
    if len(named) < len(tools):
        refuse_foreign_tools(written)
    if any("cache_control" in tool for tool in written):
        translation.report.dropped("tools.cache_control", "this API caches by itself")
    if options is not None and not any(tool["type"].startswith("web_search") for tool in tools):
        tools.append(web_search_tool(options))
    legacy = legacy and bool(functions)
    choice = _choice(body.get("function_call" if legacy else "tool_choice"))
    if are_plain(named):
        translation.names = ToolNames.plain(named)
    else:
        names = translation.names = ToolNames(named)
        tools, choice = [_renamed(tool, names) for tool in tools], _renamed(choice, names)
    parallel, one_call = _parallel(body.get("parallel_tool_calls"), translation)
    choice = _forced(choice, reasons, translation)
    return Tools(tools, choice, False if legacy else parallel, legacy, legacy or one_call, frozenset(named))


def _renamed(tool: Any, names: ToolNames) -> Any:
    """A tool, or a choice of tools, under the names that the API takes."""
    if tool.__class__ is not dict:
        return tool
    if tool["type"] == "allowed_tools":
        return {**tool, "tools": [_renamed(one, names) for one in tool["tools"]]}
    return {**tool, "name": names.upstream(tool["name"])} if tool["type"] in OWN and tool.get("name").__class__ is str else tool


def _parallel(asked: bool | None, translation: Translation) -> tuple[bool | None, bool]:
    """What is sent, and whether the answer has to be cut to one call instead."""
    if asked is None or "parallel_tool_calls" not in translation.record.unsupported:
        return asked, False
    if not asked:
        translation.report.emulated("parallel_tool_calls", "this model does not take it: only the first call of the answer is kept")
    return None, not asked


def _flat(tool: Tool) -> Tool:
    kind = tool["type"]
    inner = tool.get(kind) if kind in OWN else None
    said = tool if inner is None else inner
    if None in said.values() or "cache_control" in said:
        said = {name: value for name, value in said.items() if name != "cache_control" and value is not None}
    flat = {"type": kind, **said}
    flat["type"] = kind
    if kind == "function":
        flat["parameters"] = said.get("parameters") or _NO_PARAMETERS
        flat["strict"] = said.get("strict", False)  # this API's own default is true, Chat's is false
    elif kind == "custom" and "format" in said:
        flat["format"] = _format(said["format"])
    return flat


def _format(asked: dict[str, Any]) -> dict[str, Any]:
    grammar = asked.get("grammar")
    return {"type": "grammar", **grammar} if grammar.__class__ is dict else asked


def web_search_tool(options: dict[str, Any]) -> Tool:
    """`web_search_options` as the tool that searches."""
    tool = {"type": "web_search", **{name: value for name, value in options.items() if value is not None}}
    location = tool.get("user_location")
    if location.__class__ is dict and location.get("approximate").__class__ is dict:
        tool["user_location"] = {"type": "approximate", **location["approximate"]}
    return tool


def _choice(asked: Any) -> Any:
    """A tool_choice (or function_call) as this API has it: names stand beside the type."""
    if asked.__class__ is not dict:
        return asked
    kind = asked.get("type", "function")
    inner = asked.get(kind)
    if inner.__class__ is not dict:
        return {"type": kind, **asked}
    if kind == "allowed_tools":
        return {"type": kind, "mode": inner["mode"], "tools": [_choice(tool) for tool in inner["tools"]]}
    return {"type": kind, "name": inner["name"]}


def _forced(choice: Any, reasons: bool, translation: Translation) -> Any:
    """A choice that makes the model call something, relaxed where the model cannot be forced."""
    if choice in (None, "none", "auto") or (choice.__class__ is dict and choice.get("mode") == "auto"):
        return choice
    possible = translation.record.forced_tool_choice
    if possible == "yes" or (possible == "without_thinking" and not reasons):
        return choice
    translation.report.changed("tool_choice", "this model cannot be made to call a tool: it is left free")
    return {**choice, "mode": "auto"} if choice.__class__ is dict and "mode" in choice else "auto"
