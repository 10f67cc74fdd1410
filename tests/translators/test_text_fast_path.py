"""translators.text_fast_path: what is recognised is what parsing would have said, and everything
else is parsed.
"""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.chat.chunks import Chunk, ChunkWriter, singly
from translators.json_codec import dumps, loads
from translators.text_fast_path import Run, TextReader

WRITER = ChunkWriter("x", 1, "m", include_usage=False)
OPENING = b'event: e\ndata: {"i":0,"text":"'


class Seen:
    """Keeps what a reader says of each event, and how it came to know."""

    def __init__(self) -> None:
        self.texts: list[Any] = []
        self.recognised = 0
        self.reader = TextReader(re.compile(rb'"text": ?"'))

    def event(self, _: bytes, data: bytes) -> bool:
        try:
            document = loads(data)
        except ValueError:
            self.texts.append("?")
            return False
        self.texts.append(document)
        if (
            isinstance(document, dict)
            and set(document) <= {"i", "text", "obfuscation"}
            and isinstance(document.get("text"), str)
        ):
            self.reader.plain = document["text"], document.get("i")
        return True

    def receive(self, data: bytes) -> None:
        like = self.reader.between
        text = None if like is None else like.alone(data)
        if like is None or text is None:
            self.reader.receive(data, self.event, self.run)
            return
        document = loads(data[like.skipped : like.end])
        assert (document["text"], document["i"]) == (text, like.known)
        self.texts.append(document)
        self.recognised += 1

    def run(self, run: Run) -> None:
        chunks = singly([run.relayed(run.known)])
        documents = [loads(chunk.raw or b"") for chunk in chunks]
        texts = [document["text"] for document in documents]
        assert [chunk.delta for chunk in chunks] == [{"content": text} for text in texts]
        assert run.texts == texts
        assert run.text == "".join(texts)
        assert {document["i"] for document in documents} == {run.known}
        assert loads(run.last) == documents[-1]
        shown = [Chunk({"content": text}) for text in texts if text]
        assert not shown or WRITER.write([run.shown(0)]) == WRITER.write(shown)
        assert WRITER.write([run.relayed(0)]) == WRITER.write(
            Chunk({}, raw=chunk.raw) for chunk in chunks
        )
        self.texts += documents
        self.recognised += len(documents)


def event(document: Any) -> bytes:
    return b"event: e\ndata: " + dumps(document) + b"\n\n"


def read(data: bytes) -> Seen:
    seen = Seen()
    seen.receive(data)
    seen.reader.receive_eof(seen.event)
    return seen


TEXTS = st.lists(
    st.text(max_size=12)
    | st.sampled_from(['"', "\\", "\n", "\x00", "\u2028", "👍🏽", '"text":"', "\x7f", "é"]),
    max_size=30,
)


@given(TEXTS, st.sampled_from([0, 1]))
def test_it_is_what_parsing_would_have_said(texts: list[str], last: int) -> None:
    documents = [{"i": last if i > 20 else 0, "text": text} for i, text in enumerate(texts)]
    seen = read(b"".join(map(event, documents)))
    assert seen.texts == documents


AMONG_OTHERS = st.lists(
    st.builds(lambda text: {"i": 0, "text": text}, st.sampled_from(["a", "bc", '"', "", "é", "\\"]))
    | st.sampled_from(
        [{"i": 0, "text": "a", "b": 1}, {"i": 1, "text": "a"}, {"i": 0, "text": "a", "c": "}"}, 7]
    ),
    max_size=30,
)


@given(AMONG_OTHERS, st.integers(0, 40))
def test_it_is_what_parsing_would_have_said_of_a_mixture(documents: list[Any], cut: int) -> None:
    data = b"".join(map(event, [{"i": 0, "text": "x"}] * 3 + documents))
    seen = Seen()
    for part in (data[: len(data) - cut], data[len(data) - cut :]):
        seen.receive(part)
    assert seen.texts == [{"i": 0, "text": "x"}] * 3 + documents


@given(TEXTS)
def test_each_that_comes_alone_is_what_parsing_would_have_said(texts: list[str]) -> None:
    documents = [{"i": 0, "text": text} for text in texts]
    seen = Seen()
    for document in documents:
        seen.receive(event(document))
    assert seen.texts == documents


def test_nearly_all_are_recognised() -> None:
    documents = [{"i": 0, "text": text} for text in ["a"] * 50 + ["\n", '"', "é👍", "\\u0041"] * 5]
    assert read(b"".join(map(event, documents))).recognised == len(documents) - 1


def test_padding_may_differ() -> None:
    padded = [
        b'data: {"i":0,"text":"a\\n","obfuscation":"%s"%s}\n\n' % (b"x" * i, b" " * (i % 3))
        for i in range(20)
    ]
    seen = read(b"".join(padded))
    assert (len(seen.texts), seen.recognised) == (20, 19)
    alone = Seen()
    for data in padded:
        alone.receive(data)
    assert (alone.texts, alone.recognised) == (seen.texts, 19)


ODD = (
    OPENING + b'a\x01"}\n\n',
    OPENING + b'a\\x"}\n\n',
    OPENING + b'a\\u00zz"}\n\n',
    OPENING + b'a\\ud800"}\n\n',
    OPENING + b'a\xff"}\n\n',
    OPENING + b'a\xed\xa0\x80"}\n\n',
    OPENING + b'a"},\n\n',
    OPENING + b"a\n\n",
)


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_json_is_left_to_the_parser(odd: bytes) -> None:
    seen = read(event({"i": 0, "text": "a"}) * 3 + odd + event({"i": 0, "text": "b"}))
    assert (seen.texts[-1], seen.recognised) == ("?", 2)


@pytest.mark.parametrize("odd", [*ODD[:6], OPENING + b'a"}, "text":"b"}\n\n'])
def test_what_is_no_json_and_comes_alone_is_left_to_the_parser(odd: bytes) -> None:
    seen = Seen()
    for data in (event({"i": 0, "text": "a"}), event({"i": 0, "text": "b"}), odd):
        seen.receive(data)
    assert (seen.texts[-1], seen.recognised) == ("?", 1)


def test_an_event_that_is_cut_waits_for_its_rest() -> None:
    seen = Seen()
    seen.receive(event({"i": 0, "text": "a"}) * 3 + OPENING + b"b")
    assert (len(seen.texts), seen.recognised) == (3, 2)
    seen.receive(b'c"}\n\n')
    assert seen.texts[3] == {"i": 0, "text": "bc"}


@pytest.mark.parametrize("broken", [b"\xe2\x80", b"\\", b"\\ud83d", b"\x01", b"\n"])
def test_halves_in_two_events_make_no_whole(broken: bytes) -> None:
    """Together they may be a character, alone they are not; and what is broken says nothing of the
    events before it.
    """
    data = OPENING + b'%s"}\n\n' + OPENING + b'%s"}\n\n'
    for rest in (b"\xa8", b"n", b"\\ude00", b""):
        seen = read(event({"i": 0, "text": "a"}) * 3 + data % (broken, rest))
        assert (seen.texts[:3], seen.texts[3], seen.recognised) == (
            [{"i": 0, "text": "a"}] * 3,
            "?",
            2,
        )


@pytest.mark.parametrize(
    "other",
    [
        {"i": 1, "text": "a"},
        {"i": 0, "text": "a", "more": 1},
        {"i": 0, "text": 5},
        {"i": 0},
        [],
        "text",
    ],
    ids=str,
)
def test_what_is_like_nothing_before_is_parsed(other: Any) -> None:
    documents = [{"i": 0, "text": "a"}, {"i": 0, "text": "b"}, other, {"i": 0, "text": "c"}, other]
    assert read(b"".join(map(event, documents))).texts == documents


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_line_ends_and_comments(ending: bytes) -> None:
    documents = [{"i": 0, "text": str(i)} for i in range(30)]
    data = b": hello\n\n" + b"".join(map(event, documents))
    assert read(data.replace(b"\n", ending)).texts == documents


def test_a_choice_that_takes_turns_with_another() -> None:
    documents = [{"i": i % 2, "text": str(i)} for i in range(40)]
    assert read(b"".join(map(event, documents))).texts == documents


@pytest.mark.parametrize(
    ("framed", "recognised"),
    [
        (b"data:%s\n\n", 29),
        (b"data:  %s\n\n", 29),
        (b"event:message\ndata:%s\n\n", 29),
        (b"id:7\nretry: 5\ndata:%s\n\n", 29),
        (b": data: x\ndata: %s\n\n", 29),
        (b': {"text":"c"}\ndata:%s\n\n', 29),
        (b"data: %s\r\n\r\n", 29),
        (b"event: message\r\ndata: %s\r\n\r\n", 29),
        (b"event: message\ndata: %s\r\n\r\n", 0),
        (b"event: message\rdata: %s\n\n", 0),
        (b"\ndata: %s\n\n", 0),
        (b"data: %s\nid: 7\n\n", 0),
        (b"data: %s\ndata:\n\n", 0),
        (b"data:\ndata: %s\n\n", 0),
    ],
)
def test_data_is_what_stands_in_the_data_field_however_it_is_framed(
    framed: bytes, recognised: int
) -> None:
    documents = [{"i": 0, "text": f"data: {i}"} for i in range(30)]
    seen = read(b"".join(framed % dumps(document) for document in documents))
    assert (seen.texts, seen.recognised) == (documents, recognised)
