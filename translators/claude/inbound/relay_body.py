"""A relayed body whose edits are gathered: members by name, and what becomes of them."""

import json
from dataclasses import dataclass
from typing import Any

from translators.splices import Edit, Member, cut_all, last, members, spliced


@dataclass(slots=True)
class Body:
    """A body whose edits are gathered."""

    text: str
    found: list[Member]
    edits: list[Edit]
    gone: set[int]
    """Members that are cut, by their index."""
    added: list[tuple[str, str]]
    """Members that are put behind the model: names, and values as JSON text."""

    def get(self, name: str) -> Member | None:
        """The member of that name that counts."""
        return last(self.found, name)

    def value(self, name: str) -> Any:
        """Its value; None if there is none."""
        member = self.get(name)
        return None if member is None else member.value

    def cut(self, name: str) -> bool:
        """Take every member of that name out; whether there was one."""
        places = {i for i, member in enumerate(self.found) if member.name == name}
        self.gone |= places
        return bool(places)

    def put(self, name: str, value: Any) -> None:
        """Set the member to a value of our own."""
        self.put_text(name, written(value))

    def put_text(self, name: str, text: str) -> None:
        """The same with a value as JSON text."""
        member = self.get(name)
        if member is None:
            self.added.append((name, text))
        else:
            self.edits.append(Edit(member.value_start, member.end, text))

    def finished(self) -> str:
        """The text with all edits made."""
        model = self.get("model")
        assert model is not None
        kept = [edit for edit in self.edits if not self._is_gone(edit)]
        more = "".join([f",{json.dumps(name)}:{text}" for name, text in self.added])
        if more:
            kept.append(Edit(model.end, model.end, more))
        return spliced(self.text, [*kept, *cut_all(self.text, self.found, self.gone)])

    def _is_gone(self, edit: Edit) -> bool:
        cut = [self.found[i] for i in self.gone]
        return any(member.start <= edit.start < member.end for member in cut)


def written(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def opened(text: str) -> Body:
    """The body of that text. Raises ValueError for numbers that Python cannot read."""
    return Body(text, members(text), [], set(), [])
