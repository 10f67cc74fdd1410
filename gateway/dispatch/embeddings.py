"""Embeddings: one request carried out in parts, each with the failover that a chat request has, and
put together again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from gateway.dispatch.attempt import Mode, strict
from gateway.dispatch.attempt_end import release
from gateway.dispatch.attempt_record import Attempt
from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.failover import FailoverRunner
from gateway.dispatch.parts import limits_of, size_of, spans
from gateway.dispatch.send import PreparedRequest, send
from gateway.errors import UpstreamFailed
from gateway.http.offload import BIG, off_loop, sized
from gateway.routing.decision import Decision
from gateway.routing.state import RouterState
from gateway.upstream.client import UpstreamClient
from gateway.upstream.concurrency import ConcurrencyLimiter
from translators.capabilities import Embedding
from translators.chat.embeddings import (
    EmbeddingsAnswer,
    EmbeddingsRequest,
    Input,
    finished,
    too_large_in_total,
)
from translators.chat.request import ChatRequest
from translators.chat.vectors import Vector
from translators.chat.wire import Usage
from translators.dialect import Envelope, Target, UpstreamRequest
from translators.errors import FailureKind
from translators.notes import losses
from translators.registry import DIALECTS, EMBEDDINGS, EmbeddingsDialect

AT_A_TIME: Final = 4
"""Parts of one request that are under way together."""
_IN_HALVES: Final = frozenset({FailureKind.REQUEST_TOO_LARGE, FailureKind.CONTEXT_LENGTH})
"""Refusals of several inputs after which no other target is asked: it has the same limits."""

Decode = Callable[[Sequence[Input], int], list[Input]]
"""Token ids as texts; the second argument is the caller's number of the first. Raises
InvalidRequest."""


class Embedded(NamedTuple):
    """All vectors of a request, in the caller's order, and what they took."""

    vectors: list[Vector]
    model: str
    """The one that served, by its own name."""
    prompt_tokens: int


class EmbeddingsDispatcher:
    """Carries requests for embeddings out. One for a running gateway."""

    def __init__(
        self, client: UpstreamClient, state: RouterState, places: ConcurrencyLimiter
    ) -> None:
        self._client = client
        self._state = state
        self._places = places

    async def embed(
        self,
        decision: Decision,
        request: EmbeddingsRequest,
        tokens: Sequence[int],
        decode: Decode,
        exchange: Exchange,
    ) -> Embedded:
        """Every input's vector. `tokens`: of each input, estimated. Raises RequestFailed or
        InvalidRequest."""
        limits = limits_of(decision.plan.eligible)
        sizes = await sized(request.size, _sizes, request)
        parts = [request.part(start, end) for start, end in spans(tokens, sizes, limits)]
        job = _Job(self._client, self._state, self._places, decision, exchange, decode)
        began = exchange.clock()
        try:
            answers = await _all([job.part(part) for part in parts])
        finally:
            _settle(exchange, job, began)
        factor = 1.0 if exchange.served is None else exchange.served.model.token_factor
        model = next((answer.model for answer in answers if answer.model), None)
        if not job.counted:
            exchange.mark_estimated()
            job.add_tokens(max(1, int(sum(tokens) * factor)))
            _settle(exchange, job, began)
        assert exchange.served is not None
        vectors = [vector for answer in answers for vector in answer.vectors]
        return Embedded(vectors, model or exchange.served.model.id, job.prompt_tokens)


def _sizes(request: EmbeddingsRequest) -> list[int]:
    return [size_of(item) for item in request.inputs]


def _settle(exchange: Exchange, job: "_Job", began: float) -> None:
    """What all parts took together, on the attempt that is shown: also of those that were for
    nothing."""
    attempt = exchange.attempt
    if attempt is None:
        return
    attempt.set_upstream_seconds(exchange.clock() - began)
    attempt.record_received(job.received)
    attempt.record_usage(_usage(job.prompt_tokens) if job.prompt_tokens else None)


def _usage(prompt_tokens: int) -> Usage:
    return {"prompt_tokens": prompt_tokens, "completion_tokens": 0, "total_tokens": prompt_tokens}


async def _all(parts: Sequence[Any]) -> list[EmbeddingsAnswer]:
    """The answers in their order. The first failure, or the caller's leaving, ends the others."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        return [answer for answers in await asyncio.gather(*tasks) for answer in answers]
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


class _Job:
    """One request of a caller: what its parts share."""

    def __init__(
        self,
        client: UpstreamClient,
        state: RouterState,
        places: ConcurrencyLimiter,
        decision: Decision,
        exchange: Exchange,
        decode: Decode,
    ) -> None:
        self._client = client
        self._state = state
        self._places = places
        self._decision = decision
        self._exchange = exchange
        self._decode = decode
        self._turns = asyncio.Semaphore(AT_A_TIME)
        self.prompt_tokens = 0
        self.counted = True
        """Each part's provider counted its tokens."""
        self.received = 0

    def add_tokens(self, tokens: int) -> None:
        """Add what was read, or is held to have been."""
        self.prompt_tokens = tokens if not self.counted else self.prompt_tokens + tokens

    async def part(self, request: EmbeddingsRequest) -> list[EmbeddingsAnswer]:
        """A part's answer, or those of its halves where it is refused for being too large."""
        several = len(request.inputs) > 1
        try:
            async with self._turns:
                return [await self._asked(request, _IN_HALVES if several else frozenset())]
        except UpstreamFailed as error:
            if not several or not too_large_in_total(error.failure):
                raise
        middle = len(request.inputs) // 2
        first = await self.part(request.part(0, middle))
        return first + await self.part(request.part(middle, len(request.inputs)))

    async def _asked(
        self, request: EmbeddingsRequest, ends_at: frozenset[FailureKind]
    ) -> EmbeddingsAnswer:
        exchange, state = self._exchange, self._state
        attempts = _Attempts(self._client, request, self._decode)
        runner = FailoverRunner(attempts, state, self._places, ends_at)
        result: AttemptResult[Any] = await runner.run(self._decision, exchange, "complete")
        attempt = exchange.attempt  # nothing else ran since it won
        assert attempt is not None
        if attempt.leave is not None:
            state.health.succeeded(attempt.leave, state.now())
        release(attempt, state)
        answer: EmbeddingsAnswer = result.answer
        self.received += attempt.received
        if answer.prompt_tokens is None:
            self.counted = False
        elif self.counted:
            self.prompt_tokens += answer.prompt_tokens
        return answer


class _Attempts:
    """Asks targets for the embeddings of one part."""

    def __init__(self, client: UpstreamClient, request: EmbeddingsRequest, decode: Decode) -> None:
        self._client = client
        self._request = request
        self._decode = decode

    async def run(
        self, mode: Mode, attempt: Attempt, request: ChatRequest, caller: str, params: str
    ) -> AttemptResult[Any]:
        """One target asked once. Raises UpstreamError and InvalidRequest."""
        candidate, provider = attempt.candidate, attempt.candidate.provider
        model, facts = candidate.model, candidate.model.record.embedding
        assert facts is not None
        dialect = EMBEDDINGS[provider.dialect]
        base_url = provider.base_url if model.base_url is None else model.base_url
        target = Target(
            provider.name, provider.dialect, base_url, model.id, model.record, query=provider.query
        )
        part = await self._in_texts(facts)
        built = await sized(part.size, dialect.build_embeddings, part, target)
        attempt.add_notes(built.notes)
        if params == "strict" and (lost := losses(attempt.notes)):
            raise strict(lost, candidate.name)
        key = "" if attempt.key is None else attempt.key.secret.get_secret_value()
        spoken = DIALECTS[provider.dialect]
        headers = {
            "content-type": "application/json",
            **spoken.key_headers(key, provider.key_header),
        }
        sent = UpstreamRequest(built.url, headers, built.body, False)
        prepared = PreparedRequest(self._client, spoken, sent, Envelope("", 0, model.id), attempt)
        response = await send(prepared, sent)
        try:
            body = await response.read()
        finally:
            response.close()
        if len(body) > BIG:
            attempt.hold(len(body))  # all parts of an answer are in memory together
        attempt.record_received(len(body))
        answer = await sized(len(body), _read, dialect, body, part, facts)
        usage = None if answer.prompt_tokens is None else _usage(answer.prompt_tokens)
        return AttemptResult(answer, answer.model or model.id, usage, None, attempt.notes)

    async def _in_texts(self, facts: Embedding) -> EmbeddingsRequest:
        """The part with texts in place of token ids, unless the target takes those."""
        part = self._request
        if facts.tokens == "cl100k_base" or all(item.__class__ is str for item in part.inputs):
            return part
        return replace(part, inputs=await off_loop(self._decode, part.inputs, part.start))


def _read(
    dialect: EmbeddingsDialect, body: bytes, part: EmbeddingsRequest, facts: Embedding
) -> EmbeddingsAnswer:
    return finished(dialect.parse_embeddings(body, part), part, facts)
