"""`tools` and `toolConfig` in the hub's words."""

from typing import Any, Final

from translators.chat.validation_errors import not_one_of, wrong_type
from translators.errors import InvalidRequest
from translators.gemini.inbound.losses import Found
from translators.gemini.inbound.schema import json_schema
from translators.gemini.inbound.values import array, flag, record, strings, text, word
from translators.json_codec import JsonObject

_SEARCHES: Final = ("googleSearch", "googleSearchRetrieval")
_NATIVE: Final = frozenset({
    "urlContext", "codeExecution", "googleMaps", "fileSearch", "computerUse", "retrieval",
    "enterpriseWebSearch", "mcpServers", "parallelAiSearch", "exaAiSearch",
})  # fmt: skip
_EMPTY: Final = {"type": "object", "properties": {}}
_MODES: Final = ("AUTO", "ANY", "NONE", "VALIDATED")
_UNSAID: Final = (None, "MODE_UNSPECIFIED", "FUNCTION_CALLING_CONFIG_MODE_UNSPECIFIED")


def tools_of(body: JsonObject, found: Found) -> JsonObject:
    """`tools`, `tool_choice` and `web_search_options` of the hub, as far as they are asked for.

    Raises InvalidRequest.
    """
    functions: list[JsonObject] = []
    names: dict[str, None] = {}
    search: tuple[str, JsonObject] | None = None
    for i, tool in enumerate(array(body, "tools", "")):
        at = f"tools[{i}]"
        if tool.__class__ is not dict:
            raise wrong_type(at, "an object", tool)
        for name, value in tool.items():
            if value is None:
                continue
            if name == "functionDeclarations":
                _add_functions(tool, at, functions, names)
            elif name in _SEARCHES:
                search = (f"{at}.{name}", record(tool, name, at) or {})
            elif name in _NATIVE:
                found.native(f"{at}.{name}")
            else:
                found.unknown(f"{at}.{name}", name)
    made: JsonObject = {"tools": functions} if functions else {}
    if search is not None:
        made.update(_search(*search, beside=bool(functions), found=found))
    made.update(_choice(body, names, found))
    return made


def _add_functions(
    tool: JsonObject, at: str, functions: list[JsonObject], names: dict[str, None]
) -> None:
    for j, declared in enumerate(array(tool, "functionDeclarations", at)):
        place = f"{at}.functionDeclarations[{j}]"
        if declared.__class__ is not dict:
            raise wrong_type(place, "an object", declared)
        function = _function(declared, place)
        if function["name"] in names:
            rule = f"Duplicate function declaration found: {function['name'][:80]}"
            raise InvalidRequest(rule, f"{place}.name", "invalid_value")
        names[function["name"]] = None
        functions.append({"type": "function", "function": function})


def _function(declared: JsonObject, at: str) -> JsonObject:
    name = text(declared, "name", at)
    if not name:
        raise InvalidRequest(f"'{at}' needs 'name'.", f"{at}.name", "missing_required_parameter")
    function: JsonObject = {"name": name}
    if (description := text(declared, "description", at)) is not None:
        function["description"] = description
    schema: Any = declared.get("parametersJsonSchema")
    if schema is None:
        schema = declared.get("parameters")
    if schema is not None and schema.__class__ is not dict:
        raise wrong_type(f"{at}.parameters", "an object", schema)
    function["parameters"] = json_schema(schema) if schema else dict(_EMPTY)
    return function


def _search(at: str, options: JsonObject, *, beside: bool, found: Found) -> JsonObject:
    if beside:
        found.dropped(at, "search beside functions is not offered elsewhere")
        return {}
    for name, value in options.items():
        if value is not None:
            found.dropped(f"{at}.{name}", "other providers' search has no such option")
    return {"web_search_options": {}}


def _choice(body: JsonObject, names: dict[str, None], found: Found) -> JsonObject:
    config = record(body, "toolConfig", "") or {}
    for name in ("retrievalConfig", "includeServerSideToolInvocations"):
        if config.get(name):
            found.native(f"toolConfig.{name}")
    at = "toolConfig.functionCallingConfig"
    calling = record(config, "functionCallingConfig", "toolConfig") or {}
    flag(calling, "streamFunctionCallArguments", at)  # calls come whole
    mode = word(calling, "mode", at)
    if not names:
        return {}
    if mode not in _UNSAID and mode not in _MODES:
        raise not_one_of(f"{at}.mode", mode, _MODES)
    allowed = strings(calling, "allowedFunctionNames", at)
    for i, name in enumerate(allowed):
        if name not in names:
            rule = f"allowed_function_names contains a function that is not declared: {name[:80]}"
            raise InvalidRequest(rule, f"{at}.allowedFunctionNames[{i}]", "invalid_value")
    if mode == "NONE":
        return {"tool_choice": "none"}
    if not allowed:
        return {"tool_choice": "required"} if mode == "ANY" else {}
    if mode == "ANY" and len(allowed) == 1:
        return {"tool_choice": {"type": "function", "function": {"name": allowed[0]}}}
    functions = [{"type": "function", "function": {"name": name}} for name in allowed]
    of_mode = {"mode": "required" if mode == "ANY" else "auto", "tools": functions}
    return {"tool_choice": {"type": "allowed_tools", "allowed_tools": of_mode}}
