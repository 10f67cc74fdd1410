"""A whole answer of generateContent as a chat.completion: read as a stream of one frame, so that
both ways say the same.
"""

from typing import Any, cast

from translators.chat.chunks import Chunk, Collector
from translators.chat.wire import Choice, Completion, Message
from translators.dialect import Envelope
from translators.errors import UpstreamError
from translators.failures import malformed
from translators.gemini.answer import finish_reason
from translators.gemini.answer.candidates import Answer, model_of, only_part
from translators.gemini.answer.errors import error_of, failure
from translators.gemini.answer.usage import service_tier, usage
from translators.gemini.wire import Frame
from translators.json_codec import JsonObject
from translators.long_json import loads_answer


def parse_response(body: bytes, envelope: Envelope) -> Completion:
    """The chat.completion in `body`. Raises UpstreamError if there is none in it."""
    try:
        document = loads_answer(body)
    except ValueError as error:
        raise UpstreamError(malformed(f"The provider's answer is not JSON: {error}")) from None
    if (
        document.__class__ is dict
        and "error" not in document
        and (completion := _one_text(document, envelope)) is not None
    ):
        return completion
    if (found := error_of(document)) is not None:
        raise UpstreamError(failure(found, 200, {}))
    answer = Answer(envelope)
    chunks: list[Chunk] = []
    for frame in frames_of(document):
        answer.read(frame, chunks)
    told = answer.end(chunks, complete=True)
    if told is not None:
        raise UpstreamError(told)
    collector = Collector(envelope.id, envelope.created, answer.model)
    for chunk in chunks:
        collector.add(chunk)
    return collector.completion()


def _one_text(frame: Frame, envelope: Envelope) -> Completion | None:
    """The completion of an answer that is one text, signed or not, as most are; None for any other.

    It says what chunks of it would add up to, without making them: that takes five times as long.
    """
    found = only_part(frame)
    if found is None:
        return None
    candidate, part = found
    text, signature, index = (
        part.get("text"),
        part.get("thoughtSignature"),
        candidate.get("index", 0),
    )
    signed = signature.__class__ is str
    if (
        not text
        or text.__class__ is not str
        or len(part) != 1 + signed
        or index.__class__ is not int
        or index
    ):
        return None
    native, metadata = finish_reason.given(candidate), frame.get("usageMetadata")
    reason = finish_reason.finish_reason(native, calls=None, content=True)
    if (
        reason is None
        or "groundingMetadata" in candidate
        or "logprobsResult" in candidate
        or envelope.shape.strip_json_fence
    ):
        return None
    message: Message = {"role": "assistant", "content": text, "refusal": None}
    if signature:
        message["extra_content"] = {"google": {"thought_signature": signature}}
    completion: JsonObject = {
        "id": envelope.id,
        "object": "chat.completion",
        "created": envelope.created,
        "model": model_of(frame) or envelope.model,
    }
    counted = metadata if metadata.__class__ is dict else {}
    if (tier := service_tier(counted)) is not None:
        completion["service_tier"] = tier
    choice: Choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": reason,
        "native_finish_reason": native,
    }
    completion["choices"] = [choice]
    if (tokens := usage(counted)) is not None:
        completion["usage"] = tokens
    return cast(Completion, completion)


def frames_of(document: Any) -> list[Frame]:
    """The frames of a document: one, or a list of them. Raises UpstreamError for anything else."""
    frames = document if document.__class__ is list else [document]
    if not frames or any(frame.__class__ is not dict for frame in frames):
        raise UpstreamError(malformed("The provider's answer is not a JSON object."))
    return frames
