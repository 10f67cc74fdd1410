"""A streamed answer of Claude as chunks: events in, each looked at once; what only the end can tell
comes in a trailer before it.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.usage import summed
from translators.chat.wire import Usage
from translators.claude.answer.blocks import trailer
from translators.claude.answer.content_blocks import ContentBlocks
from translators.claude.answer.errors import error_failure
from translators.claude.answer.pause_turn import MOST_ROUNDS, returned, taken_up
from translators.claude.answer.response import answer_id, answer_model
from translators.claude.answer.stop_reason import (
    CUT,
    finish_reason,
    provider_specific,
    refusal,
    stop_reason,
)
from translators.claude.answer.usage import service_tier, usage
from translators.claude.wire import AnswerMessage, Block, CountedTokens, Event
from translators.dialect import Envelope, UpstreamRequest
from translators.errors import UpstreamFailure
from translators.failures import malformed, no_output, truncated
from translators.json_access import object_at
from translators.json_codec import JsonObject
from translators.long_json import loads_answer
from translators.sse import EventTooLarge
from translators.text_fast_path import Run, TextReader

_TEXT: Final = re.compile(rb'"text": ?"')


class ClaudeStream(ContentBlocks):
    """StreamTranslator of the Claude dialect, and its own Pause: the rounds of a paused turn are
    read as one message.
    """

    billed_prompt_tokens: Final = None

    def __init__(self, envelope: Envelope) -> None:
        super().__init__(envelope.shape, TextReader(_TEXT))
        self.id = envelope.id
        self.model = envelope.model
        self.pause: ClaudeStream | None = None
        self.failure: UpstreamFailure | None = None
        self.finished = False
        self._envelope = envelope
        self._chunks: list[Chunk] = []
        """Of what is being read."""
        self._usage: CountedTokens = {}
        self._told: JsonObject = {}
        """stop_reason and what comes with it: the last value of each."""
        self._rounds = 1
        self._earlier: list[Usage] = []
        """The usage of the rounds before this one."""
        self._said_before = 0
        """How many of the blocks are from rounds before this one."""
        self._alone = [Chunk()]
        """What `more_text` gives each time (see OpenAIStream)."""

    @property
    def ended(self) -> bool:
        return stop_reason(self._told) is not None

    @property
    def usage_so_far(self) -> Usage | None:
        counted = [*self._earlier, usage(self._usage)] if self._usage else self._earlier
        return summed(counted) if counted else None

    @property
    def _over(self) -> bool:
        """Nothing more will be read, or not of this round."""
        return self.finished or self.failure is not None or self.pause is not None

    def resume(self, request: UpstreamRequest) -> UpstreamRequest:
        following = taken_up(request, returned(self._whole_blocks()), self._told.get("container"))
        self.pause = None
        self._rounds += 1
        self._reader = TextReader(_TEXT)
        self._at = {}
        self._said_before = len(self._blocks)
        if self._usage:
            self._earlier.append(usage(self._usage))
            self._usage = {}
        for name in ("stop_reason", "stop_sequence", "stop_details"):
            self._told.pop(name, None)
        return following

    def settle(self) -> list[Chunk]:
        return []

    def more_text(self, data: bytes) -> list[Chunk] | None:
        like = self._reader.between
        if like is None or self.finished or self.failure is not None or self.pause is not None:
            return None
        text = like.alone(data)
        if not text:
            return None
        self._at[like.known].pieces.append(text)
        alone = self._alone
        alone[0].delta = {"content": text}
        return alone

    def receive(self, data: bytes) -> list[Chunk]:
        if (alone := self.more_text(data)) is not None:
            self._alone = [Chunk()]
            return alone
        chunks = self._read(self._reader.receive, data, self._event, self._more_texts)
        self._chunks = []  # theirs to keep who are given them
        return chunks

    def receive_eof(self) -> list[Chunk]:
        if self._over:
            return []
        chunks = self._read(self._reader.receive_eof, self._event)
        if self._over:
            return chunks
        if (
            self.ended
        ):  # the reason to stop is proof enough: some compatible servers never send message_stop
            self._finish({}, chunks)
        elif stray := self._reader.decoder.stray:
            self._read_document(stray, chunks)
        else:
            self.failure = truncated()
        return chunks

    def _read(self, read: Callable[..., None], *given: Any) -> list[Chunk]:
        chunks = self._chunks = []
        if not self._over:
            try:
                read(*given)
            except EventTooLarge as error:
                self.failure = malformed(str(error))
        return chunks

    def _event(self, name: bytes, text: bytes) -> bool:
        try:
            event = loads_answer(text)
        except ValueError as error:
            if text.strip() not in (b"", b"[DONE]"):
                self.failure = malformed(f"The provider sent an event that is not JSON: {error}")
            return not self._over
        if event.__class__ is not dict:
            self.failure = malformed("The provider sent an event that is not an object.")
            return False
        kind = event.get("type")
        if kind is None:
            kind = "error" if "error" in event else name.decode("utf-8", "replace")
        handle = _EVENTS.get(kind) if kind.__class__ is str else None
        if handle is not None:
            handle(self, event, self._chunks)
        return not self._over

    def _more_texts(self, run: Run) -> None:
        """Of text_deltas that are like one before them but for their text."""
        if run.text:
            self._at[run.known].pieces.append(run.text)
            self._chunks.append(run.shown(0))

    def _start(self, event: Event, chunks: list[Chunk]) -> None:
        message = object_at(event, "message")
        if self._rounds == 1:  # the rounds after the first have ids of their own
            self.id = answer_id(message, self._envelope)
            self.model = answer_model(message, self._envelope)
        self._count(message)
        self._note(message)

    def _count(self, holder: JsonObject) -> None:
        """Usage is cumulative: the last value of each field counts."""
        self._usage.update(
            (name, value) for name, value in object_at(holder, "usage").items() if value is not None
        )

    def _note(self, told: JsonObject) -> None:
        self._told.update((name, told[name]) for name in _TOLD if told.get(name) is not None)

    def _message_delta(self, event: Event, chunks: list[Chunk]) -> None:
        self._open(chunks)
        self._count(event)
        self._note(object_at(event, "delta"))
        self._note(event)

    def _error(self, event: Event, chunks: list[Chunk]) -> None:
        self.failure = error_failure(event)

    def _finish(self, event: Event, chunks: list[Chunk]) -> None:
        """The tail: what is missing of tool calls, a refusal, the trailer, the finish reason, the
        usage.
        """
        reason = stop_reason(self._told)
        if reason is None and len(self._blocks) == self._said_before:
            self.failure = no_output()
            return
        if (
            reason == "pause_turn"
            and self._rounds <= MOST_ROUNDS
            and returned(self._whole_blocks())
        ):
            self.pause = self
            return
        self._open(chunks)
        for block in self._blocks:
            self._call_ended(block)
        self._end_calls(reason in CUT, chunks)
        if self._unfenced is not None and (rest := self._unfenced.finish()):
            chunks.append(Chunk({"content": rest}))
        if reason == "refusal":
            chunks.append(Chunk({"refusal": refusal(self._told.get("stop_details"))}))
        if more := trailer(self._whole_blocks(), self.model):
            chunks.append(Chunk(more))
        tier = service_tier(self._usage)
        chunks.append(
            Chunk(
                {},
                finish_reason(reason, self._calls > 0, self._shape.legacy_functions),
                choice=_named(provider_specific(self._told, self._calls > 0)),
                top=None if tier is None else {"service_tier": tier},
            )
        )
        if (counted := self.usage_so_far) is not None:
            chunks.append(Chunk(usage=counted))
        self.finished = True

    def _whole_blocks(self) -> list[Block]:
        return [block.whole() for block in self._blocks]

    def _read_document(self, text: bytes, chunks: list[Chunk]) -> None:
        """The provider answered with one JSON document where a stream was asked for, or ended a
        stream with one.
        """
        try:
            document = loads_answer(text)
        except ValueError:
            document = None
        if document.__class__ is dict and ("error" in document or document.get("type") == "error"):
            self.failure = error_failure(document)
        elif document.__class__ is dict and document.get("type") == "message":
            self._message(document, chunks)
        elif self._opened:
            self.failure = truncated()
        else:
            self.failure = malformed(
                "The provider answered with something that is neither a stream nor a message."
            )

    def _message(self, message: AnswerMessage, chunks: list[Chunk]) -> None:
        """A whole message, as if it had been streamed."""
        self._start({"message": message}, chunks)
        content = message.get("content")
        for index, block in enumerate(content if content.__class__ is list else ()):
            self._block_start({"index": index, "content_block": block}, chunks)
            self._block_stop({"index": index}, chunks)
        self._finish({}, chunks)


_TOLD: Final = (
    "stop_reason",
    "stop_sequence",
    "stop_details",
    "container",
    "input_transformations",
)

_Handler = Callable[[ClaudeStream, Event, list[Chunk]], None]
_EVENTS: Final[dict[str, _Handler]] = {
    "content_block_delta": ClaudeStream._block_delta,
    "content_block_start": ClaudeStream._block_start,
    "content_block_stop": ClaudeStream._block_stop,
    "message_start": ClaudeStream._start,
    "message_delta": ClaudeStream._message_delta,
    "message_stop": ClaudeStream._finish,
    "message": ClaudeStream._message,
    "error": ClaudeStream._error,
}


def _named(specific: JsonObject | None) -> JsonObject | None:
    return None if specific is None else {"provider_specific": specific}
