"""Chunks with texts of megabytes as several: each is written by itself, and none takes long."""

from collections.abc import Iterable, Iterator
from typing import cast

from translators.chat.chunks import Chunk
from translators.chat.wire import Delta
from translators.json_codec import JsonObject
from translators.pieces import PIECE


def shortened(chunks: Iterable[Chunk], relays: bool) -> Iterator[Chunk]:
    """The same chunks, with a long text as several: not as it came then, so where the writer
    `relays` what came, those stay whole.
    """
    for chunk in chunks:
        delta = chunk.delta
        text = None if delta is None else delta.get("content")
        whole = chunk.__class__ is not Chunk or (relays and chunk.raw is not None)
        if text is None or whole or len(text) <= PIECE:
            yield chunk
            continue
        starts = range(0, len(text), PIECE)
        for start in starts[:-1]:
            yield Chunk({"content": text[start : start + PIECE]}, None, chunk.index)
        last = cast(Delta, {**cast(JsonObject, delta), "content": text[starts[-1] :]})
        yield Chunk(
            last,
            chunk.finish_reason,
            chunk.index,
            choice=chunk.choice,
            usage=chunk.usage,
            top=chunk.top,
        )
