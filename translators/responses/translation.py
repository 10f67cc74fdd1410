"""What the rooms of one request's translation share."""

from dataclasses import dataclass, field

from translators.chat.tool_names import NO_NAMES, ToolNames
from translators.dialect import ModelRecord, Note, NoteKind, Report, Target


@dataclass(slots=True)
class Translation:
    """The target's facts, the report and the tools' names. Not frozen, because that costs half a microsecond a request."""

    target: Target
    report: Report
    names: ToolNames = NO_NAMES
    """Of the tools that the caller declares."""
    _told: set[Note] = field(default_factory=set)

    @property
    def record(self) -> ModelRecord:
        return self.target.record

    def take_back(self, told: int) -> None:
        """Forget all but the first notes that were `told`: what they are about is looked at anew."""
        self._told.difference_update(self.report.notes[told:])
        del self.report.notes[told:]

    def once(self, kind: NoteKind, param: str, why: str) -> None:
        """Note what may happen in every message, but is worth telling once."""
        note = Note(kind, param, why)
        if note not in self._told:
            self._told.add(note)
            self.report.notes.append(note)
