"""Streams for tests: frames as bytes, read in one go or in pieces, and the chunks as the caller
would get them.
"""

from itertools import pairwise
from typing import Any

from tests.translators.cuts import every_way
from translators import gemini
from translators.chat.chunks import Chunk, ChunkWriter, singly
from translators.dialect import AnswerShape, Envelope, StreamTranslator
from translators.json_codec import dumps, loads

Frame = dict[str, Any]

USAGE = {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6}
SIGNATURE = "RWpRS01nRU1PZGJIQUFBQQ=="


def envelope(shape: AnswerShape | None = None) -> Envelope:
    return Envelope(
        id="chatcmpl-1",
        created=1795000000,
        model="gemini-asked",
        call_id="call_u",
        shape=shape or AnswerShape(),
    )


def frame(
    *parts: dict[str, Any], reason: str | None = None, index: int | None = 0, **more: Any
) -> Frame:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}}
    if reason is not None:
        candidate["finishReason"] = reason
    if index is not None:
        candidate["index"] = index
    return {"candidates": [{**candidate, **more}]}


def sse(*frames: Any) -> bytes:
    return b"".join(b"data: " + dumps(one) + b"\r\n\r\n" for one in frames)


def read(
    data: bytes, *cuts: int, shape: AnswerShape | None = None
) -> tuple[StreamTranslator, list[Chunk]]:
    """The stream's reader and its chunks, with `data` cut at the given offsets. Read in one, it is
    read in every other way too.
    """
    if not cuts:
        every_way(data, lambda: gemini.open_stream(envelope(shape)), repr(shape))
    stream = gemini.open_stream(envelope(shape))
    chunks: list[Chunk] = []
    edges = [0, *cuts, len(data)]
    for start, end in pairwise(edges):
        chunks += stream.receive(data[start:end])
    chunks += stream.receive_eof()
    return stream, singly(chunks)


def read_bytewise(
    data: bytes, shape: AnswerShape | None = None
) -> tuple[StreamTranslator, list[Chunk]]:
    return read(data, *range(1, len(data)), shape=shape)


def shown(chunks: list[Chunk]) -> list[dict[str, Any]]:
    """Each chunk as what it says: its delta, or its finish, or its usage."""
    said: list[dict[str, Any]] = []
    for chunk in chunks:
        one: dict[str, Any] = {
            name: value
            for name in ("delta", "finish_reason", "choice", "usage", "top")
            if (value := getattr(chunk, name))
        }
        said.append({**one, "index": chunk.index} if chunk.index else one)
    return said


def deltas(data: bytes, shape: AnswerShape | None = None) -> list[dict[str, Any]]:
    """The deltas of a stream that must be a whole one."""
    stream, chunks = read(data, shape=shape)
    assert stream.failure is None
    assert stream.finished
    return [chunk.delta for chunk in chunks if chunk.delta]


def written(stream: StreamTranslator, chunks: list[Chunk]) -> list[dict[str, Any]]:
    """The chunks as a caller who wants usage reads them."""
    text = ChunkWriter(stream.id, 1795000000, stream.model, True).write(chunks)
    return [loads(line[6:]) for line in text.split(b"\n\n") if line]
