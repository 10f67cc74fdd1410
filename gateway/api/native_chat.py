"""POST /api/v1/chat: the native route. The same request with `persona` for `model`; an answer that
says who served and what it took.

A stream is SSE with named events: `route` once, when a target has begun to answer; `delta` {content
| reasoning | refusal}; `tool_call`, one for each call, whole; then exactly one of `done` and
`error`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from aiohttp import web

from gateway.api.chat import respond
from gateway.api.chat_schemas import (
    DoneEventDocument,
    NativeChatAnswerDocument,
    NativeMessageDocument,
    NativeUsageDocument,
    RouteEventDocument,
    ServedDocument,
    SummaryDocument,
    WarningDocument,
)
from gateway.api.exchange import exchange_of
from gateway.api.request import Request
from gateway.dispatch.exchange import Exchange
from gateway.http.offload import BIG, off_loop
from translators.chat.chunks import Chunk, Collector, singly
from translators.chat.request import ChatRequest, parse
from translators.chat.wire import Completion, Message, Usage
from translators.dialect.inbound import AnswerFacts, CallerError
from translators.errors import InvalidRequest
from translators.json_codec import dumps
from translators.long_json import dumps_sized
from translators.openai.inbound import EVENT_STREAM, KEEP_ALIVE_COMMENT, error_document

NAME: Final = "native"
_TEXTS: Final = (("content", "content"), ("reasoning_content", "reasoning"), ("refusal", "refusal"))


def native_request(document: Any, size: int) -> ChatRequest:
    """A native body as a chat request: `persona` names what OpenAI's route calls `model`. Raises
    InvalidRequest.
    """
    if document.__class__ is not dict:
        return parse(document, size)
    if "model" in document:
        raise InvalidRequest(
            "The native route takes 'persona', not 'model'.", "model", "unknown_parameter"
        )
    if document.get("persona") is None:
        raise InvalidRequest(
            "Missing required parameter: 'persona'.", "persona", "missing_required_parameter"
        )
    if (document.get("n") or 1) != 1:
        raise InvalidRequest(
            "The native route gives one answer: 'n' must be 1.", "n", "unsupported_value"
        )
    body = {
        "model": document["persona"],
        **{name: value for name, value in document.items() if name != "persona"},
    }
    try:
        return parse(body, size)
    except InvalidRequest as error:
        if error.param == "model":
            error.param, error.message = "persona", error.message.replace("'model'", "'persona'")
        raise


async def native_chat(http: Request) -> web.StreamResponse:
    """Read, decided, dispatched and written as any chat request."""
    with exchange_of(http, NAME) as exchange:
        document, size = await http.read_json()
        request = (
            native_request(document, size)
            if size <= BIG
            else await off_loop(native_request, document, size)
        )
        return await respond(http, NativeRequest(request, exchange), exchange)


class NativeRequest:
    """A native request: its answer tells of the exchange that gave it."""

    origin = None

    def __init__(self, request: ChatRequest, exchange: Exchange) -> None:
        self.request = request
        self._exchange = exchange

    def write_completion(self, completion: Completion, answer: AnswerFacts) -> bytes:
        return dumps_sized(_answer(completion, self._exchange), answer.size)

    def open_writer(self, answer_id: str, created: int) -> "NativeWriter":
        return NativeWriter(self._exchange)


class NativeWriter:
    """Named events."""

    over = False
    content_type = EVENT_STREAM

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._begun = b""

    def begin(self, answer: AnswerFacts) -> None:
        self._id = answer.id
        self._calls = Collector(answer.id, answer.created, answer.model)
        self._begun = event("route", _begun(answer.id, self._exchange))

    def write(self, chunks: Sequence[Chunk]) -> bytes:
        begun, self._begun = self._begun, b""
        return begun + b"".join(_events(singly(chunks), self._calls))

    def end(self) -> bytes:
        choices = self._calls.completion()["choices"]
        whole = b"".join(
            event("tool_call", call)
            for choice in choices[:1]
            for call in choice["message"].get("tool_calls") or ()
        )
        return self._begun + whole + event("done", _done(self._id, self._exchange))

    def fail(self, error: CallerError) -> Sequence[bytes]:
        return (self._begun + event("error", error_document(error)),)

    def keep_alive(self) -> bytes:
        return KEEP_ALIVE_COMMENT


def _answer(completion: Completion, exchange: Exchange) -> NativeChatAnswerDocument:
    summary = _summary(exchange)
    if summary["usage"] is None:  # estimated, not counted: it has no price
        usage = completion["usage"]
        assert usage is not None
        summary["usage"] = _priced(usage, None)
    return {
        **_route(completion["id"], exchange),
        "message": _message(completion["choices"][0]["message"]),
        **summary,
    }


def _route(id: str, exchange: Exchange) -> ServedDocument:
    assert exchange.plan is not None
    assert exchange.served is not None
    return {
        "id": id,
        "persona": exchange.plan.persona,
        "provider": exchange.served.provider.name,
        "model": exchange.model or exchange.served.model.id,
    }


def _message(message: Message) -> NativeMessageDocument:
    """OpenAI's message with the reasoning under its own name, and only the fields that are
    there."""
    native = {
        name: value
        for name, value in message.items()
        if name != "reasoning_content" and value is not None
    }
    native.setdefault("content", None)
    if message.get("reasoning_content"):
        native["reasoning"] = message["reasoning_content"]
    return cast(NativeMessageDocument, native)


def _summary(exchange: Exchange) -> SummaryDocument:
    return {
        "finish_reason": exchange.finish_reason,
        "usage": (
            None if exchange.usage is None else _priced(exchange.usage, exchange.cost_nano_usd)
        ),
        "attempts": [
            {
                "provider": a.provider,
                "model": a.model,
                "outcome": a.outcome,
                "ms": round(a.seconds * 1000, 1),
            }
            for a in exchange.attempts
        ],
        "warnings": [
            *[
                WarningDocument(kind=note.kind, param=note.param, message=note.why)
                for note in exchange.notes
            ],
            *[
                WarningDocument(kind="warning", param=None, message=word)
                for word in exchange.warnings
            ],
        ],
    }


def _priced(usage: Usage, cost_nano_usd: int | None) -> NativeUsageDocument:
    return cast(
        NativeUsageDocument,
        {**usage, "cost_usd": None if cost_nano_usd is None else cost_nano_usd / 1e9},
    )


def _events(chunks: list[Chunk], calls: Collector) -> Iterator[bytes]:
    """The deltas among `chunks`; parts of tool calls are gathered until the end, when they are
    whole.
    """
    for chunk in chunks:
        delta = chunk.delta
        if not delta or chunk.index != 0:
            continue
        if parts := delta.get("tool_calls"):
            calls.add(Chunk({"tool_calls": parts}))
        for name, native in _TEXTS:
            if text := delta.get(name):
                yield event("delta", {native: text})


def _begun(id: str, exchange: Exchange) -> RouteEventDocument:
    return {**_route(id, exchange), "attempt": len(exchange.attempts)}


def _done(id: str, exchange: Exchange) -> DoneEventDocument:
    return {**_route(id, exchange), **_summary(exchange)}


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """One named event."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), dumps(data))
