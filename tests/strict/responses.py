"""What OpenAI's Responses API refuses. Items are looked at in `responses_items`."""

import re
from collections.abc import Iterable
from typing import Any, Final

from tests.strict.refusal import Asked, Refused, dumps, known_fields, names
from tests.strict.responses_items import check_items, missing, not_one_of, unknown, wrong_type

_FIELDS: Final = names(
    "access_programs background background_options context_management conversation image include"
    " input instructions max_output_tokens max_tool_calls metadata model moderation"
    " parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_options"
    " prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options"
    " temperature text tool_choice tools top_logprobs top_p truncation user"
)
_INNER: Final = {
    "reasoning": names("context effort generate_summary mode summary"),
    "text": names("format verbosity"),
    "stream_options": names("include_obfuscation"),
}
_RANGES: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_logprobs": (0, 20),
    "max_output_tokens": (16, 10**9),
}
_WHOLE: Final = ("top_logprobs", "max_output_tokens")
_SUPPORTED: Final = {
    ("reasoning", "effort"): ("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    ("reasoning", "summary"): ("auto", "concise", "detailed"),
    ("text", "verbosity"): ("low", "medium", "high"),
}
_INCLUDABLE: Final = (
    "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url", "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)  # fmt: skip
_KEPT_ELSEWHERE: Final = {
    "previous_response_id": "Previous response",
    "conversation": "Conversation",
    "prompt": "Prompt",
}
"""Names of what an earlier request left at the server: nothing is kept."""
_TOOL_FIELDS: Final = {
    "function": names(
        "type name description parameters strict allowed_callers async defer_loading output_schema"
    ),
    "custom": names("type name description format allowed_callers async defer_loading"),
}
_HOSTED: Final = names(
    "apply_patch code_interpreter computer computer_use_preview file_search image_generation"
    " local_shell mcp namespace programmatic_tool_calling shell tool_search web_search"
    " web_search_2025_08_26 web_search_preview web_search_preview_2025_03_11"
)
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}").fullmatch
_FORMAT_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_VALUES: Final = ("enum", "const", "default", "examples")
"""Keywords of a schema that hold values, not schemas."""


def check(body: dict[str, Any], asked: Asked) -> None:
    _check(body)
    _check_input(body)
    tools = _tool_names(body.get("tools") or [])
    _check_choice(body.get("tool_choice"), tools, body.get("tools") or [])
    _check_format((body.get("text") or {}).get("format") or {"type": "text"}, body["input"])


def _check(body: dict[str, Any]) -> None:
    if name := known_fields(body, _FIELDS):
        raise unknown(name)
    if body.get("model") is None:
        raise missing("model")
    if not isinstance(body["model"], str) or not body["model"]:
        raise wrong_type("model", "a string")
    for name, kept in _KEPT_ELSEWHERE.items():
        if body.get(name) is not None:
            raise Refused(
                f"{kept} with id '{body[name]}' not found.",
                name,
                f"{name.removesuffix('_id')}_not_found",
            )
    if body.get("background") is True:
        raise Refused(
            "Nothing is done in the background here.", "background", "unsupported_parameter"
        )
    if body.get("stream_options") is not None and body.get("stream") is not True:
        raise Refused(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )
    if body.get("instructions") is not None and not isinstance(body["instructions"], str):
        raise wrong_type("instructions", "a string")
    _check_inner(body)
    _check_numbers(body)


def _check_inner(body: dict[str, Any]) -> None:
    for outer, known in _INNER.items():
        value = body.get(outer)
        if value is not None and not isinstance(value, dict):
            raise wrong_type(outer, "an object")
        if name := known_fields(value or {}, known):
            raise unknown(f"{outer}.{name}")
    for (outer, name), supported in _SUPPORTED.items():
        value = (body.get(outer) or {}).get(name)
        if value is not None and value not in supported:
            raise not_one_of(f"{outer}.{name}", value, supported)
    for index, name in enumerate(body.get("include") or ()):
        if name not in _INCLUDABLE:
            raise not_one_of(f"include[{index}]", name, _INCLUDABLE)


def _check_numbers(body: dict[str, Any]) -> None:
    for name, (low, high) in _RANGES.items():
        value, kind = body.get(name), "integer" if name in _WHOLE else "decimal"
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int if name in _WHOLE else int | float):
            raise wrong_type(name, f"a {kind}" if kind == "decimal" else f"an {kind}")
        if not low <= value <= high:
            side, bound, sign = (
                ("below", "minimum", f">= {low}")
                if value < low
                else ("above", "maximum", f"<= {high}")
            )
            raise Refused(
                f"Invalid '{name}': {kind} {side} {bound} value. Expected a value {sign}, but got"
                f" {value} instead.",
                name,
                f"{kind}_{side}_{bound[:3]}_value",
            )


def _check_input(body: dict[str, Any]) -> None:
    given = body.get("input")
    if given is None or given == []:
        raise missing("input")
    if isinstance(given, str):
        return
    if not isinstance(given, list):
        raise wrong_type("input", "one of an array of input items or string")
    check_items(given, stored=body.get("store") is not False)


def _tool_names(tools: Any) -> set[str]:
    """Of the tools that the caller runs."""
    if not isinstance(tools, list):
        raise wrong_type("tools", "an array of objects")
    found: set[str] = set()
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        if not isinstance(tool, dict):
            raise wrong_type(where, "an object")
        kind = tool.get("type")
        if kind in _HOSTED:
            continue
        if kind not in _TOOL_FIELDS:
            raise (
                missing(f"{where}.type")
                if kind is None
                else not_one_of(f"{where}.type", kind, sorted([*_TOOL_FIELDS, *_HOSTED]))
            )
        if tool.get("name") is None:
            raise missing(f"{where}.name")
        if name := known_fields(tool, _TOOL_FIELDS[kind]):
            raise unknown(f"{where}.{name}")
        if not isinstance(tool["name"], str) or not _NAME(tool["name"]):
            raise Refused(
                f"Invalid '{where}.name': string does not match pattern.",
                f"{where}.name",
                "invalid_value",
            )
        if kind == "function":
            _check_parameters(tool, where)
        found.add(tool["name"])
    return found


def _check_parameters(tool: dict[str, Any], where: str) -> None:
    schema = tool.get("parameters")
    if schema is None:
        return
    if not isinstance(schema, dict):
        raise wrong_type(f"{where}.parameters", "an object")
    if flaw := _flaw(schema, strict=tool.get("strict") is True):
        raise Refused(
            f"Invalid schema for function '{tool['name']}': {flaw}",
            f"{where}.parameters",
            "invalid_function_parameters",
        )


def _check_choice(choice: Any, tools: set[str], declared: list[Any]) -> None:
    """Tools of the server itself may be named by their type."""
    match choice:
        case None | "auto" | "none":
            return
        case "required":
            if declared:
                return
            rule = "Tool choice 'required' must be specified with 'tools' parameter."
            raise Refused(rule, "tool_choice")
        case {"type": "function" | "custom" as kind, "name": str(name)}:
            if any(tool["type"] == kind and tool["name"] == name for tool in declared):
                return
            raise Refused(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice")
        case {"type": "allowed_tools", "mode": "auto" | "required", "tools": [_, *_] as allowed}:
            if any(
                all(tool.get(key) != value for tool in declared)
                for one in allowed
                for key, value in one.items()
            ):
                rule = (
                    "Tool choice 'allowed_tools' names a tool that is not in the 'tools' parameter."
                )
                raise Refused(rule, "tool_choice")
            return
        case {"type": str(kind)} if (
            any(tool["type"] == kind for tool in declared) and kind in _HOSTED
        ):
            return
    raise Refused(
        f"Invalid value for 'tool_choice': {dumps(choice)}.", "tool_choice", "invalid_value"
    )


def _check_format(form: dict[str, Any], given: Any) -> None:
    where = "text.format"
    match form.get("type"):
        case "text":
            return
        case "json_object":
            if "json" not in dumps(given).lower():
                rule = (
                    "must contain the word 'json' in some form to use 'text.format' of type"
                    " 'json_object'."
                )
                raise Refused(f"Response input messages {rule}", "input")
            return
        case "json_schema":
            return _check_schema_format(form, where)
    raise not_one_of(f"{where}.type", form.get("type"), ("json_object", "json_schema", "text"))


def _check_schema_format(form: dict[str, Any], where: str) -> None:
    for name in ("name", "schema"):
        if form.get(name) is None:
            raise missing(f"{where}.{name}")
    if extra := known_fields(form, names("type name schema description strict")):
        raise unknown(f"{where}.{extra}")
    if not _FORMAT_NAME(form["name"]):
        raise Refused(
            f"Invalid '{where}.name': string does not match pattern.",
            f"{where}.name",
            "invalid_value",
        )
    if flaw := _flaw(form["schema"], strict=form.get("strict") is True):
        raise Refused(
            f"Invalid schema for response_format '{form['name']}': {flaw}",
            f"{where}.schema",
            "invalid_json_schema",
        )


def _flaw(schema: dict[str, Any], *, strict: bool) -> str | None:
    """Why the API takes no such schema: its root is no object, or strictness wants every object
    closed and all its keys required.
    """
    if schema.get("type") != "object":
        return (
            "schema must be a JSON Schema of 'type: \"object\"', got 'type:"
            f' "{schema.get("type")}"\'.'
        )
    return _loose(schema, ()) if strict else None


def _loose(schema: Any, path: tuple[str, ...]) -> str | None:
    if isinstance(schema, list):
        return _first_flaw(enumerate(schema), path)
    if not isinstance(schema, dict):
        return None
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return (
                f"In context={path}, 'additionalProperties' is required to be supplied and to be"
                " false."
            )
        if left := [
            name
            for name in schema.get("properties") or {}
            if name not in (schema.get("required") or ())
        ]:
            rule = (
                "'required' is required to be supplied and to be an array including every key in"
                " properties."
            )
            return f"In context={path}, {rule} Missing '{left[0]}'."
    return _first_flaw(((key, value) for key, value in schema.items() if key not in _VALUES), path)


def _first_flaw(parts: Iterable[tuple[object, Any]], path: tuple[str, ...]) -> str | None:
    return next((flaw for key, part in parts if (flaw := _loose(part, (*path, str(key))))), None)
