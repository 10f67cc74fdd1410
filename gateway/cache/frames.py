"""Chunks of an answer as bytes, each behind the one before it."""

from collections.abc import Iterator
from struct import Struct
from typing import Any, Final

from translators.chat.chunks import Chunk, Relayed
from translators.json_codec import dumps, loads
from translators.responses.inbound.relay_events import RelayedEvents, data_of

_HEAD: Final = Struct(">BII")
"""Kind, bytes of JSON, and one more than bytes of what was relayed; 0: nothing was."""


def _of_chunk(chunk: Any) -> Any:
    return [chunk.index, chunk.delta, chunk.finish_reason, chunk.choice, chunk.usage, chunk.top]


def _chunk(told: Any, raw: bytes | None) -> Chunk:
    index, delta, finish_reason, choice, usage, top = told
    return Chunk(delta, finish_reason, index, choice=choice, usage=usage, top=top, raw=raw)


def _of_relayed(chunk: Any) -> Any:
    return [chunk.commits, chunk.finish_reason, chunk.usage]


def _relayed(told: Any, raw: bytes | None) -> Chunk:
    commits, finish_reason, usage = told
    return Relayed(raw or b"", commits=commits, finish_reason=finish_reason, usage=usage)


def _of_events(chunk: Any) -> Any:
    return [*_of_relayed(chunk), chunk.kind, chunk.event is not None, chunk.count]


def _events(told: Any, raw: bytes | None) -> Chunk:
    commits, finish_reason, usage, kind, read, count = told
    return RelayedEvents(
        raw or b"",
        kind=kind,
        event=data_of(raw or b"") if read else None,
        count=count,
        commits=commits,
        finish_reason=finish_reason,
        usage=usage,
    )


_KINDS: Final = ((Chunk, _of_chunk, _chunk), (Relayed, _of_relayed, _relayed),
                 (RelayedEvents, _of_events, _events))  # fmt: skip
_NUMBERS: Final = {kind: number for number, (kind, _, _) in enumerate(_KINDS)}


def framed(chunk: Chunk) -> bytes:
    """One chunk. Raises ValueError for what JSON cannot say, KeyError for a class of its own."""
    number = _NUMBERS[chunk.__class__]
    told, raw = dumps(_KINDS[number][1](chunk)), chunk.raw
    head = _HEAD.pack(number, len(told), 0 if raw is None else len(raw) + 1)
    return b"".join((head, told, raw or b""))


def unframed(data: bytes) -> Iterator[Chunk]:
    """The chunks again."""
    at = 0
    while at < len(data):
        number, told, raw = _HEAD.unpack_from(data, at)
        begins = at + _HEAD.size
        ends = begins + told
        at = ends + max(0, raw - 1)
        yield _KINDS[number][2](loads(data[begins:ends]), data[ends:at] if raw else None)
