"""An answer as it is kept: all that a caller was shown of it, and what was known of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from struct import Struct
from typing import Any, Final, cast

from gateway.cache.frames import unframed
from translators.chat.chunks import Chunk, Collector, RelayedCompletion
from translators.chat.whole_chunks import chunks_of
from translators.chat.wire import Completion
from translators.json_codec import dumps, loads
from translators.notes import Note

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of one answer; a larger one is not kept."""
_LENGTH: Final = Struct(">I")


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedAnswer:
    """Kept as one text: what stands in memory, and in the store."""

    at: float
    """Unix seconds."""
    target: str
    """`provider/model`, as the configuration names it."""
    id: str
    """As its provider calls it."""
    name: str = ""
    """As the gateway does: the decision's id. Empty for an answer that an older version kept."""
    created: int
    model: str
    """As the caller was told."""
    usage: Any
    finish_reason: str | None
    notes: Sequence[Sequence[str]]
    """What the translation did to the request."""
    warnings: Sequence[str]
    relayed: bool
    """It is in its caller's own dialect, and is shown in no other form."""
    streamed: bool
    whole: int = 0
    """Bytes of a completion's JSON, behind which stands what was relayed."""
    body: bytes = field(default=b"", repr=False)

    @property
    def noted(self) -> tuple[Note, ...]:
        return tuple([Note(*cast(Any, note)) for note in self.notes])

    def completion(self) -> Completion:
        """As one document; of a stream all that its chunks say."""
        if not self.streamed:
            found = loads(self.body[: self.whole])
            raw = self.body[self.whole :]
            return cast(Completion, RelayedCompletion(found, raw) if self.relayed else found)
        collector = Collector(self.id, self.created, self.model)
        for chunk in unframed(self.body):
            collector.add(chunk)
        return collector.completion()

    def chunks(self) -> Iterator[Chunk]:
        """As a stream; a whole answer in a few chunks."""
        return unframed(self.body) if self.streamed else chunks_of(self.completion())


_TOLD: Final = tuple([each.name for each in fields(CachedAnswer) if each.name != "body"])


def encoded(answer: CachedAnswer) -> bytes:
    """Raises ValueError for what JSON cannot say."""
    head = dumps({name: getattr(answer, name) for name in _TOLD})
    return b"".join((_LENGTH.pack(len(head)), head, answer.body))


def decoded(text: bytes) -> CachedAnswer:
    """What `encoded` wrote. Raises ValueError, TypeError or struct.error for anything else."""
    (length,) = _LENGTH.unpack_from(text)
    begins = _LENGTH.size
    ends = begins + length
    return CachedAnswer(**loads(text[begins:ends]), body=text[ends:])


def body_of(completion: Completion) -> tuple[bytes, int]:
    """A whole answer, and how many bytes of it are its JSON. Raises ValueError."""
    whole = dumps(completion)
    raw = completion.raw if isinstance(completion, RelayedCompletion) else b""
    return whole + raw, len(whole)
