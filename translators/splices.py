"""Changes in a JSON text that leave every other character as it came.

A relayed body is never parsed and written again: the order of keys, the form of numbers, unknown
members and signatures survive. Places are found by the standard library's scanner, which reads a
value and tells where it ends; a search by regular expression would find what looks like a member
inside of strings.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SPACES: Final = ("", " ", "\t", "\n", "\r")


class Member(NamedTuple):
    """A member of an object. Places are indexes into the text, ends exclusive."""

    name: str
    start: int
    """Where its name begins, with the quote."""
    value_start: int
    end: int
    value: Any


class Element(NamedTuple):
    """An element of an array."""

    start: int
    end: int
    value: Any


class Edit(NamedTuple):
    """`text` in place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


def skip_space(text: str, at: int) -> int:
    """The place of the next character that is no white space."""
    if text[at : at + 1] not in _SPACES:
        return at
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def members(text: str, at: int = 0) -> list[Member]:
    """The members of the object that begins at `at` or behind the white space there, in order.

    The text is known to be valid JSON. A name may stand twice.
    """
    at = skip_space(text, at)
    found: list[Member] = []
    at = skip_space(text, at + 1)
    read = _DECODER.raw_decode
    while text[at] != "}":
        name, colon = read(text, at)
        value_start = (colon if text[colon] == ":" else skip_space(text, colon)) + 1
        if text[value_start] in _SPACES:
            value_start = skip_space(text, value_start)
        value, end = read(text, value_start)
        found.append(Member(name, at, value_start, end, value))
        at = end if text[end] == "," else skip_space(text, end)
        if text[at] == ",":
            at = skip_space(text, at + 1)
    return found


def elements(text: str, at: int) -> list[Element]:
    """The elements of the array that begins at `at` or behind the white space there, in order."""
    at = skip_space(text, at)
    found: list[Element] = []
    at = skip_space(text, at + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        found.append(Element(at, end, value))
        at = skip_space(text, end)
        if text[at] == ",":
            at = skip_space(text, at + 1)
    return found


def last(found: Iterable[Member], name: str) -> Member | None:
    """The member called `name` that counts: of several the last."""
    member = None
    for each in found:
        if each.name == name:
            member = each
    return member


def cut(text: str, start: int, end: int) -> Edit:
    """An edit that takes a member or an element out, with one comma."""
    after = skip_space(text, end)
    if text[after] == ",":
        return Edit(start, skip_space(text, after + 1), "")
    before = start - 1
    while text[before] in " \t\n\r":
        before -= 1
    return Edit(before if text[before] == "," else start, end, "")


def cut_all(text: str, found: list[Member] | list[Element], gone: Iterable[int]) -> list[Edit]:
    """Edits that take several members or elements of one object or array out, by their indexes."""
    taken = sorted(set(gone))
    if not taken:
        return []
    left = [i for i in range(len(found)) if i not in set(taken)]
    if not left:
        return [Edit(found[0].start, found[-1].end, "")]
    edits = []
    for i in taken:
        following = next((j for j in left if j > i), None)
        if following is not None:
            edits.append(Edit(found[i].start, found[i + 1].start, ""))
        else:  # nothing stays behind it: the comma before it goes, too
            edits.append(Edit(found[i - 1].end, found[i].end, ""))
    return edits


def insert_behind(member: Member, name: str, value: str) -> Edit:
    """An edit that puts a new member, its value as JSON text, behind `member`."""
    return Edit(member.end, member.end, f",{json.dumps(name)}:{value}")


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made. They do not overlap; several insertions at one place keep the
    order in which they are given."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


def written(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Body:
    """An object whose edits are gathered; of a name that stands twice the last member counts. A
    member that is set anew and was not there is put behind `model`, which every body has.
    """

    def __init__(self, text: str) -> None:
        """Raises ValueError for numbers that Python cannot read."""
        self.text = text
        self.edits: list[Edit] = []
        self._found = members(text)
        self._gone: set[int] = set()
        self._put: dict[str, str] = {}

    def get(self, name: str) -> Member | None:
        """The member of that name."""
        return last(self._found, name)

    def names(self) -> list[str]:
        """The names of its members, in order."""
        return [member.name for member in self._found]

    def value(self, name: str) -> Any:
        """Its value; None if there is none."""
        member = self.get(name)
        return None if member is None else member.value

    def cut(self, name: str) -> bool:
        """Take the members of that name out; whether there was one."""
        places = {i for i, member in enumerate(self._found) if member.name == name}
        self._gone |= places
        return bool(places)

    def put(self, name: str, value: Any) -> None:
        """Set the member."""
        self.put_text(name, written(value))

    def put_text(self, name: str, text: str) -> None:
        """The same with a value as JSON text."""
        self._put[name] = text

    def was_put(self, name: str) -> bool:
        """Whether it was set."""
        return name in self._put

    def finished(self) -> str:
        """The text with all edits made."""
        edits, more = list(self.edits), ""
        for name, text in self._put.items():
            member = self.get(name)
            if member is None or self._is_cut(member):
                more += f",{json.dumps(name)}:{text}"
            else:
                edits.append(Edit(member.value_start, member.end, text))
        model = self.get("model")
        assert model is not None
        edits = [edit for edit in edits if not self._in_cut(edit)]
        if more:
            edits.append(Edit(model.end, model.end, more))
        return spliced(self.text, [*edits, *cut_all(self.text, self._found, self._gone)])

    def _is_cut(self, member: Member) -> bool:
        return any(self._found[i] is member for i in self._gone)

    def _in_cut(self, edit: Edit) -> bool:
        gone = [self._found[i] for i in self._gone]
        return any(member.start <= edit.start < member.end for member in gone)
