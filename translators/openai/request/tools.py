"""The caller's tools and the choice among them, under names that the server takes, and only where
there are any.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from translators.capabilities import ModelRecord
from translators.chat.calls import OWN, refuse_foreign_tools
from translators.chat.tool_names import NO_NAMES, ToolNames, are_plain
from translators.known_tools import known_tools
from translators.notes import Report
from translators.openai.request.foreign_fields import refused_fields
from translators.openai.wire import RequestBody, Tool

_OF_TOOLS: Final = ("tools", "functions", "tool_choice", "function_call", "parallel_tool_calls")
"""What says nothing where no tool is declared, and is refused by OpenAI there."""


class Declared(NamedTuple):
    """What is declared, by the caller's names."""

    declared: frozenset[str]
    plain: frozenset[str]
    """Names that need no alias: all of them, or none if one does."""
    names: ToolNames
    aliases: Mapping[str, str]
    """The server's name → the caller's, where they differ."""


_NONE: Final = frozenset[str]()
_NO_ALIASES: Final[Mapping[str, str]] = MappingProxyType({})
NOTHING: Final = Declared(_NONE, _NONE, NO_NAMES, _NO_ALIASES)


def read_tools(body: RequestBody, record: ModelRecord, report: Report) -> Declared:
    """Mend what `body`, a copy of the caller's, says of tools: what is empty goes, names get
    aliases where the server would refuse them.
    """
    tools, functions = body.get("tools"), body.get("functions")
    if not tools and not functions:
        if record.ranges == "openai" or tools is not None or functions is not None:
            for name in _OF_TOOLS:
                body.pop(name, None)
        return NOTHING
    if tools is not None and not tools:
        del body["tools"]
    if functions is not None and not functions:
        del body["functions"]
    named: list[str] = []
    plain: Declared | None = None
    if tools:
        found = known_tools(tools)
        if found is None:
            taken = _taken(tools, record)
        else:
            taken = found.once("openai", partial(_taken, tools, record), record)
            found.write(taken[0])
        body["tools"], lost, named, plain = taken
        for name in lost:
            report.dropped(f"tools.{name}", "this provider's API does not know it")
    if record.ranges == "openai" and (choice := body.get("tool_choice")).__class__ is dict:
        body["tool_choice"] = _nested(choice)
    if functions:
        named = named + [function["name"] for function in functions]
        declared = frozenset(named)
        plain = Declared(declared, declared, NO_NAMES, _NO_ALIASES) if are_plain(named) else None
    if plain is not None:
        return plain
    names = ToolNames(named)
    _rename(body, names)
    return Declared(frozenset(named), _NONE, names, names.rewritten)


_Taken = tuple[list[Tool], list[str], list[str], Declared | None]
"""The caller's tools as a server takes them, under the names that the caller gave them; the fields
that it does not know; those names; what is declared, if none of them needs an alias."""


def _taken(tools: list[Tool], record: ModelRecord) -> _Taken:
    """Raises InvalidRequest for tools of another server's."""
    lost: list[str] = []
    if record.message_fields is not None:
        tools, lost = _without(tools, refused_fields(record.message_fields))
    if record.ranges == "openai":
        refuse_foreign_tools(tools)
    named = []
    for tool in tools:
        kind = tool["type"]
        if kind in OWN:
            named.append(tool[kind]["name"])
    if not are_plain(named):
        return tools, lost, named, None
    declared = frozenset(named)
    return tools, lost, named, Declared(declared, declared, NO_NAMES, _NO_ALIASES)


def _without(tools: list[Tool], refused: frozenset[str]) -> tuple[list[Tool], list[str]]:
    """The tools without the fields that the server does not know, and which of these said
    something.
    """
    if all(refused.isdisjoint(tool) for tool in tools):
        return tools, []
    lost = {name for tool in tools for name in refused.intersection(tool) if tool[name]}
    kept = [{name: value for name, value in tool.items() if name not in refused} for tool in tools]
    return kept, sorted(lost)


def _nested(choice: Tool) -> Tool:
    """A choice that names a tool beside its type, as Claude and the Responses API have it, in the
    form of Chat Completions.
    """
    kind = choice.get("type")
    if "name" not in choice or kind == "allowed_tools" or kind in choice:
        return choice
    kind = "custom" if kind == "custom" else "function"
    return {"type": kind, kind: {"name": choice["name"]}}


def _rename(body: RequestBody, names: ToolNames) -> None:
    if "tools" in body:
        body["tools"] = [_renamed(tool, names) for tool in body["tools"]]
    if "functions" in body:
        body["functions"] = [
            {**function, "name": names.upstream(function["name"])} for function in body["functions"]
        ]
    choice, call = body.get("tool_choice"), body.get("function_call")
    if choice.__class__ is dict:
        body["tool_choice"] = _renamed_choice(choice, names)
    if call.__class__ is dict:
        body["function_call"] = {**call, "name": names.upstream(call["name"])}


def _renamed(tool: Tool, names: ToolNames) -> Tool:
    """A tool, or what names one, under its alias; kinds that are the server's own keep their
    names."""
    kind = tool.get("type", "function")
    if kind not in OWN:
        return tool
    inner = tool.get(kind)
    if inner.__class__ is dict:
        return {**tool, kind: {**inner, "name": names.upstream(inner["name"])}}
    return (
        {**tool, "name": names.upstream(tool["name"])}
        if tool.get("name").__class__ is str
        else tool
    )


def _renamed_choice(choice: Tool, names: ToolNames) -> Tool:
    if choice.get("type") == "allowed_tools":
        allowed = choice["allowed_tools"]
        return {
            **choice,
            "allowed_tools": {
                **allowed,
                "tools": [_renamed(tool, names) for tool in allowed["tools"]],
            },
        }
    if "name" in choice and choice["name"].__class__ is str:
        return {**choice, "name": names.upstream(choice["name"])}
    return _renamed(choice, names)
