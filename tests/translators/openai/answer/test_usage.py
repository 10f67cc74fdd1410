"""translators.openai.answer.usage: what servers count, wherever and however they write it."""

from typing import Any

import pytest

from translators.openai.answer.usage import mend_usage

COUNT = {"prompt_tokens": 50, "completion_tokens": 3, "total_tokens": 53}


@pytest.mark.parametrize(
    ("field", "known_as"),
    [
        ("prompt_cache_hit_tokens", "cached_tokens"),
        ("cached_tokens", "cached_tokens"),
        ("cache_read_input_tokens", "cached_tokens"),
        ("cache_creation_input_tokens", "cache_write_tokens"),
    ],
)
def test_what_a_cache_gave_is_found_where_the_server_puts_it(field: str, known_as: str) -> None:
    usage: dict[str, Any] = {**COUNT, field: 20, "prompt_tokens_details": None}
    assert mend_usage(usage)
    assert usage == {**COUNT, field: 20, "prompt_tokens_details": {known_as: 20}}


@pytest.mark.parametrize(
    "more",
    [
        {"cached_tokens": 20, "prompt_tokens_details": {"cached_tokens": 10}},
        {"cached_tokens": 0},
        {"cached_tokens": 51},
        {"cached_tokens": "many"},
    ],
)
def test_a_count_that_is_known_or_not_believable_is_left_alone(more: dict[str, Any]) -> None:
    usage = {**COUNT, **more}
    assert not mend_usage(usage)
    assert usage == {**COUNT, **more}


@pytest.mark.parametrize(
    ("given", "read"), [("5", 5), (5.0, 5), ("5.0", 5), ("many", None), ("1e999", None)]
)
def test_a_count_in_text_or_with_decimals_is_a_whole_number(given: Any, read: int | None) -> None:
    usage = {**COUNT, "prompt_tokens": given}
    assert mend_usage(usage)
    assert usage == {**COUNT, "prompt_tokens": read}


def test_an_unknown_count_stays_unknown() -> None:
    usage = {**COUNT, "completion_tokens": None}
    assert not mend_usage(usage)
    assert usage["completion_tokens"] is None
