"""Hedging for callers of Messages, Responses and Gemini: the second target may speak another
dialect than the first, theirs or not; what they see is one answer in their own.
"""

import asyncio

import pytest

from tests.api.dialect_callers import (
    CALLERS,
    ENDED,
    OWN,
    ROWS,
    UPSTREAMS,
    ask,
    by_sdk,
    said,
    text_of,
    text_of_one_stream,
)
from tests.api.failing import BROKEN, world
from tests.api.test_hedging import HEDGE, left
from tests.fakes import Hang
from translators.json_codec import loads

TEXT = "It was a dark and stormy night."


def first_beside(caller: str, second: str) -> str:
    """A dialect of the first target: the caller's own, or Chat where the second has it."""
    return OWN[caller] if second != OWN[caller] else "openai"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("second", UPSTREAMS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_the_second_wins_in_the_callers_dialect(
    caller: str, second: str, stream: bool
) -> None:
    rows = {"one": ROWS[first_beside(caller, second)], "two": ROWS[second]}
    async with world(HEDGE, rows, one=[Hang()], two=said(second, TEXT, stream)) as w:
        heard = await ask(w, caller, stream)
        assert (heard.status, heard.headers["x-llm-router-provider"]) == (200, "two")
        shown = text_of_one_stream(caller, heard) if stream else text_of(caller, heard)
        assert shown == TEXT
        await left(w, 0)
        assert await w.attempts() == [("two", "hedge", "ok"), ("one", "first", "cancelled")]
        if stream:
            assert await by_sdk(w, caller) == (TEXT, ENDED[caller])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("first", UPSTREAMS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_the_first_may_still_win_though_the_second_was_asked(
    caller: str, first: str, stream: bool
) -> None:
    """Nothing that was begun for the second is seen."""
    rows = {"one": ROWS[first], "two": ROWS[first_beside(caller, first)]}
    free = asyncio.Event()
    async with world(HEDGE, rows, one=[free, *said(first, TEXT, stream)], two=[Hang()]) as w:
        call = asyncio.ensure_future(ask(w, caller, stream))
        await w.calls(2)
        free.set()
        heard = await call
        assert (heard.status, heard.headers["x-llm-router-provider"]) == (200, "one")
        shown = text_of_one_stream(caller, heard) if stream else text_of(caller, heard)
        assert shown == TEXT
        await left(w, 1)
        assert await w.attempts() == [("one", "first", "ok"), ("two", "hedge", "cancelled")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
async def test_when_both_fail_the_error_is_the_dialects(caller: str, stream: bool) -> None:
    free = asyncio.Event()
    rows = {"one": ROWS[OWN[caller]], "two": ROWS["openai"]}
    async with world(HEDGE, rows, one=[free, *BROKEN], two=[free, *BROKEN]) as w:
        call = asyncio.ensure_future(ask(w, caller, stream))
        await w.calls(2)
        free.set()
        heard = await call
    assert heard.status >= 500
    assert heard.headers["content-type"].startswith("application/json")
    document = loads(heard.body)
    marks = {"messages": "type", "responses": "code", "gemini": "status"}
    assert marks[caller] in document["error"]
    assert (document.get("type") == "error") == (caller == "messages")
