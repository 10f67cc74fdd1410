"""A whole answer of generateContent as a chat.completion: read as a stream of one frame, so that both ways say the same."""

from typing import Any

from translators.chat.chunks import Chunk, Collector
from translators.dialect import Envelope
from translators.errors import UpstreamError, malformed
from translators.gemini.answer import Answer
from translators.gemini.errors import error_of, failure
from translators.jsontext import loads


def parse_response(body: bytes, envelope: Envelope) -> dict[str, Any]:
    """The chat.completion in `body`. Raises UpstreamError if there is none in it."""
    try:
        document = loads(body)
    except ValueError as error:
        raise UpstreamError(malformed(f"The provider's answer is not JSON: {error}")) from None
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


def frames_of(document: Any) -> list[dict[str, Any]]:
    """The frames of a document: one, or a list of them. Raises UpstreamError for anything else."""
    frames = document if document.__class__ is list else [document]
    if not frames or any(frame.__class__ is not dict for frame in frames):
        raise UpstreamError(malformed("The provider's answer is not a JSON object."))
    return frames
