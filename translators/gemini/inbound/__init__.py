"""Google's generateContent API, served to callers (InboundDialect)."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from translators.chat.chunks import RelayedCompletion
from translators.chat.request import ChatRequest
from translators.chat.wire import Completion
from translators.dialect import Target, UpstreamRequest
from translators.dialect.inbound import AnswerFacts, Call, Origin, Overlay
from translators.errors import InvalidRequest
from translators.gemini.inbound.candidates import usage_metadata, whole_candidate
from translators.gemini.inbound.errors import write_error
from translators.gemini.inbound.normalization import normalized
from translators.gemini.inbound.path import Asked, asked
from translators.gemini.inbound.relay import Relay
from translators.gemini.inbound.request import ONLY_TEXTS, Read, read_body
from translators.gemini.inbound.writer import ArrayFraming, EventFraming, GeminiWriter
from translators.json_codec import JsonObject
from translators.long_json import dumps_sized

NAME: Final = "gemini"
KEEP_ALIVE: Final = 15.0
KEEPS_TEXT: Final = True
METHODS: Final = {"generateContent": False, "streamGenerateContent": True}
"""What this reads, and whether it asks for a stream."""
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

__all__ = [
    "KEEPS_TEXT",
    "KEEP_ALIVE",
    "NAME",
    "headers",
    "read_count",
    "read_request",
    "write_error",
]


class GeminiRequest:
    """A request for content (InboundRequest)."""

    def __init__(
        self, document: JsonObject, read: Read, call: Asked, text: bytes, stream: bool
    ) -> None:
        """`document`: what was read, normalized."""
        found = read.found
        self.request: ChatRequest = read.request
        self._as_events = call.as_events
        self._shows_thoughts = found.shows_thoughts
        only_texts = found is ONLY_TEXTS
        self._relay = partial(Relay, document, text, stream, only_texts=only_texts)
        self.origin: Origin | None = (
            Origin(NAME, self._relay, shows_reasoning=False)
            if only_texts
            else Origin(
                NAME,
                self._relay,
                found.natives,
                found.told(),
                found.shows_thoughts,
                resource=found.resource,
            )
        )

    def write_completion(self, completion: Completion, answer: AnswerFacts) -> bytes:
        if isinstance(completion, RelayedCompletion):
            return completion.raw
        shown, target = self._shows_thoughts, answer.target
        candidates = [whole_candidate(choice, target, shown) for choice in completion["choices"]]
        document: JsonObject = {"candidates": candidates}
        if (counted := completion.get("usage")) is not None:
            document["usageMetadata"] = usage_metadata(counted)
        named = {**document, "modelVersion": answer.model, "responseId": answer.own_name}
        return dumps_sized(named, answer.size)

    def count_request(self, overlay: Overlay, target: Target) -> UpstreamRequest:
        """The request that has a Gemini target count this one."""
        return self._relay(overlay).build_count(target)

    def open_writer(self, answer_id: str, created: int) -> GeminiWriter:
        framing = EventFraming() if self._as_events else ArrayFraming()
        return GeminiWriter(framing, self._shows_thoughts)


def read_request(document: Any, call: Call) -> GeminiRequest:
    """Raises InvalidRequest, which names the field in the words of this API."""
    where = asked(call.url)
    stream = METHODS.get(where.method)
    if stream is None:
        message = f"The method {where.method[:80]!r} is not supported."
        raise InvalidRequest(message, None, "unsupported_method", 501)
    body = normalized(document, call.text) if document.__class__ is dict else document
    read = read_body(body, where.model, stream, call.size)
    return GeminiRequest(body, read, where, call.text, stream)


def read_count(document: Any, call: Call) -> GeminiRequest:
    """The request of countTokens: contents alone, or a whole request, which may stand inside.

    Raises InvalidRequest, which names the field in the words of this API.
    """
    where = asked(call.url)
    body = normalized(document, call.text) if document.__class__ is dict else document
    inner = body.get("generateContentRequest") if body.__class__ is dict else None
    read = read_body(body if inner is None else inner, where.model, False, call.size)
    return GeminiRequest(body, read, where, call.text, False)


def headers(request_id: str) -> Mapping[str, str]:
    return _NOTHING
