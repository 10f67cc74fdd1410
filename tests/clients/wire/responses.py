"""OpenAI's Responses API."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.clients.task import Asked, Call, Say, Step, Tool
from tests.clients.wire.sse import compact, event, pieces, text_field, text_of

_USAGE: Final = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 0},
    "output_tokens": 10,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 130,
}
_SEALED: Final = "gAAAAAscripted-reasoning"
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_FIELDS: Final = frozenset(
    re.findall(
        r"\w+",
        "model input instructions stream stream_options store tools tool_choice parallel_tool_calls"
        " max_tool_calls reasoning text temperature top_p top_logprobs max_output_tokens metadata"
        " previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention"
        " safety_identifier service_tier truncation include background conversation user moderation"
        " context_management client_metadata",
    )
)
_CALLS: Final = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
}
_RESULTS: Final = frozenset(_CALLS.values())


def read(body: Mapping[str, Any]) -> Asked:
    items = _items(body)
    told = [*body.get("tools", []), *(t for i in items for t in i.get("tools", []))]
    return Asked(
        texts=[text_of(item["content"]) for item in items if item.get("role") == "user"],
        tools=list(_tools(told)),
        results=[text_of(item["output"]) for item in items if item.get("type") in _RESULTS],
        stream=body.get("stream", False),
        thinking=body.get("reasoning") is not None,
    )


def _items(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    given = body["input"]
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def _tools(told: Sequence[Mapping[str, Any]], namespace: str | None = None) -> Iterator[Tool]:
    for tool in told:
        match tool["type"]:
            case "function" | "custom":
                field = text_field(tool.get("parameters"))
                yield Tool(tool["name"], tool["type"] == "custom", namespace, field)
            case "namespace":
                yield from _tools(tool["tools"], tool["name"])


def refusal(body: Mapping[str, Any]) -> str | None:
    """What the API says 400 of; None if it takes the request."""
    unknown = sorted(set(body) - _FIELDS)
    if unknown:
        return f"Unknown parameter: '{unknown[0]}'."
    if any(_NAME(tool["name"]) is None for tool in body.get("tools", []) if "name" in tool):
        return "Invalid 'tools[0].name': string does not match pattern."
    return _unpaired(_items(body)) or _bad_item(_items(body))


def _unpaired(items: Sequence[Mapping[str, Any]]) -> str | None:
    called = {i["call_id"] for i in items if i.get("type") in _CALLS}
    answered = {i["call_id"] for i in items if i.get("type") in _RESULTS}
    if called - answered:
        return f"No tool output found for function call {min(called - answered)}."
    if answered - called:
        return f"No tool call found for function call output with call_id {min(answered - called)}."
    return None


def _bad_item(items: Sequence[Mapping[str, Any]]) -> str | None:
    for item in items:
        if len(item.get("call_id", "")) > 64 or len(item.get("id") or "") > 64:
            return "Invalid 'input[0].id': string too long, the maximum length is 64."
        sealed = item.get("encrypted_content") if item.get("type") == "reasoning" else None
        if sealed is not None and sealed != _SEALED:
            return "The encrypted content could not be verified."
    return None


def output(asked: Asked, step: Step) -> list[dict[str, Any]]:
    """The items of the answer."""
    ended = {"status": "completed"}
    match step:
        case Say(text):
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            message = {"id": "msg_step", "type": "message", **ended, "role": "assistant"}
            return [{**message, "content": [part]}]
        case Call(tool, arguments, number):
            reasoning = {
                "id": f"rs_step{number}",
                "type": "reasoning",
                "summary": [],
                "encrypted_content": _SEALED,
            }
            call: dict[str, Any] = {**ended, "call_id": f"call_step{number}", "name": tool.name}
            if tool.namespace is not None:
                call["namespace"] = tool.namespace
            if tool.custom:
                call |= {"id": f"ctc_step{number}", "type": "custom_tool_call", "input": arguments}
            else:
                call |= {"id": f"fc_step{number}", "type": "function_call"}
                call["arguments"] = compact(arguments)
            return [*([reasoning] if asked.thinking else []), call]


def answer(asked: Asked, step: Step, model: str) -> bytes:
    """The whole answer: JSON, or all events of a stream."""
    items = output(asked, step)
    whole: dict[str, Any] = {
        "id": "resp_step", "object": "response", "created_at": 1, "completed_at": 2,
        "status": "completed", "background": False, "error": None, "incomplete_details": None,
        "instructions": None, "max_output_tokens": None, "model": model, "output": items,
        "parallel_tool_calls": True, "previous_response_id": None, "store": False,
        "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto",
        "tools": [], "top_p": 1.0, "truncation": "disabled", "usage": _USAGE, "metadata": {},
    }  # fmt: skip
    if not asked.stream:
        return compact(whole).encode()
    start = {**whole, "status": "in_progress", "completed_at": None, "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": start},
        {"type": "response.in_progress", "response": start},
    ]
    for index, item in enumerate(items):
        events += _events(index, item)
    events.append({"type": "response.completed", "response": whole})
    numbered = [
        {"type": e["type"], "sequence_number": number, **e} for number, e in enumerate(events)
    ]
    return b"".join(event(e["type"], e) for e in numbered)


def _events(index: int, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    at = {"item_id": item["id"], "output_index": index}
    started = {**item, "status": "in_progress"}
    match item["type"]:
        case "message":
            started["content"] = []
            inner = _text_events({**at, "content_index": 0}, item["content"][0])
        case "function_call":
            started["arguments"] = ""
            inner = _input_events("response.function_call_arguments", at, "arguments", item)
        case "custom_tool_call":
            started["input"] = ""
            inner = _input_events("response.custom_tool_call_input", at, "input", item)
        case _:
            started, inner = {**item}, []
    return [
        {"type": "response.output_item.added", "output_index": index, "item": started},
        *inner,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def _text_events(at: Mapping[str, Any], part: Mapping[str, Any]) -> list[dict[str, Any]]:
    said: dict[str, Any] = {"text": part["text"], "logprobs": []}
    return [
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *(
            {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
            for piece in pieces(part["text"])
        ),
        {"type": "response.output_text.done", **at, **said},
        {"type": "response.content_part.done", **at, "part": part},
    ]


def _input_events(
    kind: str, at: Mapping[str, Any], key: str, item: Mapping[str, Any]
) -> list[dict[str, Any]]:
    deltas = [{"type": f"{kind}.delta", **at, "delta": piece} for piece in pieces(item[key])]
    named = {"name": item["name"]} if key == "arguments" else {}
    return [*deltas, {"type": f"{kind}.done", **at, key: item[key], **named}]


def error(status: int, message: str) -> bytes:
    told = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return compact({"error": told}).encode()
