"""translators.chat.long_chunks: a long text is several chunks, and the same answer."""

from translators.chat.chunks import Chunk, ChunkWriter, Collector
from translators.chat.long_chunks import shed, shortened
from translators.pieces import LONG, PIECE

TEXT = "é😀x" * LONG


def collected(chunks: list[Chunk]) -> object:
    collector = Collector("id", 1, "m")
    for chunk in chunks:
        collector.add(chunk)
    return collector.completion()


def test_a_long_text_in_several_chunks() -> None:
    whole = Chunk({"content": TEXT, "reasoning_content": "r"}, "stop", 1, choice={"logprobs": None})
    cut = [*shortened([whole, Chunk({"content": "short"})], False)]
    assert max(len((chunk.delta or {}).get("content") or "") for chunk in cut) == PIECE
    assert [chunk.finish_reason for chunk in cut if chunk.finish_reason] == ["stop"]
    assert collected(cut) == collected([whole, Chunk({"content": "short"})])


def test_what_is_relayed_stays_as_it_came() -> None:
    raw = b'{"choices":[{"delta":{"content":"' + TEXT.encode() + b'"}}]}'
    chunk = Chunk({"content": TEXT}, raw=raw)
    writer = ChunkWriter("id", 1, "m", False)
    assert writer.write(shortened([chunk], True)) == b"data: " + raw + b"\n\n"
    assert writer.write([chunk]) == b"data: " + raw + b"\n\n"


def test_usage_that_nobody_asked_for_is_not_shown_however_long_it_is() -> None:
    chunk = Chunk(usage={}, raw=b'{"usage":{},"pad":"' + b"x" * LONG + b'"}')
    assert ChunkWriter("id", 1, "m", False).write(shortened([chunk], True)) == b""


def test_a_long_event_has_no_line_separators() -> None:
    raw = b'{"a":"' + "\u2028\x85\u2029é".encode() * LONG + b'"}'
    written = ChunkWriter("id", 1, "m", False).write([Chunk({"content": "x"}, raw=raw)])
    assert written == b'data: {"a":"' + b"\\u2028\\u0085\\u2029\xc3\xa9" * LONG + b'"}\n\n'


def test_log_probabilities_are_given_up_a_few_at_a_time() -> None:
    class Tokens(list[int]):
        longest = 0

        def __delitem__(self, which: object) -> None:
            before = len(self)
            super().__delitem__(which)  # type: ignore[arg-type]
            self.longest = max(self.longest, before - len(self))

    tokens = Tokens(range(1_050))
    shed({"content": tokens, "refusal": None})
    assert (list(tokens), tokens.longest) == ([], 100)
    shed(None)
