"""A stream of streamGenerateContent. It has no end mark: it is whole if every candidate has a
finishReason when it ends.

An error comes as an event, as raw JSON behind the events, or as a list; a server may also answer
with JSON instead of a stream.
"""

import re
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.wire import Usage
from translators.dialect import Envelope, UpstreamRequest
from translators.errors import UpstreamError, UpstreamFailure
from translators.failures import malformed, truncated
from translators.gemini.answer.candidate import Choice
from translators.gemini.answer.candidates import Answer
from translators.gemini.answer.continuation import next_hop
from translators.gemini.answer.errors import error_of, failure
from translators.gemini.answer.response import frames_of
from translators.long_json import loads_answer
from translators.sse import EventTooLarge
from translators.text_fast_path import Run, TextReader

_DONE: Final = b"[DONE]"
_FIELD: Final = b"data:"
_TEXT: Final = re.compile(rb'"text": ?"')


class GeminiStream:
    """StreamTranslator of the Gemini dialect, and its own Pause: the hops of a long answer are read
    as one stream.
    """

    def __init__(self, envelope: Envelope) -> None:
        self.id = envelope.id
        self.pause: GeminiStream | None = None
        self.failure: UpstreamFailure | None = None
        self.finished = False
        self._reader = TextReader(_TEXT)
        self._chunks: list[Chunk] = []
        """Of what is being read."""
        self._answer = Answer(envelope)
        self._frames = 0
        self._stray = 0
        """Bytes outside of events that were looked at already."""

    @property
    def model(self) -> str:
        return self._answer.model

    @property
    def ended(self) -> bool:
        return self._answer.ended

    @property
    def usage_so_far(self) -> Usage | None:
        return self._answer.usage_so_far

    @property
    def billed_prompt_tokens(self) -> int:
        return self._answer.billed_prompt_tokens

    def resume(self, request: UpstreamRequest) -> UpstreamRequest:
        self.pause = None
        self._reader = TextReader(_TEXT)
        self._frames = self._stray = 0
        return next_hop(request, self._answer.next_hop())

    def settle(self) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self._answer.stop_here():
            self._answer.end(chunks, complete=True)
        return chunks

    @property
    def _over(self) -> bool:
        """Nothing more will be read, or not of this hop."""
        return self.finished or self.failure is not None or self.pause is not None

    def more_text(self, data: bytes) -> list[Chunk] | None:
        like = self._reader.between
        if like is None or self.finished or self.failure is not None or self.pause is not None:
            return None
        text = like.alone(data)
        if not text:
            return None
        chunks: list[Chunk] = []
        choice: Choice = like.known
        choice.text(text, chunks)
        self._answer.counted_since = data[like.skipped : like.end]
        return chunks

    def receive(self, data: bytes) -> list[Chunk]:
        if (alone := self.more_text(data)) is not None:
            return alone
        chunks = self._chunks = []
        if self._over:
            return chunks
        try:
            self._reader.receive(data, self._event, self._texts)
            if len(self._reader.decoder.stray) > self._stray:
                self._look_for_error()
        except EventTooLarge as error:
            self.failure = malformed(str(error))
        except UpstreamError as error:
            self.failure = error.failure
        self._chunks = []  # theirs to keep who are given them
        return chunks

    def receive_eof(self) -> list[Chunk]:
        chunks = self._chunks = []
        if self._over:
            return chunks
        try:
            for _, text in self._reader.decoder.receive_eof():
                # The end of the stream closed this event: if it is no JSON, its rest never came.
                if not _is_json(text) and text.strip() != _DONE:
                    raise UpstreamError(truncated())
                self._event(b"", text)
            self._read_stray(chunks)
            if self._answer.continuation is not None:
                self.pause = self
                return chunks
            self.failure = self._answer.end(chunks, complete=False)
        except EventTooLarge as error:
            self.failure = malformed(str(error))
        except UpstreamError as error:
            self.failure = error.failure
        self.finished = self.failure is None
        return chunks

    def _texts(self, run: Run) -> None:
        """Frames that are like one before them but for their text and counts."""
        self._answer.more_texts(run, self._chunks)

    def _event(self, _: bytes, text: bytes) -> bool:
        try:
            frame = loads_answer(text)
        except ValueError as error:
            if text.strip() in (b"", _DONE):
                return True
            raise UpstreamError(
                malformed(f"The provider sent an event that is not JSON: {error}")
            ) from None
        self._document(frame, self._chunks)
        if frame.__class__ is dict:
            self._reader.plain = self._answer.only_text(frame)
        return True

    def _document(self, document: Any, chunks: list[Chunk]) -> None:
        if document.__class__ is dict and "error" not in document:
            self._answer.read(document, chunks)
        elif (found := error_of(document)) is not None:
            raise UpstreamError(failure(found, 200, {}))
        else:
            for frame in frames_of(document):
                self._answer.read(frame, chunks)
        self._frames += 1

    def _look_for_error(self) -> None:
        """Raw JSON behind the events is an error, as soon as it is whole."""
        stray = self._reader.decoder.stray
        self._stray = len(stray)
        try:
            found = error_of(loads_answer(stray))
        except ValueError:
            return
        if found is not None:
            raise UpstreamError(failure(found, 200, {}))

    def _read_stray(self, chunks: list[Chunk]) -> None:
        """What stood outside of events at the end: a whole answer or error as JSON, the cut
        beginning of something, or nothing of ours.
        """
        stray = self._reader.decoder.stray.strip()
        if not stray:
            return
        try:
            document = loads_answer(stray)
        except ValueError as error:
            if stray[:1] in (b"{", b"[") or _FIELD.startswith(stray.rpartition(b"\n")[2]):
                raise UpstreamError(truncated()) from None
            if not self._frames:
                raise UpstreamError(
                    malformed(f"The provider answered neither with a stream nor with JSON: {error}")
                ) from None
            return
        self._document(document, chunks)


def _is_json(text: bytes) -> bool:
    try:
        loads_answer(text)
    except ValueError:
        return False
    return True
