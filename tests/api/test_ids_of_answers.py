"""Ids of translated answers are the gateway's own: some hosts give all their answers one name, and
callers know an answer again by it. An answer that is given again keeps the id it had.
"""

import asyncio
import re
from typing import Any, Final

import pytest

from tests.api.dialect_callers import CALLERS, ROWS, Heard, ask, said
from tests.api.failing import World, world
from tests.fakes import InTurn, json_answer
from tests.simulator.conftest import until
from translators.json_codec import loads

FORMS: Final = {
    "messages": r"msg_[0-9a-f]{24}",
    "responses": r"resp_lr[a-z2-7]{26}",
    "gemini": r"dec_[0-9a-f]{20}",
}


def ids_of(caller: str, heard: Heard) -> list[str]:
    """Every id of the answer that its JSON document or the events of its stream tell."""
    streamed = heard.headers["content-type"].startswith("text/event-stream")
    found: list[Any] = heard.events if streamed else [loads(heard.body)]
    if caller == "gemini":
        return [each["responseId"] for each in found]
    inner = {"messages": "message", "responses": "response"}[caller]
    told = [each[inner] for each in found if inner in each] if streamed else found
    return [each["id"] for each in told]


def id_of(caller: str, heard: Heard) -> str:
    """The one that all of them are."""
    assert heard.status == 200
    (one,) = set(ids_of(caller, heard))
    assert re.fullmatch(FORMS[caller], one)
    return one


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
async def test_two_answers_of_one_name_have_two(caller: str, stream: bool) -> None:
    async with world(None, {"one": ROWS["openai"]}, one=said("openai", "Hello", stream)) as w:
        heard = [await ask(w, caller, stream) for _ in range(2)]
    ids = [id_of(caller, each) for each in heard]
    assert ids[0] != ids[1]
    if caller == "gemini":
        assert ids == [each.headers["x-llm-router-decision"] for each in heard]


async def asked_again(caller: str, stream: bool, later: bool) -> list[str]:
    """The ids of an answer that is given a second time, in another form too."""
    answers = InTurn(said("openai", "Hello", stream))
    async with world({"cache": {}}, {"one": ROWS["openai"]}, one=answers) as w:
        heard = [await ask(w, caller, form) for form in (stream, stream, later)]
        assert len(w.asked()) == 1
    assert [each.headers["x-llm-router-cache"] for each in heard[1:]] == ["hit; age=0"] * 2
    return [id_of(caller, each) for each in heard]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
async def test_an_answer_that_is_given_again_keeps_its_id(caller: str, stream: bool) -> None:
    ids = await asked_again(caller, stream, not stream)
    assert ids == [ids[0]] * 3


async def together(w: World, caller: str, stream: bool, gate: asyncio.Event) -> list[Heard]:
    asked = [asyncio.ensure_future(ask(w, caller, stream)) for _ in range(5)]
    await until(lambda: w.running.gateway.running >= len(asked))
    gate.set()
    return await asyncio.gather(*asked)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
async def test_those_who_wait_for_it_are_given_the_same(caller: str, stream: bool) -> None:
    gate = asyncio.Event()
    answers = InTurn([gate, *said("openai", "Hello", stream)])
    async with world({"cache": {}}, {"one": ROWS["openai"]}, one=answers) as w:
        heard = await together(w, caller, stream, gate)
        assert len(w.asked()) == 1
    assert len({id_of(caller, each) for each in heard}) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_calls_that_a_host_names_oddly_keep_theirs_too(stream: bool) -> None:
    """Their ids are made of the answer's."""
    call = {"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    tool = {"name": "f", "input_schema": {"type": "object"}}
    steps = InTurn(json_answer({**answer, "choices": [choice]}))
    async with world({"cache": {"tools": True}}, {"one": ROWS["openai"]}, one=steps) as w:
        heard = [await ask(w, "messages", form, tools=[tool]) for form in (False, False, stream)]
    ids = [re.findall(rb'"(toolu_[0-9a-f]{24})"', each.body) for each in heard]
    assert ids == [ids[0]] * 3
    assert len(ids[0]) == 1
