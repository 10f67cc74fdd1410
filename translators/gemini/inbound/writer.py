"""A streamed answer as frames of streamGenerateContent: server-sent events, or one JSON array.

Clients break on anything but frames: no comments, no event names, no `[DONE]`. Each frame has a
candidate with a part. Calls go out whole, in the last frame, which waits for the usage.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from translators.chat.chunks import Chunk, Collector, Relayed, Texts, escape_line_separators
from translators.dialect.inbound import AnswerFacts, CallerError
from translators.gemini.inbound.candidates import image_parts, last_candidate, usage_metadata
from translators.gemini.inbound.errors import status_of
from translators.json_codec import JsonObject, dumps
from translators.sse import Decoder

_LINE_END: Final = b"\r\n"
_SHOWN: Final = frozenset({"role", "content", "reasoning_content", "refusal", "images"})
_TEXT_ONLY: Final = {"content"}


class EventFraming:
    """Server-sent events. A failure is told twice, since no client reads both forms: as an event,
    and bare behind it, in a write of its own and without a line end."""

    content_type = "text/event-stream"

    def frame(self, document: bytes) -> bytes:
        return b"data: %s\r\n\r\n" % document

    def frames(self, before: bytes, written: Sequence[bytes], behind: bytes) -> bytes:
        """Frames that differ in nothing but what stands between."""
        head, end = b"data: " + before, behind + b"\r\n\r\n"
        return head + (end + head).join(written) + end

    def relayed(self, events: bytes) -> bytes:
        return events

    def end(self) -> bytes:
        return b""

    def failure(self, document: bytes) -> Sequence[bytes]:
        return (self.frame(document), document)

    def keep_alive(self) -> bytes:
        return _LINE_END


class ArrayFraming:
    """One JSON array; its elements come one by one."""

    content_type = "application/json"

    def __init__(self) -> None:
        self._before = b"["
        self._decoder = Decoder()

    def frame(self, document: bytes) -> bytes:
        before, self._before = self._before, b",\r\n"
        return before + document

    def frames(self, before: bytes, written: Sequence[bytes], behind: bytes) -> bytes:
        return b"".join([self.frame(before + text + behind) for text in written])

    def relayed(self, events: bytes) -> bytes:
        return b"".join([self.frame(text) for _, text in self._decoder.receive(events)])

    def end(self) -> bytes:
        return b"[]" if self._before == b"[" else b"]"

    def failure(self, document: bytes) -> Sequence[bytes]:
        return (self.frame(document) + b"]",)

    def keep_alive(self) -> bytes:
        """White space; the bracket comes before it."""
        if self._before != b"[":
            return _LINE_END
        self._before = b""
        return b"[" + _LINE_END


Framing = EventFraming | ArrayFraming


class _Gathered:
    """What one candidate says at its end."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.texts: list[str] = []
        self.refused = False
        self.rest = Collector("", 0, "")
        """Of the message: what is not shown as it comes."""
        self.rest.add(Chunk({}, None, index))

    def choice(self) -> Mapping[str, Any]:
        return self.rest.completion()["choices"][0]


class GeminiWriter:
    """AnswerWriter of the Gemini API."""

    over = False

    def __init__(self, framing: Framing, shows_thoughts: bool) -> None:
        self._framing = framing
        self.content_type = framing.content_type
        self._shows_thoughts = shows_thoughts
        self._candidates: dict[int, _Gathered] = {}
        self._usage: Mapping[str, Any] | None = None
        self._relays = False
        self._target = ""
        self._tail = b"}"

    def begin(self, answer: AnswerFacts) -> None:
        self._target = answer.target
        served = dumps({"modelVersion": answer.model, "responseId": answer.own_name})
        self._tail = b"," + served[1:]

    def write(self, chunks: Sequence[Chunk]) -> bytes:
        text = b"".join([self._written(chunk) for chunk in chunks])
        if not text.isascii() and (b"\xe2\x80" in text or b"\xc2\x85" in text):
            text = text if self._relays else escape_line_separators(text)
        return text

    def _written(self, chunk: Chunk) -> bytes:
        kind = chunk.__class__
        if kind is Relayed:
            return self._relayed(chunk)
        if kind is Texts:
            return self._texts(chunk)  # type: ignore[arg-type]
        if chunk.usage is not None:
            self._usage = chunk.usage
        delta = chunk.delta
        if delta is None:
            return b""
        gathered = self._of(chunk.index)
        if delta.keys() == _TEXT_ONLY and chunk.finish_reason is None and chunk.choice is None:
            return self._text(delta["content"] or "", gathered)
        return self._said(chunk, delta, gathered)

    def _relayed(self, chunk: Chunk) -> bytes:
        self._relays = True
        assert chunk.raw is not None
        return self._framing.relayed(chunk.raw)

    def _of(self, index: int) -> _Gathered:
        gathered = self._candidates.get(index)
        if gathered is None:
            gathered = self._candidates[index] = _Gathered(index)
        return gathered

    def _texts(self, texts: Texts) -> bytes:
        gathered = self._of(texts.index)
        gathered.texts.append(texts.delta["content"])  # type: ignore[index, arg-type]
        before = b'{"candidates":[{"content":{"parts":[{"text":"'
        behind = b'"}],"role":"model"},"index":%d}]' % texts.index
        return self._framing.frames(before, texts.written, behind + self._tail)

    def _text(self, text: str, gathered: _Gathered) -> bytes:
        if not text:
            return b""
        gathered.texts.append(text)
        return self._part(b'{"text":%s}' % dumps(text), gathered.index)

    def _said(self, chunk: Chunk, delta: Mapping[str, Any], gathered: _Gathered) -> bytes:
        """The frames of a delta that is more than a text, or ends the choice."""
        shown = b""
        thought, refusal = delta.get("reasoning_content"), delta.get("refusal")
        if thought and self._shows_thoughts:
            shown += self._part(dumps({"text": thought, "thought": True}), gathered.index)
        shown += self._text(delta.get("content") or "", gathered)
        if refusal:
            gathered.refused = True
            shown += self._part(dumps({"text": refusal}), gathered.index)
        for part in image_parts(delta.get("images")):
            shown += self._part(dumps(part), gathered.index)
        rest: Any = {name: value for name, value in delta.items() if name not in _SHOWN}
        if rest or chunk.finish_reason is not None or chunk.choice is not None:
            kept = Chunk(rest, chunk.finish_reason, gathered.index, choice=chunk.choice)
            gathered.rest.add(kept)
        return shown

    def _part(self, part: bytes, index: int) -> bytes:
        before = b'{"candidates":[{"content":{"parts":['
        behind = b'],"role":"model"},"index":%d}]' % index
        return self._framing.frame(before + part + behind + self._tail)

    def end(self) -> bytes:
        if self._relays:
            return self._framing.end()
        written = [self._last(document) for document in self._last_frames()]
        return b"".join(written) + self._framing.end()

    def _last_frames(self) -> Iterable[JsonObject]:
        candidates = [self._candidates[index] for index in sorted(self._candidates)] or [
            _Gathered(0)
        ]
        for gathered in candidates:
            text = "".join(gathered.texts)
            choice = gathered.choice()
            candidate = last_candidate(
                choice, self._target, [], text=text, refused=gathered.refused
            )
            document: JsonObject = {"candidates": [candidate]}
            if gathered is candidates[-1] and self._usage is not None:
                document["usageMetadata"] = usage_metadata(self._usage)
            yield document

    def _last(self, document: JsonObject) -> bytes:
        text = escape_line_separators(dumps(document))
        return self._framing.frame(text[:-1] + self._tail)

    def fail(self, error: CallerError) -> Sequence[bytes]:
        document = dumps({"error": status_of(error)})
        return self._framing.failure(escape_line_separators(document))

    def keep_alive(self) -> bytes:
        return self._framing.keep_alive()
