"""A whole response as a chat.completion with one choice."""

from math import isfinite
from typing import Any

from translators.chat.wire import Choice, Completion, Message
from translators.dialect import Envelope
from translators.errors import UpstreamError
from translators.failures import malformed
from translators.json_codec import JsonObject
from translators.long_json import loads_answer
from translators.responses.answer.message import message, only_text, spoken
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
    return completion_of(read_response(body), envelope)


def read_response(body: bytes) -> Response:
    """The document in `body`, which has an output. Raises UpstreamError for a response that failed,
    and for what is none.
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
    found: Response = response
    return found


def completion_of(response: Response, envelope: Envelope) -> Completion:
    """The chat.completion of a response that `read_response` gave."""
    if (text := _plain_text(response)) is None:
        choice = _choice(response, envelope)
    else:
        said: Message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": "stop"}
    created = response.get("created_at")
    answer: Completion = {
        "id": answer_id(response, envelope.id),
        "object": "chat.completion",
        "created": int(created)
        if created.__class__ is int or (created.__class__ is float and isfinite(created))
        else envelope.created,
        "model": answer_model(response, envelope.model),
        "choices": [choice],
    }
    if response.get("service_tier") or response.get("moderation"):
        top: Any = answer
        top.update(beside(response))
    if response.get("usage").__class__ is dict:
        answer["usage"] = usage(response["usage"])
    return answer


def _plain_text(response: Response) -> str | None:
    """The text of an answer that is one text, came to its end and says nothing else, as most do."""
    output = response["output"]
    item = output[0] if len(output) == 1 else None
    if item.__class__ is not dict or item.get("type") != "message":
        return None
    if response.get("status") != "completed" or response.get("incomplete_details") is not None:
        return None
    text = only_text(item)
    return None if text is None or item["content"][0].get("logprobs") else text


def _choice(response: Response, envelope: Envelope) -> Choice:
    items = output_of(response)
    said = message(items, envelope)
    has_calls = "tool_calls" in said or "function_call" in said
    choice: Choice = {
        "index": 0,
        "message": said,
        "logprobs": _all_logprobs(items),
        "finish_reason": finish_reason(response, has_calls, envelope.shape.legacy_functions),
    }
    if (native := native_reason(response)) is not None:
        choice["native_finish_reason"] = native
    return choice


def _all_logprobs(items: list[Item]) -> JsonObject | None:
    found: list[JsonObject] = []
    for item in items:
        for part in spoken(item):
            if part.get("logprobs"):
                found += parts_of(part, "logprobs")
    return logprobs(found) if found else None
