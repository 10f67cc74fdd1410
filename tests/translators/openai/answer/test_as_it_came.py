"""translators.openai.answer.as_it_came: a long answer that nobody changed is shown as its provider
wrote it; any other is written anew.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from translators.chat.request import ChatRequest
from translators.dialect import PLAIN, Envelope
from translators.dialect.inbound import AnswerFacts
from translators.json_codec import dumps, loads
from translators.openai import parse_response
from translators.openai.answer.as_it_came import LEAST, text_of
from translators.openai.inbound import ChatInbound
from translators.pieces import LONG

ENVELOPE = Envelope(id="ours", created=1, model="asked", call_id="call_u", shape=PLAIN)
TEXT = "It says “no”.\n" * LEAST


def document(message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": TEXT, "refusal": None, **(message or {})}
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 3,
        "model": "m",
        "choices": [{**choice, **more.pop("choice", {})}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        **more,
    }


def pretty(value: Any) -> bytes:
    """As OpenAI's own servers write."""
    return json.dumps(value, indent=2).encode()


def shown(body: bytes, change: Callable[[Any], None] = lambda _: None) -> tuple[bytes, Any]:
    """What a caller is sent of an answer, and what it is meant to say."""
    completion: Any = parse_response(body, ENVELOPE)
    change(completion)
    facts = AnswerFacts("ours", 1, "m", "p/m", 1, len(body))
    request = ChatRequest({"model": "m", "messages": []})
    return ChatInbound(request).write_completion(completion, facts), completion


@pytest.mark.parametrize("write", [dumps, pretty])
def test_a_long_answer_that_needs_no_mending_is_shown_byte_by_byte(
    write: Callable[[Any], bytes],
) -> None:
    body = write(document({"reasoning_content": TEXT}, zap=[1.0]))
    assert shown(body)[0] == body


@pytest.mark.parametrize(
    "body",
    [
        dumps(document({"role": "model"})),
        dumps({**document(), "object": "answer"}),
        dumps({**document(), "x_llm_router": 1}),
        dumps(document(choice={"finish_reason": "STOP"})),
        dumps(document({"reasoning": TEXT})),
        dumps(document({"content": [{"type": "text", "text": TEXT}]})),
        dumps(document(choice={"logprobs": {"content": [{"token": "a"}]}})),
        dumps({**document(), "choices": document()["choices"] * 2}),
        dumps(document({"content": "short"})),
        dumps(document({"content": "x" * LONG})),
        pretty(document({"content": TEXT + "\ud83d"})),
        pretty(document({"refusal": "\udc00"})),
        b"\xef\xbb\xbf" + dumps(document()),
    ],
)
def test_any_other_answer_is_written_anew(body: bytes) -> None:
    data, meant = shown(body)
    assert data == dumps(meant)
    assert text_of(meant) is None or data == body


def _message(answer: Any) -> Any:
    return answer["choices"][0]["message"]


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: _message(answer).update(content=TEXT[:-1]),
        lambda answer: _message(answer).update(refusal="no"),
        lambda answer: _message(answer).pop("refusal"),
        lambda answer: answer.update(usage={"prompt_tokens": 9}),
        lambda answer: answer.update(x_llm_router={"warnings": ["w"]}),
        lambda answer: answer["choices"].append({"index": 1, "message": {"content": "b"}}),
        lambda answer: answer["choices"][0].update(finish_reason="length"),
    ],
)
def test_an_answer_that_was_changed_after_it_was_read_is_written_anew(
    change: Callable[[Any], None],
) -> None:
    data, meant = shown(dumps(document()), change)
    assert loads(data) == meant
    assert data == dumps(meant)
