"""translators.chat.stop_sequences: the text ends where the first stop sequence begins, however the
chunks fall.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.chat.chunks import Chunk, Collector
from translators.chat.stop_sequences import StopCutter, as_sequences, cut_completion


def streamed(pieces: list[str], *sequences: str) -> dict[str, Any]:
    """The first choice of an answer that comes in these pieces."""
    cutter, collector = StopCutter(sequences), Collector("i", 1, "m")
    chunks = [
        Chunk({"role": "assistant", "content": ""}),
        *(Chunk({"content": piece}) for piece in pieces),
        Chunk({}, "length"),
    ]
    for chunk in chunks:
        for shown in cutter.receive([chunk]):
            collector.add(shown)
    choice: dict[str, Any] = collector.completion()["choices"][0]
    return choice


@given(
    st.text("abHALT ", max_size=40),
    st.integers(1, 5),
    st.lists(st.text("abHALT", min_size=1, max_size=4), min_size=1, max_size=4),
)
def test_the_same_as_cutting_the_whole_text(text: str, size: int, sequences: list[str]) -> None:
    whole = {"choices": [{"message": {"content": text}, "finish_reason": "length"}]}
    cut_completion(whole, tuple(sequences))
    choice = streamed([text[i : i + size] for i in range(0, len(text), size)], *sequences)
    assert choice["message"]["content"] == whole["choices"][0]["message"]["content"]  # type: ignore[index]
    assert choice["finish_reason"] == whole["choices"][0]["finish_reason"]


def test_text_flows_while_it_cannot_be_a_sequence() -> None:
    cutter = StopCutter(("HALT",))
    assert [c.delta for c in cutter.receive([Chunk({"content": "one "})])] == [{"content": "one "}]
    assert cutter.receive([Chunk({"content": "HA"})]) == []
    assert [c.delta for c in cutter.receive([Chunk({"content": "ha"})])] == [{"content": "HAha"}]


def test_choices_are_cut_apart_and_calls_before_the_end_survive() -> None:
    cutter = StopCutter(("X",))
    shown = cutter.receive(
        [
            Chunk({"content": "aXb"}),
            Chunk({"content": "c"}, index=1),
            Chunk({"content": "d"}),
            Chunk({"tool_calls": [{"index": 0}]}, index=1),
            Chunk({}, "length"),
            Chunk({}, "tool_calls", 1),
            Chunk(usage={"prompt_tokens": 1}),
        ]
    )
    assert [(c.index, c.delta, c.finish_reason) for c in shown] == [
        (0, {"content": "a"}, None),
        (1, {"content": "c"}, None),
        (1, {"tool_calls": [{"index": 0}]}, None),
        (0, {}, "stop"),
        (1, {}, "tool_calls"),
        (0, None, None),
    ]


@pytest.mark.parametrize(
    ("stop", "sequences"),
    [(None, ()), ("", ()), ([], ()), ("a", ("a",)), (["a", "", "b"], ("a", "b"))],
)
def test_as_sequences(stop: Any, sequences: tuple[str, ...]) -> None:
    assert as_sequences(stop) == sequences


def test_what_would_say_the_cut_text_again_goes_too() -> None:
    message = {
        "content": "aXb",
        "reasoning_content": "hm",
        "provider_content": {"blocks": ["aXb"]},
        "annotations": [{}],
        "tool_calls": [{}],
    }
    whole: dict[str, Any] = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    cut_completion(whole, ("X",))
    assert whole == {
        "choices": [
            {"message": {"content": "a", "reasoning_content": "hm"}, "finish_reason": "stop"}
        ]
    }
