"""What the rooms of one request's translation share."""

from dataclasses import dataclass, field

from translators.capabilities import ModelRecord
from translators.dialect import Target
from translators.notes import Note, NoteKind, Report


@dataclass(slots=True)
class Translation:
    """The target's facts and the report. Nobody changes them; it is not frozen because that costs
    half a microsecond a request.
    """

    target: Target
    report: Report
    _told: set[Note] = field(default_factory=set)

    @property
    def record(self) -> ModelRecord:
        return self.target.record

    def once(self, kind: NoteKind, param: str, why: str) -> None:
        """Note what may happen in every message, but is worth telling once."""
        note = Note(kind, param, why)
        if note not in self._told:
            self._told.add(note)
            self.report.notes.append(note)

    def forget(self, count: int) -> None:
        """Take back all notes but the first `count`."""
        del self.report.notes[count:]
        self._told = set(self.report.notes)
