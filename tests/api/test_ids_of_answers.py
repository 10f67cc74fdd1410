"""Ids of translated answers are the gateway's own: some hosts give all their answers one name, and
callers know an answer again by it.
"""

import re
from typing import Final

import pytest

from tests.api.dialect_callers import CALLERS, ROWS, ask
from tests.api.failing import world
from tests.fakes import json_answer, openai_completion
from translators.json_codec import loads

FORMS: Final = {
    "messages": ("id", r"msg_[0-9a-f]{24}"),
    "responses": ("id", r"resp_lr[a-z2-7]{26}"),
    "gemini": ("responseId", r"dec_[0-9a-f]{20}"),
}


@pytest.mark.parametrize("caller", CALLERS)
async def test_two_answers_of_one_name_have_two(caller: str) -> None:
    steps = json_answer(openai_completion("Hello"))
    async with world(None, {"one": ROWS["openai"]}, one=steps) as w:
        name, form = FORMS[caller]
        heard = [await ask(w, caller, False) for _ in range(2)]
        ids = [loads(each.body)[name] for each in heard]
        assert [re.fullmatch(form, each) is not None for each in ids] == [True, True]
        assert ids[0] != ids[1]
        if caller == "gemini":
            assert ids == [each.headers["x-llm-router-decision"] for each in heard]
