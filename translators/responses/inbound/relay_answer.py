"""A whole response for a caller who speaks this API: shown as it came, read as far as the gateway
must know of it."""

from translators.chat.chunks import RelayedCompletion
from translators.chat.wire import Completion, Message
from translators.dialect import Envelope
from translators.responses.answer.message import only_text
from translators.responses.answer.response import completion_of, read_response
from translators.responses.answer.usage import usage
from translators.responses.wire import Response


def relayed_completion(body: bytes, envelope: Envelope) -> RelayedCompletion:
    """Raises UpstreamError for a response that failed or is none."""
    response = read_response(body)
    completion = _of_text(response, envelope) or completion_of(response, envelope)
    return RelayedCompletion(completion, body)


def _of_text(response: Response, envelope: Envelope) -> Completion | None:
    """What is to be known of a response that is one text and came to its end, and says all that
    responses say, as most do; None of any other."""
    name, model, counted = response.get("id"), response.get("model"), response.get("usage")
    if not name or name.__class__ is not str or not model or model.__class__ is not str:
        return None
    output = response["output"]
    item = output[0] if len(output) == 1 else None
    if item.__class__ is not dict or item.get("type") != "message" or counted.__class__ is not dict:
        return None
    if response.get("status") != "completed" or (text := only_text(item)) is None:
        return None
    said: Message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": envelope.created,
        "model": model,
        "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
        "usage": usage(counted),
    }
