"""Whole answers of every kind of provider for callers of Messages, Responses and Gemini."""

import json
from typing import Any, Final

import pytest
from anthropic.types import Message
from google.genai.types import GenerateContentResponse
from openai.types.responses import Response

from tests.translators.inbound_pairs.answers import (
    CALLERS,
    GIVEN,
    PAIRS,
    answer_result,
    file_of,
    written,
)

EXPECTED: Final = {pair: json.loads(file_of(*pair).read_text("utf-8")) for pair in PAIRS}
TYPES: Final[dict[str, Any]] = {
    "messages": Message,
    "responses": Response,
    "gemini": GenerateContentResponse,
}


def test_each_pair_has_twenty_answers() -> None:
    assert len(PAIRS) == 9
    for pair in PAIRS:
        assert EXPECTED[pair].keys() == GIVEN[pair[1]].keys()
        assert len(EXPECTED[pair]) >= 20


@pytest.mark.parametrize(("caller", "upstream"), PAIRS)
def test_answers_become_what_is_written(caller: str, upstream: str) -> None:
    for name, expected in EXPECTED[caller, upstream].items():
        made = json.loads(json.dumps(answer_result(caller, upstream, name)))
        assert expected == made, name


@pytest.mark.parametrize(("caller", "upstream"), PAIRS)
def test_the_official_types_take_them(caller: str, upstream: str) -> None:
    for name in GIVEN[upstream]:
        for wants in (True, False):
            read = TYPES[caller].model_validate_json(written(caller, upstream, name, wants))
            assert isinstance(read, TYPES[caller]), name


@pytest.mark.parametrize("caller", CALLERS)
def test_an_answer_in_the_callers_own_dialect_stays_as_it_came(caller: str) -> None:
    """But for the model, where the caller is told the name that it asked."""
    upstream = CALLERS[caller].own
    relayed = [(n, g) for n, g in GIVEN[upstream].items() if g.body.startswith(b"{")]
    assert len(relayed) >= 20
    for name, given in relayed:
        expected = given.body
        if caller == "messages":
            expected = expected.replace(b'"model":"claude-sonnet-5"', b'"model":"asked"')
        assert expected == written(caller, upstream, name, True), name
