"""A whole answer of Claude's for a caller who speaks its API: shown as it came but for the name of
its model, read as far as the gateway must know of it."""

from typing import Final

from translators.chat.chunks import RelayedCompletion
from translators.chat.wire import Completion, Message
from translators.claude.answer.blocks import one_text
from translators.claude.answer.response import completion_of, read_message
from translators.claude.answer.stop_reason import finish_reason
from translators.claude.answer.usage import usage
from translators.claude.inbound.relay_stream import renamed_message
from translators.claude.wire import AnswerMessage
from translators.dialect import Envelope

_ENDINGS: Final = frozenset({"end_turn", "stop_sequence", "max_tokens"})
"""How an answer of one text usually ends."""


def relayed_completion(body: bytes, envelope: Envelope, asked: str) -> RelayedCompletion:
    """`asked`: the model's name in what is shown. Raises UpstreamError if the body is no message of
    Claude.
    """
    message = read_message(body)
    completion = _of_text(message, envelope) or completion_of(message, envelope)
    return RelayedCompletion(completion, renamed_message(body, message.get("model"), asked))


def _of_text(message: AnswerMessage, envelope: Envelope) -> Completion | None:
    """What is to be known of an answer that is one text, and says all that answers say, as most do;
    None of any other."""
    content, counted = message.get("content"), message.get("usage")
    name, model, reason = message.get("id"), message.get("model"), message.get("stop_reason")
    if message.get("type") != "message" or "error" in message or reason.__class__ is not str:
        return None
    if not name or name.__class__ is not str or not model or model.__class__ is not str:
        return None
    if content.__class__ is not list or counted.__class__ is not dict or reason not in _ENDINGS:
        return None
    if (text := one_text(content)) is None:
        return None
    said: Message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": envelope.created,
        "model": model,
        "choices": [
            {"index": 0, "message": said, "finish_reason": finish_reason(reason, False, False)}
        ],
        "usage": usage(counted),
    }
