"""Sends an answer, with the faults that a directive asks for."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from gateway.simulator.answer import answer
from gateway.simulator.exchange import Exchange, Piece, json_answer
from gateway.simulator.script import Fault, Script
from translators.errors import InvalidRequest
from translators.json_codec import dumps

_GARBAGE: Final = b'data: <html>{"not": json\n\n'
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


async def deliver(request: web.Request, exchange: Exchange, script: Script) -> web.StreamResponse:
    """Raises InvalidRequest where an error is to be answered."""
    await asyncio.sleep(script.delay)
    stream = exchange.request.stream
    match script.fault:
        case Fault("error", status=status, retry_after=retry_after):
            told = InvalidRequest(f"The simulator was told to answer {status}.", status=status)
            return exchange.refusal(told, retry_after)
        case Fault("stream-error") if not stream:
            raise InvalidRequest("The simulator was told to break off.", status=500)
        case Fault("hang"):
            await asyncio.Event().wait()
        case Fault("reset"):
            _reset(request)
            return web.Response()
    said = answer(exchange.conversation, script)
    if stream:
        kind, pieces = exchange.content_type, exchange.stream(said)
    else:
        body = dumps(exchange.whole(said))
        if script.fault is None:
            return json_answer(body)
        kind, half = "application/json", len(body) // 2
        pieces = [Piece(body[:half], content=True), Piece(body[half:])]
    response = web.StreamResponse(headers={"content-type": kind, "cache-control": "no-cache"})
    await response.prepare(request)
    try:
        await _write(response, _damaged(pieces, script.fault, exchange.broken_stream), script.slow)
    except ConnectionResetError:  # who asked has left
        return response
    match script.fault:
        case Fault("stall"):
            await asyncio.Event().wait()
        case Fault("cut") if request.transport is not None:
            request.transport.close()
        case _:
            await response.write_eof()
    return response


async def _write(response: web.StreamResponse, pieces: Sequence[Piece], pause: float) -> None:
    """One write per piece. The pause stands before a piece, so that a client who leaves at the end
    mark leaves in time."""
    for index, piece in enumerate(pieces):
        await asyncio.sleep(pause if index else 0)
        await response.write(piece.data)


def _damaged(
    pieces: Sequence[Piece], fault: Fault | None, error: Callable[[int], bytes]
) -> Sequence[Piece]:
    """What is sent of the pieces, and what is sent in place of the rest."""
    if fault is None:
        return pieces
    sent = [*_first(pieces, fault.after)]
    if fault.kind == "stream-error":
        sent.append(Piece(error(len(sent))))
    return [*sent, Piece(_GARBAGE)] if fault.kind == "garbage" else sent


def _first(pieces: Sequence[Piece], after: int) -> Sequence[Piece]:
    """The pieces up to the content event number `after`, or to the last one; 0 is before any
    content, -1 before everything."""
    ends = [i for i, piece in enumerate(pieces) if piece.content]
    if after < 0 or not ends:
        return []
    return pieces[: ends[min(after, len(ends)) - 1] + 1] if after else pieces[: ends[0]]


def _reset(request: web.Request) -> None:
    """Closes the connection so that the other side sees a reset, not an end."""
    transport = request.transport
    if transport is None:
        return
    peer = transport.get_extra_info("socket")
    if peer is not None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
