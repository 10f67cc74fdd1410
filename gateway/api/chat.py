"""THE chat handler: a request is read, decided, dispatched and its answer written, for every
dialect that callers speak.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

from aiohttp import web

from gateway.api import cors
from gateway.api.decision import prepare
from gateway.api.exchange import exchange_of, fail
from gateway.api.request import Request
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.reservation import Reservation
from gateway.dispatch.resume import AnswerStream
from gateway.errors import RequestFailed, caller_error
from gateway.http.body import read_json
from gateway.http.event_stream import EventStream
from gateway.http.offload import BIG, off_loop
from gateway.http.response import Response
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from translators.chat.chunks import Chunk, RelayedCompletion
from translators.chat.long_chunks import shed, shortened
from translators.chat.wire import Completion
from translators.dialect.inbound import (
    UNTOLD,
    AnswerFacts,
    AnswerWriter,
    Call,
    InboundDialect,
    InboundRequest,
)
from translators.errors import InvalidRequest, UpstreamError
from translators.openai import inbound
from translators.pieces import joined

Handler = Callable[[Request], Awaitable[web.StreamResponse]]


def chat(dialect: InboundDialect) -> Handler:
    """The handler of a route whose callers speak `dialect`."""
    read_request = dialect.read_request

    async def handler(http: Request) -> web.StreamResponse:
        with exchange_of(http, dialect.NAME) as exchange:
            document, size = await read_json(
                http,
                http.config.server,
                declared=http.gateway.access.open,
                keep_text=dialect.KEEPS_TEXT,
            )
            call = Call(
                http.headers, http.raw_path, http.json_text, size, http.request_id, http.written
            )
            if size <= BIG:
                read = read_request(document, call)
            else:
                read = await off_loop(read_request, document, call)
            return await respond(http, read, exchange)

    return handler


Settle = Callable[[bytes, Exchange], Awaitable[bytes]]
"""What is done with an answer before its end goes out, whole or broken: given the end as it was
written, the end as it is to be."""


class Recorder(Protocol):
    """Who keeps an answer while it is given."""

    async def completed(self, completion: Completion) -> None:
        """A whole one, before it is written."""

    def recorded(self, stream: AnswerStream) -> AsyncGenerator[list[Chunk], None]:
        """The batches of a streamed one, each as it came."""


async def respond(
    http: Request,
    read: InboundRequest,
    exchange: Exchange,
    settle: Settle | None = None,
    decision: Decision | None = None,
    recorder: Recorder | None = None,
) -> web.StreamResponse:
    """Carry a request out that has been read, and answer it; `decision`: where it is made."""
    gateway, request = http.gateway, read.request
    if decision is None:
        if (cache := gateway.cache) is not None and cache.concerns(http.config, request):
            return await cache.respond(http, read, exchange, settle)
        decision = await prepare(http, request, exchange, read.origin)
    record = exchange.record
    assert record is not None
    if exchange.stream:
        writer = http.answer_writer = read.open_writer(record.id, int(time.time()))
        with opened(http, writer, exchange) as out:
            return await streamed(http, decision, writer, out, exchange, settle, recorder)
    completion = await gateway.dispatcher.complete(decision, exchange)
    if exchange.reservation is None:  # who waits for the answer need not wait for this
        asyncio.get_running_loop().call_soon(gateway.dispatcher.learn, exchange)
    else:
        gateway.dispatcher.learn(exchange)
    if recorder is not None:
        await recorder.completed(completion)
    attempt, served = exchange.attempt, exchange.served
    assert attempt is not None
    assert served is not None
    facts = (
        UNTOLD
        if completion.__class__ is RelayedCompletion
        else AnswerFacts(
            completion["id"],
            completion["created"],
            completion["model"],
            served.name,
            exchange.estimated_prompt,
            attempt.received,
            http.dialect is not inbound and echoes(served),
            attempt.note_unshown,
            record.id,
        )
    )
    write = read.write_completion
    body = (
        write(completion, facts)
        if attempt.received <= BIG
        else await off_loop(_written_whole, write, completion, facts, http.dialect is inbound)
    )
    return Response(body if settle is None else await settle(body, exchange))


def opened(http: Request, writer: AnswerWriter, exchange: Exchange) -> EventStream:
    """The stream in which `writer` answers, nothing of it sent."""
    interval = http.config.server.keep_alive_interval
    if (most := http.dialect.KEEP_ALIVE) is not None and most < interval:
        interval = most
    out = EventStream(
        http,
        interval,
        cors.told(http, _stream_headers(http, exchange)),
        writer.keep_alive,
        writer.content_type,
    )
    exchange.set_streamed(out.streamed)
    return out


def _stream_headers(http: Request, exchange: Exchange) -> Callable[[], dict[str, str]]:
    """What gives the headers of a stream, with those that its dialect's clients look for."""
    more = http.dialect.headers(http.request_id)
    return (lambda: {**exchange.headers(), **more}) if more else exchange.headers


async def streamed(
    http: Request,
    decision: Decision,
    writer: AnswerWriter,
    out: EventStream,
    exchange: Exchange,
    settle: Settle | None,
    recorder: Recorder | None = None,
) -> web.StreamResponse:
    """What comes from a provider, written to the caller as it comes."""
    dispatcher = http.gateway.dispatcher
    try:
        stream = await dispatcher.open_stream(decision, exchange)
    except (RequestFailed, InvalidRequest) as error:
        if not out.started:
            raise
        return await failed(http, error, writer, out, exchange, settle)
    try:
        return await _relayed(http, stream, writer, out, exchange, settle, recorder)
    finally:
        await dispatcher.close(stream, exchange)


async def _relayed(
    http: Request,
    stream: AnswerStream,
    writer: AnswerWriter,
    out: EventStream,
    exchange: Exchange,
    settle: Settle | None,
    recorder: Recorder | None,
) -> web.StreamResponse:
    """The stream, from its first content to its end."""
    writer.begin(_facts_of(stream, exchange))
    if http.written is not None:
        http.written.forget()  # a stream may be open for long
    write, last, reservation = writer.write, b"", exchange.reservation
    arriving = _Arriving(writer, out, reservation)
    source = stream.batches(True, arriving.show) if recorder is None else recorder.recorded(stream)
    try:
        async with aclosing(source) as batches:
            async for chunks in batches:
                if not chunks:  # they were shown
                    if writer.over:
                        last = arriving.last
                        break
                    await out.flush()
                    continue
                if reservation is not None:
                    reservation.saw(chunks)
                data = (
                    write(chunks)
                    if not stream.long
                    else await off_loop(_written, writer, chunks, http.dialect is inbound)
                )
                if stream.over:
                    out.fall_silent()
                    last = data  # goes out with the end, in one system call
                elif writer.over:
                    last = data
                    break
                elif data:
                    await out.write(data)
                del chunks, data  # a stream may be open for long
    except UpstreamError as error:
        broken = http.gateway.dispatcher.broke(error, exchange)
        return await failed(http, broken, writer, out, exchange, settle)
    http.gateway.dispatcher.finished(stream, exchange)
    end = writer.end()
    if reservation is not None:
        exchange.settle(reservation)
    if settle is not None:
        out.fall_silent()  # as `end` does: no comment may overtake what waits for it
        end = await settle(end, exchange)
    return await out.end(last + end)


def _facts_of(stream: AnswerStream, exchange: Exchange) -> AnswerFacts:
    attempt, served, record = exchange.attempt, exchange.served, exchange.record
    assert attempt is not None
    assert served is not None
    assert record is not None
    return AnswerFacts(
        stream.id,
        stream.created,
        stream.model,
        served.name,
        exchange.estimated_prompt,
        echoes=echoes(served),
        unshown=attempt.note_unshown,
        name=record.id,
    )


class _Arriving:
    """Writes what arrives while nobody is about to read it, in the very turn of the loop."""

    __slots__ = ("_out", "_reservation", "_writer", "last")

    def __init__(
        self, writer: AnswerWriter, out: EventStream, reservation: Reservation | None
    ) -> None:
        self._writer = writer
        self._out = out
        self._reservation = reservation
        self.last = b""
        """What goes out with the end, once the writer says that it is over."""

    def show(self, chunks: list[Chunk]) -> list[Chunk] | None:
        """See gateway.dispatch.continuation.Show: all of them are shown."""
        if self._reservation is not None:
            self._reservation.saw(chunks)
        data = self._writer.write(chunks)
        if self._writer.over:
            self.last = data
            return []
        return None if not data or self._out.put(data) else []


def _written_whole(
    write: Callable[[Completion, AnswerFacts], bytes],
    completion: Completion,
    facts: AnswerFacts,
    relays: bool,
) -> bytes:
    """A big answer. In the hub's own dialect nothing of its log probabilities is kept."""
    body = write(completion, facts)
    if relays:
        for choice in completion["choices"]:
            shed(choice.get("logprobs"))
    return body


def _written(writer: AnswerWriter, chunks: list[Chunk], relays: bool) -> bytes:
    """What `writer` makes of a long batch. `relays`: chunks of the hub's own dialect are shown as
    they came.
    """
    shown = shortened(chunks, relays)
    written = [data for chunk in shown if (data := writer.write([chunk]))]
    if relays:
        for chunk in chunks:
            shed((chunk.choice or {}).get("logprobs"))
    return written[0] if len(written) == 1 else joined(written)


async def failed(
    http: Request,
    error: RequestFailed | InvalidRequest,
    writer: AnswerWriter,
    out: EventStream,
    exchange: Exchange,
    settle: Settle | None,
) -> web.StreamResponse:
    """The end of an answer whose headers are out."""
    fail(exchange, error, http.dialect)
    out.fall_silent()
    *before, last = writer.fail(caller_error(error)) or (b"",)
    for piece in before:
        await out.write(piece)
    if exchange.reservation is not None:
        exchange.settle(exchange.reservation)
    return await out.end(last if settle is None else await settle(last, exchange))


def echoes(served: Candidate) -> bool:
    """Whether a server is sent back what it reasoned as text."""
    if served.provider.dialect != "openai":
        return False
    taken = served.model.record.message_fields
    return taken is None or "reasoning_content" in taken
