"""Claude's Messages API."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.clients.task import Asked, Call, Say, Step, Tool
from tests.clients.wire.sse import compact, event, pieces, text_field, text_of

_USAGE: Final = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 20,
    "output_tokens": 10,
}
_SIGNATURE: Final = "c2NyaXB0ZWQtc2lnbmF0dXJl"
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}").fullmatch
_FIELDS: Final = frozenset(
    re.findall(
        r"\w+",
        "model max_tokens messages system stream tools tool_choice temperature top_p top_k"
        " metadata thinking stop_sequences service_tier output_config context_management"
        " container mcp_servers cache_control speed inference_geo betas safeguards",
    )
)


def read(body: Mapping[str, Any]) -> Asked:
    messages = [m for m in body["messages"] if m["role"] != "system"]
    results = [
        text_of(b.get("content", "")) for b in _blocks(messages) if b["type"] == "tool_result"
    ]
    return Asked(
        texts=[text_of(m["content"]) for m in messages if m["role"] == "user"],
        tools=[
            Tool(tool["name"], field=text_field(tool.get("input_schema")))
            for tool in body.get("tools", [])
        ],
        results=results,
        stream=body.get("stream", False),
        thinking=body.get("thinking", {}).get("type") in ("enabled", "adaptive"),
    )


def _blocks(messages: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        yield from _list(message)


def _list(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def refusal(body: Mapping[str, Any]) -> str | None:
    """What the API says 400 of; None if it takes the request."""
    unknown = sorted(set(body) - _FIELDS)
    if unknown:
        return f"{unknown[0]}: Extra inputs are not permitted"
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    if not body.get("messages"):
        return "messages: at least one message is required"
    names = [tool["name"] for tool in body.get("tools", [])]
    if len(set(names)) < len(names):
        return "tools: Tool names must be unique."
    wrong = next((name for name in names if _NAME(name) is None), None)
    if wrong is not None:
        return f"tools.{names.index(wrong)}.name: String should match pattern"
    return _unpaired(body["messages"]) or _bad_block(body["messages"])


def _unpaired(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Calls are answered in the very next message of the user, and nothing else is answered."""
    turns = [message for message in messages if message["role"] != "system"]
    open_calls: set[str] = set()
    for place, message in enumerate(turns):
        blocks = _list(message)
        answered = {b["tool_use_id"] for b in blocks if b["type"] == "tool_result"}
        if open_calls - answered:
            return f"messages.{place}: `tool_use` ids were found without `tool_result` blocks"
        if answered - open_calls:
            return f"messages.{place}: unexpected `tool_use_id` found in `tool_result` blocks"
        open_calls = {b["id"] for b in blocks if b["type"] == "tool_use"}
    return "messages: `tool_use` ids without `tool_result` blocks" if open_calls else None


def _bad_block(messages: Sequence[Mapping[str, Any]]) -> str | None:
    for block in _blocks(messages):
        if block["type"] == "text" and not block["text"]:
            return "messages: text content blocks must be non-empty"
        if block["type"] == "thinking" and block["signature"] != _SIGNATURE:
            return "messages: Invalid `signature` in `thinking` block"
    return None


def content(asked: Asked, step: Step) -> list[dict[str, Any]]:
    """The blocks of the answer."""
    thinking = {"type": "thinking", "thinking": "The next step.", "signature": _SIGNATURE}
    before = [thinking] if asked.thinking and isinstance(step, Call) else []
    match step:
        case Say(text):
            return [*before, {"type": "text", "text": text}]
        case Call(tool, arguments, number):
            call = {"type": "tool_use", "id": f"toolu_step{number}", "name": tool.name}
            return [*before, {**call, "input": arguments}]


def answer(asked: Asked, step: Step, model: str) -> bytes:
    """The whole answer: JSON, or all events of a stream."""
    blocks = content(asked, step)
    reason = "tool_use" if isinstance(step, Call) else "end_turn"
    head = {"id": "msg_step", "type": "message", "role": "assistant", "model": model}
    ended = {"stop_reason": reason, "stop_sequence": None}
    if not asked.stream:
        return compact({**head, "content": blocks, **ended, "usage": _USAGE}).encode()
    start = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": _USAGE}
    events = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        events += _events(index, block)
    events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 10}})
    events.append({"type": "message_stop"})
    return b"".join(event(e["type"], e) for e in events)  # type: ignore[arg-type]


def _events(index: int, block: Mapping[str, Any]) -> list[dict[str, Any]]:
    match block["type"]:
        case "text":
            empty: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        case "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        case _:
            empty = {**block, "input": {}}
            parts = pieces(compact(block["input"]))
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in parts]
    return [
        {"type": "content_block_start", "index": index, "content_block": empty},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def error(status: int, message: str) -> bytes:
    kind = {400: "invalid_request_error", 401: "authentication_error"}.get(status, "api_error")
    return compact({"type": "error", "error": {"type": kind, "message": message}}).encode()
