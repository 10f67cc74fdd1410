"""translators.long_json: what is read and written in pieces is what would be read and written at
once, and no piece is long.
"""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from translators import long_json
from translators.json_codec import dumps, loads
from translators.long_json import dumps_long, dumps_sized, loads_answer, loads_long
from translators.pieces import LONG

TEXTS = st.lists(
    st.sampled_from(["a", '"', "\\", "é", "的", "😀", "\n", "\\u", "\u2028", ",", "]", "ab" * 30]),
    max_size=40,
).map("".join)
KEYS = st.text('ab"\\é', max_size=6)
DOCUMENTS = st.recursive(
    TEXTS
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none(),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=40,
)
MANY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None
)
LOGPROBS = [
    {"token": "w", "logprob": -0.5, "bytes": [119], "top_logprobs": [{"token": "v"}] * 20}
] * 4_000


@pytest.fixture
def short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_json, "_WINDOW", 64)
    monkeypatch.setattr(long_json, "PIECE", 16)
    monkeypatch.setattr(long_json, "_FLAT", re.compile(rb'[^"\[\]{}]{8,64}(?=,)').match)


def outcome(read: Any, text: bytes) -> str:
    try:
        return repr(read(text))
    except ValueError:
        return "refused"


@MANY
@given(DOCUMENTS, st.booleans(), st.sampled_from([None, 1]))
@pytest.mark.usefixtures("short_is_long")
def test_what_is_read_in_pieces(document: Any, escaped: bool, indent: int | None) -> None:
    text = json.dumps(document, ensure_ascii=escaped, indent=indent).encode()
    assert repr(loads_long(text)) == repr(loads(text))


@MANY
@given(
    DOCUMENTS,
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(b'"{}[],:\\a1 \xff')),
        min_size=1,
        max_size=3,
    ),
)
@pytest.mark.usefixtures("short_is_long")
def test_what_is_broken_is_refused_as_ever(document: Any, changes: list[tuple[float, int]]) -> None:
    broken = bytearray(dumps(document))
    for where, byte in changes:
        broken[int(where * len(broken))] = byte
    text = bytes(broken)
    assert outcome(loads_long, text) == outcome(loads, text)


@MANY
@given(DOCUMENTS)
@pytest.mark.usefixtures("short_is_long")
def test_what_is_written_in_pieces(document: Any) -> None:
    before = dumps(document)
    assert dumps_long(document) == before
    assert dumps(document) == before


@pytest.mark.parametrize(
    "document",
    [
        {"text": "x" * 3 * LONG},
        {"text": "é\n的" * LONG},
        {"choices": [{"logprobs": {"content": LOGPROBS}}]},
        [n * 1.5 for n in range(300_000)],
        {str(n): n for n in range(100_000)},
    ],
    ids=["text", "escapes", "logprobs", "numbers", "keys"],
)
def test_no_piece_is_long(document: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than a window, or a piece of a text, is never read or written at once."""
    sizes: list[int] = []

    def read(text: bytes) -> Any:
        sizes.append(len(text))
        return loads(text)

    def written(value: Any) -> bytes:
        text = dumps(value)
        sizes.append(len(text))
        return text

    monkeypatch.setattr(long_json, "loads", read)
    monkeypatch.setattr(long_json, "dumps", written)
    text = dumps(document)
    assert loads_long(text) == document
    assert max(sizes) <= 256 * 1024
    sizes.clear()
    assert dumps_long(document) == text
    assert max(sizes) <= 512 * 1024


def test_a_byte_order_mark_and_half_a_pair_are_forgiven() -> None:
    text = b'\xef\xbb\xbf {"a":"' + b"x" * LONG + b'\\ud83d","b":1} '
    assert loads_answer(text) == {"a": "x" * LONG + "\ufffd", "b": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'["' + b"x" * LONG, "a string has no end"),
        (b'["' + b"x" * LONG + b'"', "a comma is missing"),
        (b'["' + b"x" * LONG + b'"] []', "trailing characters"),
        (b'{"' + b"k" * LONG + b'":1}', "too long"),
        (b"[" + b"1" * LONG + b"]", "too long"),
        (b"[" * 40 + b'"' + b"x" * LONG + b'"' + b"]" * 40, "too deep"),
    ],
)
def test_what_is_refused(text: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        loads_long(text)


def test_what_is_small_is_written_at_once() -> None:
    assert dumps_sized({"a": [1]}, 10) == b'{"a":[1]}'
    assert dumps_sized({"a": [1]}, 2 * LONG) == b'{"a":[1]}'
