"""A whole answer as the response object: the writer of streams is given it as one chunk."""

from collections.abc import Iterator
from typing import Any

from translators.chat.chunks import Chunk
from translators.chat.wire import Completion
from translators.dialect.inbound import AnswerFacts
from translators.json_codec import JsonObject
from translators.responses.inbound.response_object import (
    INCOMPLETE,
    ResponseObject,
    usage_document,
)

_BESIDE = ("service_tier", "moderation")


def one_text(
    text: str, completion: Completion, response: ResponseObject, answer: AnswerFacts
) -> JsonObject:
    """The response of an answer that is nothing but a text."""
    answered: Any = completion
    response.model = answer.model
    response.tier, response.moderation = map(answered.get, _BESIDE)
    reason = INCOMPLETE.get(answered["choices"][0].get("finish_reason") or "")
    status = "completed" if reason is None else "incomplete"
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    head = {"id": f"msg_lr{response.mark}_0", "type": "message", "status": status}
    return response.document(
        status,
        [{**head, "role": "assistant", "content": [part]}],
        completed=answer.created if reason is None else None,
        incomplete=reason,
        usage=usage_document(answered.get("usage")),
    )


def chunks_of(completion: Completion) -> Iterator[Chunk]:
    """What a stream of the same answer would have told, in its order."""
    answer: Any = completion
    top = {name: answer[name] for name in _BESIDE if answer.get(name) is not None}
    choices = answer.get("choices") or [{}]
    message: Any = dict(choices[0].get("message") or {})
    if reasoning := message.pop("reasoning_content", None):
        yield Chunk({"reasoning_content": reasoning})
    calls = message.pop("tool_calls", None) or ()
    message.pop("role", None)
    said: Any = {name: value for name, value in message.items() if value is not None}
    logprobs = choices[0].get("logprobs")
    yield Chunk(said, choice=None if logprobs is None else {"logprobs": logprobs})
    if calls:
        parts: Any = [{"index": i, **call} for i, call in enumerate(calls)]
        yield Chunk({"tool_calls": parts})
    yield Chunk({}, choices[0].get("finish_reason") or "stop", top=top or None)
    if answer.get("usage") is not None:
        yield Chunk(usage=answer["usage"])
