"""A stream where one JSON answer was asked for, and one JSON answer where a stream was: what
servers and proxies give that know only one of them.
"""

from collections.abc import Callable
from typing import Final

from translators.chat.chunks import Chunk, Collector
from translators.chat.wire import Completion
from translators.dialect import Envelope, StreamTranslator
from translators.errors import UpstreamError

_EVENTS: Final = (b"data:", b"event:", b":", b"\xef\xbb\xbfdata:", b"\xef\xbb\xbfevent:")


def is_stream(body: bytes) -> bool:
    """Whether a body that is no JSON begins as server-sent events do."""
    return body[:1024].lstrip().startswith(_EVENTS)


def is_document(body: bytes) -> bool:
    """Whether what came in a stream's place begins as JSON does."""
    return body[:1024].lstrip().startswith((b"{", b"["))


def whole_or_streamed(
    body: bytes,
    envelope: Envelope,
    parse: Callable[[bytes, Envelope], Completion],
    open_stream: Callable[[Envelope], StreamTranslator],
) -> Completion:
    """What `parse` reads of a whole answer, or what a server says that streams all the same. Raises
    UpstreamError.
    """
    try:
        return parse(body, envelope)
    except UpstreamError:
        if not is_stream(body):
            raise
    return added_up(body, open_stream(envelope), envelope)


def added_up(body: bytes, stream: StreamTranslator, envelope: Envelope) -> Completion:
    """The completion that the events in `body` add up to. Raises UpstreamError."""
    chunks = all_of(body, stream)
    if stream.failure is not None:
        raise UpstreamError(stream.failure)
    collector = Collector(stream.id, envelope.created, stream.model)
    for chunk in chunks:
        collector.add(chunk)
    return collector.completion()


def all_of(body: bytes, stream: StreamTranslator) -> list[Chunk]:
    """The chunks of a whole body; what failed, and whether it ended, is told by `stream`."""
    chunks = stream.receive(body)
    return chunks + stream.receive_eof()
