"""The choices of a streamed answer: each piece as it came, or written anew where it would break the
hub's promises; one end for each.
"""

from typing import Any, Final, NamedTuple

from translators.chat.chunks import Chunk, says
from translators.chat.wire import Delta
from translators.dialect import Envelope
from translators.errors import UpstreamFailure
from translators.failures import malformed
from translators.json_codec import JsonObject
from translators.openai.answer.errors import failure
from translators.openai.answer.finish_reason import UNKNOWN_FINISH_REASON, fitting, meaning
from translators.openai.answer.message import (
    answers_tools,
    callers_name,
    mend_texts,
    well_formed,
    write_out,
)
from translators.openai.answer.streamed_calls import StreamedCalls
from translators.openai.answer.usage import mend_usage
from translators.openai.wire import Said, SentChoice, SentDocument
from translators.text_fast_path import TextReader

ENVELOPE: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "x_llm_router"}
)
"""The fields of a chunk that each chunk has."""
_CHOICE: Final = frozenset({"index", "delta", "message", "text", "finish_reason", "error"})


class _End(NamedTuple):
    """The last chunk of a choice so far, which has a finish_reason: held back until it is known
    that nothing follows.
    """

    document: SentDocument
    choice: SentChoice
    delta: Delta
    raw: bytes | None
    """The chunk as it came, where it may go out as it is."""


class _Choice:
    """What is known of one choice."""

    __slots__ = ("calls", "end", "function_call", "reason", "whole")

    def __init__(self) -> None:
        self.calls: StreamedCalls | None = None
        self.function_call = False
        self.end: _End | None = None
        self.reason: Any = None
        """The newest finish_reason, also if more has come behind it."""
        self.whole = False
        """It is said in `message` or `text`, where a delta belongs."""


class Choices:
    """The part of an OpenAIStream that reads choices."""

    def __init__(self, envelope: Envelope, reader: TextReader) -> None:
        self.failure: UpstreamFailure | None = None
        self._envelope = envelope
        self._reader = reader
        self._chunks: list[Chunk] = []
        """Of what is being read."""
        self._choices: dict[int, _Choice] = {}
        self._ending = 0
        """Choices whose end is held back."""
        self._top: JsonObject = {}
        """Fields of chunks that have no choice: they go out with the next that has one."""
        self._usage: Chunk | None = None
        """The last count so far, shown at the end: some servers send a running one with every
        chunk."""

    def _choice(self, chunk: SentDocument, choice: SentChoice, raw: bytes | None) -> None:
        """Relay one choice of a chunk: as `raw`, unless that is None or does not keep the hub's
        promises.
        """
        delta: Any
        delta, index = choice.get("delta"), choice.get("index")
        whole = delta is None
        if whole or index.__class__ is not int:
            index, raw = index or 0, None
            delta = self._said_whole(choice, index) if whole else delta
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice()
            state.whole = whole
            if delta.get("role") != "assistant":
                delta["role"], raw = "assistant", None
        elif "role" in delta:
            del delta["role"]
            raw = None
        plain = len(delta) == 1 and delta.get("content").__class__ is str
        if not plain and not self._keeps_promises(state, delta):
            raw = None
        if (
            len(choice) > 3
            and ("usage" in choice or "error" in choice)
            and not self._is_bare(choice)
        ):
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

    def _said_whole(self, choice: SentChoice, index: int) -> Delta:
        """What a choice without a delta says as a whole message, or as a text (completions): read
        where no delta came before, behind which it would be a repetition.
        """
        said: Any = choice.get("message")
        if said is None and (text := choice.get("text")).__class__ is str:
            said = {"content": text}
        known = self._choices.get(index)
        if said is None or (known is not None and not known.whole):
            return {}
        if not well_formed([{"delta": said}], "delta"):
            self.failure = malformed("The provider sent a chunk that is not in OpenAI's form.")
            return {}
        delta: Delta = said
        return delta

    def _keeps_promises(self, state: _Choice, delta: Said) -> bool:
        """False if a delta that is more than a text had to be mended."""
        kept = (len(delta) == 1 and "tool_calls" in delta) or self._keeps_words(
            state, delta
        )  # nearly always nothing but calls
        if calls := delta.get("tool_calls"):
            if state.calls is None:
                state.calls = StreamedCalls(self._envelope)
            kept &= state.calls.read(calls)
            if not calls:
                del delta["tool_calls"]
        return kept

    def _keeps_words(self, state: _Choice, delta: Said) -> bool:
        """The same of its texts and of its older kind of call."""
        kept = not mend_texts(delta)
        function = delta.get("function_call")
        if (
            function is not None
            and not state.function_call
            and not delta.get("tool_calls")
            and answers_tools(self._envelope.shape)
        ):
            del delta["function_call"]
            delta["tool_calls"] = [{"index": 0, "function": function}]
            return False
        if function is not None:
            kept &= not write_out(delta)
            state.function_call = True
            if name := function.get("name"):
                function["name"] = callers_name(name, self._envelope.shape)
                kept &= function["name"] == name
        return kept

    def _is_bare(self, choice: SentChoice) -> bool:
        """Whether nothing beside the delta of a choice belongs elsewhere: a count (Moonshot), or an
        error (OpenRouter).
        """
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

    def _show(
        self, chunk: SentDocument, choice: SentChoice, delta: Delta, index: int, raw: bytes | None
    ) -> None:
        self._chunks.append(
            self._written(chunk, choice, delta, None, index)
            if raw is None
            else Chunk(delta, None, index, raw=raw)
        )

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

    def _written(
        self, chunk: SentDocument, choice: SentChoice, delta: Delta, reason: str | None, index: int
    ) -> Chunk:
        """A chunk that is written anew, with the fields of those before it that had no choice."""
        top = {**self._top, **{k: v for k, v in chunk.items() if k not in ENVELOPE}}
        self._top.clear()
        rest = {k: v for k, v in choice.items() if k not in _CHOICE}
        return Chunk(delta, reason, index, choice=rest or None, top=top or None)
