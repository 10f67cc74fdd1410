"""A good answer in each dialect, in the pieces between which a fault may come."""

from dataclasses import dataclass
from typing import Any, Final

from translators.json_codec import dumps

TEXT: Final = "one two"
DIALECTS: Final = ("claude", "openai", "gemini")


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
        error_event=b"data: " + dumps(error) + b"\n\n",
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

    return _answer(
        frame(TEXT, "STOP"),
        _event(frame("")),
        lambda text: _event(frame(text)),
        _event(frame("", "STOP")),
        {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}},
    )


ANSWERS: Final = {"claude": _claude(), "openai": _openai(), "gemini": _gemini()}
