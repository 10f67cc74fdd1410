"""translators.chat.continuation: which answers are asked for once more."""

from typing import Any

import pytest

from translators.chat.chunks import Chunk
from translators.chat.continuation import is_empty, is_empty_stream, is_paused

STOP = {"native_finish_reason": "STOP"}


def completion(message: dict[str, Any], **choice: Any) -> dict[str, Any]:
    return {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "", **message},
                "finish_reason": "stop",
                **choice,
            }
        ]
    }


@pytest.mark.parametrize(
    ("choice", "paused"),
    [
        ({"provider_specific": {"stop_reason": "pause_turn"}}, True),
        ({"provider_specific": {"stop_reason": "refusal"}}, False),
        ({}, False),
    ],
)
def test_a_paused_turn_says_so(choice: dict[str, Any], paused: bool) -> None:
    assert is_paused(completion({"content": "x"}, **choice), "pause_turn") == paused


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"content": None},
        {"reasoning_content": "hm"},
        {"extra_content": {"google": {"thought_signature": "S"}}},
    ],
)
def test_a_stop_without_an_answer_is_empty(message: dict[str, Any]) -> None:
    assert is_empty(completion(message, **STOP), "STOP")


@pytest.mark.parametrize(
    "message",
    [
        {"content": "x"},
        {"tool_calls": [{}]},
        {"function_call": {"name": "f"}},
        {"images": [{}]},
        {"extra_content": {"google": {"parts": [{"executableCode": {}}]}}},
    ],
)
def test_an_answer_is_not(message: dict[str, Any]) -> None:
    assert not is_empty(completion(message, **STOP), "STOP")


def test_other_ends_are_not_asked_again() -> None:
    """Too long, filtered, or of a provider whose empty answers are meant."""
    assert not is_empty(completion({}, native_finish_reason="MAX_TOKENS"), "STOP")
    assert not is_empty(completion({}, **STOP), None)
    assert not is_empty(completion({}), "STOP")


def test_one_choice_with_an_answer_is_enough() -> None:
    both = completion({}, **STOP)
    both["choices"] += completion({"content": "x"}, **STOP)["choices"]
    assert not is_empty(both, "STOP")


def test_streams() -> None:
    end = Chunk({}, "stop", choice=STOP)
    assert is_empty_stream(
        [Chunk({"role": "assistant", "content": ""}), end, Chunk(usage={"total_tokens": 1})], "STOP"
    )
    assert not is_empty_stream([Chunk({"role": "assistant", "content": "x"}), end], "STOP")


def test_what_a_server_says_under_our_names() -> None:
    assert not is_paused(completion({"content": "x"}, provider_specific="pause_turn"), "pause_turn")
    assert is_empty(completion({"extra_content": 5}, **STOP), "STOP")
    assert is_empty(completion({"extra_content": {"google": "parts"}}, **STOP), "STOP")
