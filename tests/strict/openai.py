"""What OpenAI's Chat Completions refuse."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.strict.refusal import Asked, Refused, dumps, known_fields, names

_FIELDS: Final = names(
    "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens"
    " max_tokens messages metadata modalities model moderation n parallel_tool_calls prediction"
    " presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention"
    " reasoning_effort response_format safety_identifier seed service_tier stop store stream"
    " stream_options temperature tool_choice tools top_logprobs top_p user verbosity"
    " web_search_options"
)
_RANGES: Final = {
    "temperature": (0, 2), "top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2,
     2), "n": (1, 128),
    "max_tokens": (1, 10**9), "max_completion_tokens": (1, 10**9), "top_logprobs": (0, 20),
}  # fmt: skip
_ROLES: Final = ("system", "assistant", "user", "function", "tool", "developer")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_NO_EFFORT_WITH_TOOLS: Final = ("gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6")
"""How the ids of models begin that reason and call functions only through the Responses API."""
_REASONS_BY_ITSELF: Final = ("gpt-5.5", "gpt-5.6", "gpt-6")


def check_access(headers: Mapping[str, str]) -> None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused("You didn't provide an API key.", status=401)


def check(body: dict[str, Any], asked: Asked) -> None:
    _check(body)
    for index, message in enumerate(_messages(body["messages"])):
        _check_content(message.get("content"), f"messages[{index}].content")
    tools = _tool_names(body.get("tools"))
    _check_effort(body)
    form = body.get("response_format") or {}
    if form.get("type") == "json_object" and "json" not in dumps(body["messages"]).lower():
        raise Refused(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type"
            " 'json_object'.",
            "messages",
        )
    _check_choice(body.get("tool_choice"), tools)


def _check(body: dict[str, Any]) -> None:
    if unknown := known_fields(body, _FIELDS):
        raise Refused(f"Unrecognized request argument supplied: {unknown}")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise Refused("you must provide a model parameter")
    if "messages" not in body:
        raise Refused(
            "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"
        )
    if not isinstance(body["messages"], list) or not body["messages"]:
        raise Refused(
            "Invalid 'messages': expected an array with minimum length 1.",
            "messages",
            "empty_array",
        )
    if body.get("stream_options") is not None and body.get("stream") is not True:
        raise Refused(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )
    for name, (low, high) in _RANGES.items():
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Refused(f"Invalid type for '{name}': expected a number.", name, "invalid_type")
        if value is not None and not low <= value <= high:
            raise Refused(
                f"Invalid '{name}': {value} is not between {low} and {high}.", name, "invalid_value"
            )


def _check_effort(body: dict[str, Any]) -> None:
    """Some models do not call functions here while they reason."""
    functions = body.get("functions") or [
        tool for tool in body.get("tools") or () if tool["type"] == "function"
    ]
    model, effort = body["model"], body.get("reasoning_effort")
    reasons = effort != "none" if effort is not None else model.startswith(_REASONS_BY_ITSELF)
    if functions and reasons and model.startswith(_NO_EFFORT_WITH_TOOLS):
        raise Refused(
            f"Function tools with reasoning_effort are not supported for {model} in"
            " /v1/chat/completions. To use function tools, use /v1/responses or set"
            " reasoning_effort to 'none'.",
            "reasoning_effort",
        )


def _messages(messages: list[Any]) -> Iterator[dict[str, Any]]:
    """The messages, with each tool call seen answered before anything else is said."""
    waiting: set[str] = set()
    for index, message in enumerate([*messages, None]):
        role = message.get("role") if isinstance(message, dict) else None
        if message is not None and role not in _ROLES:
            raise Refused(
                f"Invalid value: '{role}'. Supported values are: {', '.join(_ROLES)}.",
                f"messages[{index}].role",
                "invalid_value",
            )
        if role == "tool":
            if (answered := message.get("tool_call_id")) not in waiting:
                rule = (
                    "messages with role 'tool' must be a response to a preceding message with"
                    " 'tool_calls'."
                )
                raise Refused(f"Invalid parameter: {rule}", f"messages.[{index}].role")
            waiting.discard(answered)
        elif waiting:
            rule = (
                "An assistant message with 'tool_calls' must be followed by tool messages"
                " responding to each 'tool_call_id'."
            )
            raise Refused(
                f"{rule} The following tool_call_ids did not have response messages:"
                f" {', '.join(sorted(waiting))}",
                "messages",
            )
        if message is None:
            return
        calls = message.get("tool_calls") if role == "assistant" else None
        waiting |= {call["id"] for call in calls or ()}
        if message.get("content") is None and not (
            role == "assistant"
            and (calls or message.get("function_call") or message.get("refusal"))
        ):
            raise Refused(
                f"Invalid value for 'content': expected a string, got null. (messages[{index}])",
                f"messages.[{index}].content",
            )
        yield message


def _check_content(content: Any, param: str) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise Refused(
            f"Invalid type for '{param}': expected a string or an array of content parts.",
            param,
            "invalid_type",
        )
    for index, part in enumerate(content):
        match part:
            case (
                {"type": "text", "text": str()}
                | {"type": "refusal", "refusal": str()}
                | {"type": "image_url", "image_url": {"url": str()}}
                | {"type": "input_audio", "input_audio": {"format": str()}}
                | {"type": "file", "file": dict()}
            ):
                pass
            case _:
                raise Refused(
                    f"Invalid content part at '{param}[{index}]'.",
                    f"{param}[{index}]",
                    "invalid_value",
                )


def _tool_names(tools: Any) -> set[str]:
    if tools is not None and (not isinstance(tools, list) or not tools):
        raise Refused(
            "Invalid 'tools': expected an array with minimum length 1.", "tools", "empty_array"
        )
    found: set[str] = set()
    for index, tool in enumerate(tools or ()):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in ("function", "custom") or not isinstance(inner := tool.get(kind), dict):
            raise Refused(
                f"Invalid value: '{kind}'. Supported values are: 'function' and 'custom'.",
                f"tools[{index}].type",
                "invalid_value",
            )
        name = inner.get("name")
        if not isinstance(name, str) or not _NAME(name):
            raise Refused(
                f"Invalid 'tools[{index}].{kind}.name': expected a name of a-z, A-Z, 0-9, _ and -.",
                f"tools[{index}].{kind}.name",
            )
        found.add(name)
    return found


def _check_choice(choice: Any, tools: set[str]) -> None:
    if choice is not None and not tools:
        raise Refused(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are"
            " specified.",
            "tool_choice",
        )
    match choice:
        case None | "auto" | "none" | "required":
            return
        case {"type": "function", "function": {"name": str(name)}} | {
            "type": "custom",
            "custom": {"name": str(name)},
        } if name in tools:
            return
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required"}}:
            return
    raise Refused(
        "Invalid value for 'tool_choice': it names no tool in 'tools'.",
        "tool_choice",
        "invalid_value",
    )
