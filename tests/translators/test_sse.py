"""translators.sse: the reader gives the same events for every way of cutting the same bytes."""

import random

import pytest

from translators import sse
from translators.sse import Decoder, Event, EventTooLarge, is_stray

STREAM = (
    'event: message_start\ndata: {"a":1}\n\n: comment\n\ndata: eins\ndata: zwei\n\ndata:ohne\n\n'
    "id: 7\nretry: 5\ndata: Ä\u2028 😀\u0085x\n\ndata\n\nevent: ping\n\ndata: [DONE]\n\n"
).encode()
EVENTS = [
    (b"message_start", b'{"a":1}'),
    (b"", b"eins\nzwei"),
    (b"", b"ohne"),
    (b"", "Ä\u2028 😀\u0085x".encode()),
    (b"", b""),
    (b"", b"[DONE]"),
]


def read(pieces: list[bytes]) -> list[Event]:
    decoder = Decoder()
    return [event for piece in pieces for event in decoder.receive(piece)] + decoder.receive_eof()


@pytest.fixture(params=[False, True], ids=["short", "long"], autouse=True)
def _long(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long events are put together in another way."""
    if request.param:
        monkeypatch.setattr(sse, "LONG", 0)
        monkeypatch.setattr(sse, "_NAME_BYTES", 24)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_any_cut_gives_the_same_events(ending: bytes) -> None:
    """Whole, byte by byte, in two at every offset, and at 300 seeded random places, for all three
    line endings.
    """
    text = STREAM.replace(b"\n", ending)
    assert read([text]) == EVENTS
    assert read([text[i : i + 1] for i in range(len(text))]) == EVENTS
    for i in range(len(text)):
        assert read([text[:i], text[i:]]) == EVENTS
    draw = random.Random(1)
    for _ in range(300):
        cuts = sorted(draw.sample(range(1, len(text)), draw.randint(1, 20)))
        assert (
            read([text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]) == EVENTS
        )


def test_last_event_without_a_blank_line_is_given_at_the_end() -> None:
    assert read([b"data: a\n\ndata: b"]) == [(b"", b"a"), (b"", b"b")]


def test_byte_order_mark_is_skipped_even_when_cut() -> None:
    assert read([b"\xef", b"\xbb", b"\xbfdata: a\n\n"]) == [(b"", b"a")]


def test_lines_that_are_no_field_are_kept_apart() -> None:
    decoder = Decoder()
    assert decoder.receive(b'data: a\n\n{\n  "error": {}\n}\n\n') == [(b"", b"a")]
    assert decoder.stray == b'{\n  "error": {}\n}\n'


def test_events_are_bounded() -> None:
    """An event, and what stands outside of events, may not grow over the limit."""
    decoder = Decoder(max_event_bytes=100)
    for _ in range(6):
        decoder.receive(b"data: 0123456789")
    with pytest.raises(EventTooLarge):
        decoder.receive(b"data: 0123456789")
    with pytest.raises(EventTooLarge):
        Decoder(max_event_bytes=10).receive(b"stray line here\n\n")


def test_many_small_pieces_of_one_large_event_cost_linear_time() -> None:
    """A 4 MB event in 4,000 pieces is joined once."""
    decoder = Decoder()
    piece = b"x" * 1000
    assert decoder.receive(b"data: ") == []
    for _ in range(4000):
        assert decoder.receive(piece) == []
    ((_, data),) = decoder.receive(b"\n\n")
    assert len(data) == 4_000_000


@pytest.mark.parametrize(
    ("block", "stray"),
    [
        (b"<html><body>Sign in: here</body></html>\n\n", True),
        (b'{"error":{}}\n\n', True),
        (b"data: {}\n\n", False),
        (b"junk\r\ndata: {}\r\n\r\n", False),
        (b": ping\n\n", False),
        (b"event: ping\r\r", False),
        (b"id: 7\n\n", False),
        (b"\xef\xbb\xbfdata: {}\n\n", False),
        (b"\n\n", False),
    ],
)
def test_what_is_no_event_at_all_is_told_from_events(block: bytes, stray: bool) -> None:
    assert is_stray(block) is stray


@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n", b"\r\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_what_is_held_back_is_looked_at_once(ending: bytes, size: int) -> None:
    """Every event's end is behind what was seen, however the bytes are cut."""
    text = b"data: " + b"x" * 60 + ending + b"data: y" + ending
    held, events = sse.Held(), []
    for start in range(0, len(text), size):
        whole = held.with_(text[start : start + size])
        if whole is None:
            continue
        end = whole.find(ending)
        assert end < 0 or end >= held.seen
        while (end := whole.find(ending)) >= 0:
            events.append(whole[: end + len(ending)])
            whole = whole[end + len(ending) :]
        held.keep(whole)
    assert b"".join(events) + held.end() == text
    assert len(events) == 2
