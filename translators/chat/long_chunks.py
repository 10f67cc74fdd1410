"""Chunks with texts of megabytes as several: each is written by itself, and none takes long. And
log probabilities of megabytes, given up a few at a time.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from translators.chat.chunks import Chunk, Texts
from translators.chat.wire import Delta
from translators.json_codec import JsonObject
from translators.pieces import LONG, PIECE, joined

_AT_ONCE: Final = 100
"""Tokens: with twenty others each they are ten thousand objects."""


def shortened(chunks: Iterable[Chunk], relays: bool) -> Iterator[Chunk]:
    """The same chunks, with a long text as several: not as it came then, so where the writer
    `relays` what came, those stay whole, each already as the event that is written.
    """
    for chunk in chunks:
        delta, raw = chunk.delta, chunk.raw
        relayed = relays and delta is not None and chunk.__class__ is Chunk
        if relayed and raw is not None and len(raw) > LONG:
            yield Texts("", chunk.index, [], joined((b"data: ", raw, b"\n\n")))
            continue
        text = None if delta is None else delta.get("content")
        whole = chunk.__class__ is not Chunk or (relays and raw is not None)
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


def shed(logprobs: Any) -> None:
    """Empty the lists of a choice's `logprobs`, which nobody needs any more, a few tokens at a
    time: a million objects that go at once take 50 ms, in which no other thread runs.
    """
    if isinstance(logprobs, dict):
        for tokens in logprobs.values():
            while isinstance(tokens, list) and tokens:
                del tokens[-_AT_ONCE:]
