"""POST /v1/responses and what belongs to it: a response is made, kept before its end goes out, and
its tokens counted."""

import asyncio
from typing import Any, Final

from aiohttp import web

from gateway.accounting.token_estimate import estimate_request
from gateway.api.chat import Settle, respond
from gateway.api.exchange import exchange_of
from gateway.api.request import Request
from gateway.api.responses_history import WholeRequest, whole_request
from gateway.config import TargetRef
from gateway.dispatch.exchange import Exchange
from gateway.errors import NotServed
from gateway.http.offload import BIG, off_loop
from gateway.http.response import Response, json_response
from gateway.routing import personas
from gateway.routing.plan import resolve
from gateway.store.database import StoreFailed
from gateway.store.entry import Entry
from translators.dialect.inbound import Call
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject, dumps, loads
from translators.responses.inbound.dialect import NAME, ResponsesInbound, read_kept
from translators.responses.inbound.state import PREVIOUS

PATIENCE: Final = 0.25
"""Seconds that an answer waits for being kept."""
_FORGOTTEN: Final = (TimeoutError, StoreFailed, OSError)
"""How keeping can fail."""


async def create(http: Request) -> web.StreamResponse:
    """Made as any answer; the history that it refers to is read first."""
    with exchange_of(http, NAME) as exchange:
        document, size = await http.read_json(True)
        whole = await whole_request(document, http.json_text, http.gateway.store, _caller(http))
        read = await _read(http, whole, size, _keeps(http, document))
        return await respond(http, read, exchange, _settle(http, read, whole))


async def compact(http: Request) -> web.StreamResponse:
    """A conversation as one item that stands for it."""
    with exchange_of(http, NAME) as exchange:
        document, size = await http.read_json(True)
        whole = await whole_request(document, http.json_text, http.gateway.store, _caller(http))
        if whole.document.__class__ is dict:
            whole = _compacted(whole)
        read = await _read(http, whole, size, False)

        async def settle(body: bytes, exchange: Exchange) -> bytes:
            return dumps(_compaction(loads(body), whole))

        return await respond(http, read, exchange, settle)


async def input_tokens(http: Request) -> Response:
    """What a request weighs at the first target of its persona. No provider is called."""
    document, size = await http.read_json(True)
    whole = await whole_request(document, http.json_text, http.gateway.store, _caller(http))
    request = (await _read(http, whole, size, False)).request
    config = http.config
    asked = resolve(config, request.model)
    target = asked if isinstance(asked, TargetRef) else next(iter(asked.every_target()))
    if not isinstance(asked, TargetRef):
        request, _ = personas.apply(asked, request)
    small = size <= BIG
    estimated = estimate_request(request) if small else await off_loop(estimate_request, request)
    counted = await http.gateway.counter.count_request(request)
    model = config.providers[target.provider].models[target.model]
    factor = http.gateway.state.learned.factor(str(target))
    tokens = int((estimated if counted is None else counted) * model.token_factor * factor)
    return json_response({"object": "response.input_tokens", "input_tokens": tokens})


async def websocket(http: Request) -> Response:
    """Codex asks for a socket, and goes on by HTTP when it is told that there is none."""
    if http.headers.get("upgrade", "").lower() == "websocket":
        said = "Responses are served over HTTP: POST /v1/responses."
        refused = NotServed(426, said, "websocket_not_supported", headers={"connection": "close"})
        raise refused
    raise NotServed(405, "Method Not Allowed: GET /v1/responses", headers={"allow": "POST"})


async def no_conversations(http: Request) -> Response:
    """Says what there is instead."""
    said = "Conversations are not kept here: use 'previous_response_id'."
    raise NotServed(404, said)


async def _read(http: Request, whole: WholeRequest, size: int, keeps: bool) -> ResponsesInbound:
    call = Call(http.headers, http.raw_path, whole.text, max(size, len(whole.text)))
    if call.size <= BIG:
        return read_kept(whole.document, call, keeps)
    return await off_loop(read_kept, whole.document, call, keeps)


def _caller(http: Request) -> str:
    return http.key_id or ""


def _keeps(http: Request, document: Any) -> bool:
    """Whether the answer is to be kept: unless the caller says no. Raises InvalidRequest."""
    asked = document.get("store") if document.__class__ is dict else False
    if asked is not None and asked.__class__ is not bool:
        raise InvalidRequest(
            "Invalid type for 'store': expected a boolean.", "store", "invalid_type"
        )
    return http.gateway.store is not None and asked is not False


def _settle(http: Request, read: ResponsesInbound, whole: WholeRequest) -> Settle | None:
    """Keeps the answer before its end goes out; one that could not be kept says so."""
    store = http.gateway.store
    if store is None or not read.keeps:
        return None

    async def settle(end: bytes, exchange: Exchange) -> bytes:
        response = read.response
        if response is None:
            return end
        target = "" if exchange.served is None else exchange.served.name
        entry = _entry(http, read, whole, response, target)
        try:
            kept = await asyncio.wait_for(store.put(entry), PATIENCE)
        except _FORGOTTEN:
            kept = False
        return end if kept else read.end_unkept()

    return settle


def _entry(
    http: Request, read: ResponsesInbound, whole: WholeRequest, response: JsonObject, target: str
) -> Entry:
    output = [*response.get("output", ()), *read.hidden]
    return Entry(
        id=str(response.get("id")),
        caller=_caller(http),
        previous=read.document.get(PREVIOUS),
        status=str(response.get("status")),
        target=target,
        input=dumps(whole.own),
        object=dumps({"response": response, "hidden": read.hidden}),
        items=tuple([str(item.get("id")) for item in output]),
    )


def _compacted(whole: WholeRequest) -> WholeRequest:
    """The request with the item that asks for a summary, and no answer to stream."""
    document = dict(whole.document)
    given = document.get("input")
    items = [{"role": "user", "content": given}] if given.__class__ is str else given or []
    document["input"] = [*items, {"type": "compaction_trigger"}]
    document["stream"] = False
    return WholeRequest(document, dumps(document), whole.own)


def _compaction(response: JsonObject, whole: WholeRequest) -> JsonObject:
    """The caller's own messages, then the item."""
    said = [
        item
        for item in whole.document["input"]
        if item.get("role") == "user" and item.get("type") in (None, "message")
    ]
    return {
        "id": response.get("id"),
        "object": "response.compaction",
        "created_at": response.get("created_at"),
        "output": [*said, *response.get("output", ())],
        "usage": response.get("usage"),
    }
