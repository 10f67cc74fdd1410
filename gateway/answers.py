"""Answers that are being streamed: what has arrived of them, until when failure can be hidden, and how they end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final

from gateway import fan_out
from gateway.exchange import Exchange, Trial
from gateway.reasoning import AnswerTap
from gateway.resuming import Joiner, Said
from gateway.upstream.client import UpstreamResponse
from translators.chat.chunks import Chunk, Collector
from translators.chat.stopping import StopCutter
from translators.chat.usage import summed
from translators.dialect import Envelope, StreamTranslator
from translators.errors import UpstreamError, truncated

QUIET_AFTER_END: Final = 5.0
"""Seconds a provider may stay silent after every choice has its finish reason; then the answer is over."""
DRAIN_SECONDS: Final = 0.05
"""How long a finished stream's connection is waited for, to be used again."""


class LiveAnswer:
    """A stream whose first content has arrived: iterate `batches`, then `aclose`.

    A batch is what one read from the provider gave, so that it is written to the caller in one piece.
    """

    def __init__(self, response: UpstreamResponse, translator: StreamTranslator, envelope: Envelope, trial: Trial) -> None:
        self._response = response
        self._translator = translator
        self._trial = trial
        self._held: list[Chunk] = []
        self.tap: AnswerTap | None = None
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
        held = self._held
        seen = 0
        while not self._translator.finished:
            held += await self._next()
            if any(chunk.commits for chunk in held[seen:]):
                break
            seen = len(held)
            self._response.check_size()
            if self._translator.failure is not None:
                raise UpstreamError(self._translator.failure)
        self._trial.first_chunk_at = self._trial.clock()
        self._trial.model = self.model

    async def batches(self) -> AsyncGenerator[list[Chunk], None]:
        """All chunks, those held back first. Raises UpstreamError if the answer breaks."""
        translator, note, tap = self._translator, self._note, self.tap
        batch, self._held = self._held, []
        while True:
            for chunk in batch:
                if chunk.usage is not None or chunk.finish_reason is not None:
                    note(chunk)
                if tap is not None:
                    tap.see(chunk)
            if batch:
                yield batch
            if translator.failure is not None:
                raise UpstreamError(translator.failure)
            if translator.finished:
                return
            batch = await self._next()

    async def _next(self) -> list[Chunk]:
        batch = await _next_batch(self._response, self._translator)
        return batch if self._cutter is None else self._cutter.receive(batch)

    def _note(self, chunk: Chunk) -> None:
        if chunk.usage is not None:
            self._trial.usage = chunk.usage
        if chunk.finish_reason is not None and chunk.index == 0:
            self._trial.finish_reason = chunk.finish_reason

    @property
    def usage(self) -> dict[str, Any] | None:
        """What the provider has counted so far."""
        return self._translator.usage_so_far

    async def aclose(self) -> None:
        """Hang up. After a finished answer the end of the body is waited for briefly, so that the connection is used again."""
        if self._translator.finished:
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    while await self._response.read_some():
                        pass
            except (TimeoutError, UpstreamError):
                pass
        self.hang_up()

    def hang_up(self) -> None:
        """Close without waiting. What was counted so far goes on record: an answer that ends early is billed too."""
        self._trial.usage = self.usage
        self._response.close()


class MergedAnswer:
    """Several live answers as one, each under its own choice index."""

    tap: AnswerTap | None = None

    def __init__(self, answers: Sequence[LiveAnswer], trial: Trial) -> None:
        self._answers = answers
        self._trial = trial
        self.created = answers[0].created

    @property
    def id(self) -> str:
        return self._answers[0].id

    @property
    def model(self) -> str:
        return self._answers[0].model

    async def batches(self) -> AsyncGenerator[list[Chunk], None]:
        async with aclosing(fan_out.merged_batches(self._answers)) as batches:
            async for batch in batches:
                yield batch
                if batch[-1].usage is not None:
                    self._trial.usage = batch[-1].usage

    async def aclose(self) -> None:
        await asyncio.gather(*(answer.aclose() for answer in self._answers))
        counted = [answer.usage for answer in self._answers if answer.usage is not None]
        self._trial.usage = summed(counted) if counted else None

    def hang_up(self) -> None:
        """Close without waiting."""
        for answer in self._answers:
            answer.hang_up()


TakeUp = Callable[[UpstreamError, Said], Awaitable["OneAnswer | None"]]


class ResumableAnswer:
    """A plain text that, when it breaks off, is continued by another target, as long as one gives the rest."""

    tap: AnswerTap | None = None

    def __init__(self, answer: "OneAnswer", exchange: Exchange, take_up: TakeUp) -> None:
        self._answer = answer
        self._exchange = exchange
        self._take_up = take_up
        self.id, self.created, self.model = answer.id, answer.created, answer.model

    async def batches(self) -> AsyncGenerator[list[Chunk], None]:
        said = Said()
        joiner: Joiner | None = None
        while True:
            try:
                async with aclosing(self._answer.batches()) as batches:
                    async for batch in batches:
                        shown = batch if joiner is None else [self._marked(chunk) for chunk in joiner.join(batch)]
                        said.see(shown)
                        if shown:
                            yield shown
                return
            except UpstreamError as error:
                following = await self._take_up(error, said) if said.continuable else None
                if following is None:
                    raise
            await self._answer.aclose()
            self._answer = following
            joiner = Joiner(said.text)

    def _marked(self, chunk: Chunk) -> Chunk:
        """Of a continuation: the chunk that ends the answer says who took it up, the usage is everybody's."""
        if chunk.finish_reason is not None:
            chunk.top = {**(chunk.top or {}), "x_llm_router": {"resumed": self._exchange.resumed}}
        if chunk.usage is not None:
            chunk.usage = summed([*self._exchange.usage_before, chunk.usage])
        return chunk

    async def aclose(self) -> None:
        await self._answer.aclose()

    def hang_up(self) -> None:
        self._answer.hang_up()


OneAnswer = LiveAnswer | MergedAnswer
Answer = LiveAnswer | MergedAnswer | ResumableAnswer


async def _next_batch(response: UpstreamResponse, translator: StreamTranslator) -> list[Chunk]:
    if translator.ended:
        try:
            async with asyncio.timeout(QUIET_AFTER_END):
                data = await response.read_some()
        except TimeoutError:
            data = b""
    else:
        data = await response.read_some()
    if data:
        return translator.receive(data)
    chunks = translator.receive_eof()
    if translator.failure is None and not translator.finished:
        translator.failure = truncated()
    return chunks


async def collected(response: UpstreamResponse, translator: StreamTranslator, envelope: Envelope, trial: Trial) -> dict[str, Any]:
    """A streamed answer added up to one completion."""
    chunks: list[Chunk] = []
    try:
        while not translator.finished:
            chunks += await _next_batch(response, translator)
            response.check_size()
            if translator.failure is not None:
                raise UpstreamError(translator.failure)
    finally:
        trial.usage = translator.usage_so_far
    collector = Collector(translator.id, envelope.created, translator.model)
    if envelope.shape.stop:
        chunks = StopCutter(envelope.shape.stop).receive(chunks)
    for chunk in chunks:
        collector.add(chunk)
    return collector.completion()
