"""The caller's tools and tool_choice, flat as this API has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from translators.chat.calls import OWN, refuse_foreign_tools
from translators.chat.emulation import TOLD, ForcedCall, forced_call
from translators.json_codec import JsonObject
from translators.known_tools import known_tools
from translators.responses.names import are_valid, upstream_name
from translators.responses.request.context import Translation
from translators.responses.wire import Tool

_LEFT_OUT: Final = frozenset({"type", "cache_control"})
_NO_PARAMETERS: Final = {
    "type": "object",
    "properties": {},
    "required": [],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Tools:
    """What is said about tools: the tools, the choice, and whether several may be called at once
    (None: nothing is said).
    """

    tools: list[Tool]
    choice: Any
    parallel: bool | None
    legacy: bool
    """The caller speaks of `functions`: one call, answered as `function_call`."""
    one_call: bool
    """Only the first call of the answer may be shown."""
    names: frozenset[str] = frozenset()
    """What the caller calls its own tools."""
    rewritten: Mapping[str, str] = field(default_factory=dict)
    """What they are called here → by the caller, for the names that differ."""
    told: ForcedCall | None = None
    """The call that the model cannot be made to make, and is asked for in words."""


NO_TOOLS: Final = Tools([], None, None, legacy=False, one_call=False)
_DECLARING: Final = frozenset({"tools", "functions", "web_search_options"})


def read_tools(body: JsonObject, reasons: bool, translation: Translation) -> Tools:
    """`tools` or the older `functions`, with their choice. `reasons`: the model reasons in this
    request.

    Raises InvalidRequest for another server's tools.
    """
    if _DECLARING.isdisjoint(body):
        return NO_TOOLS
    declared, options = body.get("tools"), body.get("web_search_options")
    legacy = not declared and bool(body.get("functions"))
    if legacy:
        declared = [{"type": "function", "function": function} for function in body["functions"]]
    found = None if legacy or options is not None else known_tools(declared)
    if found is None:
        written = _written(declared or [], legacy, options)
    else:
        written = found.once("responses", partial(_written, found.value, False, None))
        found.write(written.tools)
    tools, names, rewritten, marked = written
    if marked:
        translation.report.dropped("tools.cache_control", "this API caches by itself")
    if not tools:
        return NO_TOOLS
    choice = _choice(body.get("function_call" if legacy else "tool_choice"))
    parallel, one_call = _parallel(body.get("parallel_tool_calls"), translation)
    told = None if _can_force(reasons, translation) else forced_call(body)
    if told is not None:
        translation.report.emulated(told.param, TOLD)
        choice = (
            {**choice, "mode": "auto"} if choice.__class__ is dict and "mode" in choice else "auto"
        )
    return Tools(
        tools,
        choice,
        False if legacy else parallel,
        legacy,
        legacy or one_call,
        names,
        rewritten,
        told,
    )


class _Written(NamedTuple):
    """Tools in this API's form."""

    tools: list[Tool]
    names: frozenset[str]
    """See Tools, as the next one."""
    rewritten: Mapping[str, str]
    marked: bool
    """The caller's had marks of a cache."""


def _written(declared: Sequence[JsonObject], legacy: bool, options: JsonObject | None) -> _Written:
    """`options` of a search on the web are a tool here. Raises InvalidRequest for another server's
    tools.
    """
    tools = [_flat(tool) for tool in declared]
    named = [tool["name"] for tool in tools if tool["type"] in OWN]
    if not legacy and len(named) < len(tools):
        refuse_foreign_tools(declared)
    marked = not legacy and any(tool.get("cache_control") is not None for tool in declared)
    if options is not None and not any(tool["type"].startswith("web_search") for tool in tools):
        tools.append(web_search_tool(options))
    names = frozenset(named)
    rewritten = {}
    if names and not are_valid(names):
        rewritten = {
            alias: name for name in sorted(names) if (alias := upstream_name(name)) != name
        }
        tools = [
            {**tool, "name": upstream_name(tool["name"])} if tool["type"] in OWN else tool
            for tool in tools
        ]
    return _Written(tools, names, rewritten, marked)


def _parallel(asked: bool | None, translation: Translation) -> tuple[bool | None, bool]:
    """What is sent, and whether the answer has to be cut to one call instead."""
    if asked is None or "parallel_tool_calls" not in translation.record.unsupported:
        return asked, False
    if not asked:
        translation.report.emulated(
            "parallel_tool_calls",
            "this model does not take it: only the first call of the answer is kept",
        )
    return None, not asked


def _flat(tool: Tool) -> Tool:
    kind = tool["type"]
    said: Tool = {"type": kind}
    for name, value in (
        tool[kind] if kind in OWN and tool.get(kind).__class__ is dict else tool
    ).items():
        if value is not None and name not in _LEFT_OUT:
            said[name] = value
    if kind == "function":
        if not said.get("parameters"):
            said["parameters"] = _NO_PARAMETERS
        said.setdefault("strict", False)  # this API's own default is true, Chat's is false
    elif kind == "custom" and "format" in said:
        said["format"] = _format(said["format"])
    return said


def _format(asked: JsonObject) -> JsonObject:
    grammar = asked.get("grammar")
    return {"type": "grammar", **grammar} if grammar.__class__ is dict else asked


def web_search_tool(options: JsonObject) -> Tool:
    """`web_search_options` as the tool that searches."""
    tool = {
        "type": "web_search",
        **{name: value for name, value in options.items() if value is not None},
    }
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
    if kind == "allowed_tools" and inner.__class__ is dict:
        return {
            "type": kind,
            "mode": inner["mode"],
            "tools": [_choice(tool) for tool in inner["tools"]],
        }
    chosen = (
        {"type": kind, "name": inner["name"]}
        if inner.__class__ is dict
        else {"type": kind, **asked}
    )
    return (
        {**chosen, "name": upstream_name(chosen["name"])}
        if kind in OWN and chosen.get("name").__class__ is str
        else chosen
    )


def _can_force(reasons: bool, translation: Translation) -> bool:
    """Whether the model, which `reasons` or does not, can be made to call something."""
    possible = translation.record.forced_tool_choice
    return possible == "yes" or (possible == "without_thinking" and not reasons)
