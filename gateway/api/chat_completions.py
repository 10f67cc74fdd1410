"""POST /v1/chat/completions: OpenAI's own route, where `model` names a persona."""

from contextlib import aclosing

from aiohttp import web

from gateway.api import cors
from gateway.api.chat import exchange_of, fail, prepare
from gateway.api.request import Gateway, Request
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.streams import Answer
from gateway.errors import RequestFailed, error_body
from gateway.http.body import read_json
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
        document, size = await read_json(http)
        request = parse(document, size) if size <= BIG else await off_loop(parse, document, size)
        decision = await prepare(gateway, http, request, exchange)
        if request.stream:
            return await _stream(gateway, http, decision, exchange)
        completion = await gateway.dispatcher.complete(decision, exchange)
        return json_response(completion) if exchange.received <= BIG else await off_loop(json_response, completion)


async def _stream(gateway: Gateway, http: Request, decision: Decision, exchange: Exchange) -> web.StreamResponse:
    with EventStream(http, http.config.server.keep_alive_interval, cors.told(http, exchange.headers)) as out:
        try:
            live = await gateway.dispatcher.open(decision, exchange)
        except (RequestFailed, InvalidRequest) as error:
            if not out.started:
                raise
            fail(exchange, error)
            return await out.end(b"data: " + dumps(error_body(error)) + b"\n\n")
        try:
            return await _relay(gateway, live, out, decision.request, exchange)
        finally:
            await gateway.dispatcher.close(live, exchange)


async def _relay(gateway: Gateway, live: Answer, out: EventStream, request: ChatRequest, exchange: Exchange) -> web.StreamResponse:
    writer, last = ChunkWriter(live.id, live.created, live.model, request.include_usage), b""
    try:
        async with aclosing(live.batches(runs=True)) as batches:
            async for chunks in batches:
                data = writer.write(chunks)
                if live.over:
                    last = data  # goes out with the end, in one system call
                elif data:
                    await out.write(data)
    except UpstreamError as error:
        failed = gateway.dispatcher.broke(error, exchange)
        fail(exchange, failed)
        return await out.end(b"data: " + dumps(error_body(failed)) + b"\n\n")
    gateway.dispatcher.finished(live, exchange)
    return await out.end(last + DONE)
