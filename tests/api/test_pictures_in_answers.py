"""Pictures that a model drew, for callers of each API: shown, or said to be left out."""

import pytest

from tests.api.dialect_callers import CALLERS, ROWS, ask
from tests.api.failing import world
from tests.api.gemini_calls import event, frame
from tests.fakes import Step, json_answer, sse

PICTURE = {"inlineData": {"mimeType": "image/png", "data": "UElDVFVSRQ=="}}
DRAWN = frame({"text": "Look:"}, PICTURE, reason="STOP", counted=5)
SHOWN = {"messages": False, "responses": True, "gemini": True}


def drawn(stream: bool) -> list[Step]:
    return sse(event(DRAWN)) if stream else json_answer(DRAWN)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_picture_is_shown_or_told_to_be_left_out(caller: str, stream: bool) -> None:
    async with world(None, {"one": ROWS["gemini"]}, one=drawn(stream)) as w:
        heard = await ask(w, caller, stream)
        assert heard.status == 200
        assert (b"UElDVFVSRQ==" in heard.body) == SHOWN[caller]
        dropped = heard.headers.get("x-llm-router-dropped-params", "").split(", ")
        assert ("images" in dropped) == (not SHOWN[caller])


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_is_given_again_says_so_too(stream: bool) -> None:
    persona = {"cache": {}}
    async with world(persona, {"one": ROWS["gemini"]}, one=drawn(stream)) as w:
        told = [(await ask(w, "messages", stream)).headers for _ in range(2)]
        assert w.asked() == ["one"]
        assert [each["x-llm-router-cache"][:3] for each in told] == ["mis", "hit"]
        assert ["images" in each["x-llm-router-dropped-params"] for each in told] == [True, True]
