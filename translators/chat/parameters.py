"""The shape of every parameter of a chat request, one row each, and the rules of their
combinations.

Which values are allowed is not said here: that is the target's (translators.chat.ranges), and
servers differ in it.
"""

from collections.abc import Callable
from types import NoneType
from typing import Any, Final

from translators.chat.passthrough import check_passthrough
from translators.chat.schema_check import check_schema, is_usual, is_usual_object
from translators.chat.validation_errors import (
    missing,
    not_one_of,
    require_object,
    require_string,
    wrong_type,
)
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.known_tools import known_tools

NO_OPS: Final[dict[str, tuple[object, ...]]] = {
    "temperature": (1,),
    "top_p": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "n": (1,),
    "stop": ("", []),
    "modalities": (["text"], []),
    "parallel_tool_calls": (True,),
    "service_tier": ("auto",),
    "store": (False,),
}
"""Values of parameters that ask for what every server does anyway: leaving them out loses nothing.
"""

_Check = Callable[[Any, str], bool | None]
"""Raises InvalidRequest. True: there is a schema in the value that is not a usual one."""


def _string(value: Any, param: str) -> None:
    if value.__class__ is not str:
        raise wrong_type(param, "a string", value)


def _model(value: Any, param: str) -> None:
    if value.__class__ is not str:
        raise wrong_type(param, "a string", value)
    if not value or value.isspace():
        raise InvalidRequest("Invalid 'model': it must name a persona.", param, "invalid_value")


def _boolean(value: Any, param: str) -> None:
    if value.__class__ is not bool:
        raise wrong_type(param, "a boolean", value)


def _object(value: Any, param: str) -> None:
    if value.__class__ is not dict:
        raise wrong_type(param, "an object", value)


def _array(value: Any, param: str) -> None:
    if value.__class__ is not list:
        raise wrong_type(param, "an array", value)


def _number(value: Any, param: str) -> None:
    if value.__class__ is not float and value.__class__ is not int:
        raise wrong_type(param, "a number", value)


def _integer(value: Any, param: str) -> None:
    if value.__class__ is not int and (value.__class__ is not float or not value.is_integer()):
        raise wrong_type(param, "an integer", value)


def _stop(value: Any, param: str) -> None:
    if value.__class__ is str:
        return
    if not isinstance(value, list):  # some are of a class of their own: OwnSequences
        raise wrong_type(param, "a string or an array of strings", value)
    for i, sequence in enumerate(value):
        if sequence.__class__ is not str:
            raise wrong_type(f"{param}[{i}]", "a string", sequence)


def _tools(value: Any, param: str) -> bool:
    found = known_tools(value)
    if found is None:
        return _each_tool(value, param)
    return found.once("checked", lambda: _each_tool(value, param))


def _each_tool(value: Any, param: str) -> bool:
    odd = False
    _array(value, param)
    for i, tool in enumerate(value):
        at = f"{param}[{i}]"
        if tool.__class__ is not dict:
            raise wrong_type(at, "an object", tool)
        kind = tool.get("type")
        if kind is None:
            raise missing(f"{at}.type")
        if kind.__class__ is not str:
            raise wrong_type(f"{at}.type", "a string", kind)
        for name in ("function", "custom"):
            if name in tool and name != kind and tool[name].__class__ is not dict:
                raise wrong_type(f"{at}.{name}", "an object", tool[name])
        if kind == "custom":
            custom = require_object(tool, "custom", at)
            require_string(custom, "name", f"{at}.custom")
            if custom.get("format") is not None:
                _object(custom["format"], f"{at}.custom.format")
        elif kind == "function":
            if "function" not in tool and "name" in tool:
                hint = (
                    'Chat Completions has {"type": "function", "function": {"name": …}}; the flat'
                    " form is that of Responses."
                )
                raise InvalidRequest(
                    f"Missing required parameter: '{at}.function'. {hint}",
                    f"{at}.function",
                    "missing_required_parameter",
                )
            odd |= _function(require_object(tool, "function", at), f"{at}.function")
        elif "function" in tool:
            require_string(tool["function"], "name", f"{at}.function")
    return odd


def _functions(value: Any, param: str) -> bool:
    odd = False
    _array(value, param)
    for i, function in enumerate(value):
        if function.__class__ is not dict:
            raise wrong_type(f"{param}[{i}]", "an object", function)
        odd |= _function(function, f"{param}[{i}]")
    return odd


def _function(function: JsonObject, at: str) -> bool:
    """Whether the schema of its parameters is not a usual one."""
    require_string(function, "name", at)
    if not function["name"]:
        raise InvalidRequest(
            f"Invalid '{at}.name': empty string. Expected a string with minimum length 1.",
            f"{at}.name",
            "empty_string",
        )
    description, parameters, strict = (
        function.get("description"),
        function.get("parameters"),
        function.get("strict"),
    )
    if description is not None:
        _string(description, f"{at}.description")
    if strict is not None:
        _boolean(strict, f"{at}.strict")
    if not parameters and parameters.__class__ in (dict, NoneType):
        return False
    if is_usual_object(parameters):
        return False
    _object(parameters, f"{at}.parameters")
    check_schema(parameters, f"{at}.parameters")
    return True


def _tool_choice(value: Any, param: str) -> None:
    if value.__class__ is str:
        return
    _object(value, param)
    kind = value.get("type")
    if kind in ("function", "custom") and kind in value:
        require_string(require_object(value, kind, param), "name", f"{param}.{kind}")
    elif kind == "allowed_tools":
        allowed = require_object(value, "allowed_tools", param)
        if allowed.get("mode") not in ("auto", "required"):
            raise not_one_of(
                f"{param}.allowed_tools.mode", allowed.get("mode"), ("auto", "required")
            )
        _array(allowed.get("tools"), f"{param}.allowed_tools.tools")
        for i, tool in enumerate(allowed["tools"]):
            _allowed_tool(tool, f"{param}.allowed_tools.tools[{i}]")


def _allowed_tool(tool: Any, at: str) -> None:
    if tool.__class__ is not dict:
        raise wrong_type(at, "an object", tool)
    kind = tool.get("type", "function")
    if kind.__class__ is not str:
        raise wrong_type(f"{at}.type", "a string", kind)
    if kind in tool:
        require_string(require_object(tool, kind, at), "name", f"{at}.{kind}")


def _function_call(value: Any, param: str) -> None:
    if value.__class__ is str:
        return
    _object(value, param)
    require_string(value, "name", param)


def _response_format(value: Any, param: str) -> bool:
    _object(value, param)
    require_string(value, "type", param)
    if value["type"] == "json_schema":
        inner = require_object(value, "json_schema", param)
        schema = inner.get("schema")
        if schema is not None and not is_usual(schema):
            _object(schema, f"{param}.json_schema.schema")
            check_schema(schema, f"{param}.json_schema.schema")
            return True
    return False


def _modalities(value: Any, param: str) -> None:
    _array(value, param)
    for i, modality in enumerate(value):
        _string(modality, f"{param}[{i}]")


def _metadata(value: Any, param: str) -> None:
    _object(value, param)
    for key, text in value.items():
        _string(text, f"{param}.{key}")


PARAMETERS: Final[dict[str, _Check]] = {
    "model": _model,
    "stream": _boolean,
    "stream_options": _object,
    "temperature": _number,
    "top_p": _number,
    "top_k": _integer,
    "frequency_penalty": _number,
    "presence_penalty": _number,
    "max_tokens": _integer,
    "max_completion_tokens": _integer,
    "n": _integer,
    "stop": _stop,
    "seed": _integer,
    "logprobs": _boolean,
    "top_logprobs": _integer,
    "logit_bias": _object,
    "user": _string,
    "safety_identifier": _string,
    "metadata": _metadata,
    "store": _boolean,
    "tools": _tools,
    "functions": _functions,
    "tool_choice": _tool_choice,
    "function_call": _function_call,
    "parallel_tool_calls": _boolean,
    "response_format": _response_format,
    "reasoning_effort": _string,
    "verbosity": _string,
    "modalities": _modalities,
    "audio": _object,
    "prediction": _object,
    "web_search_options": _object,
    "service_tier": _string,
    "prompt_cache_key": _string,
    "prompt_cache_options": _object,
    "x_provider": check_passthrough,
    "thinking": _object,
    "reasoning": _object,
}


COMBINED: Final = frozenset({"stream_options", "tools", "functions", "tool_choice", "top_logprobs"})
"""Parameters with rules for what stands beside them."""


def check_combinations(body: JsonObject) -> None:
    """Hold what `COMBINED` names against what stands beside it. Raises InvalidRequest."""
    if body.get("stream_options") is not None and body.get("stream") is not True:
        raise InvalidRequest(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
            "invalid_value",
        )
    tools = body.get("tools") or body.get("functions")
    choice = body.get("tool_choice")
    if not tools and choice is not None and choice not in ("none", "auto"):
        raise InvalidRequest(
            "'tool_choice' is only allowed when 'tools' are specified.",
            "tool_choice",
            "invalid_value",
        )
    if body.get("top_logprobs") and body.get("logprobs") is not True:
        raise InvalidRequest(
            "'top_logprobs' is only allowed when 'logprobs' is true.",
            "top_logprobs",
            "invalid_value",
        )
    if tools:
        _check_tool_names(tools, choice)


def _check_tool_names(tools: list[JsonObject], choice: Any) -> None:
    found = known_tools(tools)
    names = _names_of(tools) if found is None else found.once("names", lambda: _names_of(tools))
    if choice.__class__ is dict and choice.get("type") in ("function", "custom", None):
        wanted = _name_of(choice)
        if wanted is not None and wanted not in names:
            raise InvalidRequest(
                f"Tool choice {wanted[:80]!r} not found in 'tools' parameter.",
                "tool_choice",
                "invalid_value",
            )


def _names_of(tools: list[JsonObject]) -> set[str]:
    """Raises InvalidRequest for one that is used twice."""
    seen: set[str] = set()
    for i, tool in enumerate(tools):
        name = _name_of(tool)
        if name is None:  # a tool of a kind that is not known here
            continue
        if name in seen:
            raise InvalidRequest(
                f"Invalid 'tools': the name {name[:80]!r} is used twice.",
                f"tools[{i}].function.name",
                "invalid_value",
            )
        seen.add(name)
    return seen


def _name_of(tool: JsonObject) -> str | None:
    inner = tool.get("function") or tool.get("custom") or tool
    name = inner.get("name") if inner.__class__ is dict else None
    return name if name.__class__ is str else None
