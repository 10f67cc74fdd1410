"""translators.long_texts: a document read in pieces is the one that is read at once."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from translators import long_texts
from translators.json_codec import loads
from translators.long_texts import taken_apart

TEXTS = st.lists(
    st.sampled_from(["a", '"', "\\", "é", "的", "😀", "\n", "\\u", "~text~", ",", "[", "ab" * 9]),
    max_size=60,
).map("".join)
DOCUMENTS = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def _short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_texts, "_TEXT", 24)
    monkeypatch.setattr(long_texts, "PIECE", 16)


def read(text: bytes) -> Any:
    """In pieces, where there are any."""
    apart = taken_apart(text)
    if apart is None:
        return loads(text)
    try:
        return apart.put_together(loads(apart.skeleton))
    except ValueError:
        return loads(text)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None
)
@given(DOCUMENTS, st.booleans())
@example([None, None, None, "~text~" + "ab" * 18], False)
def test_what_is_read_in_pieces(document: Any, escaped: bool) -> None:
    text = json.dumps(document, ensure_ascii=escaped).encode()
    assert read(text) == document


@pytest.mark.parametrize(
    "before", ["\\u007etext\\u007e", "~text\\u007e", "\\u007etext-taken-out\\u007e"]
)
def test_a_mark_in_escapes_is_no_mark(before: str) -> None:
    document = f'["{before}", "{"ab" * 40}", "{before}"]'.encode()
    assert taken_apart(document) is not None
    assert read(document) == loads(document)


@pytest.mark.parametrize("shift", range(16))
@pytest.mark.parametrize(
    "text",
    [
        "\\ud83d\\ude00" * 20,
        "\\\\" * 60,
        '\\"' * 60,
        "\\u0041\\n" * 20,
        "é" * 60,
        "\\\\\\ud83d\\ude00x" * 20,
    ],
)
def test_escapes_at_every_place_of_a_cut(text: str, shift: int) -> None:
    document = f'{{"key":["{"x" * shift}{text}","after"]}}'.encode()
    assert taken_apart(document) is not None
    assert read(document) == loads(document)


@pytest.mark.parametrize("text", ["\\ud83d" * 30, "\\x41" * 30, "a\tb" * 30, "\\u12g4" * 30])
def test_a_long_text_that_is_not_valid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(f'["{text}"]'.encode())


def test_what_is_no_document_stays_none() -> None:
    """A text that never ends is left as it is."""
    with pytest.raises(ValueError, match="EOF"):
        read(b'["' + b"x" * 200)
