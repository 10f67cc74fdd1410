"""Messages between instances: what is written is read, and what is wrong is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cluster.messages import Message, Telling, read, written
from gateway.store.shared import MOST_TEXT
from translators.json_codec import dumps

FACT = Message("limited", "openai", "openai/gpt-4.1", "0" * 24, 1000.5, "rate_limit")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_what_is_written_is_read() -> None:
    ((text, told),) = written([FACT], ["ab"])
    assert told == Telling([FACT], ["ab"])
    assert read(text) == (told, 0)


def test_many_are_several_texts_none_too_long() -> None:
    facts = [FACT._replace(target=f"openai/{n:0100}") for n in range(300)]
    names = [f"{n:0400}" for n in range(100)]
    texts = list(written(facts, names))
    assert max(len(text) for text, _ in texts) <= MOST_TEXT
    assert [fact for _, told in texts for fact in told.facts] == facts
    assert [name for _, told in texts for name in told.deleted] == names


def test_nothing_is_no_text() -> None:
    assert list(written([], [])) == []


@pytest.mark.parametrize(
    "fact",
    [
        None,
        [],
        [*FACT, 1],
        [*FACT[:-1]],
        FACT._replace(reason="a b"),
        FACT._replace(reason="x" * 300),
        FACT._replace(reason=""),
        ["hacked", *FACT[1:]],
        [*FACT[:4], "soon", FACT.reason],
        [*FACT[:4], True, FACT.reason],
        [["limited"], *FACT[1:]],
    ],
)
def test_a_wrong_fact_is_left_out_and_counted(fact: object) -> None:
    text = dumps({"v": 1, "facts": [fact, FACT], "deleted": [1, "ab"]}).decode()
    assert read(text) == (Telling([FACT], ["ab"]), 2)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"v":2,"facts":[]}', '{"facts":[]}'])
def test_another_version_is_not_read(text: str) -> None:
    assert read(text) == (Telling([], []), 1)


@given(JSON, JSON)
def test_anything_may_be_said(facts: object, deleted: object) -> None:
    telling, wrong = read(dumps({"v": 1, "facts": facts, "deleted": deleted}).decode())
    assert all(isinstance(fact, Message) for fact in telling.facts)
    assert wrong >= 0
