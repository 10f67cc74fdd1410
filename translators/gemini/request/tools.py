"""Tools and tool_choice as functionDeclarations, Google's own tools, and the toolConfig that goes
with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, cast

from translators.capabilities import ModelRecord
from translators.chat.custom_tools import TEXT_INPUT, with_grammar
from translators.chat.emulation import TOLD, ForcedCall, forced_call
from translators.chat.schema_drafts import modern
from translators.errors import GrownTooLarge, InvalidRequest
from translators.gemini.names import upstream_name
from translators.gemini.request.openapi_schema import openapi
from translators.gemini.request.schema import Sanitizer
from translators.gemini.request.schema_growth import Growth
from translators.gemini.wire import (
    CallingMode,
    FunctionCallingConfig,
    FunctionDeclaration,
    GoogleTool,
    Tool,
    ToolConfig,
)
from translators.json_codec import JsonObject
from translators.known_tools import KnownTools, known_tools
from translators.notes import Note, Report

GOOGLE_TOOLS: Final[dict[str, GoogleTool]] = {
    "google_search": "googleSearch",
    "url_context": "urlContext",
    "code_execution": "codeExecution",
    "google_maps": "googleMaps",
}
"""Tools that Google runs itself: the types a caller names them by."""

_NOTHING_IN_IT: Final = frozenset({"type", "description", "$defs", "default"})
"""What may stand in the schema of an object of which nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolset:
    """What the request can call. Names are the caller's."""

    declarations: tuple[FunctionDeclaration, ...] = ()
    names: tuple[str, ...] = ()
    custom: frozenset[str] = frozenset()
    google: tuple[tuple[GoogleTool, JsonObject], ...] = ()
    """Google's own tools: upstream name and settings, and nothing twice."""
    mode: CallingMode = "AUTO"
    allowed: tuple[str, ...] = ()
    legacy: bool = False
    """Declared by `functions`."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Gemini's name → the caller's, where they differ."""
    written: list[Tool] | None = None
    """What `tools` says, where it is kept for other requests: nobody changes it."""
    told: ForcedCall | None = None
    """The call that the model cannot be made to make, and is asked for in words."""

    @property
    def forced(self) -> bool:
        """The answer has to be a call."""
        return self.mode == "ANY" or self.told is not None

    def without_google(self, report: Report, why: str) -> "Toolset":
        for name, _ in self.google:
            report.dropped(f"tools.{name}", why)
        return replace(self, google=())

    def tools(self) -> list[Tool]:
        """`tools`: all functions in one object, each of Google's in its own."""
        if self.written is not None and not self.google:
            return self.written
        declared: list[Tool] = (
            [{"functionDeclarations": list(self.declarations)}] if self.declarations else []
        )
        return declared + cast(list[Tool], [{name: settings} for name, settings in self.google])

    def config(self) -> ToolConfig | None:
        """`toolConfig`; only with functions, without them it is refused."""
        if not self.declarations:
            return None
        calling: FunctionCallingConfig = {"mode": self.mode}
        if self.allowed:
            calling["allowedFunctionNames"] = [upstream_name(name) for name in self.allowed]
        if self.google:
            return {"functionCallingConfig": calling, "includeServerSideToolInvocations": True}
        return {"functionCallingConfig": calling}


NO_TOOLS: Final = Toolset()


def toolset(
    body: JsonObject, record: ModelRecord, report: Report, growth: Growth, usual: bool = False
) -> Toolset:
    """The request's tools; `usual`: all of their schemas are known to be usual ones. `growth` is
    the request's.

    Raises InvalidRequest for a kind that is not known here and for a choice that is none.
    """
    tools: list[JsonObject] = body.get("tools") or []
    functions: list[JsonObject] = body.get("functions") or []
    if tools and functions:
        report.dropped("functions", "`tools` stands beside it")
        functions = []
    options = body.get("web_search_options")
    if not tools and not functions and options is None:
        return NO_TOOLS
    known = None if functions or options is not None else known_tools(tools)
    declared = None if known is None else _known(known, tools, record, usual)
    if declared is not None:
        found, all_strict, notes = declared
        report.notes += notes
    else:
        reader = _Reader(record, report, growth, usual)
        reader.read(tools, functions)
        _web_search(options, record, reader, report)
        found, all_strict = reader.found(legacy=bool(functions)), reader.all_strict
    if found.google and found.declarations and not record.builtin_with_functions:
        found = found.without_google(
            report, "this model takes no tools of Google's beside functions"
        )
    chosen = _with_choice(found, body, all_strict)
    forced = None if record.can_force_tools or not chosen.forced else forced_call(body)
    return chosen if forced is None else _told(chosen, forced, all_strict, report)


class _Declared(NamedTuple):
    """What is declared, whether all of it is strict, and what was done to it."""

    found: Toolset
    all_strict: bool
    notes: list[Note]


def _known(
    known: KnownTools, tools: list[JsonObject], record: ModelRecord, usual: bool
) -> _Declared | None:
    """What a set says to models of this record; None if that grows with its references, which is
    counted for each request.
    """

    def make() -> _Declared | None:
        report = Report()
        reader = _Reader(record, report, Growth(0), usual)
        try:
            reader.read(tools, [])
        except GrownTooLarge:
            return None
        found = reader.found(legacy=False)
        return _Declared(replace(found, written=found.tools()), reader.all_strict, report.notes)

    made = known.once(("gemini", usual), make, record)
    if made is not None and made.found.written is not None:
        known.write(made.found.written)
    return made


class _Reader:
    def __init__(self, record: ModelRecord, report: Report, growth: Growth, usual: bool) -> None:
        self._usual = usual
        self._growth = growth
        self._record = record
        self._report = report
        self.declarations: list[FunctionDeclaration] = []
        self.names: list[str] = []
        self.custom: list[str] = []
        self.google: dict[GoogleTool, JsonObject] = {}
        self.all_strict = True

    def read(self, tools: list[JsonObject], functions: list[JsonObject]) -> None:
        for i, tool in enumerate(tools):
            self._add(tool, f"tools[{i}]")
        for i, function in enumerate(functions):
            self._function(function, f"functions[{i}]")

    def found(self, *, legacy: bool) -> Toolset:
        return Toolset(
            declarations=tuple(self.declarations),
            names=tuple(self.names),
            custom=frozenset(self.custom),
            google=tuple(self.google.items()),
            legacy=legacy,
            aliases={alias: name for name in self.names if (alias := upstream_name(name)) != name},
        )

    def _add(self, tool: JsonObject, at: str) -> None:
        kind = tool["type"]
        if kind == "function":
            self._function(tool["function"], f"{at}.function")
        elif kind == "custom":
            self._custom(tool["custom"], at)
        elif kind in GOOGLE_TOOLS:
            settings = tool.get(kind)
            self.google[GOOGLE_TOOLS[kind]] = settings if settings.__class__ is dict else {}
        else:
            shown = ", ".join(f"'{name}'" for name in ("function", "custom", *GOOGLE_TOOLS))
            raise InvalidRequest(
                f"Invalid value: {kind[:80]!r}. Supported values for this provider are: {shown}.",
                f"{at}.type",
                "unsupported_value",
            )

    def _function(self, function: JsonObject, at: str) -> None:
        declaration = self._declared(function["name"], function.get("description"))
        self.all_strict &= function.get("strict") is True
        schema = function.get("parameters")
        if not schema:
            return
        where, read = (
            f"tools.{function['name']}.parameters",
            schema if self._usual else modern(schema),
        )
        sanitizer = Sanitizer(read, where, f"{at}.parameters", self._report, self._growth)
        parameters = sanitizer.tool_root()
        # A function without parameters has no schema at all: the older form refuses an object
        # without properties.
        if not any(parameters[name] for name in parameters.keys() - _NOTHING_IN_IT):
            return
        if self._record.can("json_schema"):
            declaration["parametersJsonSchema"] = parameters
        else:
            declaration["parameters"] = openapi(parameters, sanitizer)

    def _custom(self, tool: JsonObject, at: str) -> None:
        self._report.emulated(at, "a custom tool travels as a function with one text `input`")
        self.all_strict = False
        description, grammar = with_grammar(tool)
        if grammar:
            self._report.dropped(
                f"{at}.custom.format", "the grammar is described to the model but not enforced"
            )
        declaration = self._declared(tool["name"], description)
        self.custom.append(tool["name"])
        if self._record.can("json_schema"):
            declaration["parametersJsonSchema"] = TEXT_INPUT
        else:
            declaration["parameters"] = {
                "type": "OBJECT",
                "properties": {"input": {"type": "STRING"}},
                "required": ["input"],
            }

    def _declared(self, name: str, description: str | None) -> FunctionDeclaration:
        declaration: FunctionDeclaration = {"name": upstream_name(name)}
        if description:
            declaration["description"] = description
        self.names.append(name)
        self.declarations.append(declaration)
        return declaration


def _web_search(options: Any, record: ModelRecord, reader: _Reader, report: Report) -> None:
    if options is None:
        return
    if not record.can("web_search"):
        report.dropped("web_search_options", "this model does not search the web")
        return
    reader.google.setdefault("googleSearch", {})
    for name, value in options.items():
        if value is not None and not (name == "search_context_size" and value == "medium"):
            report.dropped(f"web_search_options.{name}", "Google Search has no such control")


def _with_choice(found: Toolset, body: JsonObject, all_strict: bool) -> Toolset:
    """Add the mode that tool_choice or function_call asks for. AUTO for strict functions is
    VALIDATED: calls keep to the schema.
    """
    if not found.declarations:
        return found
    param = "function_call" if found.legacy else "tool_choice"
    choice = body.get(param)
    match choice:
        case None | "auto":
            return replace(found, mode="VALIDATED" if all_strict else "AUTO")
        case "none":
            return replace(found, mode="NONE")
        case "required":
            return replace(found, mode="ANY")
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}:
            names = tuple(
                _chosen(tool, found, f"{param}.allowed_tools.tools[{i}]")
                for i, tool in enumerate(tools)
            )
            if mode == "required" and not names:
                raise InvalidRequest(
                    "One of no tools cannot be required.",
                    f"{param}.allowed_tools.tools",
                    "empty_array",
                )
            return replace(
                found,
                mode="ANY" if mode == "required" else "VALIDATED" if names else "NONE",
                allowed=names,
            )
        case _:
            return replace(found, mode="ANY", allowed=(_chosen(choice, found, param),))


def _told(found: Toolset, forced: ForcedCall, all_strict: bool, report: Report) -> Toolset:
    """The choice for a model that cannot be forced: it may call what it was to call, and is told
    to.
    """
    report.emulated(forced.param, TOLD)
    return replace(found, mode="VALIDATED" if all_strict or found.allowed else "AUTO", told=forced)


def _chosen(choice: Any, found: Toolset, param: str) -> str:
    """The name of the tool that an entry of tool_choice means. Raises InvalidRequest if it is not
    declared.
    """
    inner = (
        choice.get("function") or choice.get("custom") or choice if choice.__class__ is dict else {}
    )
    name = inner.get("name") if inner.__class__ is dict else None
    if name.__class__ is not str or name not in found.names:
        raise InvalidRequest(
            f"Tool choice {str(name)[:80]!r} not found in 'tools' parameter.",
            param,
            "invalid_value",
        )
    return str(name)
