"""A stream of a server that speaks the hub's language: each chunk is looked at once and relayed as
the bytes it came in.

A chunk is written anew only where it would break the hub's promises: one id and one model in all
chunks, the role once, calls told apart, reasoning under its name, and for each choice one
finish_reason, at its end and not before.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.wire import Usage
from translators.dialect import Envelope
from translators.failures import malformed, truncated
from translators.json_codec import loads, repaired_surrogates
from translators.long_json import loads_answer, loads_long
from translators.openai.answer.choices import ENVELOPE, Choices
from translators.openai.answer.errors import failure
from translators.openai.answer.finish_reason import is_none
from translators.openai.answer.message import well_formed
from translators.openai.answer.usage import mend_usage
from translators.openai.wire import SentDocument
from translators.pieces import LONG
from translators.sse import EventTooLarge
from translators.text_fast_path import Run, TextReader

_CONTENT: Final = re.compile(rb'"content": ?"')
_MOST_LOOKED_AT: Final = 256 * 1024
"""Bytes of a first event that are looked at, each time more of it arrives, for single line breaks
between whole events."""
_ONE_LINE: Final = re.compile(rb"(?:\A|\n)data: ?(\{[^\n]*\})\r?\ndata:").search
"""One event right behind another, with no blank line between them."""
_NAMES: Final = (b'"id":', b'"object":', b'"created":', b'"model":')
_NO_HEAD: Final = b"-"
"""No JSON object begins so."""
_ERROR: Final = frozenset({"message", "detail", "error_msg"})
"""What an error says that has no `error`: FastAPI's `detail`, …"""


class OpenAIStream(Choices):
    """StreamTranslator of the OpenAI dialect."""

    pause: Final = None

    def __init__(self, envelope: Envelope) -> None:
        super().__init__(envelope, TextReader(_CONTENT))
        self.id = envelope.id
        self.model = envelope.model
        self.finished = False
        self._named = False
        self._head = _NO_HEAD
        """How a chunk begins that has the names of this stream: the next is not looked at if it
        begins so, too."""
        self._begun = False
        """An event was read."""
        self._alone = [Chunk()]
        """What `more_text` gives each time: a chunk made anew is a tenth of the instructions of one
        that comes alone."""

    @property
    def ended(self) -> bool:
        return self._ending > 0 and self._ending == len(self._choices)

    @property
    def usage_so_far(self) -> Usage | None:
        return None if self._usage is None else self._usage.usage

    def more_text(self, data: bytes) -> list[Chunk] | None:
        like = self._reader.between
        if like is None or self._ending or self.finished or self.failure is not None:
            return None
        text = like.alone(data)
        if text is None:
            return None
        alone = self._alone
        chunk = alone[0]
        chunk.delta, chunk.index = {"content": text}, like.known
        chunk.raw = data[like.skipped : like.end]
        return alone

    def receive(self, data: bytes) -> list[Chunk]:
        if (alone := self.more_text(data)) is not None:
            self._alone = [Chunk()]
            return alone
        chunks = self._read(self._reader.receive, data, self._event, self._texts)
        if (
            not self._begun
            and not self._over
            and 0 < self._reader.decoder.held_size <= _MOST_LOOKED_AT
        ):
            self._look_for_lines()
        self._chunks = []  # theirs to keep who are given them
        return chunks

    def receive_eof(self) -> list[Chunk]:
        if self._over:
            return []
        chunks = self._read(self._reader.receive_eof, self._event)
        if self._over:
            return chunks
        stray = self._reader.decoder.stray
        if stray and not self.ended:
            self._read_document(stray)
        elif self.ended:  # proof enough: some compatible servers never send [DONE]
            self._finish()
        else:
            self.failure = truncated()
        return chunks

    @property
    def _over(self) -> bool:
        return self.finished or self.failure is not None

    def _read(self, read: Callable[..., None], *given: Any) -> list[Chunk]:
        chunks = self._chunks = []
        if not self._over:
            try:
                read(*given)
            except EventTooLarge as error:
                self.failure = malformed(str(error))
        return chunks

    def _look_for_lines(self) -> None:
        """Whether what is held back are whole events with one line break between them: then each
        line is one.
        """
        decoder = self._reader.decoder
        match = _ONE_LINE(decoder.held)
        if match is not None and _is_json(match[1]):  # else it is one event in several lines
            for name, text in decoder.read_by_lines():
                if not self._event(name, text):
                    return

    def _texts(self, run: Run) -> None:
        """Chunks that are like one before them but for their text."""
        index: int = run.known
        if self._ending and run.text:
            self._go_on(index, self._choices[index])
        self._chunks.append(run.relayed(index))

    def _event(self, _: bytes, text: bytes) -> bool:
        self._begun = True
        self._parsed(text)
        return not self.finished and self.failure is None

    def _parsed(self, text: bytes) -> None:
        bare = text.strip()
        if bare == b"[DONE]":
            if self._choices and all(
                choice.reason is not None for choice in self._choices.values()
            ):
                self._finish()
            else:
                self.failure = truncated("The provider ended the stream without a finish reason.")
            return
        if not bare:
            return
        try:
            chunk = loads(text) if len(text) <= LONG else loads_long(text)
        except ValueError as error:
            if (repaired := repaired_surrogates(text)) is not None:
                self._parsed(repaired)
                return
            lines = text.split(b"\n")
            if len(lines) > 1 and _is_json(
                lines[0]
            ):  # several events with one line break between them
                for line in lines:
                    if not self._over:
                        self._parsed(line)
                return
            self.failure = malformed(f"The provider sent an event that is not JSON: {error}")
            return
        if chunk.__class__ is not dict:
            self.failure = malformed("The provider sent an event that is not an object.")
        elif chunk.get("error") or chunk.get("object") == "error":
            self._break_off(chunk)
        else:
            self._chunk(chunk, text)

    def _break_off(self, chunk: SentDocument) -> None:
        """An error, which may stand beside the last piece of the answer."""
        choices = chunk.get("choices")
        if choices and well_formed(choices, "delta"):
            for choice in choices:
                choice["finish_reason"] = None
                self._choice({}, choice, None)
        self.failure = failure(chunk, 200, {})

    def _finish(self) -> None:
        for index, state in self._choices.items():
            self._end(index, state)
        self.finished = True
        if self._usage is not None:
            self._chunks.append(self._usage)

    def _chunk(self, chunk: SentDocument, text: bytes) -> None:
        choices = chunk.get("choices")
        usage: Any = chunk.get("usage")
        if (choices and not well_formed(choices, "delta")) or (
            usage is not None and usage.__class__ is not dict
        ):
            self.failure = malformed("The provider sent a chunk that is not in OpenAI's form.")
            return
        raw = None
        if "x_llm_router" not in chunk and (
            text.startswith(self._head) or self._is_named(chunk, text)
        ):
            raw = text if text.find(b"\n") < 0 else text.strip().replace(b"\n", b" ")
        if not choices:
            self._without_choice(chunk, usage, raw)
            return
        if len(choices) > 1 or usage is not None or self._top:
            raw = None
        for choice in choices:
            self._choice(chunk, choice, raw)
        if usage is not None:
            mend_usage(usage)
            self._usage = Chunk(usage=usage)

    def _is_named(self, chunk: SentDocument, text: bytes) -> bool:
        """Whether a chunk has the id and model of the stream, which are the first that it names,
        and OpenAI's other fields.
        """
        id_, model = chunk.get("id"), chunk.get("model")
        if not self._named:
            if id_ and id_.__class__ is str and self.id is self._envelope.id:
                self.id = id_
            if model and model.__class__ is str and self.model is self._envelope.model:
                self.model = model
            self._named = (
                self.id is not self._envelope.id and self.model is not self._envelope.model
            )
        is_chunk = (
            chunk.get("object") == "chat.completion.chunk" and chunk.get("created").__class__ is int
        )
        if id_ != self.id or model != self.model or not is_chunk:
            return False
        head = text[: text.find(b'"choices"', 0, _MOST_LOOKED_AT)]
        if self._named and all(map(head.__contains__, _NAMES)):
            self._head = head
        return True

    def _without_choice(self, chunk: SentDocument, usage: Any, raw: bytes | None) -> None:
        """The usage, a comment of a kind (Azure's filter speaks of the prompt in the first chunk),
        or an error that does not say so.
        """
        rest = {name: value for name, value in chunk.items() if name not in ENVELOPE}
        if usage is not None:
            if mend_usage(usage) or chunk.get("choices") != []:
                raw = None
            self._usage = (
                Chunk(usage=usage, raw=raw)
                if raw is not None
                else Chunk(usage=usage, top=rest or None)
            )
        elif "choices" not in chunk and not _ERROR.isdisjoint(chunk):
            self.failure = failure(chunk, 200, {})
        else:
            self._top.update(rest)

    def _read_document(self, text: bytes) -> None:
        """The server answered a stream request with one JSON document."""
        try:
            document = loads_answer(text)
        except ValueError:
            self.failure = malformed(
                "The provider answered with something that is neither a stream nor JSON."
            )
            return
        if (
            isinstance(document, dict)
            and document.get("choices")
            and well_formed(document["choices"], "message")
        ):
            for choice in document["choices"]:
                choice["delta"] = choice.pop("message", None) or {}
                if is_none(choice.get("finish_reason")):
                    choice["finish_reason"] = "stop"
            self._chunk(document, b"")
            if self.failure is None:
                self._finish()
        else:
            self.failure = failure(document, 200, {})


def _is_json(text: bytes) -> bool:
    try:
        loads_answer(text)
    except ValueError:
        return False
    return True
