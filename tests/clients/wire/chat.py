"""OpenAI's Chat Completions API."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.clients.task import Asked, Call, Say, Step, Tool
from tests.clients.wire.sse import compact, event, pieces, text_field, text_of

_USAGE: Final = {
    "prompt_tokens": 120,
    "completion_tokens": 10,
    "total_tokens": 130,
    "prompt_tokens_details": {"cached_tokens": 20},
}
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_FIELDS: Final = frozenset(
    re.findall(
        r"\w+",
        "model messages audio frequency_penalty function_call functions logit_bias logprobs"
        " max_tokens max_completion_tokens metadata modalities moderation n parallel_tool_calls"
        " prediction presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention"
        " reasoning_effort response_format safety_identifier seed service_tier stop store stream"
        " stream_options temperature tool_choice tools top_logprobs top_p user verbosity"
        " web_search_options",
    )
)


def read(body: Mapping[str, Any]) -> Asked:
    messages = body["messages"]
    return Asked(
        texts=[text_of(m["content"]) for m in messages if m["role"] == "user"],
        tools=[
            Tool(
                tool[tool["type"]]["name"],
                tool["type"] == "custom",
                None,
                text_field(tool[tool["type"]].get("parameters")),
            )
            for tool in body.get("tools", [])
        ],
        results=[text_of(m["content"]) for m in messages if m["role"] == "tool"],
        stream=body.get("stream", False),
    )


def refusal(body: Mapping[str, Any]) -> str | None:
    """What the API says 400 of; None if it takes the request."""
    unknown = sorted(set(body) - _FIELDS)
    if unknown:
        return f"Unrecognized request argument supplied: {unknown[0]}"
    if body.get("stream_options") and not body.get("stream"):
        return "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    for tool in body.get("tools", []):
        if _NAME(tool[tool["type"]]["name"]) is None:
            return "Invalid 'tools[0].function.name': string does not match pattern."
    return _unpaired(body["messages"])


def _unpaired(messages: Sequence[Mapping[str, Any]]) -> str | None:
    open_calls: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                return "messages with role 'tool' must be a response to a preceding message"
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            return "An assistant message with 'tool_calls' must be followed by tool messages"
        open_calls = {call["id"] for call in message.get("tool_calls") or []}
        if any(len(call) > 40 for call in open_calls):
            return "Invalid 'messages[0].tool_calls[0].id': string too long."
    return "tool_calls without tool messages" if open_calls else None


def answer(asked: Asked, step: Step, model: str) -> bytes:
    """The whole answer: JSON, or all events of a stream."""
    message = _message(step)
    reason = "tool_calls" if isinstance(step, Call) else "stop"
    head = {"id": "chatcmpl-step", "created": 1, "model": model}
    if not asked.stream:
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        done = {**head, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
        return compact(done).encode()
    chunk = {**head, "object": "chat.completion.chunk"}
    ended = [({}, reason)]
    choices = [
        {"index": 0, "delta": delta, "finish_reason": finish}
        for delta, finish in [*((delta, None) for delta in _deltas(message)), *ended]
    ]
    events = [{**chunk, "choices": [choice]} for choice in choices]
    events.append({**chunk, "choices": [], "usage": _USAGE})
    return b"".join(event(None, e) for e in events) + b"data: [DONE]\n\n"


def _message(step: Step) -> dict[str, Any]:
    base: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    match step:
        case Say(text):
            return {**base, "content": text}
        case Call(tool, arguments, number):
            call: dict[str, Any] = {"id": f"call_step{number}"}
            if tool.custom:
                called = {"type": "custom", "custom": {"name": tool.name, "input": arguments}}
            else:
                function = {"name": tool.name, "arguments": compact(arguments)}
                called = {"type": "function", "function": function}
            return {**base, "tool_calls": [{**call, **called}]}


def _deltas(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": message["content"] and ""}]
    deltas += [{"content": piece} for piece in pieces(message["content"] or "")]
    for index, call in enumerate(message.get("tool_calls", [])):
        kind = call["type"]
        key = "arguments" if kind == "function" else "input"
        empty = {**call, "index": index, kind: {**call[kind], key: ""}}
        deltas.append({"tool_calls": [empty]})
        deltas += [
            {"tool_calls": [{"index": index, kind: {key: piece}}]}
            for piece in pieces(call[kind][key])
        ]
    return deltas


def error(status: int, message: str) -> bytes:
    told = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return compact({"error": told}).encode()
