"""A streamed text that goes on after it broke off: another target gives the rest, and the caller
sees one answer.

It stands above failover: it owns the stream that is shown, and the runner that gives another one.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from gateway.dispatch.answer_tap import AnswerTap
from gateway.dispatch.continuation import Show
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.failover import FailoverRunner
from gateway.dispatch.streams import AttemptStream, MergedStream, UpstreamStream
from gateway.dispatch.text_continuation import ContinuationJoiner, StreamedText
from gateway.routing.decision import Decision
from translators.chat.chunks import Chunk
from translators.chat.usage import summed
from translators.chat.wire import Usage
from translators.errors import UpstreamError


class ResumedStream:
    """A plain text that, when it breaks off, is continued by another target, as long as one gives
    the rest.
    """

    tap: AnswerTap | None = None

    def __init__(
        self, stream: AttemptStream, runner: FailoverRunner, decision: Decision, exchange: Exchange
    ) -> None:
        self._stream = stream
        self._runner = runner
        self._decision = decision
        self._exchange = exchange
        self._broken: frozenset[str] = frozenset()
        """Targets whose part of the answer broke off."""
        self.id, self.created, self.model = stream.id, stream.created, stream.model

    @property
    def over(self) -> bool:
        return self._stream.over

    async def batches(
        self, runs: bool = False, show: Show | None = None
    ) -> AsyncGenerator[list[Chunk], None]:
        """As those of UpstreamStream; of what continues it, nothing goes to `show`."""
        said = StreamedText()
        joiner: ContinuationJoiner | None = None
        seen = None if show is None else _seen(show, said)
        while True:
            try:
                async with aclosing(self._stream.batches(runs and joiner is None, seen)) as batches:
                    async for batch in batches:
                        shown = (
                            batch
                            if joiner is None
                            else [self._marked(chunk) for chunk in joiner.join(batch)]
                        )
                        said.see(shown)
                        if shown or seen is not None:
                            yield shown
                return
            except UpstreamError as error:
                self._stream.hang_up()  # so that what it counted is known
                if (
                    not said.continuable
                    or self._stream.ended
                    or not await self._taken_up(error, said)
                ):
                    raise
            joiner, seen = ContinuationJoiner(said.text), None

    async def _taken_up(self, error: UpstreamError, said: StreamedText) -> bool:
        """Whether another target gives the rest of what broke off."""
        exchange, broken = self._exchange, self._stream
        assert exchange.served is not None
        self._broken |= {exchange.served.name}
        rest = await self._runner.resume(
            self._decision, exchange, error.failure, said.text, self._broken
        )
        if rest is None:
            return False
        exchange.record_resumption(exchange.served, said.length, broken.usage)
        self._stream = rest.answer
        return True

    def _marked(self, chunk: Chunk) -> Chunk:
        """Of a continuation: the chunk that ends the answer says who took it up, the usage is
        everybody's.
        """
        if chunk.finish_reason is not None:
            chunk.top = {**(chunk.top or {}), "x_llm_router": {"resumed": self._exchange.resumed}}
        if chunk.usage is not None:
            chunk.usage = summed([*self._exchange.usage_before, chunk.usage])
        return chunk

    @property
    def usage(self) -> Usage | None:
        """What was counted of the part that was given last."""
        return self._stream.usage

    @property
    def long(self) -> bool:
        return self._stream.long

    @property
    def finish_reason(self) -> str | None:
        return self._stream.finish_reason

    async def aclose(self) -> None:
        await self._stream.aclose()

    def hang_up(self) -> None:
        self._stream.hang_up()


def _seen(show: Show, said: StreamedText) -> Show:
    """`show`, of a text that is kept, too."""

    def seen(chunks: list[Chunk]) -> list[Chunk] | None:
        left = show(chunks)
        if not left:
            said.see(chunks)
        return left

    return seen


AnswerStream = UpstreamStream | MergedStream | ResumedStream
