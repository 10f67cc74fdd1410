"""A caller that speaks Claude Messages: anthropic SDKs, Claude Code and what is built on them.

A Claude target is sent the caller's own bytes with few edits; any other the hub's request.
Spec: https://platform.claude.com/docs/en/api/messages.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from translators.chat.chunks import RelayedCompletion
from translators.chat.request import ChatRequest
from translators.chat.wire import Completion
from translators.claude.inbound.answer_context import AnswerContext
from translators.claude.inbound.completion import message_of, nothing_said
from translators.claude.inbound.errors import write_error
from translators.claude.inbound.relay import ClaudeRelay
from translators.claude.inbound.request import Read, read
from translators.claude.inbound.writer import MessagesWriter
from translators.dialect import Target, UpstreamRequest
from translators.dialect.inbound import AnswerFacts, Call, Origin, Overlay
from translators.json_codec import JsonObject
from translators.long_json import dumps_sized

NAME: Final = "messages"
KEEP_ALIVE: Final = 10.0
KEEPS_TEXT: Final = True
DIALECT: Final = "claude"

__all__ = [
    "KEEPS_TEXT",
    "KEEP_ALIVE",
    "NAME",
    "headers",
    "read_count",
    "read_request",
    "write_error",
]


class MessagesInbound:
    """A Messages request that was read."""

    __slots__ = ("_found", "_relay", "_request_id", "only_reads", "origin", "request")

    def __init__(self, document: JsonObject, found: Read, call: Call) -> None:
        self.request: ChatRequest = found.request
        self.only_reads = found.only_reads
        self._found = found
        self._request_id = call.request_id
        stream = found.request.body.get("stream") is True
        self._relay = partial(ClaudeRelay, document, call, found.model, stream)
        shown = found.thinking.shown
        self.origin = Origin(DIALECT, self._relay, found.natives, found.notes, shown)

    def _context(self) -> AnswerContext:
        """Made where it is wanted: nothing of it is for an answer that is relayed."""
        found, thinking = self._found, self._found.thinking
        return AnswerContext(
            found.model,
            found.call_ids,
            thinking.asked,
            thinking.shown,
            found.only_search,
            found.stops,
        )

    def write_completion(self, completion: Completion, answer: AnswerFacts) -> bytes:
        """A message; a relayed one as its provider wrote it."""
        if isinstance(completion, RelayedCompletion):
            return completion.raw
        return dumps_sized(message_of(completion, answer, self._context()), answer.size)

    def write_nothing(self, answer: AnswerFacts) -> bytes:
        """The answer to a request that only has its prompt read, as JSON or as a stream."""
        return nothing_said(answer, self._context(), self.request.stream)

    def count_request(self, overlay: Overlay, target: Target) -> UpstreamRequest:
        """The request that has a Claude target count this one. Raises InvalidRequest."""
        return self._relay(overlay).build_count(target)

    def open_writer(self, answer_id: str, created: int) -> MessagesWriter:
        return MessagesWriter(self._context(), self._request_id)


def read_request(document: Any, call: Call) -> MessagesInbound:
    """Raises InvalidRequest, whose message begins with the field's path."""
    return MessagesInbound(document, read(document, call.headers, call.size), call)


def read_count(document: Any, call: Call) -> MessagesInbound:
    """A request whose tokens are to be counted: it needs no limit. Raises InvalidRequest."""
    found = read(document, call.headers, call.size, counts=True)
    return MessagesInbound(document, found, call)


def headers(request_id: str) -> Mapping[str, str]:
    """Where SDKs look for the request's id."""
    return {"request-id": request_id}
