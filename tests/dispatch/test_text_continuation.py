"""gateway.dispatch.text_continuation: when an answer may be continued, what is asked for, and how
the two are joined.
"""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.dispatch.text_continuation import (
    INSTRUCTION,
    LONGEST_OVERLAP,
    LOOKED_AT,
    ContinuationJoiner,
    StreamedText,
    continuation,
    may_resume,
    overlap,
)
from translators.chat.chunks import Chunk, private
from translators.chat.request import ChatRequest

USER = {"role": "user", "content": "hi"}


def request(**body: Any) -> ChatRequest:
    return ChatRequest({"model": "p", "messages": [USER], "stream": True, **body}, 100)


@pytest.mark.parametrize(
    ("body", "may"),
    [
        ({}, True),
        (
            {"response_format": {"type": "text"}, "n": 1, "reasoning_effort": "none", "tools": []},
            True,
        ),
        ({"tools": [{}]}, False),
        ({"functions": [{}]}, False),
        ({"response_format": {"type": "json_object"}}, False),
        ({"response_format": {"type": "json_schema"}}, False),
        ({"n": 2}, False),
        ({"reasoning_effort": "low"}, False),
        ({"thinking": {"type": "enabled"}}, False),
        ({"reasoning": {"effort": "low"}}, False),
        ({"logprobs": True}, False),
        ({"audio": {"voice": "x"}}, False),
        ({"web_search_options": {"x": 1}}, False),
    ],
)
def test_only_plain_text_may_be_resumed(body: dict[str, Any], may: bool) -> None:
    assert may_resume(request(**body)) is may


def seen(*chunks: Chunk) -> StreamedText:
    said = StreamedText()
    said.see(chunks)
    return said


def test_what_the_caller_has() -> None:
    said = seen(
        Chunk({"role": "assistant", "content": ""}),
        Chunk({"content": "one "}),
        Chunk({"content": "two"}),
    )
    assert (said.text, said.length, said.continuable) == ("one two", 7, True)
    said.see([Chunk({"content": "!"})])
    assert said.text == "one two!"


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk({"reasoning_content": "hm"}),
        Chunk({"tool_calls": [{}]}),
        Chunk({"refusal": "no"}),
        Chunk({}, "stop"),
        Chunk({"content": "x" * 200_001}),
    ],
)
def test_what_cannot_be_continued(chunk: Chunk) -> None:
    assert not seen(Chunk({"content": "text"}), chunk).continuable
    assert not seen().continuable


def test_a_model_that_takes_it_goes_on_with_its_own_message() -> None:
    asked = continuation(request(max_tokens=100), "It was a dark and stormy ", prefill=True)
    assert asked.body["messages"] == [
        USER,
        {"role": "assistant", "content": "It was a dark and stormy"},
    ]
    assert asked.body["max_tokens"] == 100 - 25 // 4
    assert request().body["messages"] == [USER]


def test_another_is_told_to() -> None:
    asked = continuation(request(max_completion_tokens=3), "It was a dark ", prefill=False)
    assert asked.body["messages"] == [
        USER,
        {"role": "assistant", "content": "It was a dark "},
        {"role": "user", "content": INSTRUCTION},
    ]
    assert (asked.body["max_completion_tokens"], asked.body.get("max_tokens")) == (1, None)


def test_of_nothing_but_white_space_there_is_nothing_to_go_on_with() -> None:
    assert continuation(request(), " \n", prefill=True).body["messages"] == [USER]


def joined(said: str, *pieces: str) -> str:
    joiner = ContinuationJoiner(said)
    shown = [chunk for piece in pieces for chunk in joiner.join([Chunk({"content": piece})])]
    shown += joiner.join([Chunk({}, "stop")])
    return said + "".join((chunk.delta or {}).get("content") or "" for chunk in shown)


@pytest.mark.parametrize(
    ("said", "following", "whole"),
    [
        ("It was a dark", " and stormy night", "It was a dark and stormy night"),
        (
            "It was a dark and",
            "a dark and stormy night",
            "It was a dark anda dark and stormy night",
        ),  # shorter than 12: no repetition
        ("It was a dark and", "was a dark and stormy night", "It was a dark and stormy night"),
        ("It was a dark and", "It was a dark and stormy night", "It was a dark and stormy night"),
        ("It was a dark ", " and stormy night", "It was a dark and stormy night"),
        ("It was a dark\n", "\n\nand stormy", "It was a dark\n\nand stormy"),
        ("It was a dark\n\n", "\nand stormy", "It was a dark\n\nand stormy"),
        ("It was a dark and", "", "It was a dark and"),
        ("It was a dark and", "was a dark and", "It was a dark and"),
        ("Short", "Short", "ShortShort"),
    ],
)
def test_joins(said: str, following: str, whole: str) -> None:
    assert joined(said, following) == whole
    assert joined(said, *following) == whole, "also one character at a time"


text = st.lists(st.integers(0, 10**6), min_size=1, max_size=400, unique=True).map(
    lambda numbers: " ".join(f"word{n}," for n in numbers)
)
"""No part of it as long as a repetition stands in it twice, or nearly so."""


@given(whole=text, data=st.data())
def test_a_continuation_that_repeats_any_end_of_what_was_said_joins_to_the_whole_text(
    whole: str, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(whole)))
    said, rest = whole[:cut], whole[cut:]
    repeated = data.draw(st.just(0) | st.integers(12, max(12, cut)))
    following = (
        said[len(said) - repeated :] + rest
        if repeated and repeated <= cut
        else rest.lstrip()
        if said[-1:] == " "
        else rest
    )
    size = data.draw(st.integers(1, 500))
    assert joined(said, *(following[i : i + size] for i in range(0, len(following), size))) == whole


@given(said=st.text(max_size=60), following=st.text(max_size=60))
@example("a" * 30, "a" * 22)
@example("ab " * 8, "ab " * 8)
def test_only_a_repetition_is_left_out(said: str, following: str) -> None:
    length = overlap(said, following)
    assert said.endswith(following[:length])
    assert length == 0 or length >= 12 or following[:length].isspace()


def test_a_model_that_begins_again_from_the_start_is_followed_until_it_says_something_new() -> None:
    said = " ".join(f"sentence {i}." for i in range(1000))
    assert LOOKED_AT < len(said) < LONGEST_OVERLAP
    again = said + " The end."
    assert joined(said, *(again[i : i + 700] for i in range(0, len(again), 700))) == again


def test_what_is_no_repetition_is_shown_once_enough_of_it_is_there() -> None:
    joiner = ContinuationJoiner("said before")
    assert joiner.join([Chunk({"content": "x" * (LOOKED_AT - 1)})]) == []
    (chunk,) = joiner.join([Chunk({"content": "yz"})])
    assert chunk.delta == {"content": "x" * (LOOKED_AT - 1) + "yz"}
    (chunk,) = joiner.join([Chunk({"content": "more"})])
    assert chunk.delta == {"content": "more"}


def test_a_model_that_repeats_itself_for_ever_is_shown_in_the_end() -> None:
    said = "".join(f"{i:05d}" for i in range(10_000))
    joiner = ContinuationJoiner(said)
    shown = joiner.join([Chunk({"content": said[i : i + 1000]}) for i in range(0, 30_000, 1000)])
    assert shown, "what is held is bounded"


def test_one_role_no_thoughts_and_the_finish_as_it_is() -> None:
    joiner = ContinuationJoiner("It was a dark and")
    shown = joiner.join(
        [
            Chunk({"role": "assistant", "content": ""}),
            Chunk({"reasoning_content": "I was cut off."}),
            Chunk({"content": " stormy"}),
            Chunk({"content": " night"}, "stop", usage={"total_tokens": 5}),
            Chunk(usage={"total_tokens": 9}),
        ]
    )
    assert [(c.delta, c.finish_reason, c.usage) for c in shown] == [
        ({"content": " stormy night"}, "stop", {"total_tokens": 5}),
        (None, None, {"total_tokens": 9}),
    ]


def test_what_was_signed_of_the_rest_is_given_up() -> None:
    """It was signed for half of the text, and by another target than the one that began it."""
    signed: Any = {"provider_content": {"blocks": []}, "extra_content": {"google": {}}}
    chunks = [
        private({"signed_reasoning": {"format": "openai-responses", "data": []}}),
        Chunk({"content": "and stormy night", **signed}, "stop"),
    ]
    joined = ContinuationJoiner("It was a dark ").join(chunks)
    assert [(chunk.delta, chunk.finish_reason) for chunk in joined] == [
        ({"content": "and stormy night"}, "stop")
    ]
