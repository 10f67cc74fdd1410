"""An answer that is given again: written in its caller's dialect, whole or as a stream."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from aiohttp import web

from gateway.api.chat import Settle, echoes
from gateway.cache.answer import CachedAnswer
from gateway.config import Timeouts
from gateway.dispatch.attempt_record import Attempt
from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.cache_use import CacheUse
from gateway.dispatch.exchange import Exchange
from gateway.http.event_stream import EventStream
from gateway.http.offload import sized
from gateway.http.response import Response
from gateway.routing.candidates import Candidate
from translators.chat.chunks import Chunk
from translators.chat.wire import Completion
from translators.dialect.inbound import AnswerFacts, AnswerWriter, InboundRequest

_AT_ONCE: Final = 256
"""Chunks that are written in one piece."""
_CLOCKS: Final = Timeouts()


def show(answer: CachedAnswer, candidate: Candidate, use: CacheUse, exchange: Exchange) -> None:
    """The exchange is answered by it: what is told of the answer is what was told of it first."""
    now = exchange.clock()
    shown = Attempt(candidate, "first", _CLOCKS, exchange.clock, now, now, now)
    told = AttemptResult(
        answer,
        answer.model,
        answer.usage,
        answer.finish_reason,
        answer.noted,
        tuple(answer.warnings),
    )
    shown.record_result(told)
    shown.record_received(len(answer.body))
    exchange.won(shown)
    exchange.set_cache(use)


async def replay_whole(
    read: InboundRequest, answer: CachedAnswer, exchange: Exchange, settle: Settle | None
) -> web.StreamResponse:
    """As one document."""
    facts = _facts(answer, exchange, settle is not None)

    def written(write: Callable[[Completion, AnswerFacts], bytes]) -> bytes:
        return write(answer.completion(), facts)

    body = await sized(len(answer.body), written, read.write_completion)
    return Response(body if settle is None else await settle(body, exchange))


async def replay_stream(
    writer: AnswerWriter,
    answer: CachedAnswer,
    out: EventStream,
    exchange: Exchange,
    settle: Settle | None,
) -> web.StreamResponse:
    """As a stream, as fast as its caller reads."""
    writer.begin(_facts(answer, exchange, settle is not None))
    chunks, last = answer.chunks(), b""
    while not writer.over:
        data = await sized(len(answer.body), _next, writer, chunks)
        if data is None:
            break
        if last:
            await out.write(last)
        last = data
    out.fall_silent()
    end = writer.end()
    if exchange.reservation is not None:
        exchange.settle(exchange.reservation)
    return await out.end(last + (end if settle is None else await settle(end, exchange)))


def _next(writer: AnswerWriter, chunks: Iterator[Chunk]) -> bytes | None:
    """The next piece; None behind the last one."""
    batch = list(islice(chunks, _AT_ONCE))
    return writer.write(batch) if batch else None


def _facts(answer: CachedAnswer, exchange: Exchange, settles: bool) -> AnswerFacts:
    """`settles`: it is kept under its id, which is one of its own then."""
    attempt, served, record = exchange.attempt, exchange.served, exchange.record
    assert attempt is not None
    assert served is not None
    assert record is not None
    return AnswerFacts(
        answer.id,
        answer.created,
        answer.model,
        served.name,
        exchange.estimated_prompt,
        len(answer.body),
        echoes(served),
        attempt.note_unshown,
        record.id if settles else answer.name,
    )
