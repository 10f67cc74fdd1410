"""An answer of Gemini's for a caller who speaks its API: shown as it came, read as far as the
gateway must know of it."""

import re
from typing import Any, Final, cast

from translators.chat.chunks import Chunk, Relayed, RelayedCompletion
from translators.chat.wire import Completion, Usage
from translators.dialect import Envelope, Pause
from translators.dialect.streamed_answer import all_of, is_document
from translators.errors import UpstreamError, UpstreamFailure
from translators.failures import malformed, truncated
from translators.gemini.answer import finish_reason as reasons
from translators.gemini.answer.errors import error_of, failure
from translators.gemini.answer.stream import GeminiStream
from translators.gemini.answer.usage import Counts, usage
from translators.json_codec import JsonObject, loads
from translators.long_json import loads_answer
from translators.sse import MAX_EVENT_BYTES
from translators.text_fast_path import STRING, Model, Run, learned, recognised

_BLANK: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_DATA: Final = re.compile(rb"(?:^|[\r\n])data: ?([^\r\n]*)")
_COUNT: Final = rb'"[^"\\\x00-\x1f]*+": ?(?:0|[1-9][0-9]{0,17}+|"[^"\\\x00-\x1f]*+")'
_DETAIL: Final = rb"\{%s(?:,%s)*+\}" % (_COUNT, _COUNT)
_DETAILS: Final = rb'"[^"\\\x00-\x1f]*+": ?\[%s(?:,%s)*+\]' % (_DETAIL, _DETAIL)
_COUNTS: Final = rb"\{(?:%s|%s)(?:,%s|,%s)*+\}" % (_COUNT, _DETAILS, _COUNT, _DETAILS)
_TEXT_FRAME: Final = re.compile(
    rb'data: \{"candidates": ?\[\{"content": ?\{"parts": ?\[\{"text": ?"(%s)"\}\],'
    rb'"role": ?"model"\}(?:,"index": ?0)?\}\],"usageMetadata": ?(%s),'
    rb"[^{}\r\n]*+\}(?:\r\n\r\n|\n\n)" % (STRING, _COUNTS)
).fullmatch
"""A frame that is one piece of the first candidate's text, as Google writes it, and its counts."""
_OPENING: Final = b"data: "
_TEXT: Final = re.compile(rb'"text": ?"')
_MODELS: Final = 4
"""Frames from which it is learned in one stream what those that follow may be like."""


class _Told:
    """What frames tell of an answer."""

    def __init__(self, envelope: Envelope) -> None:
        self.id = envelope.id
        self.model = envelope.model
        self.counts = Counts()
        self.begun: dict[int, bool] = {}
        """By index: whether the candidate has ended."""
        self.reason: str | None = None
        self.blocked = False

    def read(self, frame: JsonObject) -> bool:
        """Whether the frame has a part, or ends a candidate."""
        if (counted := frame.get("usageMetadata")).__class__ is dict:
            self.counts.add(counted)
        if (model := frame.get("modelVersion")).__class__ is str and model:
            self.model = model
        if (id := frame.get("responseId")).__class__ is str and id:
            self.id = id
        says = False
        candidates = frame.get("candidates")
        for position, candidate in enumerate(candidates if candidates.__class__ is list else ()):
            if candidate.__class__ is dict:
                says = self._candidate(candidate, position) or says
        feedback = frame.get("promptFeedback")
        if feedback.__class__ is dict and feedback.get("blockReason"):
            self.blocked, self.reason = True, "content_filter"
        return says or self.blocked

    def _candidate(self, candidate: JsonObject, position: int) -> bool:
        index = candidate.get("index", position)
        index = index if index.__class__ is int else position
        content = candidate.get("content")
        parts = content.get("parts") if content.__class__ is dict else None
        parts = parts if parts.__class__ is list else []
        called = any(part.__class__ is dict and "functionCall" in part for part in parts)
        self.begun.setdefault(index, False)
        native = reasons.given(candidate)
        if native is not None:
            self.begun[index] = True
            calls = "tool_calls" if called else None
            reason = reasons.finish_reason(native, calls=calls, content=True)
            if index == 0:
                self.reason = reason or "stop"
        return bool(parts) or native is not None

    @property
    def ended(self) -> bool:
        return self.blocked or (bool(self.begun) and all(self.begun.values()))

    @property
    def usage(self) -> Usage | None:
        return usage(self.counts.settled())


class RelayStream:
    """StreamTranslator: whole frames as they came. It has no end mark: it is whole if every
    candidate has ended when it ends."""

    pause: Pause | None = None

    def __init__(self, envelope: Envelope) -> None:
        self.failure: UpstreamFailure | None = None
        self.finished = False
        self._envelope = envelope
        self._told = _Told(envelope)
        self._held = b""
        self._searched = 0
        self._reason_told = False
        self._like: Model | None = None
        """Of the frame that was read last, if it brought a text."""
        self._learned = 0
        self._counted: bytes | None = None
        """The last frame that was recognised, until somebody asks what was counted."""

    @property
    def id(self) -> str:
        return self._told.id

    @property
    def model(self) -> str:
        return self._told.model

    @property
    def ended(self) -> bool:
        return self._told.ended

    @property
    def usage_so_far(self) -> Usage | None:
        self._count()
        return self._told.usage

    def more_text(self, data: bytes) -> list[Chunk] | None:
        like = self._like
        if like is None or self._held or self.finished or self.failure is not None:
            return None
        if like.alone(data) is None:
            return None
        self._counted = data[like.skipped : like.end]
        return [Relayed(data, commits=True)]

    def receive(self, data: bytes) -> list[Chunk]:
        if self.finished or self.failure is not None:
            return []
        if (alone := self.more_text(data)) is not None:
            return alone
        text, at = self._held + data if self._held else data, 0
        chunks: list[Chunk] = []
        searched = max(self._searched - 3, 0)
        while True:
            like = self._like
            if like is not None and (end := self._texts(text, at, like)) > at:
                chunks.append(Relayed(text[at:end], commits=True))
                at = end
            blank = _BLANK.search(text, max(at, searched))
            if blank is None:
                break
            raw = text[at : blank.end()]
            self._event(raw, chunks)
            at = blank.end()
            if self.failure is not None:
                return chunks
            self._learn(raw)
        self._held = text[at:]
        self._searched = len(self._held)
        if len(self._held) > MAX_EVENT_BYTES:
            self.failure = malformed(f"an event is larger than {MAX_EVENT_BYTES} bytes")
        return chunks

    def _learn(self, frame: bytes) -> None:
        """Of a frame that was read: what others that only bring a text have in common with it."""
        self._like = None
        found = _TEXT_FRAME(frame) if self._learned < _MODELS else None
        if found is None:
            return
        self._learned += 1
        ending = b"\r\n\r\n" if frame.endswith(b"\r\n") else b"\n\n"
        data, text = frame[len(_OPENING) : -len(ending)], loads(b'"%s"' % found[1])
        self._like = learned(frame, ending, data, _TEXT, text, None)

    def _texts(self, text: bytes, at: int, like: Model) -> int:
        """Where the frames end that bring a text, and differ in nothing else but their counts from
        one that was read; the counts of the last one stand."""
        runs: list[Run] = []
        end = recognised(text, at, like, runs.append)
        if runs:
            self._counted = runs[-1].last
        return end

    def _count(self) -> None:
        """Read the counts of the texts that came last."""
        if self._counted is not None:
            frame, self._counted = self._counted, None
            self._told.counts.add(loads(frame)["usageMetadata"])

    def receive_eof(self) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self.finished or self.failure is not None:
            return chunks
        held, self._held = self._held, b""
        if not self._told.begun and is_document(held):
            return self._whole(held)
        if held.strip():
            self._event(held, chunks, whole=False)
        if self.failure is None and not self._told.ended:
            self.failure = truncated()
        self.finished = self.failure is None
        if self.finished and (counted := self.usage_so_far) is not None:
            chunks.append(Chunk(usage=counted))
        return chunks

    def _whole(self, body: bytes) -> list[Chunk]:
        """The hub's chunks of what a host has answered that does not know `alt=sse`."""
        stream = GeminiStream(self._envelope)
        chunks = all_of(body, stream)
        self.failure, self.finished = stream.failure, stream.finished
        return chunks

    def _event(self, raw: bytes, chunks: list[Chunk], whole: bool = True) -> None:
        lines = _DATA.findall(raw)
        text = b"\n".join(lines) if lines else raw.strip()
        if not text or text[:1] == b":":
            return
        try:
            frame = loads_answer(text)
        except ValueError as error:
            broken = f"The provider sent an event that is not JSON: {error}"
            self.failure = malformed(broken) if whole else truncated()
            return
        if (found := error_of(frame)) is not None:
            self.failure = failure(found, 200, {})
            return
        if frame.__class__ is not dict or not lines:
            self.failure = malformed("The provider's event is no frame.")
            return
        self._count()
        commits = self._told.read(frame)
        reason = None
        if self._told.ended and not self._reason_told:
            self._reason_told, reason = True, self._told.reason
        if not whole:
            raw = raw.rstrip(b"\r\n") + b"\r\n\r\n"
        chunks.append(Relayed(raw, commits=commits, finish_reason=reason))


def relayed_completion(body: bytes, envelope: Envelope) -> RelayedCompletion:
    """A whole answer. Raises UpstreamError if it is none."""
    try:
        document: Any = loads_answer(body)
    except ValueError as error:
        raise UpstreamError(malformed(f"The provider's answer is not JSON: {error}")) from None
    if (found := error_of(document)) is not None:
        raise UpstreamError(failure(found, 200, {}))
    if document.__class__ is not dict:
        raise UpstreamError(malformed("The provider's answer is not a JSON object."))
    if _is_one_text(document):
        name, model, reason = document["responseId"], document["modelVersion"], "stop"
        counted = usage(document["usageMetadata"])
    else:
        told = _Told(envelope)
        told.read(document)
        name, model, reason, counted = told.id, told.model, told.reason or "stop", told.usage
    message = {"role": "assistant", "content": "", "refusal": None}
    completion: JsonObject = {
        "id": name,
        "object": "chat.completion",
        "created": envelope.created,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    }
    if counted is not None:
        completion["usage"] = counted
    return RelayedCompletion(cast(Completion, completion), body)


def _is_one_text(document: JsonObject) -> bool:
    """Whether it is one part that calls nothing, came to its end, and says all that answers say, as
    most do: then there is nothing to be put together."""
    candidates, counted = document.get("candidates"), document.get("usageMetadata")
    name, model = document.get("responseId"), document.get("modelVersion")
    if not name or name.__class__ is not str or not model or model.__class__ is not str:
        return False
    if candidates.__class__ is not list or len(candidates) != 1 or "promptFeedback" in document:
        return False
    if counted.__class__ is not dict or "totalTokenCount" not in counted:
        return False
    candidate = candidates[0]
    if candidate.__class__ is not dict or candidate.get("finishReason") != "STOP":
        return False
    content = candidate.get("content")
    parts = content.get("parts") if content.__class__ is dict else None
    part = parts[0] if parts.__class__ is list and len(parts) == 1 else None
    if part.__class__ is not dict or "functionCall" in part or candidate.get("index", 0) != 0:
        return False
    return None not in counted.values()
