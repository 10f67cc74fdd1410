"""A whole answer of Claude as a chat.completion."""

from typing import Any

from translators.chat.code_fence import unfenced
from translators.chat.wire import Completion, Message
from translators.claude.answer.blocks import one_text, tool_call, trailer
from translators.claude.answer.errors import error_failure
from translators.claude.answer.stop_reason import finish_reason, hidden, refusal, stop_reason
from translators.claude.answer.usage import service_tier, usage
from translators.claude.wire import AnswerMessage, Block, whole_blocks
from translators.dialect import AnswerShape, Envelope
from translators.errors import UpstreamError
from translators.failures import malformed, no_output
from translators.long_json import loads_answer


def parse_response(body: bytes, envelope: Envelope) -> Completion:
    """The chat.completion in `body`. Raises UpstreamError if it is no message of Claude."""
    return completion_of(read_message(body), envelope)


def read_message(body: bytes) -> AnswerMessage:
    """The document in `body`. Raises UpstreamError if it is no JSON object."""
    try:
        message = loads_answer(body)
    except ValueError as error:
        raise UpstreamError(malformed(f"The provider's answer is not JSON: {error}")) from None
    if message.__class__ is not dict:
        raise UpstreamError(malformed("The provider's answer is not a JSON object."))
    found: AnswerMessage = message
    return found


def completion_of(message: AnswerMessage, envelope: Envelope) -> Completion:
    """The chat.completion of a document. Raises UpstreamError if it is no message of Claude."""
    if message.get("type") == "error" or "error" in message:
        raise UpstreamError(error_failure(message))
    content, reason = message.get("content"), stop_reason(message)
    if content.__class__ is not list:
        raise UpstreamError(malformed("The provider's answer has no content."))
    if reason != "refusal" and (text := one_text(content)) is not None:
        said: Message = {
            "role": "assistant",
            "content": unfenced(text) if envelope.shape.strip_json_fence else text,
            "refusal": None,
        }
    else:
        blocks = whole_blocks(content)
        if not blocks and reason is None:
            raise UpstreamError(no_output())
        said = _message(blocks, reason, message.get("stop_details"), envelope.shape)
        if reason != "refusal":
            said.update(trailer(blocks, answer_model(message, envelope)))
    return _completion(message, said, reason, envelope)


def answer_id(message: AnswerMessage, envelope: Envelope) -> str:
    """The answer's id: Claude's own, shown."""
    own = message.get("id")
    return f"chatcmpl-{own}" if own.__class__ is str and own else envelope.id


def answer_model(message: AnswerMessage, envelope: Envelope) -> str:
    """The model that served."""
    served = message.get("model")
    return served if served.__class__ is str and served else envelope.model


def _completion(
    message: AnswerMessage, said: Message, reason: str | None, envelope: Envelope
) -> Completion:
    has_calls = "tool_calls" in said or "function_call" in said
    finished = finish_reason(reason, has_calls, envelope.shape.legacy_functions)
    choice: Any = {"index": 0, "message": said, "logprobs": None, "finish_reason": finished}
    if (specific := hidden(reason, message, has_calls)) is not None:
        choice["provider_specific"] = specific
    answer: Completion = {
        "id": answer_id(message, envelope),
        "object": "chat.completion",
        "created": envelope.created,
        "model": answer_model(message, envelope),
        "choices": [choice],
        "system_fingerprint": None,
    }
    counted = message.get("usage")
    if counted.__class__ is dict:
        answer["usage"] = usage(counted)
        if (tier := service_tier(counted)) is not None:
            answer["service_tier"] = tier
    return answer


def _message(
    blocks: list[Block], reason: str | None, stop_details: Any, shape: AnswerShape
) -> Message:
    """The assistant message. What stood before a refusal is no answer and is not shown as one."""
    said: Message = {"role": "assistant", "content": None, "refusal": None}
    thoughts = "".join(block["thinking"] for block in blocks if block["type"] == "thinking")
    if thoughts:
        said["reasoning_content"] = thoughts
    if reason == "refusal":
        said["refusal"] = refusal(stop_details)
        return said
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    calls = [tool_call(block, shape) for block in blocks if block["type"] == "tool_use"]
    said["content"] = (unfenced(text) if shape.strip_json_fence else text) or (
        None if calls else ""
    )
    if calls and shape.legacy_functions and "function" in calls[0]:
        said["function_call"] = calls[0]["function"]
    elif calls:
        said["tool_calls"] = calls[:1] if shape.one_tool_call else calls
    return said
