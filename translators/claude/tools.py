"""The tools of a request: declared in Claude's form, filtered and chosen from as the caller's tool_choice says."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from translators.chat.tool_names import ToolNames
from translators.claude.schema import Narrowed, Unrepresentable
from translators.claude.tool_schema import is_object_root, object_root
from translators.claude.translation import Translation
from translators.claude.wire import Turn
from translators.dialect import ModelRecord
from translators.errors import InvalidRequest

Tool = dict[str, Any]

_SERVER_TOOL: Final = re.compile(r"[a-z_]+_20\d{6}")
"""The `type` of a tool that runs on Claude's side: it says its version."""
_EXTRAS: Final = ("defer_loading", "eager_input_streaming", "input_examples", "allowed_callers")
_TEXT_INPUT: Final = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}

_NO_NAMES: Final = ToolNames(())

MAX_STRICT_TOOLS: Final = 20
MAX_OPTIONAL: Final = 24
MAX_UNIONS: Final = 16
_LOCATION: Final = ("city", "region", "country", "timezone")


@dataclass(slots=True)
class Declared:
    """The caller's tools, before they are translated. Nobody changes it."""

    tools: list[Tool]
    """Each with its kind's object (`function`, `custom`) or a server tool as it is."""
    legacy: bool
    names: ToolNames
    callers_names: frozenset[str]
    custom: frozenset[str]
    wrapped: frozenset[str]


NO_TOOLS: Final = Declared([], False, _NO_NAMES, frozenset(), frozenset(), frozenset())


@dataclass(slots=True)
class _Budget:
    """What strict tools may still use of the limits they share."""

    tools: int = MAX_STRICT_TOOLS
    optional: int = MAX_OPTIONAL
    unions: int = MAX_UNIONS

    def take(self, narrowed: Narrowed) -> bool:
        if self.tools < 1 or self.optional < narrowed.optional or self.unions < narrowed.unions:
            return False
        self.tools -= 1
        self.optional -= narrowed.optional
        self.unions -= narrowed.unions
        return True


def declared_tools(body: dict[str, Any]) -> Declared:
    """What `tools`, or the older `functions`, declare. Raises InvalidRequest for tools of other providers and for names used twice."""
    tools, functions = body.get("tools"), body.get("functions")
    if not tools and not functions and body.get("web_search_options") is None:
        return NO_TOOLS
    legacy = not tools and bool(functions)
    found = [{"type": "function", "function": f} for f in functions or ()] if legacy else [_known(t, i) for i, t in enumerate(tools or ())]
    named = {kind: [tool[kind] for tool in found if tool["type"] == kind] for kind in ("function", "custom")}
    custom = frozenset(tool["name"] for tool in named["custom"])
    names = [_name(tool) for tool in found]
    if body.get("web_search_options") is not None:
        names.append("web_search")
    _refuse_repeated(names)
    return Declared(
        tools=found,
        legacy=legacy,
        names=ToolNames(names),
        callers_names=frozenset(tool["name"] for tools in named.values() for tool in tools),
        custom=custom,
        wrapped=frozenset(tool["name"] for tool in named["function"] if not is_object_root(tool.get("parameters"))),
    )


def _name(tool: Tool) -> str:
    inner = tool.get(tool["type"])
    return str((inner if inner.__class__ is dict else tool).get("name", tool["type"]))


def _refuse_repeated(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidRequest(f"Tool names must be unique, but {name[:80]!r} is used twice.", "tools", "invalid_value")
        seen.add(name)


def _known(tool: Tool, i: int) -> Tool:
    """A tool with its description under its kind, or one that runs on Claude's side."""
    kind = tool["type"]
    if kind in ("function", "custom") or _SERVER_TOOL.fullmatch(kind):
        return tool
    raise InvalidRequest(f"Claude has no tool of type '{kind[:80]}'.", f"tools[{i}].type", "unsupported_value")


def write_tools(tools: Iterable[Tool], translation: Translation) -> list[Tool]:
    """The tools in Claude's form, in their order. Raises InvalidRequest for a grammar."""
    budget = _Budget()
    return [_write(tool, translation, budget) for tool in tools]


def _write(tool: Tool, translation: Translation, budget: _Budget) -> Tool:
    kind = tool["type"]
    mark = translation.mark(tool) if len(tool) > 2 else None
    if kind not in ("function", "custom"):
        native = {name: value for name, value in tool.items() if name != "cache_control"}
        return native if mark is None else {**native, "cache_control": mark}
    inner = tool[kind]
    written: Tool = {"name": translation.names.upstream(inner["name"])}
    if inner.get("description"):
        written["description"] = inner["description"]
    if kind == "custom":
        _refuse_grammar(inner)
        translation.once("emulated", "tools.custom", "custom tools travel as functions with one string")
        written["input_schema"] = _TEXT_INPUT
    else:
        _add_schema(written, inner, translation, budget)
    if len(tool) > 2:
        written.update({name: tool[name] for name in _EXTRAS if tool.get(name) is not None})
    if (mark := mark or translation.mark(inner)) is not None:
        written["cache_control"] = mark
    return written


def _refuse_grammar(custom: dict[str, Any]) -> None:
    form = custom.get("format")
    if form.__class__ is dict and form.get("type") not in (None, "text"):
        raise InvalidRequest("Claude has no custom tools with a grammar.", "tools.custom.format", "unsupported_value")


def _add_schema(written: Tool, function: dict[str, Any], translation: Translation, budget: _Budget) -> None:
    name, param = function["name"], f"tools.{function['name']}"
    schema, original = object_root(function.get("parameters"))
    if original is not None:
        translation.report.changed(f"{param}.parameters", "alternatives at the root of a schema were merged into one object")
        told = f"The arguments must match this JSON Schema: {original}"
        written["description"] = f"{written['description']}\n\n{told}" if "description" in written else told
    elif name in translation.wrapped:
        translation.report.emulated(f"{param}.parameters", "arguments that are no object travel inside one")
    written["input_schema"] = schema
    if function.get("strict") is not True:
        return
    if original is not None:
        translation.report.dropped(f"{param}.strict", "alternatives at the root of a schema cannot be enforced")
    elif not translation.record.strict_tools:
        translation.report.dropped(f"{param}.strict", "this model does not take it")
    else:
        _make_strict(written, schema, param, translation, budget)


def _make_strict(written: Tool, schema: dict[str, Any], param: str, translation: Translation, budget: _Budget) -> None:
    try:
        narrowed = Narrowed(schema)
    except Unrepresentable as error:
        translation.report.dropped(f"{param}.strict", f"Claude cannot enforce this schema: {error}")
        return
    if not budget.take(narrowed):
        translation.report.dropped(f"{param}.strict", "the strict tools of this request are too many or too large")
        return
    for keyword in narrowed.moved:
        translation.report.changed(f"{param}.parameters:{keyword}", "Claude cannot enforce it: it is told in the description")
    written["input_schema"] = narrowed.schema
    written["strict"] = True


def web_search_tool(options: dict[str, Any], record: ModelRecord, translation: Translation) -> Tool:
    """Claude's own search, as `web_search_options` asks for it. Raises InvalidRequest where the model has none."""
    if not record.can("web_search"):
        raise InvalidRequest("This model does not search the web.", "web_search_options", "unsupported_parameter")
    if options.get("search_context_size") not in (None, "medium"):
        translation.report.dropped("web_search_options.search_context_size", "Claude decides how much it reads")
    tool: Tool = {"type": "web_search_20250305", "name": "web_search"}
    location = options.get("user_location")
    near = location.get("approximate") if location.__class__ is dict else None
    if near.__class__ is dict:
        tool["user_location"] = {"type": "approximate", **{name: near[name] for name in _LOCATION if near.get(name)}}
    return tool


def historic_names(turns: list[Turn]) -> list[str]:
    """Claude's names of the tools that the conversation has called, each once, in order."""
    return list(dict.fromkeys([block["name"] for turn in turns for block in turn.blocks if block["type"] == "tool_use"]))


def declared_from_history(names: list[str]) -> list[Tool]:
    """The least that Claude wants to know of tools that its history shows: no call without a declaration."""
    return [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in names]
