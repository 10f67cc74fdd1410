"""Messages between instances, written and read: JSON of at most 7,000 characters.

Whatever another instance says, or somebody who can write into the store, is checked word by word;
what is of another version or not understood is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

from gateway.health.news import Kind
from gateway.store.shared import MOST_TEXT
from translators.json_codec import dumps, loads

VERSION: Final = 1
_KINDS: Final = frozenset({"limited", "refused", "open", "closed"})
_COUNTING: Final = "failing"
_MOST_CALLS: Final = 10_000
_LONGEST: Final = 256
_ROOM: Final = 1_000
"""Characters of a message for what is around its facts."""


class Message(NamedTuple):
    """A fact as it is told."""

    kind: Kind
    provider: str
    target: str
    """provider/model; empty of a key at all targets."""
    of: str
    """A digest of whose key it is, or, of a target, of where it is."""
    until: float
    """Unix seconds by the store's clock."""
    reason: str
    calls: int = 0
    failures: int = 0
    """Only of `failing`, which alone is written with them: programs that do not know it expect
    none.
    """

    @property
    def document(self) -> tuple[Any, ...]:
        """As it is written."""
        return self if self.kind == _COUNTING else self[:_PLAIN]


_PLAIN: Final = len(Message._fields) - 2


class Telling(NamedTuple):
    """What is told at once."""

    facts: list[Message]
    deleted: list[str]
    """Sealed names of stored responses that were deleted."""


def written(facts: Sequence[Message], deleted: Sequence[str]) -> Iterator[tuple[str, Telling]]:
    """Texts that each fit, with what is in them."""
    told, size = Telling([], []), 0
    for fact in facts:
        length = len(dumps(fact.document))
        if size and size + length > MOST_TEXT - _ROOM:
            yield _text(told), told
            told, size = Telling([], []), 0
        told.facts.append(fact)
        size += length
    for name in deleted:
        if size and size + len(name) > MOST_TEXT - _ROOM:
            yield _text(told), told
            told, size = Telling([], []), 0
        told.deleted.append(name)
        size += len(name)
    if size:
        yield _text(told), told


def _text(told: Telling) -> str:
    facts = [fact.document for fact in told.facts]
    return dumps({"v": VERSION, "facts": facts, "deleted": told.deleted}).decode()


def read(text: str) -> tuple[Telling, int]:
    """What a text says, and how much of it is not understood."""
    try:
        document = loads(text)
    except ValueError:
        return Telling([], []), 1
    if document.__class__ is not dict or document.get("v") != VERSION:
        return Telling([], []), 1
    facts, deleted = _list(document, "facts"), _list(document, "deleted")
    understood = [message for fact in facts if (message := _message(fact)) is not None]
    names = [name for name in deleted if name.__class__ is str]
    wrong = len(facts) - len(understood) + len(deleted) - len(names)
    return Telling(understood, names), wrong


def _list(document: dict[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    return found if found.__class__ is list else []


def _message(fact: Any) -> Message | None:
    if fact.__class__ is not list or len(fact) < _PLAIN:
        return None
    kind, provider, target, of, until, reason, *counts = fact
    words = (kind, provider, target, of, reason)
    if any(word.__class__ is not str or len(word) > _LONGEST for word in words):
        return None
    if until.__class__ not in (int, float):
        return None
    if not (_counts(counts) if kind == _COUNTING else kind in _KINDS and not counts):
        return None
    if not reason.replace("_", "").isalnum():
        return None
    return Message(cast(Kind, kind), provider, target, of, float(until), reason, *counts)


def _counts(counts: list[Any]) -> bool:
    """Whether these are calls, and how many of them failed."""
    if len(counts) != 2 or any(count.__class__ is not int for count in counts):
        return False
    calls, failures = counts
    return bool(0 <= failures <= calls <= _MOST_CALLS)
