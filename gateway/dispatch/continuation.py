"""One answer of a provider, over as many requests as it takes: pauses are taken up again, what is
no answer is asked for once more.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.send import PreparedRequest, send
from gateway.http.offload import BIG, off_loop, sized
from gateway.upstream.response import Limit, UpstreamResponse
from translators.chat.chunks import Chunk, Collector
from translators.chat.continuation import is_empty, is_paused
from translators.chat.emulation import unfollowed
from translators.chat.stop_sequences import StopCutter, cut_completion
from translators.chat.wire import Completion
from translators.dialect import PLAIN, Pause, StreamTranslator
from translators.errors import FailureKind, UpstreamError, UpstreamFailure
from translators.failures import truncated

QUIET_AFTER_END: Final = 5.0
"""Seconds a provider may stay silent after every choice has its finish reason; then the answer is
over."""
DRAIN_SECONDS: Final = 0.05
"""How long a finished stream's connection is waited for, to be used again."""
ASKED_AGAIN: Final = frozenset({FailureKind.NO_OUTPUT, FailureKind.MODEL_OUTPUT})
"""Answers that may turn out well when the same model is asked once more."""
SMALL_BODY: Final = 8192
"""Bytes of a request's body that may stay while its stream is open."""
EMPTY: Final = "empty_output"
"""The warning for an answer that still said nothing then."""


Show = Callable[[list[Chunk]], list[Chunk] | None]
"""Shows chunks as they arrive, which are plain parts of the answer: none of them ends it. Whoever
reads the stream is woken up if it gives a list, and given that: of chunks that it leaves, or empty
if they are shown, but no more may be before the reader has waited."""


class ContinuedResponse:
    """Reads one answer to its end and asks its provider to go on where it paused. Close it,
    whatever happens.
    """

    def __init__(self, prepared: PreparedRequest, response: UpstreamResponse) -> None:
        self.translator: StreamTranslator = prepared.dialect.open_stream(prepared.envelope)
        self._prepared = prepared
        self._response = response
        self._pause: Pause | None = None
        """The newest pause that was taken up again."""
        self._unread = 0
        """Bytes that have come without giving a chunk: of an event that is not whole."""
        self.long = False
        """An event of it was so long that writing it takes a while."""
        self._show: Show | None = None
        self._left: list[Chunk] | None = None
        """What was read at once and is yet to be given."""
        self._late = b""
        """What arrived and was not read at once."""

    async def next(self, show: Show | None = None) -> list[Chunk]:
        """What the next read gives: of the following round, if this one has ended with a pause.
        What comes while nothing is here goes to `show` as it comes, and is given as far as it
        leaves it. Raises UpstreamError.

        Whoever keeps the chunks calls `check_size`, and everybody looks at the translator's
        `failure`.
        """
        translator = self.translator
        if (pause := translator.pause) is not None:
            await self._go_on(pause)
        if translator.ended:
            data = await self._read_last()
        elif show is None:
            data = await self._response.read_some()
        else:
            self._show = show
            try:
                await self._response.listened(self._read_at_once)
            finally:
                self._show = None
            if (left := self._left) is not None:
                self._left = None
                return left
            data, self._late = self._late or await self._response.read_some(), b""
        if data:
            self._unread += len(data)
            if self._unread <= BIG:
                chunks = translator.receive(data)
            else:
                self.long = True
                chunks = await off_loop(translator.receive, data)
            if chunks:
                self._unread = 0
            return chunks
        chunks = translator.receive_eof()
        if translator.failure is None and not translator.finished and translator.pause is None:
            translator.failure = truncated()
        return chunks

    def _read_at_once(self, data: bytes) -> bool:
        """The response's listener."""
        show = self._show
        if show is None or self.long or self._unread + len(data) > BIG:
            self._late = data  # the reader's
            return False
        translator = self.translator
        try:
            chunks = translator.more_text(data)
            if chunks is not None:
                self._unread = 0
                left = show(chunks) if chunks else None
            else:
                chunks = translator.receive(data)
                self._unread = 0 if chunks else self._unread + len(data)
                ends = _ends(translator, chunks)
                left = chunks if ends else show(chunks) if chunks else None
        except BaseException:
            self._late = data  # it fails once more where it is read
            raise
        if left is None:
            return True
        self._left = left
        return False

    async def _read_last(self) -> bytes:
        try:
            async with asyncio.timeout(QUIET_AFTER_END):
                return await self._response.read_some()
        except TimeoutError:
            return b""

    async def _go_on(self, pause: Pause) -> None:
        await self.release()
        self._pause = pause
        self._response = await send(self._prepared, pause.resume(self._prepared.request))

    def forget_request(self) -> None:
        """The answer is taken as it comes: the body that asked for it, as large as the whole
        conversation, is needed again only where the answer may pause.
        """
        prepared = self._prepared
        if (
            len(prepared.request.body) > SMALL_BODY
            and prepared.dialect.ENDINGS.paused is None
            and not prepared.envelope.shape.several_hops
        ):
            self._prepared = prepared._replace(request=replace(prepared.request, body=b""))

    def allow(self, limit: Limit) -> None:
        """From now on this is how long the rest of this round may take."""
        self._response.allow(limit)

    def check_size(self) -> None:
        self._response.check_size()

    @property
    def received(self) -> int:
        """Bytes of this round so far."""
        return self._response.received

    @property
    def billed_prompt_tokens(self) -> int | None:
        """What was read for all of it, where its usage tells only of the first request."""
        return None if self._pause is None else self._pause.billed_prompt_tokens

    async def collected(self, body: bytes = b"") -> Completion:
        """The whole answer as one completion; `body` is what was read of it already. Raises
        UpstreamError.
        """
        translator, envelope = self.translator, self._prepared.envelope
        chunks = (
            [*(await sized(len(body), translator.receive, body)), *translator.receive_eof()]
            if body
            else []
        )
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
            self._prepared.attempt.record_usage(translator.usage_so_far)
        self._prepared.attempt.record_received(self.received)
        collector = Collector(translator.id, envelope.created, translator.model)
        if envelope.shape.stop:
            chunks = StopCutter(envelope.shape.stop).receive(chunks)
        return await sized(self.received, _put_together, collector, chunks)

    async def release(self) -> None:
        """Hang up. After all was read the end of the body is waited for briefly, so that the
        connection is used again.
        """
        if not self._response.whole and (
            self.translator.finished or self.translator.pause is not None
        ):
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


def _ends(translator: StreamTranslator, chunks: list[Chunk]) -> bool:
    """Whether an answer, or one of several, has come to its end, or to a pause, with `chunks`."""
    return (
        translator.ended
        or translator.finished
        or translator.failure is not None
        or translator.pause is not None
        or any(chunk.finish_reason is not None for chunk in chunks)
    )


def _put_together(collector: Collector, chunks: list[Chunk]) -> Completion:
    for chunk in chunks:
        collector.add(chunk)
    return collector.completion()


def may_do_better(failure: UpstreamFailure) -> bool:
    """Whether the same model is asked once more right away: not where it was the provider that
    found its answer unusable, and said so with an error. Then the next target is asked first, and
    this one again by the persona's `retries`.
    """
    return failure.kind in ASKED_AGAIN and failure.upstream_status is None


Completed = tuple[Completion, int | None]
"""A completion, and what was read for it where its usage tells only of the first request."""


async def complete(prepared: PreparedRequest, response: UpstreamResponse) -> Completed:
    """The answer that begins with `response` as one completion, however many requests it takes.
    Raises UpstreamError.
    """
    continued: ContinuedResponse | None = None
    try:
        if prepared.request.stream:
            continued = ContinuedResponse(prepared, response)
            return await continued.collected(), continued.billed_prompt_tokens
        body = await response.read()
        prepared.attempt.record_received(len(body))
        parse = prepared.dialect.parse_response
        completion = (
            parse(body, prepared.envelope)
            if len(body) <= BIG
            else await off_loop(parse, body, prepared.envelope)
        )
        paused = prepared.dialect.ENDINGS.paused
        if paused is not None and is_paused(completion, paused):
            continued = ContinuedResponse(prepared, response)
            return await continued.collected(body), continued.billed_prompt_tokens
    finally:
        (response if continued is None else continued).close()
    if prepared.envelope.shape.stop:
        cut_completion(completion, prepared.envelope.shape.stop)
    return completion, None


async def complete_with_retry(prepared: PreparedRequest) -> AttemptResult[Completion]:
    """`complete`; if that is nothing, unusable, or not what was asked for in words, it is asked
    once more, and that answer stands.
    """
    shape, attempt, silent = (
        prepared.envelope.shape,
        prepared.attempt,
        prepared.dialect.ENDINGS.silent,
    )
    started = attempt.clock()
    try:
        try:
            answer = await complete(prepared, await send(prepared, prepared.request))
            if (silent is None or not is_empty(answer[0], silent)) and (
                shape is PLAIN or not shape.in_words or not _lacks(prepared, answer[0])
            ):
                return _result(prepared, answer)
        except UpstreamError as error:
            if not may_do_better(error.failure):
                raise
        answer = await complete(prepared, await send(prepared, prepared.request))
    finally:
        attempt.set_upstream_seconds(attempt.upstream_seconds + attempt.clock() - started)
    if is_empty(answer[0], silent):
        return _result(prepared, answer, (EMPTY,))
    return _result(
        prepared, answer, unfollowed=_lacks(prepared, answer[0]) if shape.in_words else None
    )


def _lacks(prepared: PreparedRequest, completion: Completion) -> str | None:
    shape = prepared.envelope.shape
    return unfollowed(
        completion, shape.must_call, shape.json_schema, prepared.dialect.ENDINGS.paused
    )


def _result(
    prepared: PreparedRequest,
    answer: Completed,
    warnings: tuple[str, ...] = (),
    unfollowed: str | None = None,
) -> AttemptResult[Completion]:
    completion, billed = answer
    if "x_llm_router" in completion:
        warnings = (*warnings, *completion["x_llm_router"]["warnings"])
    finish_reason = completion["choices"][0].get("finish_reason")
    notes = prepared.attempt.notes
    return AttemptResult(
        completion,
        completion.get("model"),
        completion.get("usage"),
        finish_reason,
        notes,
        warnings,
        unfollowed,
        billed,
    )
