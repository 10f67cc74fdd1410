"""The tools of a request: declared in Claude's form, filtered and chosen from as the caller's
tool_choice says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, cast

from translators.capabilities import ModelRecord
from translators.chat.custom_tools import TEXT_INPUT, with_grammar
from translators.chat.json_schema import Schema
from translators.chat.schema_check import is_usual_object
from translators.chat.tool_names import ToolNames
from translators.claude.property_keys import renamed
from translators.claude.request.context import NO_SCHEMAS, Translation, cache_mark
from translators.claude.request.schema import Narrowed, Unrepresentable
from translators.claude.request.tool_schema import EMPTY, Prepared, prepared
from translators.claude.wire import Tool, Turn, UserLocation
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.known_tools import known_tools
from translators.notes import Note, Report

Extra = Literal["defer_loading", "eager_input_streaming", "input_examples", "allowed_callers"]

_SERVER_TOOL: Final = re.compile(r"[a-z_]+_20\d{6}")
"""The `type` of a tool that runs on Claude's side: it says its version."""
_EXTRAS: Final[tuple[Extra, ...]] = (
    "defer_loading",
    "eager_input_streaming",
    "input_examples",
    "allowed_callers",
)

_NO_NAMES: Final = ToolNames(())

MAX_STRICT_TOOLS: Final = 20
MAX_OPTIONAL: Final = 24
MAX_UNIONS: Final = 16
_LOCATION: Final[tuple[Literal["city", "region", "country", "timezone"], ...]] = (
    "city",
    "region",
    "country",
    "timezone",
)


@dataclass(slots=True)
class Declared:
    """The caller's tools, before they are translated. Nobody changes it."""

    tools: list[JsonObject]
    """Each with its kind's object (`function`, `custom`) or a server tool as it is."""
    legacy: bool
    names: ToolNames
    callers_names: frozenset[str]
    custom: frozenset[str]
    prepared: Mapping[str, Prepared]
    """By the caller's names: the schemas of tools that are sent otherwise than they were given."""


NO_TOOLS: Final = Declared([], False, _NO_NAMES, frozenset(), frozenset(), NO_SCHEMAS)


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


def declared_tools(body: JsonObject, usual: bool = False) -> Declared:
    """What `tools`, or the older `functions`, declare; `usual`: all of their schemas are known to
    be usual ones.

    Raises InvalidRequest for tools of other providers and for names used twice.
    """
    tools, functions, searches = (
        body.get("tools"),
        body.get("functions"),
        body.get("web_search_options") is not None,
    )
    if not tools and not functions and not searches:
        return NO_TOOLS
    if tools:
        found = None if searches else known_tools(tools)
        if found is None:
            return _declared(tools, False, searches, usual)
        return found.once("claude", partial(_declared, tools, False, False, usual))
    declared = [{"type": "function", "function": function} for function in functions or ()]
    return _declared(declared, bool(functions), searches, usual)


def _declared(found: list[JsonObject], legacy: bool, searches: bool, usual: bool) -> Declared:
    names: list[str] = []
    callers: list[str] = []
    custom: list[str] = []
    schemas: dict[str, Prepared] = {}
    for i, tool in enumerate(found):
        kind = tool["type"]
        if kind == "function":
            function = tool["function"]
            name = function["name"]
            callers.append(name)
            if (
                not usual
                and (parameters := function.get("parameters"))
                and not is_usual_object(parameters)
            ):
                schemas[name] = prepared(parameters)
        elif kind == "custom":
            name = tool["custom"]["name"]
            callers.append(name)
            custom.append(name)
        else:
            name = _server_tool(tool, i)
        names.append(name)
    if searches:
        names.append("web_search")
    if len(set(names)) < len(names):
        _refuse_repeated(names)
    return Declared(
        found,
        legacy,
        ToolNames(names),
        frozenset(callers),
        frozenset(custom),
        schemas or NO_SCHEMAS,
    )


def _server_tool(tool: JsonObject, i: int) -> str:
    """The name of a tool that runs on Claude's side."""
    kind: str = tool["type"]
    if not _SERVER_TOOL.fullmatch(kind):
        raise InvalidRequest(
            f"Claude has no tool of type '{kind[:80]}'.", f"tools[{i}].type", "unsupported_value"
        )
    inner = tool.get(kind)
    return str((inner if inner.__class__ is dict else tool).get("name", kind))


def tool_keys(declared: Declared) -> Mapping[str, Mapping[str, str]]:
    """By the caller's names of tools: Claude's property keys → the caller's, for those that
    differ."""
    return {
        name: {alias: key for key, alias in schema.keys.items()}
        for name, schema in declared.prepared.items()
        if schema.keys
    }


def _refuse_repeated(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidRequest(
                f"Tool names must be unique, but {name[:80]!r} is used twice.",
                "tools",
                "invalid_value",
            )
        seen.add(name)


Written = tuple[list[Tool], list[Note]]
"""Tools in Claude's form, in their order, and what was done to them."""


def write_tools(
    tools: list[JsonObject], translation: Translation, *, alone: bool = True
) -> list[Tool]:
    """The tools in Claude's form. Of a set that is known, if it is `alone`, nobody changes them:
    they are written once for each record and lifetime of marks.
    """
    found = known_tools(tools) if alone else None
    if found is None:
        budget = _Budget()
        return [_write(tool, translation, budget) for tool in tools]
    what = "claude", cache_mark(translation.breakpoint_ttl).get("ttl")
    written, notes = found.once(what, partial(_written, tools, translation), translation.record)
    found.write(written)
    translation.report.notes += notes
    return written


def _written(tools: list[JsonObject], translation: Translation) -> Written:
    of, report, budget = translation, Report(), _Budget()
    own = Translation(of.target, report, of.names, of.schemas, of.breakpoint_ttl)
    return [_write(tool, own, budget) for tool in tools], report.notes


def _write(tool: JsonObject, translation: Translation, budget: _Budget) -> Tool:
    kind = tool["type"]
    mark = translation.mark(tool) if len(tool) > 2 else None
    if kind not in ("function", "custom"):
        native = cast(
            Tool, {name: value for name, value in tool.items() if name != "cache_control"}
        )
        return native if mark is None else {**native, "cache_control": mark}
    inner = tool[kind]
    written: Tool = {"name": translation.names.upstream(inner["name"])}
    if inner.get("description"):
        written["description"] = inner["description"]
    if kind == "custom":
        translation.once(
            "emulated", "tools.custom", "custom tools travel as functions with one string"
        )
        description, grammar = with_grammar(inner)
        if grammar:
            translation.once(
                "dropped",
                "tools.custom.format",
                "the grammar is described to the model but not enforced",
            )
            written["description"] = description
        written["input_schema"] = TEXT_INPUT
    else:
        _add_schema(written, inner, translation, budget)
    if len(tool) > 2:
        for name in _EXTRAS:
            if tool.get(name) is not None:
                written[name] = tool[name]
        if (
            "input_examples" in written
            and (other := translation.schemas.get(inner["name"])) is not None
        ):
            written["input_examples"] = renamed(written["input_examples"], other.keys)
    if (mark := mark or translation.mark(inner)) is not None:
        written["cache_control"] = mark
    return written


def _add_schema(
    written: Tool, function: JsonObject, translation: Translation, budget: _Budget
) -> None:
    other = translation.schemas.get(function["name"]) if translation.schemas else None
    if other is not None:
        _tell(written, other, f"tools.{function['name']}", translation)
    schema = written["input_schema"] = (
        (function.get("parameters") or EMPTY) if other is None else other.schema
    )
    if function.get("strict") is True:
        _make_strict(
            written,
            schema,
            other is not None and other.original is not None,
            f"tools.{function['name']}",
            translation,
            budget,
        )


def _tell(written: Tool, other: Prepared, param: str, translation: Translation) -> None:
    """What was done to a schema, and to Claude what it can no longer read there."""
    if other.keys:
        translation.report.emulated(
            f"{param}.parameters", "property names that Claude refuses travel under others"
        )
    if other.original is not None:
        translation.report.changed(
            f"{param}.parameters",
            "alternatives at the root of a schema were merged into one object",
        )
        told = f"The arguments must match this JSON Schema: {other.original}"
        written["description"] = (
            f"{written['description']}\n\n{told}" if "description" in written else told
        )
    elif other.wrapped:
        translation.report.emulated(
            f"{param}.parameters", "arguments that are no object travel inside one"
        )


def _make_strict(
    written: Tool,
    schema: Schema,
    merged: bool,
    param: str,
    translation: Translation,
    budget: _Budget,
) -> None:
    if merged:
        translation.report.dropped(
            f"{param}.strict", "alternatives at the root of a schema cannot be enforced"
        )
        return
    if not translation.record.strict_tools:
        translation.report.dropped(f"{param}.strict", "this model does not take it")
        return
    try:
        narrowed = Narrowed(schema)
    except Unrepresentable as error:
        translation.report.dropped(f"{param}.strict", f"Claude cannot enforce this schema: {error}")
        return
    if not budget.take(narrowed):
        translation.report.dropped(
            f"{param}.strict", "the strict tools of this request are too many or too large"
        )
        return
    for keyword in narrowed.moved:
        translation.report.changed(
            f"{param}.parameters:{keyword}",
            "Claude cannot enforce it: it is told in the description",
        )
    written["input_schema"] = narrowed.schema
    written["strict"] = True


def web_search_tool(options: JsonObject, record: ModelRecord, translation: Translation) -> Tool:
    """Claude's own search, as `web_search_options` asks for it. Raises InvalidRequest where the
    model has none.
    """
    if not record.can("web_search"):
        raise InvalidRequest(
            "This model does not search the web.", "web_search_options", "unsupported_parameter"
        )
    if options.get("search_context_size") not in (None, "medium"):
        translation.report.dropped(
            "web_search_options.search_context_size", "Claude decides how much it reads"
        )
    tool: Tool = {"type": "web_search_20250305", "name": "web_search"}
    location = options.get("user_location")
    near = location.get("approximate") if location.__class__ is dict else None
    if near.__class__ is dict:
        place: UserLocation = {"type": "approximate"}
        for name in _LOCATION:
            if near.get(name):
                place[name] = near[name]
        tool["user_location"] = place
    return tool


def historic_names(turns: list[Turn]) -> list[str]:
    """Claude's names of the tools that the conversation has called, each once, in order."""
    return list(
        dict.fromkeys(
            [
                block["name"]
                for turn in turns
                for block in turn.blocks
                if block["type"] == "tool_use"
            ]
        )
    )


def declared_from_history(names: list[str]) -> list[Tool]:
    """The least that Claude wants to know of tools that its history shows: no call without a
    declaration.
    """
    return [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in names]
