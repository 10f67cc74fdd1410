"""Answers that are being streamed: what has arrived of them, until when failure can be hidden, and how they end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final

from gateway import fan_out
from gateway.exchange import Exchange, Trial
from gateway.reasoning import AnswerTap
from gateway.resuming import Joiner, Said
from gateway.rounds import EMPTY, Question, Rounds, may_do_better
from gateway.upstream.response import UpstreamResponse
from translators.chat.chunks import Chunk, singly
from translators.chat.continuing import is_empty_stream
from translators.chat.in_words import begins_call, unfollowed_stream
from translators.chat.stopping import StopCutter
from translators.chat.usage import summed
from translators.errors import UpstreamError

MAX_HELD: Final = 32 * 1024 * 1024
"""Bytes of a stream that are held back until it is seen to give what was asked for in words; a longer one is shown as it comes."""


class LiveAnswer:
    """A stream whose first content has arrived: iterate `batches`, then `aclose`.

    A batch is what one read from the provider gave, so that it is written to the caller in one piece.

    Where something was asked for in words only, all of it, thoughts too, is held back until it is seen to come: a call until it begins,
    JSON until it ends, for nobody knows before that it is valid. The caller sees comments meanwhile, and another target may still be asked.
    """

    def __init__(self, question: Question, response: UpstreamResponse) -> None:
        envelope = question.envelope
        self._rounds = Rounds(question, response)
        self._translator = self._rounds.translator
        self._trial = question.trial
        self._shape = envelope.shape
        self._held: list[Chunk] = []
        self._hung_up = False
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
        held, begun = self._held, False
        seen = 0
        while not self._translator.finished:
            held += await self._next()
            if any(chunk.commits for chunk in held[seen:]):
                if not begun:
                    begun = True
                    self._begun()
                if not self._shape.in_words or self._settled(held[seen:]):
                    break
            seen = len(held)
            self._rounds.check_size()
            if self._translator.failure is not None:
                raise UpstreamError(self._translator.failure)
        if not begun:
            self._begun()
        self._trial.model = self.model

    def _begun(self) -> None:
        """From the first content on the clocks are those of an answer that goes on."""
        self._trial.first_chunk_at = self._trial.clock()
        self._rounds.allow(self._trial.limit())

    def _settled(self, chunks: Sequence[Chunk]) -> bool:
        """Nothing need be held back any more: a call that was asked for begins, or it is too much."""
        must_call = self._shape.must_call
        return self._rounds.received > MAX_HELD or any(begins_call(chunk.delta, must_call) for chunk in chunks)

    async def batches(self, runs: bool = False) -> AsyncGenerator[list[Chunk], None]:
        """All chunks, those held back first. Raises UpstreamError if the answer breaks.

        With `runs`, texts that arrived together may be one chunk of class Texts, which a ChunkWriter writes as if they were single.
        """
        translator, note, tap = self._translator, self._note, self.tap
        batch, self._held = self._held, []
        while True:
            for chunk in batch:
                if chunk.usage is not None or chunk.finish_reason is not None:
                    note(chunk)
                if tap is not None:
                    tap.see(chunk)
            if batch:
                yield batch if runs else singly(batch)
            if translator.failure is not None:
                raise UpstreamError(translator.failure)
            if translator.finished:
                return
            batch = await self._next()

    async def _next(self) -> list[Chunk]:
        batch = await self._rounds.next()
        return batch if self._cutter is None else self._cutter.receive(singly(batch))

    def _note(self, chunk: Chunk) -> None:
        if chunk.usage is not None:
            self._trial.usage = chunk.usage
        if chunk.finish_reason is None:
            return
        if chunk.top and "x_llm_router" in chunk.top:
            self._trial.warnings += chunk.top["x_llm_router"]["warnings"]
        if chunk.index == 0:
            self._trial.finish_reason = chunk.finish_reason
            if self._trial.warnings and chunk.raw is None:  # the headers may be gone, and with them the place for warnings
                chunk.top = {**(chunk.top or {}), "x_llm_router": {"warnings": [*self._trial.warnings]}}

    @property
    def over(self) -> bool:
        """The batch that was given last is the last one, and the answer whole."""
        return self._translator.finished

    @property
    def ended(self) -> bool:
        """Every choice has its finish reason, whether the caller was told or not: nothing is left to say."""
        return self._translator.ended

    @property
    def usage(self) -> dict[str, Any] | None:
        """What the provider has counted so far."""
        return self._translator.usage_so_far

    @property
    def empty(self) -> bool:
        """The answer is over and says nothing: only right after `commit`."""
        return self._translator.finished and is_empty_stream(self._held)

    @property
    def unfollowed(self) -> str | None:
        """The warning for an answer that is over without what was asked for in words: only right after `commit`."""
        shape = self._shape
        if not shape.in_words or not self._translator.finished:
            return None
        return unfollowed_stream(self._held, shape.must_call, shape.json_schema)

    async def aclose(self) -> None:
        """Hang up; after a finished answer so that its connection is used again."""
        if not self._hung_up:
            await self._rounds.release()
        self._record()

    def hang_up(self) -> None:
        """Close without waiting."""
        self._hung_up = True
        self._rounds.close()
        self._record()

    def _record(self) -> None:
        """What was counted so far goes on record: an answer that ends early is billed too."""
        self._trial.usage = self.usage


async def begun(question: Question, tap: AnswerTap | None) -> LiveAnswer:
    """A stream whose first content has arrived.

    If it is nothing, unusable, or not what was asked for in words, it is asked for once more, and that answer stands. Raises UpstreamError.
    """
    try:
        live = await _committed(question, tap)
        if not live.empty and live.unfollowed is None:
            return live
        live.hang_up()
    except UpstreamError as error:
        if not may_do_better(error.failure):
            raise
    trial = question.trial
    live = await _committed(question, tap)
    if live.empty:
        trial.warnings.append(EMPTY)
    elif (warning := live.unfollowed) is not None:
        trial.unfollowed = warning
        live.hang_up()  # all of it is here, and others may be asked before it is shown
    return live


async def _committed(question: Question, tap: AnswerTap | None) -> LiveAnswer:
    live = LiveAnswer(question, await question.send(question.request))
    live.tap = tap
    try:
        await live.commit()
    except BaseException:
        live.hang_up()
        raise
    return live


class MergedAnswer:
    """Several live answers as one, each under its own choice index."""

    over = False
    """It is not known before the end."""
    ended = False
    """Likewise."""
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

    async def batches(self, runs: bool = False) -> AsyncGenerator[list[Chunk], None]:
        """All chunks, each by itself: they are written anew."""
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

    @property
    def over(self) -> bool:
        return self._answer.over

    async def batches(self, runs: bool = False) -> AsyncGenerator[list[Chunk], None]:
        said = Said()
        joiner: Joiner | None = None
        while True:
            try:
                async with aclosing(self._answer.batches(runs and joiner is None)) as batches:
                    async for batch in batches:
                        shown = batch if joiner is None else [self._marked(chunk) for chunk in joiner.join(batch)]
                        said.see(shown)
                        if shown:
                            yield shown
                return
            except UpstreamError as error:
                self._answer.hang_up()  # so that what it counted is known
                following = await self._take_up(error, said) if said.continuable and not self._answer.ended else None
                if following is None:
                    raise
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
