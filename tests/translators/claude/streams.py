"""Claude streams as bytes, and what a translator makes of them."""

import json
from pathlib import Path
from typing import Any

from tests.translators.cuts import every_way
from translators import claude
from translators.chat.chunks import Chunk, singly
from translators.dialect import AnswerShape, Envelope, StreamTranslator

TRANSCRIPTS = Path(__file__).parent / "transcripts"
START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_01A",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [],
        "usage": {"input_tokens": 12},
    },
}
STOP: dict[str, Any] = {"type": "message_stop"}


def opened(shape: AnswerShape | None = None) -> StreamTranslator:
    return claude.open_stream(
        Envelope(
            id="chatcmpl-ours",
            created=1764547200,
            model="claude-asked",
            shape=shape or AnswerShape(),
        )
    )


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(
        f"event: {e.get('type')}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n".encode()
        for e in events
    )


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of one content block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(*pieces: str) -> list[dict[str, Any]]:
    return [{"type": "text_delta", "text": piece} for piece in pieces]


def json_input(*pieces: str) -> list[dict[str, Any]]:
    return [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]


def tool(name: str = "g", id: str = "toolu_1", **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": {}, **more}


TEXT: dict[str, Any] = {"type": "text", "text": ""}


HI_EVENTS = block(0, TEXT, *text("Hi"))


def end(reason: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None, **more},
        "usage": {"output_tokens": 4},
    }


def answer(*events: Any, reason: str | None = "end_turn", **more: Any) -> bytes:
    """A whole stream around the events of its blocks."""
    flat = [event for item in events for event in (item if isinstance(item, list) else [item])]
    return sse(START, *flat, end(reason, **more), STOP)


def plain(chunks: list[Chunk]) -> list[dict[str, Any]]:
    """Chunks as plain values, to compare them."""
    return [
        {name: value for name in Chunk.__slots__ if (value := getattr(chunk, name)) is not None}
        for chunk in chunks
    ]


def run(
    data: bytes, shape: AnswerShape | None = None, size: int | None = None
) -> tuple[list[dict[str, Any]], StreamTranslator]:
    """All chunks of `data`, read in pieces of `size`, and the translator at its end. Read in one,
    it is read in every other way too.
    """
    if size is None:
        every_way(data, lambda: opened(shape), repr(shape))
    stream = opened(shape)
    chunks: list[Chunk] = []
    for i in range(0, len(data), size or len(data) or 1):
        chunks += stream.receive(data[i : i + (size or len(data))])
    chunks += stream.receive_eof()
    return plain(singly(chunks)), stream


def deltas(data: bytes, shape: AnswerShape | None = None) -> list[dict[str, Any]]:
    """The deltas between the role and the finish reason."""
    chunks, stream = run(data, shape)
    assert stream.finished
    assert stream.failure is None
    return [
        chunk["delta"] for chunk in chunks[1:] if "delta" in chunk and "finish_reason" not in chunk
    ]
