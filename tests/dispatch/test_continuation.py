"""gateway.dispatch.continuation: what an open stream holds of the request that began it."""

from typing import Any, cast

import pytest

from gateway.dispatch.continuation import SMALL_BODY, ContinuedResponse
from gateway.dispatch.send import PreparedRequest
from translators import claude, gemini, openai, responses
from translators.dialect import PLAIN, AnswerShape, Dialect, Envelope, UpstreamRequest

LONG = b"x" * (SMALL_BODY + 1)
SEVERAL = AnswerShape(several_hops=True)


@pytest.mark.parametrize(
    ("dialect", "shape", "body", "held"),
    [
        (openai, PLAIN, LONG, b""),
        (responses, PLAIN, LONG, b""),
        (gemini, PLAIN, LONG, b""),
        (gemini, SEVERAL, LONG, LONG),
        (claude, PLAIN, LONG, LONG),
        (openai, PLAIN, b"short", b"short"),
    ],
)
def test_a_long_body_is_held_only_where_the_answer_may_pause(
    dialect: Dialect, shape: AnswerShape, body: bytes, held: bytes
) -> None:
    asked = UpstreamRequest("https://x/v1", {"a": "b"}, body, True)
    envelope = Envelope("id", 1, "m", shape=shape)
    nobody = cast(Any, None)
    prepared = PreparedRequest(nobody, dialect, asked, envelope, nobody)
    response = ContinuedResponse(prepared, nobody)
    response.forget_request()
    assert held == response._prepared.request.body
    assert body == asked.body
