"""A provider's stream of this API, read only as far as failover and accounting need it."""

from typing import Final

from translators.chat.chunks import Chunk
from translators.chat.wire import Usage
from translators.dialect import Envelope
from translators.dialect.streamed_answer import all_of, is_document
from translators.errors import UpstreamFailure
from translators.failures import malformed, truncated
from translators.json_codec import JsonObject
from translators.responses.answer.errors import told_failure
from translators.responses.answer.response_fields import failure_of, finish_reason
from translators.responses.answer.stream import ResponsesStream
from translators.responses.answer.usage import usage
from translators.responses.inbound.relay_events import (
    BEGINNING,
    LIFECYCLE,
    RelayedEvents,
    data_of,
    end_of_event,
    is_comment,
    kind_of,
    output_run,
)
from translators.responses.items import is_call
from translators.sse import MAX_EVENT_BYTES, Held, is_stray


class RelayStream:
    """StreamTranslator: its chunks are RelayedEvents."""

    pause: Final = None

    def __init__(self, envelope: Envelope) -> None:
        self.id = envelope.id
        self.model = envelope.model
        self.failure: UpstreamFailure | None = None
        self.finished = False
        self.usage_so_far: Usage | None = None
        self._held = Held()
        self._envelope = envelope
        self._begun = False
        """An event was read."""

    @property
    def ended(self) -> bool:
        return self.finished

    def more_text(self, data: bytes) -> list[Chunk] | None:
        run = None if self._held.size else output_run(data, 0)
        over = self.finished or self.failure is not None
        if run is None or run.end() < len(data) or over or data.find(b"\r") >= 0:
            return None
        return [RelayedEvents(data, count=None, commits=True)]

    def receive(self, data: bytes) -> list[Chunk]:
        """Whole events; the beginning of the next is held back."""
        if self.finished or self.failure is not None:
            return []
        text = self._held.with_(data)
        if text is None:
            return []
        chunks: list[Chunk] = []
        at, seen, plain = 0, self._held.seen, text.find(b"\r") < 0
        while not self.finished and self.failure is None:
            if plain and at >= seen and (run := output_run(text, at)) is not None:
                at = run.end()
                chunks.append(RelayedEvents(run[0], count=None, commits=True))
            end = end_of_event(text, max(at, seen), plain)
            if end < 0:
                break
            chunks += self._read([text[at:end]])
            at = end
        self._held.keep(text[at:])
        if self._held.size > MAX_EVENT_BYTES:
            self.failure = malformed("The provider sent an event that is too long.")
        return chunks

    def receive_eof(self) -> list[Chunk]:
        """The last event may lack its blank line."""
        if self.finished or self.failure is not None:
            return []
        last = self._held.end()
        if not self._begun and is_document(last):
            return self._whole(last)
        chunks = self._read([last + b"\n\n"]) if last.strip() else []
        if not self.finished and self.failure is None:
            self.failure = truncated()
        return chunks

    def _whole(self, body: bytes) -> list[Chunk]:
        """The hub's chunks of what a host that does not stream has answered."""
        stream = ResponsesStream(self._envelope)
        chunks = all_of(body, stream)
        self.failure, self.finished = stream.failure, stream.finished
        self.usage_so_far = stream.usage_so_far
        return chunks

    def _read(self, events: list[bytes]) -> list[Chunk]:
        self._begun = True
        chunks: list[Chunk] = []
        plain: list[bytes] = []
        for event in events:
            kind = kind_of(event)
            if kind not in LIFECYCLE:
                plain.append(event)
                continue
            self._flush(plain, chunks)
            if self.failure is not None:
                return chunks
            self._lifecycle(kind.decode(), event, chunks)
            if self.finished or self.failure is not None:
                return chunks
        self._flush(plain, chunks)
        return chunks

    def _lifecycle(self, kind: str, raw: bytes, chunks: list[Chunk]) -> None:
        event = data_of(raw)
        if event is None:
            self.failure = malformed("The provider sent an event that is not JSON.")
            return
        if kind == "error":
            self.failure = told_failure(event)
            chunks.append(RelayedEvents(raw, kind=kind, event=event, failed=True))
            return
        found = event.get("response")
        response: JsonObject = found if found.__class__ is dict else {}
        self._name(response)
        if kind in BEGINNING:
            chunks.append(RelayedEvents(raw, kind=kind, event=event))
            return
        if kind == "response.done":
            kind = f"response.{response.get('status') or 'completed'}"
        self._end(kind, raw, event, response, chunks)

    def _end(
        self, kind: str, raw: bytes, event: JsonObject, response: JsonObject, chunks: list[Chunk]
    ) -> None:
        told = {"status": kind.rpartition(".")[2], **response}
        self.failure = failure_of(told)
        if self.failure is not None:
            chunks.append(RelayedEvents(raw, kind=kind, event=event, failed=True))
            return
        output = response.get("output")
        items = output if output.__class__ is list else []
        calls = any(item.__class__ is dict and is_call(item) for item in items)
        reason = finish_reason(told, calls, False)
        chunks.append(
            RelayedEvents(
                raw, kind=kind, event=event, finish_reason=reason, usage=self.usage_so_far
            )
        )
        self.finished = True

    def _flush(self, plain: list[bytes], chunks: list[Chunk]) -> None:
        """Events that are only shown, as one chunk; comments alone are nobody's answer."""
        if not plain:
            return
        said = [event for event in plain if not is_comment(event)]
        if len(said) < len(plain) and any(is_stray(event) for event in plain):
            self.failure = malformed("The provider sent something that is no event.")
        else:
            chunks.append(RelayedEvents(b"".join(plain), count=len(said), commits=bool(said)))
        plain.clear()

    def _name(self, response: JsonObject) -> None:
        if response.get("id").__class__ is str:
            self.id = response["id"]
        if response.get("model").__class__ is str:
            self.model = response["model"]
        if response.get("usage").__class__ is dict:
            self.usage_so_far = usage(response["usage"])
