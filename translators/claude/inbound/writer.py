"""The events of a streamed answer as bytes."""

from collections.abc import Sequence
from typing import Any, Final

from translators.chat.chunks import Chunk, Relayed, Texts, escape_line_separators, strings
from translators.claude.inbound.answer_context import AnswerContext
from translators.claude.inbound.errors import error_document
from translators.claude.inbound.events import AnswerEvents, Events
from translators.dialect.inbound import AnswerFacts, CallerError
from translators.json_codec import dumps

PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'
EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
_TEXT_HEAD: Final = (
    b"event: content_block_delta\ndata:"
    b' {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":"'
)
_TEXT_TAIL: Final = b'"}}\n\n'


class MessagesWriter:
    """Writes one answer: a relayed one as it came, any other from the hub's chunks."""

    __slots__ = ("_events", "_failed", "_relays", "_request_id")

    content_type = EVENT_STREAM

    def __init__(self, context: AnswerContext, request_id: str) -> None:
        self._events = AnswerEvents(context)
        self._request_id = request_id
        self._relays = False
        self._failed = False

    @property
    def over(self) -> bool:
        return self._events.over

    def begin(self, answer: AnswerFacts) -> None:
        self._events.begin(answer)

    def write(self, chunks: Sequence[Chunk]) -> bytes:
        """The events for what one read gave."""
        written: list[bytes] = []
        for chunk in chunks:
            if isinstance(chunk, Relayed):
                self._relays = True
                self._failed |= chunk.failed
                written.append(chunk.raw or b"")
            elif self._events.block == "text" and _is_text(chunk) and self._events.stop is None:
                written.append(self._text(chunk))
            elif chunk.__class__ is Texts:
                for text in strings(chunk.written):
                    if chunk.index == 0 and text and not self._events.over:
                        self._events.text(text)
                written.append(write_events(self._events.take()))
            else:
                self._events.receive(chunk)
                written.append(write_events(self._events.take()))
        data = b"".join(written)
        return data if self._relays else escaped(data)

    def _text(self, chunk: Any) -> bytes:
        """Pieces of the text block that is open: nearly all chunks are such."""
        events = self._events
        text: str = chunk.delta["content"]
        events.said += len(text)
        head = _TEXT_HEAD % events.index
        if chunk.__class__ is Texts:
            between = _TEXT_TAIL + head
            return head + between.join(chunk.written) + _TEXT_TAIL
        return head + dumps(text)[1:-1] + _TEXT_TAIL

    def end(self) -> bytes:
        if self._relays:
            return b""
        self._events.end()
        return escaped(write_events(self._events.take()))

    def fail(self, error: CallerError) -> Sequence[bytes]:
        """The error as the last event; a provider's own has been relayed already."""
        if self._failed:
            return ()
        if not self._relays:
            self._events.break_off()
        before = escaped(write_events(self._events.take()))
        document = dumps(error_document(error, self._request_id))
        return (before + b"event: error\ndata: " + document + b"\n\n",)

    def keep_alive(self) -> bytes:
        return PING


def _is_text(chunk: Chunk) -> bool:
    """Whether a chunk says nothing but a piece of the first choice's text."""
    delta = chunk.delta
    if delta is None or chunk.index != 0 or chunk.finish_reason is not None:
        return False
    return len(delta) == 1 and bool(delta.get("content")) and chunk.usage is None


def write_events(events: Events) -> bytes:
    """Named server-sent events."""
    return b"".join(
        [b"event: %s\ndata: %s\n\n" % (event["type"].encode(), dumps(event)) for event in events]
    )


def escaped(text: bytes) -> bytes:
    """Without characters at which clients split lines though they stand inside of strings."""
    if not text.isascii() and (b"\xe2\x80" in text or b"\xc2\x85" in text):
        return escape_line_separators(text)
    return text
