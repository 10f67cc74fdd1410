"""POST /v1/chat/completions: OpenAI's own route, where `model` names a persona."""

from contextlib import aclosing

from aiohttp import web

from gateway.api import cors
from gateway.api.chat import exchange_of, fail, prepare
from gateway.api.request import Gateway, Request
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.resume import AnswerStream
from gateway.errors import RequestFailed, error_body
from gateway.http.event_stream import EventStream
from gateway.http.offload import BIG, off_loop
from gateway.http.response import json_response
from gateway.routing.decision import Decision
from translators.chat.chunks import DONE, ChunkWriter
from translators.chat.request import ChatRequest, parse
from translators.errors import InvalidRequest, UpstreamError
from translators.json_codec import dumps


async def chat_completions(http: Request) -> web.StreamResponse:
    gateway = http.gateway
    with exchange_of(http, "chat") as exchange:
        document, size = await http.read_json()
        request = parse(document, size) if size <= BIG else await off_loop(parse, document, size)
        decision = await prepare(gateway, http, request, exchange)
        if request.stream:
            return await _stream(gateway, http, decision, exchange)
        completion = await gateway.dispatcher.complete(decision, exchange)
        return json_response(completion) if exchange.received <= BIG else await off_loop(json_response, completion)


async def _stream(gateway: Gateway, http: Request, decision: Decision, exchange: Exchange) -> web.StreamResponse:
    with EventStream(http, http.config.server.keep_alive_interval, cors.told(http, exchange.headers)) as out:
        try:
            stream = await gateway.dispatcher.open_stream(decision, exchange)
        except (RequestFailed, InvalidRequest) as error:
            if not out.started:
                raise
            fail(exchange, error)
            return await out.end(b"data: " + dumps(error_body(error)) + b"\n\n")
        try:
            return await _relay(gateway, stream, out, decision.request, exchange)
        finally:
            await gateway.dispatcher.close(stream, exchange)


async def _relay(gateway: Gateway, stream: AnswerStream, out: EventStream, request: ChatRequest, exchange: Exchange) -> web.StreamResponse:
    writer, last = ChunkWriter(stream.id, stream.created, stream.model, request.include_usage), b""
    try:
        async with aclosing(stream.batches(runs=True)) as batches:
            async for chunks in batches:
                data = writer.write(chunks)
                if stream.over:
                    last = data  # goes out with the end, in one system call
                elif data:
                    await out.write(data)
    except UpstreamError as error:
        failed = gateway.dispatcher.broke(error, exchange)
        fail(exchange, failed)
        return await out.end(b"data: " + dumps(error_body(failed)) + b"\n\n")
    gateway.dispatcher.finished(stream, exchange)
    return await out.end(last + DONE)
