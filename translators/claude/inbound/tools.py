"""`tools` and `tool_choice` as the hub's functions and its web search."""

from typing import Any, Final

from translators.claude.inbound.context import Reading, object_of, rejected, text_of
from translators.claude.inbound.tool_types import TYPED
from translators.json_codec import JsonObject, dumps_str

_NO_PARTNER: Final = "no other provider takes it"
_SEARCH_LIMITS: Final = ("allowed_domains", "blocked_domains", "max_uses", "response_inclusion")
_CHOICES: Final = {"any": "required", "none": "none"}


class Tools:
    """The tools that a request declares, by what becomes of them."""

    def __init__(self, given: Any, reading: Reading) -> None:
        """Raises InvalidRequest."""
        self._reading = reading
        self._names: set[str] = set()
        """Of all of them, also of those that are no functions."""
        self._functions: dict[str, JsonObject] = {}
        self._deferred: set[str] = set()
        self._search: JsonObject | None = None
        self._finds = False
        self._others = 0
        if given is not None and given.__class__ is not list:
            raise rejected("tools", "Input should be a valid list")
        for i, tool in enumerate(given or ()):
            if tool.__class__ is not dict:
                raise rejected(f"tools.{i}", "Input should be a valid dictionary")
            if (name := tool.get("name")).__class__ is str:
                self._names.add(name)
            self._read(tool, f"tools.{i}")

    @property
    def only_search(self) -> bool:
        """The request has no other tools than web search."""
        return self._search is not None and not self._functions and not self._others

    def _read(self, tool: JsonObject, path: str) -> None:
        kind = tool.get("type")
        if kind is None or kind == "custom":
            self._custom(tool, path)
            return
        if kind.__class__ is not str:
            raise rejected(f"{path}.type", "Input should be a valid string")
        if kind.startswith("web_search_"):
            self._web_search(tool)
        elif kind.startswith("tool_search_tool_"):
            self._finds = True
            self._others += 1
            self._reading.note("emulated", "tools.tool_search", "all deferred tools are declared")
        elif (known := next((t for t in TYPED if kind.startswith(t.prefix)), None)) is not None:
            name = tool.get("name")
            named = name if name.__class__ is str and name else known.name
            self._functions[named] = known.function(named)
            why = "declared as a function"
            self._reading.note("emulated", f"tools.{known.prefix.rstrip('_')}", why)
        else:
            self._others += 1
            self._reading.need(f"tools.{kind}"[:200])

    def _custom(self, tool: JsonObject, path: str) -> None:
        name = text_of(tool, "name", f"{path}.custom")
        function: JsonObject = {
            "name": name,
            "parameters": object_of(tool, "input_schema", f"{path}.custom"),
        }
        if tool.get("description").__class__ is str:
            function["description"] = tool["description"]
        if tool.get("strict") is True:
            self._strict(function)
        if examples := tool.get("input_examples"):
            said = f"Examples of its input: {dumps_str(examples)}"
            before = function.get("description")
            function["description"] = f"{before}\n\n{said}" if before else said
            self._reading.note("emulated", "tools.input_examples", "told in the description")
        callers = tool.get("allowed_callers")
        if callers.__class__ is list and "direct" not in callers:
            why = "other providers' models call a tool only directly"
            self._reading.note("dropped", "tools.allowed_callers", why)
            return
        if tool.get("defer_loading") is True:
            self._deferred.add(name)
        self._functions[name] = function

    def _strict(self, function: JsonObject) -> None:
        if is_strict(function["parameters"]):
            function["strict"] = True
            return
        why = "the schema has optional properties, which other providers' strict mode refuses"
        self._reading.note("changed", "tools.strict", why)

    def _web_search(self, tool: JsonObject) -> None:
        self._names.add("web_search")
        options: JsonObject = {}
        place = tool.get("user_location")
        if place.__class__ is dict:
            exact = {k: v for k, v in place.items() if k != "type" and v is not None}
            options["user_location"] = {"type": "approximate", "approximate": exact}
        for name in _SEARCH_LIMITS:
            if tool.get(name) is not None:
                self._reading.note("dropped", f"tools.web_search.{name}", _NO_PARTNER)
        self._search = options

    def write(self, body: JsonObject, choice: Any) -> None:
        """Put what is declared, and the choice among it, into the hub's body."""
        declared = self._declared()
        if self._search is not None:
            body["web_search_options"] = self._search
        if not declared:
            return
        body["tools"] = [{"type": "function", "function": each} for each in declared.values()]
        if choice is None:
            return
        if choice.__class__ is not dict:
            raise rejected("tool_choice", "Input should be a valid dictionary")
        self._choose(body, choice, declared)

    def _choose(
        self, body: JsonObject, choice: JsonObject, declared: dict[str, JsonObject]
    ) -> None:
        kind = choice.get("type")
        if kind == "tool":
            name = text_of(choice, "name", "tool_choice")
            if name in declared:
                body["tool_choice"] = {"type": "function", "function": {"name": name}}
            elif name not in self._names:
                raise rejected("tool_choice", f"Tool '{name[:200]}' not found in provided tools")
            elif name in self._functions:
                self._reading.note("dropped", "tool_choice", "the tool is not loaded, or removed")
        elif kind in _CHOICES:
            body["tool_choice"] = _CHOICES[kind]
        elif kind != "auto":
            raise rejected("tool_choice.type", "Input should be 'auto', 'any', 'tool' or 'none'")
        if choice.get("disable_parallel_tool_use") is True:
            body["parallel_tool_calls"] = False

    def _declared(self) -> dict[str, JsonObject]:
        """The functions as they stand after the changes in the conversation."""
        loaded = self._deferred if self._finds else self._reading.loaded
        known = dict(self._functions)
        declared = {n: f for n, f in known.items() if n not in self._deferred or n in loaded}
        for change in self._reading.changes:
            tool = change.get("tool")
            if tool.__class__ is dict:
                self._change(change["type"], tool, known, declared)
        return declared

    def _change(
        self,
        kind: Any,
        tool: JsonObject,
        known: dict[str, JsonObject],
        declared: dict[str, JsonObject],
    ) -> None:
        form = str(tool.get("type"))
        if form.startswith("mcp_"):
            self._reading.need(f"messages.{kind}.{form}"[:200])
        elif form == "tool_definition":
            definition = object_of(tool, "definition", f"messages.{kind}.tool")
            added = Tools([definition], self._reading)
            declared.update(added._functions)
        elif (name := tool.get("name") or tool.get("tool_name")).__class__ is str:
            if kind == "tool_removal":
                declared.pop(name, None)
            elif name in known:
                declared[name] = known[name]


def is_strict(schema: Any) -> bool:
    """Whether every object of a schema is closed and requires all its properties."""
    if schema.__class__ is list:
        return all(map(is_strict, schema))
    if schema.__class__ is not dict:
        return True
    properties = schema.get("properties")
    if properties.__class__ is dict or schema.get("type") == "object":
        named = properties if properties.__class__ is dict else {}
        required = schema.get("required")
        if schema.get("additionalProperties") is not False:
            return False
        if set(named) != set(required if required.__class__ is list else ()):
            return False
        if not all(map(is_strict, named.values())):
            return False
    inner = ("items", "anyOf", "oneOf", "allOf", "prefixItems", "not")
    defined = [*_values(schema.get("$defs")), *_values(schema.get("definitions"))]
    return all(is_strict(schema.get(name)) for name in inner) and all(map(is_strict, defined))


def _values(holder: Any) -> list[Any]:
    return list(holder.values()) if holder.__class__ is dict else []
