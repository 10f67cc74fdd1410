"""One answer of a provider, over as many requests as it takes: pauses are taken up again, what is no answer is asked for once more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar

from gateway.dispatch.exchange import Trial
from gateway.http.offload import BIG, off_loop, sized
from gateway.upstream.response import Limit, UpstreamResponse
from translators.chat.chunks import Chunk, Collector
from translators.chat.continuation import is_empty, is_paused
from translators.chat.emulation import unfollowed
from translators.chat.stop_sequences import StopCutter, cut_completion
from translators.dialect import Dialect, Envelope, Pause, StreamTranslator, UpstreamRequest
from translators.errors import FailureKind, UpstreamError, UpstreamFailure, truncated

T = TypeVar("T")

QUIET_AFTER_END: Final = 5.0
"""Seconds a provider may stay silent after every choice has its finish reason; then the answer is over."""
DRAIN_SECONDS: Final = 0.05
"""How long a finished stream's connection is waited for, to be used again."""
ASKED_AGAIN: Final = frozenset({FailureKind.NO_OUTPUT, FailureKind.MODEL_OUTPUT})
"""Answers that may turn out well when the same model is asked once more."""
EMPTY: Final = "empty_output"
"""The warning for an answer that still said nothing then."""


class Question(NamedTuple):
    """A request ready to be sent, and all it takes to read its answer."""

    dialect: Dialect
    request: UpstreamRequest
    envelope: Envelope
    trial: Trial
    send: Callable[[UpstreamRequest], Awaitable[UpstreamResponse]]
    """Gives an answer whose status means success. Raises UpstreamError."""


class Rounds:
    """Reads one answer to its end and asks its provider to go on where it paused. Close it, whatever happens."""

    def __init__(self, question: Question, response: UpstreamResponse) -> None:
        self.translator: StreamTranslator = question.dialect.open_stream(question.envelope)
        self._question = question
        self._response = response
        self._pause: Pause | None = None
        """The newest pause that was taken up again."""
        self._unread = 0
        """Bytes that have come without giving a chunk: of an event that is not whole."""

    async def next(self) -> list[Chunk]:
        """What the next read gives: of the following round, if this one has ended with a pause. Raises UpstreamError.

        Whoever keeps the chunks calls `check_size`, and everybody looks at the translator's `failure`.
        """
        translator = self.translator
        if (pause := translator.pause) is not None:
            await self._go_on(pause)
        data = await (self._read_last() if translator.ended else self._response.read_some())
        if data:
            self._unread += len(data)
            chunks = translator.receive(data) if self._unread <= BIG else await off_loop(translator.receive, data)
            if chunks:
                self._unread = 0
            return chunks
        chunks = translator.receive_eof()
        if translator.failure is None and not translator.finished and translator.pause is None:
            translator.failure = truncated()
        return chunks

    async def _read_last(self) -> bytes:
        try:
            async with asyncio.timeout(QUIET_AFTER_END):
                return await self._response.read_some()
        except TimeoutError:
            return b""

    async def _go_on(self, pause: Pause) -> None:
        await self.release()
        self._pause = pause
        self._response = await self._question.send(pause.resume(self._question.request))

    def allow(self, limit: Limit) -> None:
        """From now on this is how long the rest of this round may take."""
        self._response.allow(limit)

    def check_size(self) -> None:
        self._response.check_size()

    @property
    def received(self) -> int:
        """Bytes of this round so far."""
        return self._response.received

    async def collected(self, body: bytes = b"") -> dict[str, Any]:
        """The whole answer as one completion; `body` is what was read of it already. Raises UpstreamError."""
        translator, envelope, trial = self.translator, self._question.envelope, self._question.trial
        chunks = [*(await sized(len(body), translator.receive, body)), *translator.receive_eof()] if body else []
        try:
            while not translator.finished:
                if translator.failure is not None:
                    raise UpstreamError(translator.failure)
                chunks += await self.next()
                self.check_size()
        except UpstreamError:
            rest = [] if self._pause is None else self._pause.settle()
            if not rest:
                raise
            chunks += rest
        finally:
            trial.usage = translator.usage_so_far
        if self._pause is not None:
            trial.billed_prompt_tokens = self._pause.billed_prompt_tokens
        trial.received = self.received
        collector = Collector(translator.id, envelope.created, translator.model)
        if envelope.shape.stop:
            chunks = StopCutter(envelope.shape.stop).receive(chunks)
        return await sized(self.received, _put_together, collector, chunks)

    async def release(self) -> None:
        """Hang up. After all was read the end of the body is waited for briefly, so that the connection is used again."""
        if not self._response.whole and (self.translator.finished or self.translator.pause is not None):
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    while await self._response.read_some():
                        pass
            except (TimeoutError, UpstreamError):
                pass
        self.close()

    def close(self) -> None:
        """Hang up without waiting."""
        self._response.close()


def _put_together(collector: Collector, chunks: list[Chunk]) -> dict[str, Any]:
    for chunk in chunks:
        collector.add(chunk)
    return collector.completion()


def may_do_better(failure: UpstreamFailure) -> bool:
    """Whether the same model is asked once more right away: not where it was the provider that found its answer unusable, and said so with
    an error. Then the next target is asked first, and this one again by the persona's `retries`.
    """
    return failure.kind in ASKED_AGAIN and failure.upstream_status is None


async def whole(question: Question) -> dict[str, Any]:
    """The answer as one completion, however many requests it takes. Raises UpstreamError."""
    response = await question.send(question.request)
    rounds: Rounds | None = None
    try:
        if question.request.stream:
            rounds = Rounds(question, response)
            return await rounds.collected()
        body = await response.read()
        question.trial.received = len(body)
        parse = question.dialect.parse_response
        completion = parse(body, question.envelope) if len(body) <= BIG else await off_loop(parse, body, question.envelope)
        if is_paused(completion):
            rounds = Rounds(question, response)
            return await rounds.collected(body)
    finally:
        (response if rounds is None else rounds).close()
    if question.envelope.shape.stop:
        cut_completion(completion, question.envelope.shape.stop)
    return completion


async def whole_or_again(question: Question) -> dict[str, Any]:
    """`whole`; if that is nothing, unusable, or not what was asked for in words, it is asked once more, and that answer stands."""
    shape, trial = question.envelope.shape, question.trial
    try:
        completion = await whole(question)
        if not is_empty(completion) and not (shape.in_words and unfollowed(completion, shape.must_call, shape.json_schema)):
            return completion
    except UpstreamError as error:
        if not may_do_better(error.failure):
            raise
    completion = await whole(question)
    if is_empty(completion):
        trial.warnings.append(EMPTY)
    elif shape.in_words:
        trial.unfollowed = trial.unfollowed or unfollowed(completion, shape.must_call, shape.json_schema)
    return completion
