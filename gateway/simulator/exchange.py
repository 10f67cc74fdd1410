"""A request to a simulated provider and its answer: a translators' inbound dialect, and more."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar, Final, NamedTuple

from aiohttp import web

from gateway.simulator.answer import Answer, at_once, pieces
from gateway.simulator.conversation import conversation_of
from translators.chat.chunks import Chunk, Collector
from translators.chat.request import ChatRequest
from translators.dialect.inbound import AnswerFacts, AnswerWriter, Call, CallerError, InboundDialect
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject, dumps, loads
from translators.sse import Decoder

REQUEST_ID: Final = "req_simulated"


class Piece(NamedTuple):
    """One write of a stream; `content` is false for the frame around what the model says."""

    data: bytes
    content: bool = False


class Exchange:
    """One request that was read, and how its answer is written. Each dialect is a class."""

    INBOUND: ClassVar[InboundDialect]
    PROVIDER: ClassVar[str]
    """What directives and records call it."""
    CALL_IDS: ClassVar[str]
    """How the ids of calls begin."""
    ANSWER_IDS: ClassVar[str] = ""
    REFUSES_IN_WORDS: ClassVar[bool] = False
    """A refusal has a place for its words."""
    SHOWS_REASONING: ClassVar[bool] = True
    FRAME: ClassVar[bytes] = b"event: %(type)b\ndata: %(data)b\n\n"
    """An event as it is sent."""
    END: ClassVar[Sequence[bytes]] = ()
    """What follows the last event."""
    EXTRA: ClassVar[Mapping[str, Any] | None] = None
    """Further fields of every chunk."""
    REQUEST_ID_HEADER: ClassVar[str] = ""
    """Empty where a provider says all of an error in its body."""
    ERROR_TYPES: ClassVar[Mapping[int, str]] = {}
    ERROR_CODES: ClassVar[Mapping[int, str]] = {}
    BROKEN: ClassVar[CallerError]
    """The error that ends a stream."""

    def __init__(self, document: JsonObject, call: Call, digest: str) -> None:
        """`digest` of the request's bytes: ids are made of it, so the same request gets the same
        answer. Raises InvalidRequest, which names the field in the dialect's words."""
        self.digest = digest
        self.id = digest[:24]
        self.content_type = "text/event-stream; charset=utf-8"
        self.split: Callable[[str], list[str]] = pieces
        self.request = self.read(document, call)
        self.conversation = conversation_of(self.request)

    def read(self, document: JsonObject, call: Call) -> ChatRequest:
        """The request in the hub's form. Raises InvalidRequest."""
        self.inbound = self.INBOUND.read_request(document, call)
        return self.inbound.request

    def open_writer(self) -> AnswerWriter:
        """What writes the stream."""
        return self.inbound.open_writer(self.id, int(time.time()))

    def events(self, answer: Answer) -> list[JsonObject]:
        """The documents of a stream, in order."""
        writer = self.open_writer()
        writer.begin(self._facts())
        data = writer.write(self.chunks(answer)) + writer.end()
        # A gateway knows the ids that it made itself by their mark.
        data = data.replace(b"_lr" + self.id.encode(), b"_" + self.id.encode())
        return [loads(text) for _, text in Decoder().receive(data) if text != b"[DONE]"]

    def whole(self, answer: Answer) -> JsonObject:
        """The answer as one document."""
        facts = self._facts()
        collector = Collector(facts.id, facts.created, facts.model)
        self.split = at_once
        for chunk in self.chunks(answer):
            collector.add(chunk)
        document: JsonObject = loads(self.inbound.write_completion(collector.completion(), facts))
        return document

    def _facts(self) -> AnswerFacts:
        own, now = self.ANSWER_IDS + self.id, int(time.time())
        return AnswerFacts(own, now, self.request.model, "simulated", lambda: 1)

    def chunks(self, answer: Answer) -> list[Chunk]:
        """The answer in the hub's words; texts in word-sized pieces."""
        said: list[Chunk] = []
        field, finish = "content", str(answer.finish)
        if finish == "refusal":
            field, finish = ("refusal", "stop") if self.REFUSES_IN_WORDS else ("", "content_filter")
        thoughts = self.split(answer.thought) if self.SHOWS_REASONING else ()
        for index in range(self.request.body.get("n") or 1):
            first = {"role": "assistant", "content": None if answer.calls else "", "refusal": None}
            deltas: list[Any] = [first]
            deltas += [{"reasoning_content": piece} for piece in thoughts]
            deltas += [{field: piece} for piece in self.split(answer.text) if field]
            deltas += [{"tool_calls": [part]} for part in self._call_parts(answer)]
            said += [Chunk(delta, None, index, top=self.EXTRA) for delta in deltas]
            said.append(Chunk({}, finish, index, top=self.EXTRA))
        return [*said, Chunk(usage=answer.usage, top=self.EXTRA)]

    def _call_parts(self, answer: Answer) -> list[JsonObject]:
        parts: list[JsonObject] = []
        for index, call in enumerate(answer.calls):
            key = "input" if call.kind == "custom" else "arguments"
            call_id = f"{self.CALL_IDS}{self.digest[:20]}{index:02d}"
            head = {"index": index, "id": call_id, "type": call.kind}
            parts.append({**head, call.kind: {"name": call.name, key: ""}})
            parts += [{"index": index, call.kind: {key: piece}} for piece in self.split(call.text)]
        return parts

    def says(self, event: JsonObject) -> bool:
        """Whether an event is part of what the model says."""
        raise NotImplementedError

    def frame(self, event: JsonObject) -> bytes:
        """An event as it is sent."""
        return self.FRAME % {b"type": event.get("type", "").encode(), b"data": dumps(event)}

    def stream(self, answer: Answer) -> Sequence[Piece]:
        """The answer as a stream, end mark included."""
        said = [Piece(self.frame(event), self.says(event)) for event in self.events(answer)]
        return [*said, *map(Piece, self.END)]

    def broken_stream(self, sent: int) -> bytes:
        """The error event that ends a stream after `sent` pieces."""
        return self.frame(self.error_document(self.BROKEN))

    @classmethod
    def error_document(cls, error: CallerError) -> JsonObject:
        """A failure in the dialect's shape."""
        raise NotImplementedError

    @classmethod
    def refusal(cls, error: InvalidRequest, retry_after: int | None = None) -> web.Response:
        """An error answer."""
        status, code = error.status, error.code or cls.ERROR_CODES.get(error.status)
        usual = cls.ERROR_TYPES.get(500, "") if status >= 500 else "invalid_request_error"
        kind = cls.ERROR_TYPES.get(status, usual)
        told = CallerError(status, error.message, kind, code, error.param, retry_after=retry_after)
        headers = {cls.REQUEST_ID_HEADER: REQUEST_ID} if cls.REQUEST_ID_HEADER else {}
        if headers and retry_after is not None:
            headers["retry-after"] = str(retry_after)
        return json_answer(dumps(cls.error_document(told)), status, headers)


def json_answer(body: bytes, status: int = 200, headers: Any = None) -> web.Response:
    """A whole HTTP answer."""
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def sign(text: str) -> str:
    """The signature of a thought: standard base64, checkable without memory."""
    return b64encode(b"simulated:" + sha256(text.encode()).digest()).decode()
