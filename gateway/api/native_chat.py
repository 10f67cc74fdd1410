"""POST /api/v1/chat: the native route. The same request with `persona` for `model`; an answer that says who served and what it took.

A stream is SSE with named events: `route` once, when a target has begun to answer; `delta` {content | reasoning | refusal};
`tool_call`, one for each call, whole; then exactly one of `done` and `error`.
"""

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from typing import Any, Final, cast

from aiohttp import web

from gateway.api import cors
from gateway.api.chat import exchange_of, fail, prepare
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
from gateway.api.request import Gateway, Request
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.resume import AnswerStream
from gateway.errors import RequestFailed, error_body
from gateway.http.event_stream import EventStream
from gateway.http.offload import BIG, off_loop
from gateway.http.response import json_response
from gateway.routing.decision import Decision
from translators.chat.chunks import Chunk, Collector
from translators.chat.request import ChatRequest, parse
from translators.chat.wire import Completion, Message, Usage
from translators.errors import InvalidRequest, UpstreamError
from translators.json_codec import dumps

_TEXTS: Final = (("content", "content"), ("reasoning_content", "reasoning"), ("refusal", "refusal"))


def native_request(document: Any, size: int) -> ChatRequest:
    """A native body as a chat request: `persona` names what OpenAI's route calls `model`. Raises InvalidRequest."""
    if document.__class__ is not dict:
        return parse(document, size)
    if "model" in document:
        raise InvalidRequest("The native route takes 'persona', not 'model'.", "model", "unknown_parameter")
    if document.get("persona") is None:
        raise InvalidRequest("Missing required parameter: 'persona'.", "persona", "missing_required_parameter")
    if (document.get("n") or 1) != 1:
        raise InvalidRequest("The native route gives one answer: 'n' must be 1.", "n", "unsupported_value")
    body = {"model": document["persona"], **{name: value for name, value in document.items() if name != "persona"}}
    try:
        return parse(body, size)
    except InvalidRequest as error:
        if error.param == "model":
            error.param, error.message = "persona", error.message.replace("'model'", "'persona'")
        raise


async def native_chat(http: Request) -> web.StreamResponse:
    gateway = http.gateway
    with exchange_of(http, "native") as exchange:
        document, size = await http.read_json()
        request = native_request(document, size) if size <= BIG else await off_loop(native_request, document, size)
        decision = await prepare(gateway, http, request, exchange)
        if request.stream:
            return await _stream(gateway, http, decision, exchange)
        completion = await gateway.dispatcher.complete(decision, exchange)
        document = _answer(completion, exchange)
        return json_response(document) if exchange.received <= BIG else await off_loop(json_response, document)


def _answer(completion: Completion, exchange: Exchange) -> NativeChatAnswerDocument:
    summary = _summary(exchange)
    if summary["usage"] is None:  # estimated, not counted: it has no price
        usage = completion["usage"]
        assert usage is not None
        summary["usage"] = _priced(usage, None)
    return {**_route(completion["id"], exchange), "message": _message(completion["choices"][0]["message"]), **summary}


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
    """OpenAI's message with the reasoning under its own name, and only the fields that are there."""
    native = {name: value for name, value in message.items() if name != "reasoning_content" and value is not None}
    native.setdefault("content", None)
    if message.get("reasoning_content"):
        native["reasoning"] = message["reasoning_content"]
    return cast(NativeMessageDocument, native)


def _summary(exchange: Exchange) -> SummaryDocument:
    return {
        "finish_reason": exchange.finish_reason,
        "usage": None if exchange.usage is None else _priced(exchange.usage, exchange.cost_nano_usd),
        "attempts": [
            {"provider": a.provider, "model": a.model, "outcome": a.outcome, "ms": round(a.seconds * 1000, 1)} for a in exchange.attempts
        ],
        "warnings": [
            *[WarningDocument(kind=note.kind, param=note.param, message=note.why) for note in exchange.notes],
            *[WarningDocument(kind="warning", param=None, message=word) for word in exchange.warnings],
        ],
    }


def _priced(usage: Usage, cost_nano_usd: int | None) -> NativeUsageDocument:
    return cast(NativeUsageDocument, {**usage, "cost_usd": None if cost_nano_usd is None else cost_nano_usd / 1e9})


async def _stream(gateway: Gateway, http: Request, decision: Decision, exchange: Exchange) -> web.StreamResponse:
    with EventStream(http, http.config.server.keep_alive_interval, cors.told(http, exchange.headers)) as out:
        try:
            stream = await gateway.dispatcher.open_stream(decision, exchange)
        except (RequestFailed, InvalidRequest) as error:
            if not out.started:
                raise
            fail(exchange, error)
            return await out.end(event("error", error_body(error)))
        try:
            return await _relay(gateway, stream, out, exchange)
        finally:
            await gateway.dispatcher.close(stream, exchange)


async def _relay(gateway: Gateway, stream: AnswerStream, out: EventStream, exchange: Exchange) -> web.StreamResponse:
    calls = Collector(stream.id, stream.created, stream.model)
    await out.write(event("route", _begun(stream.id, exchange)))
    try:
        async with aclosing(stream.batches()) as batches:
            async for chunks in batches:
                if data := b"".join(_events(chunks, calls)):
                    await out.write(data)
    except UpstreamError as error:
        failed = gateway.dispatcher.broke(error, exchange)
        fail(exchange, failed)
        return await out.end(event("error", error_body(failed)))
    gateway.dispatcher.finished(stream, exchange)
    choices = calls.completion()["choices"]
    whole = b"".join(event("tool_call", call) for choice in choices[:1] for call in choice["message"].get("tool_calls") or ())
    return await out.end(whole + event("done", _done(stream.id, exchange)))


def _events(chunks: list[Chunk], calls: Collector) -> Iterator[bytes]:
    """The deltas among `chunks`; parts of tool calls are gathered until the end, when they are whole."""
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
