"""Messages between instances: what is written is read, and what is wrong is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cluster.messages import Message, Telling, read, written
from gateway.store.shared import MOST_TEXT
from translators.json_codec import dumps, loads

FACT = Message("limited", "openai", "openai/gpt-4.1", "0" * 24, 1000.5, "rate_limit")
PLAIN = [*FACT.document]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_what_is_written_is_read() -> None:
    ((text, told),) = written([FACT], ["ab"])
    assert told == Telling([FACT], ["ab"])
    assert read(text) == (told, 0)


def test_only_what_counts_is_written_with_counts() -> None:
    """Programs that do not know it read all else."""
    counting = FACT._replace(kind="failing", calls=9, failures=7)
    ((text, told),) = written([FACT, counting], [])
    assert loads(text)["facts"] == [PLAIN, [*counting]]
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
        [*PLAIN, 1],
        [*PLAIN[:-1]],
        [*PLAIN[:-1], "a b"],
        [*PLAIN[:-1], "x" * 300],
        [*PLAIN[:-1], ""],
        ["hacked", *PLAIN[1:]],
        [*PLAIN[:4], "soon", FACT.reason],
        [*PLAIN[:4], True, FACT.reason],
        [["limited"], *PLAIN[1:]],
        [*PLAIN, 2, 1],
        ["failing", *PLAIN[1:]],
        ["failing", *PLAIN[1:], 1, 2],
        ["failing", *PLAIN[1:], 10**9, 1],
        ["failing", *PLAIN[1:], 1, -1],
        ["failing", *PLAIN[1:], True, True],
    ],
)
def test_a_wrong_fact_is_left_out_and_counted(fact: object) -> None:
    text = dumps({"v": 1, "facts": [fact, PLAIN], "deleted": [1, "ab"]}).decode()
    assert read(text) == (Telling([FACT], ["ab"]), 2)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"v":2,"facts":[]}', '{"facts":[]}'])
def test_another_version_is_not_read(text: str) -> None:
    assert read(text) == (Telling([], []), 1)


@given(JSON, JSON)
def test_anything_may_be_said(facts: object, deleted: object) -> None:
    telling, wrong = read(dumps({"v": 1, "facts": facts, "deleted": deleted}).decode())
    assert all(isinstance(fact, Message) for fact in telling.facts)
    assert wrong >= 0
