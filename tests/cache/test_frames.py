"""Chunks that are kept are the chunks that came."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.frames import framed, unframed
from translators.chat.chunks import Chunk, Relayed, Texts, private, singly
from translators.responses.inbound.relay_events import RelayedEvents, data_of

EVENT = b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r"}}\n\n'
CHUNKS = [
    Chunk(),
    Chunk({"role": "assistant", "content": ""}),
    Chunk({"content": "é\u2028"}, None, 3, choice={"logprobs": {"content": [1.0]}}),
    Chunk({"tool_calls": [{"index": 0, "id": "a"}]}, "tool_calls", top={"service_tier": "flex"}),  # type: ignore[typeddict-item]
    Chunk(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, raw=b'{"a": 1}'),
    Chunk({"content": "a"}, raw=b""),
    private({"item": {"id": "x"}}),
    Relayed(b"\xff not text", commits=True),
    Relayed(b"", finish_reason="stop"),
    RelayedEvents(EVENT, kind="response.completed", event=data_of(EVENT), finish_reason="stop"),
    RelayedEvents(b"event: a\ndata: {}\n\n" * 3, count=3, commits=True),
]


def told(chunk: Chunk) -> dict[str, Any]:
    names = [name for kind in type(chunk).__mro__ for name in getattr(kind, "__slots__", ())]
    names = ["commits", *(name for name in names if name != "_commits")]
    return {"class": type(chunk), **{name: getattr(chunk, name) for name in names}}


def test_every_kind_of_chunk_is_read_as_it_was_written() -> None:
    data = b"".join(map(framed, CHUNKS))
    assert list(map(told, unframed(data))) == list(map(told, CHUNKS))


def test_texts_that_came_together_are_kept_singly() -> None:
    raw = b'data: {"a":1}\n\ndata: {"b":2}\n\n'
    found = singly([Texts("ab", 1, [b"a", b"b"], raw)])
    assert list(map(told, unframed(b"".join(map(framed, found))))) == list(map(told, found))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(), st.integers(0, 9))
def test_any_text_and_any_bytes_are_kept(text: str, raw: bytes, index: int) -> None:
    chunks = [Chunk({"content": text}, None, index, raw=raw), Chunk({"content": text})]
    assert list(map(told, unframed(b"".join(map(framed, chunks))))) == list(map(told, chunks))


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="serialize"):
        framed(Chunk({"content": object()}))  # type: ignore[typeddict-item]
