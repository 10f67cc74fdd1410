"""The fixed streams of the replay, as each provider sends them: a text in 200 pieces, or a tool
call. One item of a list is one event.
"""

from typing import Any, Final

from translators.json_codec import dumps

_TEXTS: Final = ["token " * 3] * 200
_INPUT: Final = '{"city":"Oslo","days":[0,1,2,3,4,5,6,7,8,9],"options":{"unit":"C","wind":true,"hours":[6,12,18]}}'  # noqa: E501
_PIECES: Final = [_INPUT[i : i + 5] for i in range(0, len(_INPUT), 5)]


def events(dialect: str, calls: bool) -> list[bytes]:
    """The answer of a provider of `dialect`: a text or, if it `calls`, the tool `weather_1`."""
    return _STREAMS[dialect](calls)


def _openai(calls: bool) -> list[bytes]:
    deltas: list[dict[str, Any]]
    first = {
        "index": 0,
        "id": "call_3",
        "type": "function",
        "function": {"name": "weather_1", "arguments": ""},
    }
    if calls:
        deltas = [
            {"tool_calls": [first]},
            *(
                {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
                for piece in _PIECES
            ),
        ]
    else:
        deltas = [{"content": text} for text in _TEXTS]
    return [
        _openai_chunk({"role": "assistant", "content": None if calls else ""}),
        *map(_openai_chunk, deltas),
        _openai_chunk({}, "tool_calls" if calls else "stop"),
        b"data: [DONE]\n\n",
    ]


def _openai_chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
    return _data(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "served",
            "choices": choices,
        }
    )


def _claude(calls: bool) -> list[bytes]:
    block: dict[str, Any]
    if calls:
        block = {"type": "tool_use", "id": "toolu_3", "name": "weather_1", "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *_PIECES)]
    else:
        block = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": text} for text in _TEXTS]
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "served",
        "content": [],
        "stop_reason": None,
    }
    reason = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    return [
        _named(
            {
                "type": "message_start",
                "message": {**message, "usage": {"input_tokens": 100, "output_tokens": 1}},
            }
        ),
        _named({"type": "content_block_start", "index": 0, "content_block": block}),
        *(_named({"type": "content_block_delta", "index": 0, "delta": delta}) for delta in deltas),
        _named({"type": "content_block_stop", "index": 0}),
        _named({"type": "message_delta", "delta": reason, "usage": {"output_tokens": 200}}),
        _named({"type": "message_stop"}),
    ]


def _gemini(calls: bool) -> list[bytes]:
    call = {
        "functionCall": {"id": "c3", "name": "weather_1", "args": {"city": "Oslo"}},
        "thoughtSignature": "RWpR",
    }
    parts = [call] if calls else [{"text": text} for text in _TEXTS]
    return [*(_gemini_frame(part, None) for part in parts), _gemini_frame({"text": ""}, "STOP")]


def _gemini_frame(part: dict[str, Any], reason: str | None) -> bytes:
    candidate = {
        "content": {"parts": [part], "role": "model"},
        "index": 0,
        **({"finishReason": reason} if reason else {}),
    }
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 200, "totalTokenCount": 300}
    return (
        _data(
            {
                "candidates": [candidate],
                "usageMetadata": usage,
                "modelVersion": "served",
                "responseId": "r1",
            }
        )[:-2]
        + b"\r\n\r\n"
    )


def _responses(calls: bool) -> list[bytes]:
    place: dict[str, Any]
    whole: dict[str, Any]
    if calls:
        whole = {
            "id": "fc_1",
            "type": "function_call",
            "call_id": "call_3",
            "name": "weather_1",
            "status": "completed",
            "arguments": _INPUT,
        }
        begun, kind = {**whole, "status": "in_progress", "arguments": ""}, "function_call_arguments"
        place, pieces, done = {"output_index": 0, "item_id": "fc_1"}, _PIECES, {"arguments": _INPUT}
    else:
        part = {"type": "output_text", "text": "".join(_TEXTS), "annotations": []}
        whole = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
        begun, kind = {**whole, "status": "in_progress", "content": []}, "output_text"
        place, pieces, done = (
            {"output_index": 0, "item_id": "msg_1", "content_index": 0},
            _TEXTS,
            {"text": "".join(_TEXTS)},
        )
    response: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "in_progress",
        "model": "served",
        "output": [],
    }
    usage = {"input_tokens": 100, "output_tokens": 200, "total_tokens": 300}
    return [
        _named({"type": "response.created", "response": response}),
        _named({"type": "response.output_item.added", "output_index": 0, "item": begun}),
        *(_named({"type": f"response.{kind}.delta", **place, "delta": piece}) for piece in pieces),
        _named({"type": f"response.{kind}.done", **place, **done}),
        _named({"type": "response.output_item.done", "output_index": 0, "item": whole}),
        _named(
            {
                "type": "response.completed",
                "response": {**response, "status": "completed", "output": [whole], "usage": usage},
            }
        ),
    ]


def _data(document: dict[str, Any]) -> bytes:
    return b"data: " + dumps(document) + b"\n\n"


def _named(event: dict[str, Any]) -> bytes:
    name: str = event["type"]
    return b"event: " + name.encode() + b"\n" + _data(event)


_STREAMS: Final = {"openai": _openai, "claude": _claude, "gemini": _gemini, "responses": _responses}
