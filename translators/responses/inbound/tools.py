"""Tools: from the request's field and from items that bring more of them, under flat names."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.responses.inbound.checks import array, mapping, optional_text, text
from translators.responses.inbound.findings import DeclaredTool, Findings
from translators.responses.inbound.flat_names import DEFAULT_NAMESPACE, flat_name

NATIVE_TOOLS: Final = frozenset(
    {
        "file_search", "code_interpreter", "computer", "computer_use_preview", "mcp",
        "image_generation", "local_shell", "shell", "apply_patch", "programmatic_tool_calling",
    }
)  # fmt: skip
"""Tools that OpenAI's server runs, or that only its models know."""
_SEARCH: Final = "web_search"
_QUERY: Final[JsonObject] = {
    "type": "object",
    "properties": {"query": {"type": "string"}},
    "required": ["query"],
}


def is_web_search(kind: str) -> bool:
    """Whether a type of tool is one of the dated ones of the web search."""
    return kind.startswith(_SEARCH)


class ToolReader:
    """Gathers the tools of one request."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.web_search: JsonObject | None = None
        """The hub's `web_search_options`."""

    def declare(self, tools: Any, at: str) -> list[str]:
        """Take the tools of one source; their flat names. Raises InvalidRequest."""
        names: list[str] = []
        for i, tool in enumerate(array(tools, at)):
            names += self._declare_one(mapping(tool, f"{at}[{i}]"), f"{at}[{i}]", None, None)
        return names

    def _declare_one(
        self, tool: JsonObject, at: str, namespace: str | None, intro: str | None
    ) -> list[str]:
        kind = text(tool.get("type"), f"{at}.type")
        if kind == "namespace" and namespace is None:
            return self._namespace(tool, at)
        if (make := _DECLARED.get(kind)) is not None:
            return make(self, tool, at, namespace, intro)
        if is_web_search(kind):
            self._search(tool, at)
        else:  # one that OpenAI's server runs, or that came after this was written
            self._findings.natives.append(f"{at}.type")
        return []

    def _namespace(self, tool: JsonObject, at: str) -> list[str]:
        name = text(tool.get("name"), f"{at}.name")
        described = optional_text(tool.get("description"), f"{at}.description")
        intro = f"[{name}] {described}\n" if described and name != DEFAULT_NAMESPACE else None
        names: list[str] = []
        for i, member in enumerate(array(tool.get("tools"), f"{at}.tools")):
            place = f"{at}.tools[{i}]"
            names += self._declare_one(mapping(member, place), place, name, intro)
            if names:
                intro = None
        return names

    def function(
        self, tool: JsonObject, at: str, namespace: str | None, intro: str | None
    ) -> list[str]:
        """A function of the caller's."""
        name = text(tool.get("name"), f"{at}.name")
        callers = tool.get("allowed_callers")
        if callers.__class__ is list and callers and "direct" not in callers:
            self._findings.natives.append(f"{at}.allowed_callers")
        function: JsonObject = {"name": flat_name(name, namespace)}
        _describe(function, tool, at, intro)
        parameters = tool.get("parameters")
        function["parameters"] = (
            {"type": "object", "properties": {}}
            if parameters is None
            else without_encrypted(mapping(parameters, f"{at}.parameters"))
        )
        if tool.get("strict") is not None:
            function["strict"] = tool["strict"]
        return self._add(name, namespace, "function", {"type": "function", "function": function})

    def custom(
        self, tool: JsonObject, at: str, namespace: str | None, intro: str | None
    ) -> list[str]:
        """A tool that takes any text, or one of a grammar."""
        name = text(tool.get("name"), f"{at}.name")
        custom: JsonObject = {"name": flat_name(name, namespace)}
        _describe(custom, tool, at, intro)
        form = tool.get("format")
        if form is not None and mapping(form, f"{at}.format").get("type") == "grammar":
            grammar = {key: form[key] for key in ("syntax", "definition") if key in form}
            custom["format"] = {"type": "grammar", "grammar": grammar}
        return self._add(name, namespace, "custom", {"type": "custom", "custom": custom})

    def tool_search(
        self, tool: JsonObject, at: str, namespace: str | None, intro: str | None
    ) -> list[str]:
        """The caller's own search for more tools; OpenAI's is native."""
        if tool.get("execution") != "client":
            self._findings.natives.append(f"{at}.type")
            return []
        function: JsonObject = {"name": "tool_search"}
        _describe(function, tool, at, intro)
        parameters = tool.get("parameters")
        function["parameters"] = (
            _QUERY
            if parameters is None
            else without_encrypted(mapping(parameters, f"{at}.parameters"))
        )
        whole = {"type": "function", "function": function}
        return self._add("tool_search", None, "tool_search", whole)

    def _add(self, name: str, namespace: str | None, kind: str, tool: JsonObject) -> list[str]:
        own = None if namespace == DEFAULT_NAMESPACE else namespace
        flat = flat_name(name, namespace)
        known = self._findings.tools.get(flat)
        if known is None:
            self._findings.tools[flat] = DeclaredTool(name, own, kind, tool)
        elif (known.name, known.namespace) != (name, own):
            raise InvalidRequest(
                f"Two tools would both be called {flat!r}: rename one of them.",
                "tools",
                "invalid_value",
            )
        return [flat]

    def _search(self, tool: JsonObject, at: str) -> None:
        options: JsonObject = {}
        if tool.get("search_context_size") is not None:
            options["search_context_size"] = tool["search_context_size"]
        if (where := tool.get("user_location")) is not None:
            place = mapping(where, f"{at}.user_location")
            approximate = {
                key: value for key, value in place.items() if key != "type" and value is not None
            }
            options["user_location"] = {"type": "approximate", "approximate": approximate}
        self.web_search = options
        filters = tool.get("filters")
        if filters.__class__ is dict and filters.get("allowed_domains"):
            self._findings.report.dropped(f"{at}.filters", "the search is not held to domains")
        if tool.get("external_web_access") is False:
            self._findings.report.dropped(f"{at}.external_web_access", "the search reads the web")


_Declare = Callable[[ToolReader, JsonObject, str, str | None, str | None], list[str]]
_DECLARED: Final[Mapping[str, _Declare]] = {
    "function": ToolReader.function,
    "custom": ToolReader.custom,
    "tool_search": ToolReader.tool_search,
}


def _describe(into: JsonObject, tool: JsonObject, at: str, intro: str | None) -> None:
    described = optional_text(tool.get("description"), f"{at}.description")
    if described is not None or intro is not None:
        into["description"] = (intro or "") + (described or "")


def without_encrypted(schema: Any) -> Any:
    """The schema without Codex's keyword `encrypted`, at every depth; the same one if it has none.

    A property of that name is no keyword: its value is a schema, not a boolean.
    """
    if schema.__class__ is list:
        members = [without_encrypted(each) for each in schema]
        return members if any(a is not b for a, b in zip(members, schema, strict=True)) else schema
    if schema.__class__ is not dict:
        return schema
    kept = {
        key: without_encrypted(value)
        for key, value in schema.items()
        if key != "encrypted" or value.__class__ is not bool
    }
    same = len(kept) == len(schema) and all(kept[key] is schema[key] for key in kept)
    return schema if same else kept
