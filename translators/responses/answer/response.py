"""A whole response as a chat.completion with one choice."""

from math import isfinite
from typing import Any

from translators.chat.wire import Choice, Completion
from translators.dialect import Envelope
from translators.errors import UpstreamError
from translators.failures import malformed
from translators.json_codec import JsonObject
from translators.long_json import loads_answer
from translators.responses.answer.message import message, spoken
from translators.responses.answer.response_fields import (
    answer_id,
    answer_model,
    beside,
    failure_of,
    finish_reason,
    logprobs,
    native_reason,
    output_of,
)
from translators.responses.answer.usage import usage
from translators.responses.items import parts_of
from translators.responses.wire import Item, Response


def parse_response(body: bytes, envelope: Envelope) -> Completion:
    """The chat.completion in `body`. Raises UpstreamError for a response that failed, and for what
    is none.
    """
    try:
        response = loads_answer(body)
    except ValueError as error:
        raise UpstreamError(malformed(f"The provider's answer is not JSON: {error}")) from None
    if response.__class__ is not dict:
        raise UpstreamError(malformed("The provider's answer is not a JSON object."))
    if (failure := failure_of(response)) is not None:
        raise UpstreamError(failure)
    if response.get("output").__class__ is not list:
        raise UpstreamError(malformed("The provider's answer has no output."))
    return _completion(response, envelope)


def _completion(response: Response, envelope: Envelope) -> Completion:
    items, model = output_of(response), answer_model(response, envelope.model)
    said = message(items, envelope)
    has_calls = "tool_calls" in said or "function_call" in said
    choice: Choice = {
        "index": 0,
        "message": said,
        "logprobs": _all_logprobs(items),
        "finish_reason": finish_reason(response, has_calls, envelope.shape.legacy_functions),
    }
    ended_early = response.get("incomplete_details") is not None
    if ended_early and (native := native_reason(response)) is not None:
        choice["native_finish_reason"] = native
    created = response.get("created_at")
    answer: Completion = {
        "id": answer_id(response, envelope.id),
        "object": "chat.completion",
        "created": int(created)
        if created.__class__ is int or (created.__class__ is float and isfinite(created))
        else envelope.created,
        "model": model,
        "choices": [choice],
    }
    top: Any = answer
    top.update(beside(response))
    if response.get("usage").__class__ is dict:
        answer["usage"] = usage(response["usage"])
    return answer


def _all_logprobs(items: list[Item]) -> JsonObject | None:
    found: list[JsonObject] = []
    for item in items:
        for part in spoken(item):
            if part.get("logprobs"):
                found += parts_of(part, "logprobs")
    return logprobs(found) if found else None
