"""Answers that are being streamed: what has arrived of them, until when failure can be hidden, and
how they end.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from gateway.dispatch import fan_out
from gateway.dispatch.answer_tap import AnswerTap
from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.continuation import EMPTY, ContinuedResponse, Show, may_do_better
from gateway.dispatch.send import PreparedRequest, send
from gateway.upstream.response import UpstreamResponse
from translators.chat.chunks import Chunk, only_reasons, singly
from translators.chat.continuation import is_empty_stream
from translators.chat.emulation import begins_call, unfollowed_stream
from translators.chat.stop_sequences import StopCutter
from translators.chat.usage import summed
from translators.chat.wire import Usage
from translators.errors import UpstreamError

MAX_HELD: Final = 32 * 1024 * 1024
"""Bytes of a stream that are held back until it is seen to give what was asked for in words; a
longer one is shown as it comes."""


class UpstreamStream:
    """A stream whose first content has arrived: iterate `batches`, then `aclose`.

    A batch is what one read from the provider gave, so that it is written to the caller in one
    piece.

    Where something was asked for in words only, all of it, thoughts too, is held back until it is
    seen to come: a call until it begins, JSON until it ends, for nobody knows before that it is
    valid. The caller sees comments meanwhile, and another target may still be asked.
    """

    def __init__(self, prepared: PreparedRequest, response: UpstreamResponse) -> None:
        envelope = prepared.envelope
        self._response = ContinuedResponse(prepared, response)
        self._translator = self._response.translator
        self._attempt = prepared.attempt
        self._shape = envelope.shape
        origin = prepared.attempt.origin
        self._hides_reasoning = origin is not None and not origin.shows_reasoning
        self._waits = envelope.shape.in_words or self._hides_reasoning
        self._endings = prepared.dialect.ENDINGS
        self._held: list[Chunk] = []
        self._hung_up = False
        self.tap: AnswerTap | None = None
        self.finish_reason: str | None = None
        """Once it was given."""
        self._cutter = StopCutter(envelope.shape.stop) if envelope.shape.stop else None
        self.created = envelope.created

    @property
    def id(self) -> str:
        return self._translator.id

    @property
    def model(self) -> str:
        return self._translator.model

    async def commit(self) -> None:
        """Read until there is content to show. Raises UpstreamError: nothing has been shown yet."""
        held, begun = self._held, False
        seen = 0
        while not self._translator.finished:
            held += await self._next()
            if any(chunk.commits for chunk in held[seen:]):
                if not begun:
                    begun = True
                    self._begun()
                if not self._waits or self._settled(held[seen:]):
                    break
            seen = len(held)
            self._response.check_size()
            if self._translator.failure is not None:
                raise UpstreamError(self._translator.failure)
        if not begun:
            self._begun()

    def _begun(self) -> None:
        """From the first content on the clocks are those of an answer that goes on."""
        self._attempt.mark_first_chunk()
        self._response.allow(self._attempt.limit())

    def _settled(self, chunks: Sequence[Chunk]) -> bool:
        """Nothing need be held back any more: a call that was asked for begins, what the caller is
        shown, or it is too much.
        """
        if self._response.received > MAX_HELD:
            return True
        if self._shape.in_words:
            return any(begins_call(chunk.delta, self._shape.must_call) for chunk in chunks)
        return any(chunk.commits and not only_reasons(chunk) for chunk in chunks)

    async def batches(
        self, runs: bool = False, show: Show | None = None
    ) -> AsyncGenerator[list[Chunk], None]:
        """All chunks, those held back first. Raises UpstreamError if the answer breaks.

        With `runs`, texts that arrived together may be one chunk of class Texts, which a
        ChunkWriter writes as if they were single. With `show`, what arrives while nothing is here
        goes to it, in runs, and is given here only as far as it leaves it: an empty batch, too.
        """
        self._response.forget_request()
        translator, tap = self._translator, self.tap
        if self._cutter is not None:
            show = None
        elif show is not None and tap is not None:
            show = _tapped(show, tap)
        batch, self._held = self._held, []
        while True:
            self._saw(batch, tap)
            if batch or show is not None:
                yield batch if runs else singly(batch)
            if translator.failure is not None:
                raise UpstreamError(translator.failure)
            if translator.finished:
                return
            batch = []  # nobody holds what was shown while more is waited for
            batch = await self._next(show)

    async def _next(self, show: Show | None = None) -> list[Chunk]:
        batch = await self._response.next(show)
        return batch if self._cutter is None else self._cutter.receive(singly(batch))

    def _saw(self, batch: Sequence[Chunk], tap: AnswerTap | None) -> None:
        for chunk in batch:
            if chunk.finish_reason is not None:
                self._note(chunk)
            if tap is not None:
                tap.see(chunk)

    def _note(self, chunk: Chunk) -> None:
        attempt = self._attempt
        if chunk.top and "x_llm_router" in chunk.top:
            attempt.add_warnings(*chunk.top["x_llm_router"]["warnings"])
        if chunk.index == 0:
            self.finish_reason = chunk.finish_reason
            if (
                attempt.warnings and chunk.raw is None
            ):  # the headers may be gone, and with them the place for warnings
                chunk.top = {**(chunk.top or {}), "x_llm_router": {"warnings": [*attempt.warnings]}}

    @property
    def long(self) -> bool:
        """An event of it was so long that writing it takes a while."""
        return self._response.long

    @property
    def over(self) -> bool:
        """The batch that was given last is the last one, and the answer whole."""
        return self._translator.finished

    @property
    def ended(self) -> bool:
        """Every choice has its finish reason, whether the caller was told or not: nothing is left
        to say.
        """
        return self._translator.ended

    @property
    def usage(self) -> Usage | None:
        """What the provider has counted so far."""
        return self._translator.usage_so_far

    @property
    def empty(self) -> bool:
        """The answer is over and says nothing: only right after `commit`."""
        return self._translator.finished and is_empty_stream(self._held, self._endings.silent)

    @property
    def unfollowed(self) -> str | None:
        """The warning for an answer that is over without what was asked for in words: only right
        after `commit`.
        """
        shape = self._shape
        if not shape.in_words or not self._translator.finished:
            return None
        return unfollowed_stream(
            self._held, shape.must_call, shape.json_schema, self._endings.paused
        )

    async def aclose(self) -> None:
        """Hang up; after a finished answer so that its connection is used again."""
        if not self._hung_up:
            await self._response.release()

    def hang_up(self) -> None:
        """Close without waiting."""
        self._hung_up = True
        self._response.close()
        self._attempt.record_usage(self.usage)


def _tapped(show: Show, tap: AnswerTap) -> Show:
    """`show`, of an answer that is gathered, too."""

    def tapped(chunks: list[Chunk]) -> list[Chunk] | None:
        left = show(chunks)
        if not left:
            for chunk in chunks:
                tap.see(chunk)
        return left

    return tapped


async def open_stream(
    prepared: PreparedRequest, tap: AnswerTap | None
) -> AttemptResult[UpstreamStream]:
    """A stream whose first content has arrived.

    If it is nothing, unusable, or not what was asked for in words, it is asked for once more, and
    that answer stands. Raises UpstreamError.
    """
    try:
        stream = await _committed(prepared, await send(prepared, prepared.request), tap)
        if not stream.empty and stream.unfollowed is None:
            return _result(prepared, stream)
        stream.hang_up()
    except UpstreamError as error:
        if not may_do_better(error.failure):
            raise
    stream = await _committed(prepared, await send(prepared, prepared.request), tap)
    if stream.empty:
        return _result(prepared, stream, (EMPTY,))
    if (warning := stream.unfollowed) is not None:
        stream.hang_up()  # all of it is here, and others may be asked before it is shown
        return _result(prepared, stream, unfollowed=warning)
    return _result(prepared, stream)


def _result(
    prepared: PreparedRequest,
    stream: UpstreamStream,
    warnings: tuple[str, ...] = (),
    unfollowed: str | None = None,
) -> AttemptResult[UpstreamStream]:
    usage = None if unfollowed is None else stream.usage  # all of it is here
    return AttemptResult(
        stream, stream.model, usage, None, prepared.attempt.notes, warnings, unfollowed
    )


async def _committed(
    prepared: PreparedRequest, response: UpstreamResponse, tap: AnswerTap | None
) -> UpstreamStream:
    stream = UpstreamStream(prepared, response)
    stream.tap = tap
    try:
        await stream.commit()
    except BaseException:
        stream.hang_up()
        raise
    return stream


class MergedStream:
    """Several streams as one, each under its own choice index."""

    over = False
    """It is not known before the end."""
    ended = False
    """Likewise."""
    tap: AnswerTap | None = None

    def __init__(self, answers: Sequence[UpstreamStream]) -> None:
        self._answers = answers
        self.finish_reason: str | None = None
        """That of the answer that ended last."""
        self.created = answers[0].created

    @property
    def id(self) -> str:
        return self._answers[0].id

    @property
    def long(self) -> bool:
        return any(answer.long for answer in self._answers)

    @property
    def model(self) -> str:
        return self._answers[0].model

    async def batches(
        self, runs: bool = False, show: Show | None = None
    ) -> AsyncGenerator[list[Chunk], None]:
        """All chunks, each by itself: they are written anew. None goes to `show`."""
        async with aclosing(fan_out.merged_batches(self._answers)) as batches:
            async for batch in batches:
                for chunk in batch:
                    self.finish_reason = chunk.finish_reason or self.finish_reason
                yield batch

    @property
    def usage(self) -> Usage | None:
        """What was counted for all of them so far."""
        counted = [usage for answer in self._answers if (usage := answer.usage) is not None]
        return summed(counted) if counted else None

    async def aclose(self) -> None:
        await asyncio.gather(*(answer.aclose() for answer in self._answers))

    def hang_up(self) -> None:
        """Close without waiting."""
        for answer in self._answers:
            answer.hang_up()


AttemptStream = UpstreamStream | MergedStream
