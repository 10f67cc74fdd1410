"""`more_text`: an event that comes alone, and is nothing but more of a text, says what it does
among others; nothing else is taken for one.
"""

import sys
from collections.abc import Callable, Sequence
from copy import copy

import pytest

from tests.bench import transcripts
from translators.chat.chunks import Chunk, ChunkWriter, Relayed, singly
from translators.claude.inbound.relay_stream import RelayedStream
from translators.dialect import Envelope, StreamTranslator
from translators.gemini.inbound.relay_answer import RelayStream as GeminiRelay
from translators.registry import DIALECTS
from translators.responses.inbound.relay_stream import RelayStream as ResponsesRelay

ENVELOPE = Envelope("chatcmpl-1", 1, "m")
STREAMS: dict[str, Callable[[], StreamTranslator]] = {
    "openai": lambda: DIALECTS["openai"].open_stream(ENVELOPE),
    "claude": lambda: DIALECTS["claude"].open_stream(ENVELOPE),
    "gemini": lambda: DIALECTS["gemini"].open_stream(ENVELOPE),
    "claude, relayed": lambda: RelayedStream(ENVELOPE, "asked"),
    "gemini, relayed": lambda: GeminiRelay(ENVELOPE),
    "responses, relayed": lambda: ResponsesRelay(ENVELOPE),
}


def written(chunks: Sequence[Chunk]) -> bytes:
    """As events; of a relay, as they came."""
    if any(isinstance(chunk, Relayed) for chunk in chunks):
        return b"".join([chunk.raw or b"" for chunk in chunks])
    return ChunkWriter("x", 1, "m", include_usage=True).write(singly(chunks))


@pytest.mark.parametrize("name", STREAMS)
def test_a_text_that_comes_alone_is_what_it_is_among_others(name: str) -> None:
    events = transcripts.events(name.partition(",")[0], calls=False)
    together, alone = STREAMS[name](), STREAMS[name]()
    expected = [*together.receive(b"".join(events)), *together.receive_eof()]
    chunks: list[Chunk] = []
    texts = 0
    for event in events:
        more = alone.more_text(event)
        texts += more is not None
        chunks += alone.receive(event) if more is None else map(copy, more)
    chunks += alone.receive_eof()
    assert texts >= 198  # of 200: the first is the model of the others
    assert written(chunks) == written(expected)
    assert alone.usage_so_far == together.usage_so_far
    assert alone.finished


@pytest.mark.parametrize("name", STREAMS)
def test_what_was_received_is_kept_while_texts_come_alone(name: str) -> None:
    """Only `more_text` gives the same chunk again."""
    events = transcripts.events(name.partition(",")[0], calls=False)
    stream = STREAMS[name]()
    stream.receive(b"".join(events[:10]))
    received = stream.receive(events[10])
    before = written(received)
    for event in events[11:20]:
        more = stream.more_text(event.replace(b"token", b"other"))
        assert more is not None
        assert not {*map(id, more)} & {*map(id, received)}
    assert written(received) == before


@pytest.mark.parametrize("name", STREAMS)
def test_what_is_more_or_less_than_a_text_is_not_read(name: str) -> None:
    events = transcripts.events(name.partition(",")[0], calls=False)
    stream = STREAMS[name]()
    chunks = stream.receive(b"".join(events[:10]))
    text, last = events[10], events[-1]
    for data in (
        last,
        text[:-1],
        text + last,
        last + text,
        b"",
        b"\n",
        b": comment\n\n",
        b"x" + text,
    ):
        assert stream.more_text(data) is None
    stream.receive(text[:20])
    assert stream.more_text(text) is None  # the beginning of another is held back
    chunks += stream.receive(text[20:])
    assert stream.more_text(text) is not None


@pytest.mark.parametrize("name", STREAMS)
def test_nothing_is_read_of_an_answer_that_is_over(name: str) -> None:
    events = transcripts.events(name.partition(",")[0], calls=False)
    stream = STREAMS[name]()
    stream.receive(b"".join(events))
    stream.receive_eof()
    assert stream.more_text(events[10]) is None


@pytest.mark.parametrize("name", STREAMS)
def test_nothing_of_what_was_given_is_kept_while_more_is_waited_for(name: str) -> None:
    events = transcripts.events(name.partition(",")[0], calls=False)
    stream = STREAMS[name]()
    last = stream.receive(b"".join(events[:50]))[-1]
    assert sys.getrefcount(last) == 2  # `last` and the argument
