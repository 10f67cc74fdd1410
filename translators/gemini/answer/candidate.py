"""One choice of an answer while it is read: its deltas, and what is kept of it until its end."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.code_fence import Unfenced
from translators.chat.wire import Delta
from translators.errors import UpstreamError
from translators.failures import malformed
from translators.gemini.answer.function_calls import CallWriter
from translators.gemini.answer.partial_call import PartialCall
from translators.gemini.speech import Sound
from translators.gemini.wire import AnswerCall, AnswerPart
from translators.json_codec import JsonObject
from translators.text_fast_path import Run

MAX_OMITTED: Final = 8
MAX_TYPE: Final = 80
"""Types of media that are told of, and letters of each."""
_SERVER_PARTS: Final = ("toolCall", "toolResponse", "executableCode", "codeExecutionResult")
_SERVER: Final = frozenset(_SERVER_PARTS)


class TextRun:
    """Visible text that belongs to one part, and the part's signature."""

    __slots__ = ("pieces", "signature")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.signature: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class Choice:
    """Reads the parts of one candidate. `reason` is Gemini's own, the last one it gave."""

    def __init__(self, index: int, calls: CallWriter, unfenced: Unfenced | None) -> None:
        self.index = index
        self.reason: str | None = None
        self.finish_message: str | None = None
        self.continuation: str | None = None
        """The token that asks for the following hop."""
        self.grounding: JsonObject | None = None
        self.calls = 0
        self.has_content = False
        self.omitted: Sequence[str] = ()
        """The types of media that came, and that nobody asked for."""
        self.sound: Sound | None = None
        """Where sound was asked for."""
        self.begun = False
        self._writer = calls
        self._unfenced = unfenced
        self._signature: str | None = None
        self._images = 0
        self._pending: PartialCall | None = None
        self._parts: list[TextRun | AnswerPart | None] = []
        """What the model said, in order: texts, calls and parts of server tools as they came, None
        for thoughts and media."""
        self._run: TextRun | None = None
        """The text part that further text continues."""

    def emit(self, chunks: list[Chunk], delta: Delta, **more: Any) -> None:
        """The first delta of a choice names the role, and no content where it has none."""
        if not self.begun:
            self.begun = True
            delta = (
                {"role": "assistant", **delta}
                if "content" in delta
                else {"role": "assistant", "content": None, **delta}
            )
        chunks.append(Chunk(delta, None, self.index, **more))

    def open(self, chunks: list[Chunk]) -> None:
        """Show the choice before it has said anything."""
        if not self.begun:
            self.emit(chunks, {"content": ""})

    def text(self, text: str, chunks: list[Chunk]) -> None:
        """More of the newest text part: the path that nearly every frame of a stream takes."""
        run = self._run
        if run is None:
            run = self._run = TextRun()
            self._parts.append(run)
        run.pieces.append(text)
        if self._unfenced is not None:
            text = self._unfenced.receive(text)
            if not text:
                return
        self.has_content = True
        if self.begun:
            chunks.append(Chunk({"content": text}, None, self.index))
        else:
            self.begun = True
            chunks.append(Chunk({"role": "assistant", "content": text}, None, self.index))

    def texts(self, run: Run, chunks: list[Chunk]) -> None:
        """Texts of several frames, each as `text` takes it."""
        if not self.begun or self._unfenced is not None:
            for text in filter(None, run.texts):
                self.text(text, chunks)
        elif run.text:
            self.has_content = True
            self._begin_run(run.text)
            chunks.append(run.shown(self.index))

    def parts(self, parts: list[Any], chunks: list[Chunk]) -> None:
        """All parts that one frame has for this choice; its adjacent visible texts become one
        delta.
        """
        waiting: list[str] = []
        for part in parts:
            if part.__class__ is not dict:
                continue
            text = part.get("text")
            if text.__class__ is str and part.get("thought") is not True:
                if text:
                    if waiting:
                        self._run = None
                    self._begin_run(text)
                    waiting.append(text)
                self._sign(part.get("thoughtSignature"))
                continue
            self._flush(waiting, chunks)
            self._part(part, chunks)
        self._flush(waiting, chunks)

    def _begin_run(self, text: str) -> None:
        if self._run is None:
            self._run = TextRun()
            self._parts.append(self._run)
        self._run.pieces.append(text)

    def _flush(self, waiting: list[str], chunks: list[Chunk]) -> None:
        text = "".join(waiting)
        waiting.clear()
        if text and self._unfenced is not None:
            text = self._unfenced.receive(text)
        if text:
            self.has_content = True
            self.emit(chunks, {"content": text})

    def _sign(self, signature: Any) -> None:
        """A signature on text, on empty text or on nothing: the message's own. It ends the text it
        stands on.
        """
        if signature.__class__ is not str or not signature:
            return
        self._signature = signature
        last = self._parts[-1] if self._parts else None
        if isinstance(last, TextRun):
            last.signature = signature
        self._run = None

    def _part(self, part: AnswerPart, chunks: list[Chunk]) -> None:
        for name, read in _READERS.items():
            if name in part:
                read(self, part, chunks)
                return
        self._sign(part.get("thoughtSignature"))

    def _thought(self, part: AnswerPart, chunks: list[Chunk]) -> None:
        self._run = None
        self._parts.append(None)
        text = part["text"]
        if text and text.__class__ is str:
            self.emit(chunks, {"reasoning_content": text})
        self._sign(part.get("thoughtSignature"))

    def _server_part(self, part: AnswerPart, chunks: list[Chunk]) -> None:
        self._run = None
        self._parts.append(part)

    def _media(self, part: AnswerPart, chunks: list[Chunk]) -> None:
        """Pictures are shown, sound to those who asked for it; drafts of the model's thinking are
        not.
        """
        self._run = None
        self._parts.append(None)
        media = part["inlineData"] if part["inlineData"].__class__ is dict else {}
        mime = str(media.get("mimeType") or "")
        if part.get("thought") is True:
            return
        if not mime.startswith("image/"):
            self._other_media(mime, media.get("data"), chunks)
            return
        self.has_content = True
        url = f"data:{mime};base64,{media.get('data') or ''}"
        self.emit(
            chunks,
            {"images": [{"type": "image_url", "image_url": {"url": url}, "index": self._images}]},
        )
        self._images += 1
        self._sign(part.get("thoughtSignature"))

    def _other_media(self, mime: str, data: Any, chunks: list[Chunk]) -> None:
        kind = mime.partition(";")[0][:MAX_TYPE] or "application/octet-stream"
        if self.sound is None or not kind.startswith("audio/") or data.__class__ is not str:
            if kind not in self.omitted and len(self.omitted) < MAX_OMITTED:
                self.omitted = [*self.omitted, kind]
            return
        self.has_content = True
        if (delta := self.sound.receive(mime, data)) is not None:
            self.emit(chunks, delta)

    def _function_call(self, part: AnswerPart, chunks: list[Chunk]) -> None:
        self._run = None
        call = part["functionCall"]
        if call.__class__ is not dict:
            return
        if call.get("name"):
            self.close_call(chunks)
        pending = self._pending
        if pending is None and (call.get("willContinue") or call.get("partialArgs")):
            pending = self._pending = PartialCall(call)
        if pending is None:
            if call.get("name"):
                self._whole_call(call, part.get("thoughtSignature"), chunks)
            return
        if part.get("thoughtSignature"):
            pending.signature = part["thoughtSignature"]
        try:
            pending.add(call)
        except ValueError as error:
            raise UpstreamError(
                malformed(f"The provider sent a function call that cannot be put together: {error}")
            ) from None
        if not call.get("willContinue"):
            self.close_call(chunks)

    def close_call(self, chunks: list[Chunk]) -> None:
        """Emit the call that came in pieces, if one is still open."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._whole_call(pending.raw, pending.signature, chunks)

    def _whole_call(self, call: AnswerCall, signature: Any, chunks: list[Chunk]) -> None:
        if self.calls and self._writer.only_first:
            return
        self._parts.append(
            {"functionCall": call, **({"thoughtSignature": signature} if signature else {})}
        )
        self.emit(chunks, self._writer.delta(call, signature, self.calls))
        self.calls += 1

    def end_text(self, chunks: list[Chunk]) -> None:
        """Give what was held back: it might have been the end of a code fence, or sound before its
        header was known.
        """
        if self.sound is not None:
            for delta in self.sound.finish():
                self.emit(chunks, delta)
        if self._unfenced is not None and (text := self._unfenced.finish()):
            self._unfenced = None
            self.has_content = True
            self.emit(chunks, {"content": text})

    def visible(self) -> list[str | None]:
        """The parts as grounding counts them."""
        return [part.text if isinstance(part, TextRun) else None for part in self._parts]

    def opaque(self) -> JsonObject | None:
        """`extra_content` of the message: its signature, and the turn as it was where no other
        field could tell it.
        """
        google: JsonObject = {}
        if self._signature is not None:
            google["thought_signature"] = self._signature
        if self._needs_parts():
            google["parts"] = [_replayable(part) for part in self._parts if part is not None]
        return {"google": google} if google else None

    def _needs_parts(self) -> bool:
        """A message says text first, then calls, and has one signature on its last text: anything
        else must be kept as it was.
        """
        called = False
        signed = False
        for part in self._parts:
            if isinstance(part, TextRun):
                if called or signed:
                    return True
                signed = part.signature is not None
            elif part is not None:
                if not _SERVER.isdisjoint(part):
                    return True
                called = True
        return False


def _replayable(part: TextRun | AnswerPart) -> AnswerPart:
    if isinstance(part, TextRun):
        return {
            "text": part.text,
            **({"thoughtSignature": part.signature} if part.signature else {}),
        }
    return part


_READERS: Final[dict[str, Callable[[Choice, AnswerPart, list[Chunk]], None]]] = {
    "functionCall": Choice._function_call,
    "text": Choice._thought,
    "inlineData": Choice._media,
    **dict.fromkeys(_SERVER_PARTS, Choice._server_part),
}
