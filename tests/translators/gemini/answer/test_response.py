"""What is no answer, and what an answer says of itself."""

from itertools import product
from typing import Any

import pytest

from tests.translators.gemini.streams import SIGNATURE, USAGE, envelope, frame
from translators import gemini
from translators.dialect import AnswerShape
from translators.errors import FailureKind, UpstreamError
from translators.json_codec import dumps


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'"text"', b"null"])
def test_something_else_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        gemini.parse_response(body, envelope())
    assert caught.value.failure.kind is FailureKind.MALFORMED


def test_id_time_and_model() -> None:
    answer = gemini.parse_response(
        dumps(
            {
                **frame({"text": "x"}, reason="STOP"),
                "modelVersion": "served",
                "responseId": "theirs",
            }
        ),
        envelope(),
    )
    assert (answer["id"], answer["object"], answer["created"], answer["model"]) == (
        "chatcmpl-1",
        "chat.completion",
        1795000000,
        "served",
    )


def test_f68_a_signature_on_empty_text_gives_no_empty_delta() -> None:
    """Its place is beside the text."""
    answer = gemini.parse_response(
        dumps(frame({"text": "4"}, {"text": "", "thoughtSignature": SIGNATURE}, reason="STOP")),
        envelope(),
    )
    message = answer["choices"][0]["message"]
    assert (message["content"], message["extra_content"]) == (
        "4",
        {"google": {"thought_signature": SIGNATURE}},
    )


PARTS: list[Any] = [
    {"text": "4"}, {"text": "```json\n{}\n```"}, {"text": "4", "thoughtSignature": SIGNATURE},
    {"text": "4", "thoughtSignature": ""},
    {"text": "4", "thoughtSignature": None}, {"text": "4", "thoughtSignature": 1}, {"text": "4",
     "thought": True},
    {"text": "4", "thought": False}, {"text": "", "thoughtSignature": SIGNATURE}, {"text": ""},
    {"text": 4}, {},
    {"functionCall": {"name": "f", "args": {}}}, "4",
]  # fmt: skip
CANDIDATES: list[dict[str, Any]] = [
    {"finishReason": "STOP"}, {"finishReason": "STOP", "index": 0}, {"finishReason": "STOP",
     "index": 1},
    {"finishReason": "STOP", "index": 0.0}, {"finishReason": "STOP", "index": False}, {},
    {"finishReason": 1}, {"finishReason": "FINISH_REASON_UNSPECIFIED", "index": 0},
    {"finishReason": "MAX_TOKENS", "index": 0, "finishMessage": "m"},
    {"finishReason": "CONTINUATION", "continuationToken": "t"},
    {"finishReason": "SAFETY"}, {"finishReason": "OTHER"}, {"finishReason": "MALFORMED_RESPONSE"},
    {"finishReason": "NO_IMAGE"},
    {"finishReason": "STOP", "groundingMetadata": {}}, {"finishReason": "STOP",
     "logprobsResult": {"chosenCandidates": [{"token": "4"}]}},
    {"finishReason": "STOP", "groundingMetadata": {
        "groundingChunks": [{"web": {"uri": "u"}}],
        "groundingSupports": [{"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}],
    }},
    {"finishReason": "STOP", "avgLogprobs": -0.1, "safetyRatings": []},
]  # fmt: skip
AROUND: list[dict[str, Any]] = [
    {}, {"usageMetadata": USAGE, "modelVersion": "served"}, {"usageMetadata": None,
     "modelVersion": None},
    {"usageMetadata": {"trafficType": "ON_DEMAND", "totalTokenCount": None}, "modelVersion": ""},
    {"usageMetadata": [], "promptFeedback": {"blockReason": "X"}, "error": None}, {"error": "no"},
    {"error": {"code": 500}},
]  # fmt: skip


def told(document: Any, shape: AnswerShape) -> Any:
    try:
        return dumps(gemini.parse_response(dumps(document), envelope(shape)))
    except UpstreamError as error:
        return error.failure


@pytest.mark.parametrize(
    "shape", [AnswerShape(), AnswerShape(strip_json_fence=True)], ids=["plain", "fenced"]
)
def test_what_is_seen_to_be_one_text_is_told_as_when_it_is_read_part_by_part(
    shape: AnswerShape,
) -> None:
    """A list of one frame is read so."""
    for part, candidate, around in product(PARTS, CANDIDATES, AROUND):
        whole = {
            "candidates": [{"content": {"role": "model", "parts": [part]}, **candidate}],
            **around,
        }
        assert told(whole, shape) == told([whole], shape), whole


@pytest.mark.parametrize("whole", [
    {}, {"candidates": None}, {"candidates": []}, {"candidates": ["x"]}, {"candidates": [{}]},
    {"candidates": [{"content": "x"}]},
    {"candidates": [{"content": {"parts": {}}, "finishReason": "STOP"}]},
    {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]},
    {"candidates": [{"content": {"parts": [{"text": "a"}, {"text": "b"}]},
     "finishReason": "STOP"}]},
    {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP",
     "index": i} for i in range(2)]},
])  # fmt: skip
def test_what_is_not_one_text_is_told_alike_too(whole: dict[str, Any]) -> None:
    assert told(whole, AnswerShape()) == told([whole], AnswerShape())
