"""An answer of one text is known in one look, and what is known of it is what a whole reading of it
gives; a request of texts is sent as one in which more may stand."""

from random import Random
from typing import Any

import pytest

from tests.translators.gemini.models import record
from translators.dialect import Envelope, Target
from translators.dialect.inbound import Call, Overlay
from translators.errors import UpstreamError
from translators.gemini.inbound import read_request, relay_answer
from translators.gemini.inbound.relay import Relay
from translators.gemini.inbound.relay_answer import relayed_completion
from translators.json_codec import dumps, loads

_ENVELOPE = Envelope("chatcmpl-own", 7, "asked", "call_own")
_TEXT = {"text": "said"}
_FIELDS: dict[str, list[Any]] = {
    "responseId": ["r", "r", "", 1, None],
    "modelVersion": ["served", "served", "", 1, None],
    "usageMetadata": [
        {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        {"promptTokenCount": "3", "totalTokenCount": 5, "thoughtsTokenCount": 1},
        {"promptTokenCount": 3, "candidatesTokenCount": None, "totalTokenCount": 5},
        {"promptTokenCount": 3},
        None,
        1,
    ],
    "promptFeedback": [None, None, None, {"blockReason": "SAFETY"}, {}],
}
_PARTS: list[Any] = [
    [_TEXT], [_TEXT], [_TEXT, _TEXT], [{"functionCall": {"name": "f"}}], [1], [], None,
]  # fmt: skip
_REASONS: list[Any] = ["STOP", "STOP", "MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL", None, []]


def _candidate(random: Random) -> Any:
    content = {"role": "model", "parts": random.choice(_PARTS[: random.choice((2, 9))])}
    found: Any = {"content": random.choice([content, content, content, None, 1])}
    found["finishReason"] = random.choice(_REASONS[: random.choice((2, 9))])
    if random.random() < 0.5:
        found["index"] = random.choice([0, 0, 1, "0", None])
    return random.choice([found] * 9 + [1])


def _answer(random: Random) -> dict[str, Any]:
    most = random.choice((2, 9))
    found = {name: random.choice(values[:most]) for name, values in _FIELDS.items()}
    found["candidates"] = [_candidate(random) for _ in range(random.choice((1, 1, 1, 1, 2, 0)))]
    return {name: value for name, value in found.items() if value is not None}


def _told(body: bytes) -> object:
    try:
        return dict(relayed_completion(body, _ENVELOPE))
    except UpstreamError as error:
        return error.failure


def test_one_look_gives_what_a_whole_reading_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(14)
    answers = [_answer(random) for _ in range(2000)]
    assert 100 < sum(map(relay_answer._is_one_text, answers)) < 1500
    at_once = [_told(dumps(answer)) for answer in answers]
    monkeypatch.setattr(relay_answer, "_is_one_text", lambda answer: False)
    assert [_told(dumps(answer)) for answer in answers] == at_once


@pytest.mark.parametrize("overlay", [Overlay(), Overlay("Bo.", values={"seed": 7})])
@pytest.mark.parametrize("signatures", ["required", "optional"])
@pytest.mark.parametrize(
    "text",
    [
        '{"contents":[{"parts":[{"text":"a thoughtSignature, a functionCall"}]}]}',
        '{ "contents" : [{"parts":[{"text":"t"}]}],"generationConfig":{ "temperature":1.0}}',
        '{"generation_config":{"temperature":0.5},"contents":[{"parts":[{"text":"t"}]}]}',
    ],
)
def test_a_request_of_texts_is_sent_as_one_in_which_more_may_stand(
    text: str, signatures: str, overlay: Overlay
) -> None:
    model = record("gemini-3.5-flash", {"signatures": signatures})
    target = Target("gemini", "gemini", "https://g.example", "gemini-3.5-flash", model, "key")
    read = read_request(
        loads(text), Call(url="/v1beta/models/m:generateContent", text=text.encode())
    )
    assert read.origin is not None
    sent = read.origin.relay(overlay).build_request(read.request, target)
    closely = Relay(loads(text), text.encode(), False, overlay).build_request(read.request, target)
    assert closely.body == sent.body
    assert closely.notes == sent.notes
