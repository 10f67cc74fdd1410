"""A good answer in each dialect, in the pieces between which a fault may come."""

from dataclasses import dataclass, replace
from typing import Any, Final

from translators.json_codec import dumps

TEXT: Final = "one two"
DIALECTS: Final = ("claude", "openai", "gemini")
"""Whose failures callers of Chat Completions are shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`whole` is the JSON answer; the stream is `prelude` (no content yet), `content`, `ending`.
    Errors are said under a status of 200.
    """

    whole: bytes
    prelude: bytes
    content: tuple[bytes, bytes]
    ending: bytes
    error: bytes
    error_event: bytes
    cut_event: bytes
    """An event whose JSON stops in the middle."""
    ill_event: bytes
    """A content event that is not UTF-8."""
    ill_whole: bytes

    @property
    def events(self) -> tuple[bytes, ...]:
        return (self.prelude, *self.content, self.ending)


def _event(document: dict[str, Any], named: bool = False) -> bytes:
    name = b"event: " + document["type"].encode() + b"\n" if named else b""
    return name + b"data: " + dumps(document) + b"\n\n"


def _answer(
    whole: dict[str, Any], prelude: bytes, text: Any, ending: bytes, error: dict[str, Any]
) -> Answer:
    """`text` makes the content event of a piece of text."""
    first = text("one ")
    return Answer(
        whole=dumps(whole),
        prelude=prelude,
        content=(first, text("two")),
        ending=ending,
        error=dumps(error),
        error_event=_event(error, "type" in error),
        cut_event=first[: first.index(b"one")] + b"\n\n",
        ill_event=first.replace(b"one", b"\xff\xfe"),
        ill_whole=dumps(whole).replace(b"one", b"\xff\xfe"),
    )


def _openai() -> Answer:
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        return _event(
            {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        )

    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": TEXT, "refusal": None},
        "finish_reason": "stop",
        "logprobs": None,
    }
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return _answer(
        {**common, "object": "chat.completion", "choices": [choice], "usage": usage},
        chunk({"role": "assistant", "content": ""}),
        lambda text: chunk({"content": text}),
        chunk({}, "stop") + b"data: [DONE]\n\n",
        {"error": {"message": "busy", "type": "server_error", "code": "server_is_overloaded"}},
    )


def _claude() -> Answer:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "stop_sequence": None,
    }
    usage = {"input_tokens": 3, "output_tokens": 2}
    started = {
        "type": "message_start",
        "message": {**message, "content": [], "stop_reason": None, "usage": usage},
    }
    block = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": ""},
    }
    end = (
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    )
    return _answer(
        {
            **message,
            "content": [{"type": "text", "text": TEXT}],
            "stop_reason": "end_turn",
            "usage": usage,
        },
        _event(started, True) + _event(block, True),
        lambda text: _event(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": text},
            },
            True,
        ),
        b"".join(_event(event, True) for event in end),
        {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
    )


def _gemini() -> Answer:
    def frame(text: str, reason: str | None = None) -> dict[str, Any]:
        ended = {"finishReason": reason} if reason else {}
        counts = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **ended}
        return {
            "candidates": [candidate],
            "usageMetadata": counts,
            "modelVersion": "m",
            "responseId": "r",
        }

    nothing_yet = frame("")
    nothing_yet["candidates"][0]["content"] = {"role": "model"}
    return _answer(
        frame(TEXT, "STOP"),
        _event(nothing_yet),
        lambda text: _event(frame(text)),
        _event(frame("", "STOP")),
        {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}},
    )


def _responses() -> Answer:
    usage = {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    }
    common = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "error": None}
    part = {"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant"}
    whole = {
        **common,
        "status": "completed",
        "output": [{**item, "status": "completed", "content": [part]}],
        "usage": usage,
    }
    begun = {**common, "status": "in_progress", "output": [], "usage": None}
    place = {"item_id": "msg_1", "output_index": 0}

    def event(number: int, kind: str, **more: Any) -> bytes:
        return _event({"type": f"response.{kind}", "sequence_number": number, **more}, True)

    def text(said: str) -> bytes:
        number = 4 if said == "one " else 5
        more = {**place, "content_index": 0, "delta": said, "logprobs": []}
        return event(number, "output_text.delta", **more)

    prelude = (
        event(0, "created", response=begun),
        event(1, "in_progress", response=begun),
    )
    opening = (
        event(
            2,
            "output_item.added",
            output_index=0,
            item={**item, "status": "in_progress", "content": []},
        ),
        event(3, "content_part.added", **place, content_index=0, part={**part, "text": ""}),
    )
    ending = (
        event(6, "output_text.done", **place, content_index=0, text=TEXT, logprobs=[]),
        event(7, "content_part.done", **place, content_index=0, part=part),
        event(8, "output_item.done", output_index=0, item=whole["output"][0]),
        event(9, "completed", response=whole),
    )
    error = {"message": "busy", "type": "server_error", "param": None, "code": "server_error"}
    flat = {"type": "error", "sequence_number": 5, "code": "server_error", "message": "busy"}
    made = _answer(whole, b"".join(prelude), text, b"".join(ending), {"error": error})
    return replace(
        made,
        content=(b"".join(opening) + made.content[0], made.content[1]),
        error_event=_event({**flat, "param": None, "error": error}, True),
    )


def _embedded(whole: dict[str, Any]) -> Answer:
    """Vectors: no stream of them is ever asked for."""
    return _answer(whole, b"", lambda text: b"one ", b"", {"error": {"message": "busy"}})


ANSWERS: Final = {
    "claude": _claude(),
    "openai": _openai(),
    "gemini": _gemini(),
    "responses": _responses(),
}
VECTOR: Final = [0.6, 0.8]
EMBEDDED: Final = {
    "openai": _embedded(
        {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": VECTOR}],
            "model": "m",
            "usage": {"prompt_tokens": 3, "total_tokens": 3},
        }
    ),
    "gemini": _embedded(
        {"embeddings": [{"values": VECTOR}], "usageMetadata": {"promptTokenCount": 3}}
    ),
}
"""What an embedding model answers to one input."""
