"""What the Messages API answers: whole messages, events, errors."""

from collections.abc import Iterator
from typing import Any, Final

from gateway.simulator.answer import pieces
from gateway.simulator.conversation import Answer, Conversation, Piece, Refused, Reply, sign
from translators import json_codec

_ERRORS: Final = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
    403: "permission_error", 404: "not_found_error",
    409: "conflict_error", 413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error",
    529: "overloaded_error",
}  # fmt: skip
_FINISH: Final = {"stop": "end_turn", "calls": "tool_use", "length": "max_tokens"}


def whole(conversation: Conversation, answer: Answer) -> bytes:
    content: list[dict[str, Any]] = []
    if answer.thought:
        content.append(
            {
                "type": "thinking",
                "thinking": _shown(conversation, answer),
                "signature": sign(answer.thought),
            }
        )
    if answer.text and answer.finish != "refusal":
        content.append({"type": "text", "text": answer.text, "citations": None})
    content += [
        {"type": "tool_use", "id": f"toolu_{c.id}", "name": c.name, "input": c.arguments}
        for c in answer.calls
    ]
    return json_codec.dumps(
        _message(conversation, answer)
        | {"content": content, **_ending(answer), "usage": _usage(answer)}
    )


def stream(conversation: Conversation, answer: Answer) -> list[Piece]:
    start = _message(conversation, answer) | {
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(answer) | {"output_tokens": 1},
    }
    events = [Piece(_event("message_start", {"message": start})), Piece(_event("ping", {}))]
    for index, (block, deltas) in enumerate(_deltas(conversation, answer)):
        events.append(
            Piece(_event("content_block_start", {"index": index, "content_block": block}))
        )
        events += [
            Piece(_event("content_block_delta", {"index": index, "delta": delta}), content=True)
            for delta in deltas
        ]
        events.append(Piece(_event("content_block_stop", {"index": index})))
    events.append(
        Piece(_event("message_delta", {"delta": _ending(answer), "usage": _usage(answer)}))
    )
    return [*events, Piece(_event("message_stop", {}))]


def _deltas(
    conversation: Conversation, answer: Answer
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each block as it starts, and what is added to it."""
    if answer.thought:
        thoughts = [
            {"type": "thinking_delta", "thinking": piece}
            for piece in pieces(_shown(conversation, answer))
        ]
        signature = {"type": "signature_delta", "signature": sign(answer.thought)}
        yield {"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, signature]
    if answer.text and answer.finish != "refusal":
        yield (
            {"type": "text", "text": ""},
            [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)],
        )
    for call in answer.calls:
        written = pieces(call.text) if call.arguments else []
        fragments = [
            {"type": "input_json_delta", "partial_json": piece} for piece in ["", *written]
        ]
        yield (
            {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": {}},
            fragments,
        )


def _shown(conversation: Conversation, answer: Answer) -> str:
    return answer.thought if conversation.thinking == "shown" else ""


def _message(conversation: Conversation, answer: Answer) -> dict[str, Any]:
    return {
        "id": f"msg_{conversation.digest[:24]}",
        "type": "message",
        "role": "assistant",
        "model": conversation.model,
    }


def _ending(answer: Answer) -> dict[str, Any]:
    details = (
        {"type": "refusal", "category": None, "explanation": answer.text}
        if answer.finish == "refusal"
        else None
    )
    ending = {
        "stop_reason": _FINISH.get(answer.finish, answer.finish),
        "stop_sequence": answer.stop_sequence,
    }
    return ending | ({"stop_details": details} if details else {})


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "input_tokens": answer.prompt_tokens - answer.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached_tokens,
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"thinking_tokens": answer.thought_tokens},
        "service_tier": "standard",
    }


def _event(name: str, data: dict[str, Any]) -> bytes:
    return (
        b"event: " + name.encode() + b"\ndata: " + json_codec.dumps({"type": name} | data) + b"\n\n"
    )


def broken_stream(conversation: Conversation, sent: int) -> bytes:
    return _event("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})


def error(refusal: Refused, retry_after: int | None = None) -> Reply:
    kind = _ERRORS.get(
        refusal.status, "api_error" if refusal.status >= 500 else "invalid_request_error"
    )
    body = {
        "type": "error",
        "error": {"type": kind, "message": refusal.message, "details": None},
        "request_id": "req_simulated",
    }
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Reply(refusal.status, {"request-id": "req_simulated", **headers}, json_codec.dumps(body))
