"""Keeps an answer while it is given to the caller who asked first."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

from gateway.accounting.usage import USAGE_ESTIMATED
from gateway.cache.answer import MOST_BYTES, CachedAnswer, body_of
from gateway.cache.frames import framed
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.resume import AnswerStream
from gateway.http.offload import sized
from translators.chat.chunks import Chunk, Relayed, RelayedCompletion, says, singly
from translators.chat.wire import Completion

_WHOLE: Final = frozenset({"stop", "tool_calls", "function_call"})
"""How an answer ends that the model has ended."""
_ALLOWED: Final = frozenset({USAGE_ESTIMATED})
"""Warnings beside which an answer is as good as any."""
Keep = Callable[[CachedAnswer | None], None]


class AnswerRecorder:
    """Of one request. Whoever made it is told once: the answer, or None if it is none to give
    again. Of an answer that broke off nothing is told.
    """

    def __init__(
        self, exchange: Exchange, keep: Keep, clock: Callable[[], float], limited: bool, most: int
    ) -> None:
        """`clock`: Unix seconds. `limited`: the request says itself how long the answer may be, so
        that one which ends there is whole. `most`: bytes.
        """
        self._exchange = exchange
        self._keep: Keep | None = keep
        self._clock = clock
        self._endings = _WHOLE | {"length"} if limited else _WHOLE
        self._most = min(most, MOST_BYTES)
        self._frames: list[bytes] = []
        self._size = 0
        self._ends: dict[int, str] = {}
        self._said = False
        """It says something."""

    def _tell(self, answer: CachedAnswer | None) -> None:
        keep, self._keep = self._keep, None
        self._frames = []
        if keep is not None:
            keep(answer)

    def _good(self, ends: list[str | None]) -> bool:
        """The answer says something, and its target gave it whole, in one piece, without doubts."""
        exchange = self._exchange
        return (
            self._said
            and bool(ends)
            and all(end in self._endings for end in ends)
            and not exchange.resumed
            and _ALLOWED.issuperset(exchange.warnings)
        )

    async def completed(self, completion: Completion) -> None:
        """A whole one, before it is written."""
        choices: list[Any] = list(completion["choices"])
        messages = [choice.get("message") or {} for choice in choices]
        refused = any(message.get("refusal") for message in messages)
        self._said = isinstance(completion, RelayedCompletion) or all(map(says, messages))
        if refused or not self._good([choice.get("finish_reason") for choice in choices]):
            return self._tell(None)
        try:
            body, whole = await sized(self._exchange.received, body_of, completion)
        except ValueError:
            return self._tell(None)
        told: Any = completion
        usage, end = told.get("usage"), choices[0].get("finish_reason")
        head = told["id"], told["created"], told["model"]
        return self._tell(self._answer(*head, usage, end, body, whole))

    async def recorded(self, stream: AnswerStream) -> AsyncGenerator[list[Chunk], None]:
        """The batches of a streamed one, each as it came."""
        async with aclosing(stream.batches(runs=True)) as batches:
            async for batch in batches:
                if self._keep is not None:
                    self._see(batch)
                yield batch
        if self._keep is None:
            return
        good = self._good([*self._ends.values()])
        body, head = b"".join(self._frames), (stream.id, stream.created, stream.model)
        end = stream.finish_reason
        self._tell(self._answer(*head, stream.usage, end, body, None) if good else None)

    def _see(self, batch: list[Chunk]) -> None:
        try:
            frames = [framed(chunk) for chunk in singly(batch)]
        except (ValueError, KeyError):
            return self._tell(None)
        self._frames += frames
        self._size += sum(map(len, frames))
        for chunk in batch:
            self._said = self._said or says(chunk.delta or {}) or _relays_content(chunk)
            if chunk.finish_reason is not None:
                self._ends[chunk.index] = chunk.finish_reason
            if chunk.delta and chunk.delta.get("refusal"):
                return self._tell(None)
        if self._size > self._most:
            self._tell(None)
        return None

    def _answer(
        self,
        id: str,
        created: int,
        model: str,
        usage: Any,
        finish_reason: str | None,
        body: bytes,
        whole: int | None,
    ) -> CachedAnswer:
        exchange = self._exchange
        attempt, served, record = exchange.attempt, exchange.served, exchange.record
        assert attempt is not None
        assert served is not None
        assert record is not None
        return CachedAnswer(
            at=self._clock(),
            target=served.name,
            id=id,
            name=record.id,
            created=created,
            model=model,
            usage=usage,
            finish_reason=finish_reason,
            notes=[(note.kind, note.param, note.why) for note in attempt.notes],
            warnings=attempt.warnings,
            relayed=attempt.overlay is not None,
            streamed=whole is None,
            whole=whole or 0,
            body=body,
        )


def _relays_content(chunk: Chunk) -> bool:
    return isinstance(chunk, Relayed) and chunk.commits
