"""A stream of a server that speaks the hub's language: each chunk is looked at once and relayed as the bytes it came in.

A chunk is written anew only where it would break the hub's promises: a repeated role, a tool call without its index or id,
an unknown finish reason, several choices in one chunk.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.tool_names import declared_name
from translators.dialect import Envelope
from translators.errors import UpstreamFailure, malformed, truncated
from translators.jsontext import dumps, loads
from translators.openai.errors import failure
from translators.openai.response import is_known, well_formed, write_out
from translators.sse import EventTooLarge
from translators.text_events import Run, TextReader

_CONTENT: Final = re.compile(rb'"content": ?"')


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
        self._roles: set[int] = set()
        self._reasons: dict[int, str | None] = {}
        self._calls: dict[int, dict[Any, int]] = {}
        self._usage: Chunk | None = None
        """The last count so far, shown at the end: some servers send a running one with every chunk."""

    @property
    def ended(self) -> bool:
        return bool(self._reasons) and None not in self._reasons.values()

    @property
    def usage_so_far(self) -> dict[str, Any] | None:
        return None if self._usage is None else self._usage.usage

    def receive(self, data: bytes) -> list[Chunk]:
        return self._read(self._reader.receive, data, self._event, self._texts)

    def receive_eof(self) -> list[Chunk]:
        if self._over:
            return []
        chunks = self._read(self._reader.receive_eof, self._event)
        if self._over:
            return chunks
        stray = self._reader.decoder.stray
        if stray and not self.ended:
            self._read_document(stray, chunks)
        elif self.ended:  # a finish reason is proof enough: some compatible servers never send [DONE]
            self._finish(chunks)
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

    def _texts(self, run: Run) -> None:
        """Chunks that are like one before them but for their text."""
        self._chunks.append(run.relayed(run.known))

    def _event(self, _: bytes, text: bytes) -> bool:
        self._parsed(text, self._chunks)
        return not self._over

    def _parsed(self, text: bytes, chunks: list[Chunk]) -> None:
        if text == b"[DONE]":
            if self.ended:
                self._finish(chunks)
            else:
                self.failure = truncated("The provider ended the stream without a finish reason.")
            return
        if not text.strip():
            return
        try:
            chunk = loads(text)
        except ValueError as error:
            self.failure = malformed(f"The provider sent an event that is not JSON: {error}")
            return
        if chunk.__class__ is not dict:
            self.failure = malformed("The provider sent an event that is not an object.")
        elif chunk.get("error") or chunk.get("object") == "error":
            self.failure = failure(chunk, 200, {})
        else:
            self._chunk(chunk, text, chunks)

    def _finish(self, chunks: list[Chunk]) -> None:
        self.finished = True
        if self._usage is not None:
            chunks.append(self._usage)

    def _chunk(self, chunk: dict[str, Any], text: bytes, chunks: list[Chunk]) -> None:
        if not self._named:
            self._named = True
            self.id = chunk.get("id") or self.id
            self.model = chunk.get("model") or self.model
        choices = chunk.get("choices")
        usage = chunk.get("usage")
        if (choices and not well_formed(choices, "delta")) or (usage is not None and usage.__class__ is not dict):
            self.failure = malformed("The provider sent a chunk that is not in OpenAI's form.")
            return
        if not choices:
            relayed = Chunk(usage=usage, raw=text.replace(b"\n", b" "))
            if usage is None:
                chunks.append(relayed)
            else:
                self._usage = relayed
            return
        relayable = len(choices) == 1 and usage is None
        for choice in choices:
            delta = choice.get("delta")
            if delta is None:
                delta = {}
                relayable = False
            index = choice.get("index") or 0
            reason = choice.get("finish_reason")
            relayable &= self._keeps_promises(index, delta, reason)
            if reason is not None and not is_known(reason):
                choice["native_finish_reason"] = reason
                reason = "tool_calls" if self._calls.get(index) else "stop"
            if relayable:
                chunks.append(Chunk(delta, reason, index, raw=text.replace(b"\n", b" ")))
                if reason is None and len(delta) == 1 and (content := delta.get("content")).__class__ is str:
                    self._reader.plain = content, index
            else:
                chunks.append(_rewritten(chunk, choice, delta, reason, index))
        if usage is not None:
            self._usage = Chunk(usage=usage)

    def _keeps_promises(self, index: int, delta: dict[str, Any], reason: str | None) -> bool:
        """Note what the chunk says of its choice; False if it has to be written anew (`delta` is then mended)."""
        kept = True
        if "role" in delta:
            if index in self._roles:
                del delta["role"]
                kept = False
            self._roles.add(index)
        elif index not in self._roles:
            self._roles.add(index)
            delta["role"] = "assistant"
            kept = False
        if "function_call" in delta:
            kept &= not write_out(delta)
        if delta.get("tool_calls"):
            kept &= self._number_calls(index, delta["tool_calls"])
        if reason is None:
            self._reasons.setdefault(index, None)
            return kept
        self._reasons[index] = reason
        return kept and is_known(reason)

    def _number_calls(self, choice: int, calls: list[dict[str, Any]]) -> bool:
        """Give each call a dense index from 0; a server may leave it out, start at 1, or leave gaps."""
        kept = True
        numbers = self._calls.setdefault(choice, {})
        for call in calls:
            key = call.get("index")
            if key is None:
                key = call.get("id") or (next(reversed(numbers)) if numbers else 0)
            new = key not in numbers
            number = numbers.setdefault(key, len(numbers))
            if call.get("index") != number:
                call["index"] = number
                kept = False
            kept &= not write_out(call)
            if new:
                kept &= self._mend_first(call, number)
        return kept

    def _mend_first(self, call: dict[str, Any], number: int) -> bool:
        kept = True
        if not call.get("id"):
            call["id"] = f"{self._envelope.call_id}_{number}"
            kept = False
        function = call.get("function")
        if isinstance(function, dict):
            name = function.get("name") or ""
            function["name"] = declared_name(name, self._envelope.shape.declared_tools)
            kept &= function["name"] == name
        return kept

    def _read_document(self, text: bytes, chunks: list[Chunk]) -> None:
        """The server answered a stream request with one JSON document."""
        try:
            document = loads(text)
        except ValueError:
            self.failure = malformed("The provider answered with something that is neither a stream nor JSON.")
            return
        if isinstance(document, dict) and document.get("choices") and well_formed(document["choices"], "message"):
            for choice in document["choices"]:
                choice["delta"] = choice.pop("message", None) or {}
            document["object"] = "chat.completion.chunk"
            self._chunk(document, dumps(document), chunks)
            if self.failure is None and self.ended:
                self._finish(chunks)
        else:
            self.failure = failure(document, 200, {})


def _rewritten(chunk: dict[str, Any], choice: dict[str, Any], delta: dict[str, Any], reason: str | None, index: int) -> Chunk:
    top = {k: v for k, v in chunk.items() if k not in ("id", "object", "created", "model", "choices", "usage")}
    rest = {k: v for k, v in choice.items() if k not in ("index", "delta", "message", "finish_reason")}
    return Chunk(delta, reason, index, choice=rest or None, top=top or None)
