"""Resumption for callers of Messages, Responses and Gemini: a translated text that breaks off is
continued by a target of any dialect, as one stream of theirs; a relayed one ends with an error of
theirs, since what it showed is the provider's own.
"""

from typing import Any, Final

import aiohttp
import anthropic
import openai
import pytest
from google.genai import errors as google

from tests.api.dialect_callers import (
    CALLERS,
    ENDED,
    OWN,
    ROWS,
    UPSTREAMS,
    ask,
    body_of,
    by_sdk,
    streamed,
    text_of_one_stream,
)
from tests.api.failing import BROKEN, chunks_of, world
from tests.api.test_resume import DONE, FIRST, REST, RESUME, TEXT, usage
from tests.fakes import sse
from tests.translators.claude.inbound.encoders import ENCODERS

RAISED: Final[dict[str, type[Exception]]] = {
    "messages": anthropic.APIError,
    "responses": openai.APIError,
    "gemini": google.APIError,
}
RESUMED: Final = [
    (caller, first, second)
    for caller in CALLERS
    for first in UPSTREAMS
    for second in UPSTREAMS
    if first != OWN[caller]
]


@pytest.mark.parametrize(("caller", "first", "second"), RESUMED)
async def test_a_translated_text_is_continued_by_any_target(
    caller: str, first: str, second: str
) -> None:
    rows = {"one": ROWS[first], "two": ROWS[second]}
    broken = streamed(first, FIRST, end=False)
    async with world(RESUME, rows, one=broken, two=streamed(second, REST)) as w:
        heard = await ask(w, caller, True)
        assert text_of_one_stream(caller, heard) == TEXT
        assert heard.headers["x-llm-router-resumable"] == "true"
        assert [attempt[:2] for attempt in await w.attempts()] == [
            ("one", "first"),
            ("two", "resume"),
        ]
        assert await by_sdk(w, caller) == (TEXT, ENDED[caller])


@pytest.mark.parametrize("second", UPSTREAMS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_relayed_text_is_not_continued(caller: str, second: str) -> None:
    rows = {"one": ROWS[OWN[caller]], "two": ROWS[second]}
    broken = streamed(OWN[caller], FIRST, end=False)
    async with world(RESUME, rows, one=broken, two=streamed(second, REST)) as w:
        heard = await ask(w, caller, True)
        assert text_of_one_stream(caller, heard, ends=False) == FIRST
        assert "x-llm-router-resumable" not in heard.headers
        assert w.asked() == ["one"]
        assert [event.outcome for event in w.ended()] == ["stream_aborted"]
        with pytest.raises(RAISED[caller]):
            await by_sdk(w, caller)


@pytest.mark.parametrize("caller", CALLERS)
async def test_never_unless_the_persona_says_so(caller: str) -> None:
    first = "openai"
    async with world(one=streamed(first, FIRST, end=False), two=streamed(first, REST)) as w:
        heard = await ask(w, caller, True)
        assert text_of_one_stream(caller, heard, ends=False) == FIRST
        assert w.asked() == ["one"]
        with pytest.raises(RAISED[caller]):
            await by_sdk(w, caller)


THINKS: Final = [["think", "I was cut off."], ["text", REST], ["end", "stop"], ["count", 30, 0, 8]]


@pytest.mark.parametrize("second", ["responses", "claude", "gemini"])
@pytest.mark.parametrize("caller", CALLERS)
async def test_what_the_second_reasons_is_neither_shown_nor_sealed(
    caller: str, second: str
) -> None:
    """It stands in the middle of a text, and would be sealed as the first target's."""
    rows = {"one": ROWS["openai"], "two": ROWS[second]}
    story: Any = THINKS
    continued = sse(ENCODERS[second](story))
    async with world(RESUME, rows, one=streamed("openai", FIRST, end=False), two=continued) as w:
        heard = await ask(w, caller, True)
        assert text_of_one_stream(caller, heard) == TEXT
        assert b"cut off" not in heard.body
        for mark in (b"encrypted_content", b"thoughtSignature", b'"signature"'):
            assert mark not in heard.body


@pytest.mark.parametrize("caller", CALLERS)
async def test_usage_is_everybodys(caller: str) -> None:
    first = sse(*chunks_of(FIRST, finish=None), usage(10, 6))
    async with world(RESUME, one=first, two=sse(*chunks_of(REST), usage(30, 8), DONE)) as w:
        heard = await ask(w, caller, True)
        last = heard.events[-1]
        counted = {
            "messages": lambda: heard.events[-2]["usage"],
            "responses": lambda: last["response"]["usage"],
            "gemini": lambda: last["usageMetadata"],
        }[caller]()
        read, written = _COUNTS[caller]
        assert (counted[read], counted[written]) == (40, 14)


_COUNTS: Final = {
    "messages": ("input_tokens", "output_tokens"),
    "responses": ("input_tokens", "output_tokens"),
    "gemini": ("promptTokenCount", "candidatesTokenCount"),
}


async def test_a_response_is_kept_as_it_was_continued() -> None:
    broken = streamed("openai", FIRST, end=False)
    async with (
        world(RESUME, one=broken, two=streamed("openai", REST)) as w,
        aiohttp.ClientSession() as session,
    ):
        heard = await ask(w, "responses", True, store=True)
        assert text_of_one_stream("responses", heard) == TEXT
        shown = heard.events[-1]["response"]
        url = f"{w.running.url}/v1/responses/{shown['id']}"
        async with session.get(url) as kept:
            assert await kept.json() == shown


async def test_an_array_of_googles_is_continued_too() -> None:
    broken = streamed("claude", FIRST, end=False)
    rows = {"one": ROWS["claude"], "two": ROWS["gemini"]}
    async with (
        world(RESUME, rows, one=broken, two=streamed("gemini", REST)) as w,
        aiohttp.ClientSession() as session,
    ):
        url = f"{w.running.url}/v1beta/models/p:streamGenerateContent"
        async with session.post(url, json=body_of("gemini", True)) as answer:
            frames = await answer.json()
    candidates = [frame["candidates"][0] for frame in frames]
    parts = [part for candidate in candidates for part in candidate["content"]["parts"]]
    assert "".join(part["text"] for part in parts) == TEXT
    assert [c["finishReason"] for c in candidates if "finishReason" in c] == ["STOP"]


@pytest.mark.parametrize("caller", CALLERS)
async def test_when_nobody_goes_on_the_error_is_the_dialects(caller: str) -> None:
    first = "openai"
    async with world(RESUME, one=streamed(first, FIRST, end=False), two=BROKEN) as w:
        heard = await ask(w, caller, True)
        assert text_of_one_stream(caller, heard, ends=False) == FIRST
        assert w.asked() == ["one", "two"]
        with pytest.raises(RAISED[caller]):
            await by_sdk(w, caller)
