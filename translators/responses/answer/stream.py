"""A streamed response as chunks: deltas are shown as they come, what a server only told at the end
is made up for there.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from translators.chat.chunks import Chunk, private
from translators.chat.wire import Usage
from translators.dialect import Envelope
from translators.errors import FailureKind, UpstreamFailure
from translators.failures import malformed, truncated
from translators.json_access import object_at
from translators.long_json import loads_answer
from translators.responses.answer.deltas import Shown
from translators.responses.answer.errors import told_failure
from translators.responses.answer.message import trailer
from translators.responses.answer.output_items import Places
from translators.responses.answer.response_fields import (
    answer_id,
    answer_model,
    beside,
    failure_of,
    finish_reason,
    native_reason,
    output_of,
)
from translators.responses.answer.usage import usage
from translators.responses.items import FORMAT, is_call
from translators.responses.wire import Item, StreamEvent
from translators.sse import Decoder, Event, EventTooLarge


class ResponsesStream:
    """StreamTranslator of the Responses dialect."""

    pause: Final = None

    def __init__(self, envelope: Envelope) -> None:
        self.id = envelope.id
        self.model = envelope.model
        self.failure: UpstreamFailure | None = None
        self.finished = False
        self._envelope = envelope
        self._decoder = Decoder()
        self._began = False
        """At least one event was read."""
        self._shown = Shown(envelope)
        self._places = Places()
        self._moved = self._places.moved
        self._items: dict[int, Item] = {}
        """Items that are complete, by their places."""
        self.usage_so_far: Usage | None = None

    @property
    def ended(self) -> bool:
        return self.finished

    def more_text(self, data: bytes) -> list[Chunk] | None:
        return None

    def receive(self, data: bytes) -> list[Chunk]:
        if self.finished or self.failure is not None:
            return []
        return self._read(self._decoder.receive, data)

    def receive_eof(self) -> list[Chunk]:
        if self.finished or self.failure is not None:
            return []
        chunks = self._read(self._decoder.receive_eof)
        if self.finished:
            return chunks
        if self.failure is not None:
            if self.failure.kind is FailureKind.MALFORMED:  # the event that was cut in two
                self.failure = truncated()
        elif self._decoder.stray:
            self._read_document(self._decoder.stray, chunks)
        else:
            self.failure = truncated()
        return chunks

    def _read(self, decode: Callable[..., list[Event]], *data: bytes) -> list[Chunk]:
        chunks: list[Chunk] = []
        try:
            events = decode(*data)
        except EventTooLarge as error:
            self.failure = malformed(str(error))
            return chunks
        for name, text in events:
            self._event(name, text, chunks)
            if self.finished or self.failure is not None:
                break
        return chunks

    def _event(self, name: bytes, text: bytes, chunks: list[Chunk]) -> None:
        try:
            event = loads_answer(text)
        except ValueError as error:
            if text.strip() not in (b"", b"[DONE]"):
                self.failure = malformed(f"The provider sent an event that is not JSON: {error}")
            return
        if event.__class__ is not dict:
            self.failure = malformed("The provider sent an event that is not an object.")
            return
        self._began = True
        kind = event.get("type")
        if kind is None:
            kind = "error" if "error" in event else name.decode("utf-8", "replace")
        if kind.__class__ is not str:
            return
        if (delta := _DELTAS.get(kind)) is not None:
            self._delta(delta, event, chunks)
        elif (handle := _EVENTS.get(kind)) is not None:
            handle(self, event, chunks)

    def _delta(self, delta: "_Delta", event: StreamEvent, chunks: list[Chunk]) -> None:
        text = event.get(delta.text)
        if text.__class__ is not str:
            return
        place = event.get("output_index")
        if place.__class__ is not int:
            place = 0
        if self._moved:
            place = self._places.of(event, place)
        part = event.get(delta.part)
        key = (place, delta.kind, part if part.__class__ is int else 0)
        if delta.whole:
            self._shown.complete(key, text, event.get("logprobs"), chunks)
        else:
            self._shown.say(key, text, event.get("logprobs"), chunks)

    def _name(self, event: StreamEvent, chunks: list[Chunk]) -> None:
        response = object_at(event, "response")
        self.id = answer_id(response, self.id)
        self.model = answer_model(response, self.model)
        if response.get("usage").__class__ is dict:
            self.usage_so_far = usage(response["usage"])

    def _item_added(self, event: StreamEvent, chunks: list[Chunk]) -> None:
        item = object_at(event, "item")
        place = self._places.begun(event, item, self._items)
        if is_call(item):
            self._shown.begin_call(place, item, chunks)

    def _item_done(self, event: StreamEvent, chunks: list[Chunk]) -> None:
        item = object_at(event, "item")
        self._finish_item(self._places.done(event, item, self._items), item, chunks)

    def _finish_item(self, place: int, item: Item, chunks: list[Chunk]) -> None:
        if place not in self._items:
            self._items[place] = item
            self._shown.complete_item(place, item, chunks)
            if item.get("type") == "reasoning":
                chunks.append(private({"signed_reasoning": {"format": FORMAT, "data": [item]}}))

    def _error(self, event: StreamEvent, chunks: list[Chunk]) -> None:
        self.failure = told_failure(event)

    def _done(self, event: StreamEvent, chunks: list[Chunk]) -> None:
        """Some servers' end mark; it ends the answer only if the response in it says how it
        ended."""
        if object_at(event, "response").get("status") in _ENDED:
            self._end(event, chunks)

    def _end(self, event: StreamEvent, chunks: list[Chunk]) -> None:
        """The tail: what was never streamed, the trailer, the finish reason, the usage."""
        self._name(event, chunks)
        response = {
            "status": str(event.get("type")).rpartition(".")[2],
            **object_at(event, "response"),
        }
        self.failure = failure_of(response)
        if self.failure is not None:
            return
        output = output_of(response)
        places = self._places.matched(output, self._shown.said)
        for place, item in zip(places, output, strict=True):
            self._finish_item(place, item, chunks)
        self._shown.open(chunks, "")
        if places != [*self._items]:  # else they came in the order that they stand in
            places = (
                [*dict.fromkeys(places)]
                if self._items.keys() <= set(places)
                else sorted(self._items)
            )
        items = [self._items[place] for place in places]
        if more := trailer(items, self._envelope):
            chunks.append(Chunk(more))
        native = native_reason(response)
        chunks.append(
            Chunk(
                {},
                finish_reason(
                    response, self._shown.calls > 0, self._envelope.shape.legacy_functions
                ),
                choice=None if native is None else {"native_finish_reason": native},
                top=beside(response) or None,
            )
        )
        if self.usage_so_far is not None:
            chunks.append(Chunk(usage=self.usage_so_far))
        self.finished = True

    def _read_document(self, text: bytes, chunks: list[Chunk]) -> None:
        """The provider answered with one JSON document where a stream was asked for, or ended a
        stream with one.
        """
        try:
            document = loads_answer(text)
        except ValueError:
            document = None
        if document.__class__ is dict and document.get("object") == "response":
            self._end({"type": "response.completed", "response": document}, chunks)
        elif document.__class__ is dict and "error" in document:
            self.failure = told_failure(document)
        elif self._began:
            self.failure = truncated()
        else:
            self.failure = malformed(
                "The provider answered with something that is neither a stream nor a response."
            )


class _Delta(NamedTuple):
    """An event that carries text: whose text it is, the field that numbers the part, the field that
    holds it, whether all of it.
    """

    kind: str
    part: str
    text: str
    whole: bool


_DELTAS: Final[dict[str, _Delta]] = {
    "response.output_text.delta": _Delta("text", "content_index", "delta", False),
    "response.output_text.done": _Delta("text", "content_index", "text", True),
    "response.refusal.delta": _Delta("refusal", "content_index", "delta", False),
    "response.refusal.done": _Delta("refusal", "content_index", "refusal", True),
    "response.reasoning_summary_text.delta": _Delta("summary", "summary_index", "delta", False),
    "response.reasoning_summary_text.done": _Delta("summary", "summary_index", "text", True),
    "response.reasoning_text.delta": _Delta("thought", "content_index", "delta", False),
    "response.reasoning_text.done": _Delta("thought", "content_index", "text", True),
    "response.function_call_arguments.delta": _Delta("call", "", "delta", False),
    "response.function_call_arguments.done": _Delta("call", "", "arguments", True),
    "response.custom_tool_call_input.delta": _Delta("call", "", "delta", False),
    "response.custom_tool_call_input.done": _Delta("call", "", "input", True),
}

_ENDED: Final = ("completed", "incomplete", "failed", "cancelled")

_EVENTS: Final[dict[str, Callable[[ResponsesStream, StreamEvent, list[Chunk]], None]]] = {
    "response.created": ResponsesStream._name,
    "response.in_progress": ResponsesStream._name,
    "response.output_item.added": ResponsesStream._item_added,
    "response.output_item.done": ResponsesStream._item_done,
    "response.completed": ResponsesStream._end,
    "response.incomplete": ResponsesStream._end,
    "response.failed": ResponsesStream._end,
    "response.done": ResponsesStream._done,
    "error": ResponsesStream._error,
}
"""Everything else says nothing that the hub could: parts beginning, the server's own tools at work,
what is not known yet."""
