"""Providers that stream where one JSON answer was asked for, and those that give one where a stream
was: callers of every dialect are answered in the mode that they asked for.
"""

import pytest

from tests.api.dialect_callers import (
    CALLERS,
    ROWS,
    UPSTREAMS,
    ask,
    streamed,
    text_of,
    text_of_one_stream,
    whole,
)
from tests.api.failing import world
from tests.fakes import json_answer

PAIRS = [(caller, upstream) for caller in CALLERS for upstream in UPSTREAMS]
OF_ONE = {"targets": ["one/m"], "on_failure": {"retries": 0}}


@pytest.mark.parametrize(("caller", "upstream"), PAIRS)
async def test_a_stream_where_json_was_asked_for_is_added_up(caller: str, upstream: str) -> None:
    rows = {"one": ROWS[upstream]}
    async with world(OF_ONE, rows, one=streamed(upstream, "one answer")) as w:
        heard = await ask(w, caller, False)
    assert (heard.status, text_of(caller, heard)) == (200, "one answer")


@pytest.mark.parametrize(("caller", "upstream"), PAIRS)
async def test_json_where_a_stream_was_asked_for_is_streamed(caller: str, upstream: str) -> None:
    rows = {"one": ROWS[upstream]}
    async with world(OF_ONE, rows, one=whole(upstream, "one answer")) as w:
        heard = await ask(w, caller, True)
    assert text_of_one_stream(caller, heard) == "one answer"


@pytest.mark.parametrize(
    ("caller", "upstream"), [("messages", "claude"), ("responses", "responses")]
)
async def test_an_error_in_a_streams_place_is_told_in_its_words(caller: str, upstream: str) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such tool"}}
    async with world(OF_ONE, {"one": ROWS[upstream]}, one=json_answer(error)) as w:
        heard = await ask(w, caller, True)
    assert heard.status == 400
    assert b"no such tool" in heard.body
