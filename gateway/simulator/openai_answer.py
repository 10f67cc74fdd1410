"""What Chat Completions answers: whole completions, chunks, errors."""

import time
from collections.abc import Iterator
from typing import Any, Final

from gateway.simulator.answer import pieces
from gateway.simulator.conversation import Answer, Call, Conversation, Piece, Refused, Reply
from translators import json_codec

_ERRORS: Final = {
    400: ("invalid_request_error", None), 401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", None),
    404: ("invalid_request_error", "model_not_found"), 429: ("requests", "rate_limit_exceeded"),
}  # fmt: skip
_FINISH: Final = {"calls": "tool_calls", "length": "length"}


def whole(conversation: Conversation, answer: Answer) -> bytes:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text or None if answer.calls else answer.text,
        "refusal": None,
    }
    if answer.finish == "refusal":
        message |= {"content": None, "refusal": answer.text}
    if answer.calls:
        message["tool_calls"] = [_call(call) for call in answer.calls]
    finish = _FINISH.get(answer.finish, "stop")
    choices = [
        {"index": i, "message": message, "logprobs": None, "finish_reason": finish}
        for i in range(conversation.choices)
    ]
    return json_codec.dumps(
        _envelope(conversation, "chat.completion")
        | {
            "choices": choices,
            "usage": _usage(conversation, answer),
        }
    )


def stream(conversation: Conversation, answer: Answer) -> list[Piece]:
    head = _envelope(conversation, "chat.completion.chunk")
    counted = {"usage": None} if conversation.options["usage"] else {}

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        return _event(
            head
            | {
                "choices": [
                    {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
                ]
            }
            | counted
        )

    events = []
    for index in range(conversation.choices):
        events.append(
            Piece(
                chunk(
                    index,
                    {"role": "assistant", "content": None if answer.calls else "", "refusal": None},
                )
            )
        )
        events += [Piece(chunk(index, delta), content=True) for delta in _deltas(answer)]
        events.append(Piece(chunk(index, {}, _FINISH.get(answer.finish, "stop"))))
    if counted:
        events.append(Piece(_event(head | {"choices": [], "usage": _usage(conversation, answer)})))
    return [*events, Piece(b"data: [DONE]\n\n")]


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    field = "refusal" if answer.finish == "refusal" else "content"
    for piece in pieces(answer.text):
        yield {field: piece}
    for index, call in enumerate(answer.calls):
        kind, key = ("custom", "input") if call.custom else ("function", "arguments")
        yield {
            "tool_calls": [
                {
                    "index": index,
                    "id": f"call_{call.id}",
                    "type": kind,
                    kind: {"name": call.name, key: ""},
                }
            ]
        }
        for piece in pieces(call.text):
            yield {"tool_calls": [{"index": index, kind: {key: piece}}]}


def _call(call: Call) -> dict[str, Any]:
    kind, key = ("custom", "input") if call.custom else ("function", "arguments")
    return {"id": f"call_{call.id}", "type": kind, kind: {"name": call.name, key: call.text}}


def _envelope(conversation: Conversation, kind: str) -> dict[str, Any]:
    head = {
        "id": f"chatcmpl-{conversation.digest[:24]}",
        "object": kind,
        "created": int(time.time()),
        "model": conversation.model,
    }
    return head | {"service_tier": "default", "system_fingerprint": "fp_simulated"}


def _usage(conversation: Conversation, answer: Answer) -> dict[str, Any]:
    output = answer.output_tokens * conversation.choices
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": output,
        "total_tokens": answer.prompt_tokens + output,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": answer.thought_tokens * conversation.choices,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json_codec.dumps(data) + b"\n\n"


def broken_stream(conversation: Conversation, sent: int) -> bytes:
    refusal = Refused("The server had an error while processing your request.", status=500)
    return b"data: " + error(refusal).body + b"\n\n"


def error(refusal: Refused, retry_after: int | None = None) -> Reply:
    kind, code = _ERRORS.get(
        refusal.status, ("server_error" if refusal.status >= 500 else "invalid_request_error", None)
    )
    body = {
        "error": {
            "message": refusal.message,
            "type": kind,
            "param": refusal.param,
            "code": refusal.code or code,
        }
    }
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Reply(
        refusal.status, {"x-request-id": "req_simulated", **headers}, json_codec.dumps(body)
    )
