"""A stream of a server that speaks the hub's language: each chunk is looked at once and relayed as the bytes it came in.

A chunk is written anew only where it would break the hub's promises: one id and one model in all chunks, the role once, calls told
apart, reasoning under its name, and for each choice one finish_reason, at its end and not before.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from translators.chat.chunks import Chunk, says
from translators.chat.wire import Delta, Usage
from translators.dialect import Envelope
from translators.errors import UpstreamFailure
from translators.failures import malformed, truncated
from translators.json_codec import JsonObject, loads, loads_repaired, repaired_surrogates
from translators.openai.answer.errors import failure
from translators.openai.answer.finish_reason import UNKNOWN_FINISH_REASON, fitting, is_none, meaning
from translators.openai.answer.message import callers_name, mend_texts, well_formed, write_out
from translators.openai.answer.streamed_calls import StreamedCalls
from translators.openai.answer.usage import mend_usage
from translators.openai.wire import Said, SentChoice, SentDocument
from translators.sse import EventTooLarge
from translators.text_fast_path import Run, TextReader

_CONTENT: Final = re.compile(rb'"content": ?"')
_MOST_LOOKED_AT: Final = 256 * 1024
"""Bytes of a first event that are looked at, each time more of it arrives, for single line breaks between whole events."""
_ONE_LINE: Final = re.compile(rb"(?:\A|\n)data: ?(\{[^\n]*\})\r?\ndata:").search
"""One event right behind another, with no blank line between them."""
_ENVELOPE: Final = frozenset({"id", "object", "created", "model", "choices", "usage", "x_llm_router"})
_NAMES: Final = (b'"id":', b'"object":', b'"created":', b'"model":')
_NO_HEAD: Final = b"-"
"""No JSON object begins so."""
_CHOICE: Final = frozenset({"index", "delta", "message", "finish_reason", "error"})
_ERROR: Final = frozenset({"message", "detail", "error_msg"})
"""What an error says that has no `error`: FastAPI's `detail`, …"""


class _End(NamedTuple):
    """The last chunk of a choice so far, which has a finish_reason: held back until it is known that nothing follows."""

    document: SentDocument
    choice: SentChoice
    delta: Delta
    raw: bytes | None
    """The chunk as it came, where it may go out as it is."""


class _Choice:
    """What is known of one choice."""

    __slots__ = ("calls", "end", "function_call", "reason")

    def __init__(self) -> None:
        self.calls: StreamedCalls | None = None
        self.function_call = False
        self.end: _End | None = None
        self.reason: Any = None
        """The newest finish_reason, also if more has come behind it."""


class OpenAIStream:
    """StreamTranslator of the OpenAI dialect."""

    pause: Final = None

    def __init__(self, envelope: Envelope) -> None:
        self.id = envelope.id
        self.model = envelope.model
        self.failure: UpstreamFailure | None = None
        self.finished = False
        self._envelope = envelope
        self._reader = TextReader(_CONTENT)
        self._chunks: list[Chunk] = []
        """Of what is being read."""
        self._named = False
        self._head = _NO_HEAD
        """How a chunk begins that has the names of this stream: the next is not looked at if it begins so, too."""
        self._begun = False
        """An event was read."""
        self._choices: dict[int, _Choice] = {}
        self._ending = 0
        """Choices whose end is held back."""
        self._top: JsonObject = {}
        """Fields of chunks that have no choice: they go out with the next that has one."""
        self._usage: Chunk | None = None
        """The last count so far, shown at the end: some servers send a running one with every chunk."""

    @property
    def ended(self) -> bool:
        return self._ending > 0 and self._ending == len(self._choices)

    @property
    def usage_so_far(self) -> Usage | None:
        return None if self._usage is None else self._usage.usage

    def receive(self, data: bytes) -> list[Chunk]:
        chunks = self._read(self._reader.receive, data, self._event, self._texts)
        if not self._begun and not self._over and 0 < self._reader.decoder.held_size <= _MOST_LOOKED_AT:
            self._look_for_lines()
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
        elif self.ended:  # a finish reason with nothing behind it is proof enough: some compatible servers never send [DONE]
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
        """Whether what is held back are whole events with one line break between them: then each line is one."""
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
        if text == b"[DONE]":
            if self._choices and all(choice.reason is not None for choice in self._choices.values()):
                self._finish()
            else:
                self.failure = truncated("The provider ended the stream without a finish reason.")
            return
        if not text.strip():
            return
        try:
            chunk = loads(text)
        except ValueError as error:
            if (repaired := repaired_surrogates(text)) is not None:
                self._parsed(repaired)
                return
            lines = text.split(b"\n")
            if len(lines) > 1 and _is_json(lines[0]):  # several events with one line break between them
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
        if (choices and not well_formed(choices, "delta")) or (usage is not None and usage.__class__ is not dict):
            self.failure = malformed("The provider sent a chunk that is not in OpenAI's form.")
            return
        raw = None
        if "x_llm_router" not in chunk and (text.startswith(self._head) or self._is_named(chunk, text)):
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
        """Whether a chunk has the id and model of the stream, which are the first that it names, and OpenAI's other fields."""
        id_, model = chunk.get("id"), chunk.get("model")
        if not self._named:
            if id_ and id_.__class__ is str and self.id is self._envelope.id:
                self.id = id_
            if model and model.__class__ is str and self.model is self._envelope.model:
                self.model = model
            self._named = self.id is not self._envelope.id and self.model is not self._envelope.model
        is_chunk = chunk.get("object") == "chat.completion.chunk" and chunk.get("created").__class__ is int
        if id_ != self.id or model != self.model or not is_chunk:
            return False
        head = text[: text.find(b'"choices"')]
        if self._named and all(map(head.__contains__, _NAMES)):
            self._head = head
        return True

    def _without_choice(self, chunk: SentDocument, usage: Any, raw: bytes | None) -> None:
        """The usage, a comment of a kind (Azure's filter speaks of the prompt in the first chunk), or an error that does not say so."""
        rest = {name: value for name, value in chunk.items() if name not in _ENVELOPE}
        if usage is not None:
            if mend_usage(usage) or chunk.get("choices") != []:
                raw = None
            self._usage = Chunk(usage=usage, raw=raw) if raw is not None else Chunk(usage=usage, top=rest or None)
        elif "choices" not in chunk and not _ERROR.isdisjoint(chunk):
            self.failure = failure(chunk, 200, {})
        else:
            self._top.update(rest)

    def _choice(self, chunk: SentDocument, choice: SentChoice, raw: bytes | None) -> None:
        """Relay one choice of a chunk: as `raw`, unless that is None or does not keep the hub's promises."""
        delta: Any
        delta, index = choice.get("delta"), choice.get("index")
        if delta is None or index.__class__ is not int:
            delta, index, raw = delta or {}, index or 0, None
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice()
            if delta.get("role") != "assistant":
                delta["role"], raw = "assistant", None
        elif "role" in delta:
            del delta["role"]
            raw = None
        plain = len(delta) == 1 and delta.get("content").__class__ is str
        if not plain and not self._keeps_promises(state, delta):
            raw = None
        if len(choice) > 3 and ("usage" in choice or "error" in choice) and not self._is_bare(choice):
            raw = None
        reason = choice.get("finish_reason")
        if state.end is not None and (reason or says(delta)):
            self._go_on(index, state)
        if reason is None:
            if raw is None:
                self._show(chunk, choice, delta, index, None)
            else:
                self._chunks.append(Chunk(delta, None, index, raw=raw))
                if plain:
                    self._reader.plain = delta["content"], index
        elif reason == "":
            self._show(chunk, choice, delta, index, None)
        elif isinstance(broken := meaning(reason), UpstreamFailure):
            self._show(chunk, choice, delta, index, None)
            self.failure = self.failure or broken
        else:
            state.reason, state.end = reason, _End(chunk, choice, delta, raw)
            self._ending += 1

    def _keeps_promises(self, state: _Choice, delta: Said) -> bool:
        """False if a delta that is more than a text had to be mended."""
        kept = (len(delta) == 1 and "tool_calls" in delta) or self._keeps_words(state, delta)  # nearly always nothing but calls
        if calls := delta.get("tool_calls"):
            if state.calls is None:
                state.calls = StreamedCalls(self._envelope)
            kept &= state.calls.read(calls)
        return kept

    def _keeps_words(self, state: _Choice, delta: Said) -> bool:
        """The same of its texts and of its older kind of call."""
        kept = not mend_texts(delta)
        function = delta.get("function_call")
        if function is not None:
            kept &= not write_out(delta)
            state.function_call = True
            if name := function.get("name"):
                function["name"] = callers_name(name, self._envelope.shape)
                kept &= function["name"] == name
        return kept

    def _is_bare(self, choice: SentChoice) -> bool:
        """Whether nothing beside the delta of a choice belongs elsewhere: a count (Moonshot), or an error (OpenRouter)."""
        kept = True
        if "usage" in choice:
            usage = choice.pop("usage")
            kept = False
            if usage.__class__ is dict:
                counted: Any = usage
                mend_usage(counted)
                self._usage = Chunk(usage=counted)
        if error := choice.pop("error", None):
            self.failure = failure({"error": error}, 200, {})
            choice["finish_reason"] = None
            kept = False
        return kept

    def _show(self, chunk: SentDocument, choice: SentChoice, delta: Delta, index: int, raw: bytes | None) -> None:
        self._chunks.append(self._written(chunk, choice, delta, None, index) if raw is None else Chunk(delta, None, index, raw=raw))

    def _go_on(self, index: int, state: _Choice) -> None:
        """More has come behind a finish_reason: it was none."""
        end = state.end
        if end is not None:
            state.end = None
            self._ending -= 1
            if end.delta:
                self._show(end.document, end.choice, end.delta, index, None)

    def _end(self, index: int, state: _Choice) -> None:
        """The end of one choice: its last chunk, with a reason that goes with what was said."""
        end, calls = state.end or _End({}, {}, {}, None), state.calls
        if calls is not None and (bare := calls.bare()):
            if end.delta:
                self._show(end.document, end.choice, end.delta, index, None)
            self._chunks.append(Chunk({"tool_calls": bare}, None, index))
            end = end._replace(delta={}, raw=None)
        found = meaning(state.reason)
        assert not isinstance(found, UpstreamFailure)  # those end the stream where they stand
        reason = fitting(found or "stop", calls is not None, state.function_call)
        if found is None:
            self._top["x_llm_router"] = {"warnings": [UNKNOWN_FINISH_REASON]}
        if found != state.reason:
            end.choice["native_finish_reason"] = state.reason
        if end.raw is not None and reason == state.reason and not self._top:
            self._chunks.append(Chunk(end.delta, reason, index, raw=end.raw))
        else:
            self._chunks.append(self._written(end.document, end.choice, end.delta, reason, index))

    def _written(self, chunk: SentDocument, choice: SentChoice, delta: Delta, reason: str | None, index: int) -> Chunk:
        """A chunk that is written anew, with the fields of those before it that had no choice."""
        top = {**self._top, **{k: v for k, v in chunk.items() if k not in _ENVELOPE}}
        self._top.clear()
        rest = {k: v for k, v in choice.items() if k not in _CHOICE}
        return Chunk(delta, reason, index, choice=rest or None, top=top or None)

    def _read_document(self, text: bytes) -> None:
        """The server answered a stream request with one JSON document."""
        try:
            document = loads_repaired(text)
        except ValueError:
            self.failure = malformed("The provider answered with something that is neither a stream nor JSON.")
            return
        if isinstance(document, dict) and document.get("choices") and well_formed(document["choices"], "message"):
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
        loads_repaired(text)
    except ValueError:
        return False
    return True
