"""What a translation did to a request, and what a dialect does with each thing that a request can
hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a dialect does with one thing a chat request can hold, in general; what one model makes
    of it is in its ModelRecord.
    """

    kind: Literal["mapped", "emulated", "relayed", "ignored", "dropped", "rejected", "depends"]
    """ignored: a no-op for this provider (nothing is lost). depends: on the value or on the model,
    see `how`."""
    how: str
    """One sentence for the parameter matrix: where it goes, or why not."""


NoteKind = Literal["dropped", "changed", "emulated", "repaired"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing a translation did to the request. `param` is a parameter's name or path, `why` one
    sentence.

    dropped: not sent, its effect is lost. changed: sent with another value. emulated: the effect is
    produced another way. repaired: the history broke a rule of the provider and was mended without
    loss.
    """

    kind: NoteKind
    param: str
    why: str


class Report:
    """Collects the notes of one translation, in the order they were made."""

    __slots__ = ("notes",)

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def dropped(self, param: str, why: str) -> None:
        self.notes.append(Note("dropped", param, why))

    def changed(self, param: str, why: str) -> None:
        self.notes.append(Note("changed", param, why))

    def emulated(self, param: str, why: str) -> None:
        self.notes.append(Note("emulated", param, why))

    def repaired(self, param: str, why: str) -> None:
        self.notes.append(Note("repaired", param, why))


def losses(notes: Iterable[Note]) -> list[Note]:
    """The notes that strict mode refuses: what the caller asked for and will not get as asked."""
    return [note for note in notes if note.kind in ("dropped", "changed")]
