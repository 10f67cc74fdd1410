"""The Responses API as an inbound dialect: how its requests are read and its answers written."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from translators.capabilities import Capability
from translators.chat.chunks import RelayedCompletion
from translators.chat.plain_answer import only_text
from translators.chat.request import ChatRequest
from translators.chat.wire import Completion
from translators.dialect.inbound import (
    AnswerFacts,
    Call,
    CallerError,
    Origin,
    WrittenError,
)
from translators.json_codec import JsonObject, dumps
from translators.long_json import dumps_sized, loads_answer
from translators.responses.inbound import failures
from translators.responses.inbound.completion import chunks_of, one_text
from translators.responses.inbound.relay import ResponsesRelay
from translators.responses.inbound.relay_body import ENCRYPTED
from translators.responses.inbound.request import ONLY_TEXTS, ReadRequest, read_hub_request
from translators.responses.inbound.response_object import ResponseObject
from translators.responses.inbound.writer import ResponsesWriter
from translators.splices import Edit, last, members, spliced

NAME: Final = "responses"
KEEP_ALIVE: Final = 15.0
KEEPS_TEXT: Final = True
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_OPTIONAL: Final[Mapping[Capability, str]] = MappingProxyType({"web_search": "web_search_options"})
"""Codex declares a web search in every request."""


class ResponsesInbound:
    """A request that was read, and the answer that is written for it."""

    __slots__ = (
        "_raw", "_read", "_writer", "document", "final", "keeps", "origin",
        "request",
    )  # fmt: skip

    def __init__(
        self,
        document: JsonObject,
        text: bytes,
        read: ReadRequest,
        keeps: bool,
    ) -> None:
        found, relay = read.findings, partial(ResponsesRelay, text, document)
        self.request: ChatRequest = read.chat
        self.origin = (
            Origin(NAME, relay)
            if found is ONLY_TEXTS
            else Origin(
                NAME,
                relay,
                tuple(found.natives),
                tuple(found.report.notes),
                optional=_OPTIONAL,
                bound_to_key=True,
            )
        )
        self.document = document
        """With the stored history in its `input`."""
        self.keeps = keeps
        """Whether its answer is to be kept."""
        self.final: JsonObject | None = None
        """The whole response, once it is written."""
        self._read = read
        self._writer: ResponsesWriter | None = None
        self._raw: bytes | None = None

    def open_writer(self, answer_id: str, created: int) -> ResponsesWriter:
        """For a stream."""
        return self._opened(answer_id, created, False)

    def _response(self, name: str, created: int) -> ResponseObject:
        return ResponseObject(self.document, name, created, self.keeps)

    def _opened(self, name: str, created: int, whole: bool) -> ResponsesWriter:
        document = self.document
        response = self._response(name, created)
        reasoning, include = document.get("reasoning"), document.get("include")
        asked = reasoning if reasoning.__class__ is dict else {}
        included = include.__class__ is list and ENCRYPTED in include
        self._writer = ResponsesWriter(
            response,
            self._read.findings.tools,
            summaries=(asked.get("summary") or asked.get("generate_summary")) is not None,
            seals=included or not self.keeps,
            compacts=self._read.compacts,
            whole=whole,
        )
        return self._writer

    def write_completion(self, completion: Completion, answer: AnswerFacts) -> bytes:
        """The response object; a relayed one as its provider wrote it, but for `store`."""
        if isinstance(completion, RelayedCompletion):
            self._raw = completion.raw
            return _with_store(completion.raw, True) if self.keeps else completion.raw
        name = answer.own_name
        if not self._read.compacts and (text := only_text(completion)) is not None:
            response = self._response(name, answer.created)
            self.final = one_text(text, completion, response, answer)
            return dumps_sized(self.final, answer.size)
        writer = self._opened(name, answer.created, True)
        writer.begin(answer)
        writer.write(list(chunks_of(completion)))
        writer.end()
        self.final = writer.final
        return dumps_sized(self.final, answer.size)

    @property
    def hidden(self) -> list[JsonObject]:
        """Output items that are kept and not shown: what was signed."""
        return [] if self._writer is None else self._writer.hidden

    @property
    def response(self) -> JsonObject | None:
        """The whole response, streamed or not; None before it is written."""
        if self.final is None and self._raw is not None:
            self.final = {**loads_answer(self._raw), "store": self.keeps}
        if self.final is None and self._writer is not None:
            return self._writer.final
        return self.final

    def end_unkept(self) -> bytes:
        """The end of the answer once more, where it could not be kept."""
        if self._raw is not None:
            return self._raw
        if self.final is not None:
            return dumps({**self.final, "store": False})
        assert self._writer is not None
        return self._writer.end_unkept()


def read_kept(document: Any, call: Call, keeps: bool) -> ResponsesInbound:
    """A request whose history is whole. `keeps`: its answer is to be kept. Raises
    InvalidRequest."""
    read = read_hub_request(document, call.size)
    return ResponsesInbound(document, call.text, read, keeps)


def read_request(document: Any, call: Call) -> ResponsesInbound:
    """Raises InvalidRequest, which names the field in the caller's words."""
    return read_kept(document, call, False)


def write_error(error: CallerError, request_id: str) -> WrittenError:
    """OpenAI's shape."""
    return failures.write_error(error)


def headers(request_id: str) -> Mapping[str, str]:
    """None of its own."""
    return _NOTHING


def _with_store(raw: bytes, kept: bool) -> bytes:
    """A provider's response that says whether the gateway keeps it."""
    text = raw.decode("utf-8", "surrogateescape")
    member = last(members(text), "store")
    if member is None:
        return raw
    changed = spliced(text, [Edit(member.value_start, member.end, dumps(kept).decode())])
    return changed.encode("utf-8", "surrogateescape")
