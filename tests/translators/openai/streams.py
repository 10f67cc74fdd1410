"""Streams of servers that speak the hub's language, written and read back."""

from typing import Any

from tests.translators.cuts import every_way
from translators.chat.chunks import ChunkWriter
from translators.dialect import AnswerShape, Envelope
from translators.json_codec import dumps, loads
from translators.openai import open_stream
from translators.openai.answer.stream import OpenAIStream

DONE = b"data: [DONE]\n\n"
ENVELOPE = Envelope(
    id="chatcmpl-ours",
    created=1,
    model="asked",
    call_id="call_u",
    shape=AnswerShape(
        declared_tools=frozenset({"f"}),
        tool_names={"long_ab12": "long name!"},
        legacy_functions=True,
    ),
)


def chunk(
    delta: dict[str, Any] | None, reason: str | None = None, index: int = 0, **top: Any
) -> bytes:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": reason}]
    return (
        b"data: "
        + dumps(
            {
                "id": "chatcmpl-up",
                "object": "chat.completion.chunk",
                "created": 5,
                "model": "gpt-real",
                "choices": choices,
                **top,
            }
        )
        + b"\n\n"
    )


def feed(*pieces: bytes, eof: bool = True) -> tuple[OpenAIStream, bytes]:
    if eof:
        every_way(b"".join(pieces), lambda: open_stream(ENVELOPE), "")
    stream = open_stream(ENVELOPE)
    chunks = [c for piece in pieces for c in stream.receive(piece)]
    if eof:
        chunks += stream.receive_eof()
    return stream, ChunkWriter(stream.id, 1, stream.model, include_usage=True).write(chunks)


def deltas(text: bytes) -> list[tuple[int, dict[str, Any], str | None]]:
    parsed = [loads(line[6:]) for line in text.split(b"\n\n") if line]
    return [(c["index"], c["delta"], c["finish_reason"]) for p in parsed for c in p["choices"]]


def shown(text: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream."""
    return [loads(line[6:]) for line in text.split(b"\n\n") if line]


def calls_of(text: bytes) -> list[tuple[int, str, str, str]]:
    """Index, id, name and arguments of each call, added up as OpenAI's SDK does: texts that come
    twice are joined.
    """
    calls: dict[int, list[str]] = {}
    for _, delta, _ in deltas(text):
        for piece in delta.get("tool_calls") or ():
            call = calls.setdefault(piece["index"], ["", "", ""])
            called = piece.get("function") or piece.get("custom") or {}
            call[0] += piece.get("id") or ""
            call[1] += called.get("name") or ""
            call[2] += called.get("arguments") or called.get("input") or ""
    return [(index, *call) for index, call in sorted(calls.items())]  # type: ignore[misc]
