"""One exchange with the providers: from a planned request to a completion, or to a stream that has begun to answer.

The place where routing (which target), translators (what bytes) and upstream (sending) meet. The commit rule stands here: until the
first content is in hand an attempt may fail unseen and the next target is tried; from then on a failure is the caller's to see.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

from gateway import fan_out
from gateway.answers import Answer, LiveAnswer, MergedAnswer, begun
from gateway.errors import UpstreamFailed
from gateway.exchange import Exchange
from gateway.ids import unique
from gateway.off_loop import off_loop
from gateway.reasoning import AnswerTap, ReasoningStore
from gateway.rounds import Question, whole_or_again
from gateway.routing.failover import Attempt, attempts
from gateway.routing.selection import Plan, refusal
from gateway.telemetry.events import AttemptEnded
from gateway.upstream.client import UpstreamClient, UpstreamResponse
from gateway.upstream.media import MediaFetcher, refuse_urls
from translators.chat.request import ChatRequest
from translators.dialect import Dialect, Envelope, ModelRecord, Note, Target, UpstreamRequest, losses
from translators.errors import FailureKind, InvalidRequest, UpstreamError
from translators.registry import dialect_for
from translators.repair import repair

T = TypeVar("T")
Mended = tuple[ChatRequest, ModelRecord]
"""The request and the facts it is built with."""
Use = Callable[[Attempt, Mended], Awaitable[T]]

_log: Final = logging.getLogger("llm_router")

MAX_ERROR_BYTES: Final = 1024 * 1024


class Dispatcher:
    """Executes plans. Everything it needs comes in as arguments."""

    def __init__(self, client: UpstreamClient, media: MediaFetcher) -> None:
        self._client = client
        self._media = media
        self._reasoning = ReasoningStore(time.monotonic)
        self._learned: dict[str, ModelRecord] = {}
        """Facts about targets that their providers corrected, until the next start."""

    async def complete(self, plan: Plan, request: ChatRequest, exchange: Exchange) -> dict[str, Any]:
        """A whole chat.completion. Raises RequestFailed or InvalidRequest."""

        async def use(attempt: Attempt, mended: Mended) -> dict[str, Any]:
            return await self._complete(attempt, mended, exchange)

        completion = await self._first_success(plan, request, exchange, use)
        exchange.usage = completion.get("usage")
        exchange.model = completion.get("model")
        choice = completion["choices"][0]
        exchange.finish_reason = choice.get("finish_reason")
        if exchange.served is not None:
            self._reasoning.remember(exchange.key_id or "", exchange.served.name, choice.get("message") or {})
        return completion

    def finished(self, live: Answer, exchange: Exchange) -> None:
        """A stream came to its end: keep what the next turn will need of it."""
        if live.tap is not None and exchange.served is not None:
            self._reasoning.remember(exchange.key_id or "", exchange.served.name, live.tap.message())

    async def open(self, plan: Plan, request: ChatRequest, exchange: Exchange) -> Answer:
        """A stream whose first content is in hand. Raises RequestFailed or InvalidRequest; the caller closes what is returned."""

        async def use(attempt: Attempt, mended: Mended) -> Answer:
            return await self._open(attempt, mended, exchange)

        return await self._first_success(plan, request, exchange, use)

    async def _first_success(self, plan: Plan, request: ChatRequest, exchange: Exchange, use: Use[T]) -> T:
        """Try the plan's targets in order until one serves."""
        steps = attempts(plan.eligible)
        attempt = next(steps, None)
        if attempt is None:
            raise refusal(plan)
        persona_notes = list(exchange.notes)
        rejection: InvalidRequest | None = None
        failed: UpstreamFailed | None = None
        while True:
            started, outcome, status = exchange.clock(), "cancelled", None
            kind: FailureKind | None = None
            try:
                result = await self._mending(attempt, request, exchange, use)
                outcome, status = "ok", 200
                exchange.served = attempt.candidate
                return result
            except UpstreamError as error:
                kind = error.failure.kind
                outcome, status = kind.value, error.failure.upstream_status
                failed = UpstreamFailed(error.failure, attempt.candidate.provider.name)
            except InvalidRequest as error:
                outcome = "rejected"
                rejection = rejection or error
            finally:
                self._record(exchange, attempt, outcome, status, exchange.clock() - started)
            try:
                attempt = steps.send(kind)
            except StopIteration:
                raise (failed or rejection or refusal(plan)) from None
            exchange.notes[:] = persona_notes
            exchange.usage = None

    async def _mending(self, attempt: Attempt, request: ChatRequest, exchange: Exchange, use: Use[T]) -> T:
        """One attempt; if the provider refuses because a fact about the model is wrong, once more with the fact it told us."""
        candidate = attempt.candidate
        request = self._reasoning.restore(exchange.key_id or "", candidate.name, request)
        record = self._learned.get(candidate.name, candidate.model.record)
        notes = list(exchange.notes)
        try:
            return await use(attempt, (request, record))
        except UpstreamError as error:
            mended = repair(request, record, error.failure)
            if mended is None:
                raise
            fact = error.failure.upstream_code or error.failure.code
        _log.warning("%s refused a request (%s): sent again, mended. Its row in capabilities.yaml may be wrong.", candidate.name, fact)
        exchange.notes[:] = notes
        result = await use(attempt, (mended.request, mended.record))
        # Only what helped is a fact, and nothing that a caller's own passthrough may have provoked.
        if mended.learned and "x_provider" not in request.body:
            self._learned[candidate.name] = mended.record
        return result

    def _record(self, exchange: Exchange, attempt: Attempt, outcome: str, status: int | None, seconds: float) -> None:
        candidate = attempt.candidate
        exchange.attempts.append(
            AttemptEnded(provider=candidate.provider.name, model=candidate.model.id, outcome=outcome, seconds=seconds, status=status)
        )

    async def _prepare(self, attempt: Attempt, mended: Mended, exchange: Exchange) -> Question:
        """The request in the target's dialect; raises InvalidRequest if it cannot be said there, or in strict mode not without loss."""
        provider, model = attempt.candidate.provider, attempt.candidate.model
        request, record = mended
        dialect = dialect_for(provider.dialect, record, request)
        match provider.media_urls:
            case "fetch":
                request = await self._media.inlined(request)
            case "refuse":
                refuse_urls(request)
        key = provider.api_key.get_secret_value() if provider.api_key is not None else ""
        target = Target(provider.name, provider.dialect, provider.base_url, model.id, record, key)
        upstream = await off_loop(request.size, dialect.build_request, request, target)
        if upstream.notes:
            exchange.notes.extend(upstream.notes)
        if exchange.params == "strict" and (lost := losses(exchange.notes)):
            raise _strict(lost, attempt.candidate.name)
        number = unique()
        envelope = Envelope(
            id=f"chatcmpl-{number}", created=int(time.time()), model=model.id, call_id=f"call_{number}", shape=upstream.shape
        )
        send = partial(self._send, attempt, dialect, exchange)
        return Question(dialect=dialect, request=upstream, envelope=envelope, exchange=exchange, send=send)

    async def _send(self, attempt: Attempt, dialect: Dialect, exchange: Exchange, upstream: UpstreamRequest) -> UpstreamResponse:
        """The answer's headers, with a status that means success. Raises UpstreamError."""
        provider = attempt.candidate.provider
        response = await self._client.send(upstream, provider.timeouts, provider.headers)
        exchange.heard(response.headers)
        if 200 <= response.status < 300:
            return response
        try:
            body = await response.read(MAX_ERROR_BYTES)
            raise UpstreamError(dialect.parse_error(response.status, response.headers, body))
        finally:
            response.close()

    async def _complete(self, attempt: Attempt, mended: Mended, exchange: Exchange) -> dict[str, Any]:
        count, mended = _fanned_out(mended)
        if count == 1:
            return await self._complete_one(attempt, mended, exchange)
        started = exchange.clock()
        answers = await fan_out.together(count, lambda: self._complete_one(attempt, mended, exchange), lambda _: None)
        exchange.upstream_seconds = exchange.clock() - started
        _note_fan_out(exchange)
        return fan_out.merged(answers)

    async def _complete_one(self, attempt: Attempt, mended: Mended, exchange: Exchange) -> dict[str, Any]:
        question = await self._prepare(attempt, mended, exchange)
        started = exchange.clock()
        try:
            return await whole_or_again(question)
        finally:
            exchange.upstream_seconds += exchange.clock() - started

    async def _open(self, attempt: Attempt, mended: Mended, exchange: Exchange) -> Answer:
        count, mended = _fanned_out(mended)
        if count == 1:
            return await self._open_one(attempt, mended, exchange)
        answers = await fan_out.together(count, lambda: self._open_one(attempt, mended, exchange), LiveAnswer.hang_up)
        _note_fan_out(exchange)
        return MergedAnswer(answers, exchange)

    async def _open_one(self, attempt: Attempt, mended: Mended, exchange: Exchange) -> LiveAnswer:
        question = await self._prepare(attempt, mended, exchange)
        return await begun(question, AnswerTap() if mended[0].body.get("tools") else None)


def _fanned_out(mended: Mended) -> tuple[int, Mended]:
    """How often a request is sent, and as what: several times for `n` answers of a model that gives one."""
    request, record = mended
    count = request.body.get("n") or 1
    if count == 1 or record.can("multiple_choices"):
        return 1, mended
    return int(count), (fan_out.single(request), record)


def _note_fan_out(exchange: Exchange) -> None:
    """Each of the requests made the same notes: keep them once."""
    exchange.notes[:] = [*dict.fromkeys(exchange.notes), Note("emulated", "n", "this model gives one answer: it was asked several times")]


def _strict(lost: list[Note], target: str) -> InvalidRequest:
    names = ", ".join(dict.fromkeys(f"'{note.param}' ({note.why})" for note in lost))
    return InvalidRequest(
        f"In strict mode nothing may be dropped or changed, but {target} cannot take {names}.", lost[0].param, "unsupported_parameter"
    )
