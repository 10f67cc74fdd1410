"""Changes in a JSON text that leave every other character as it came.

A relayed body is never parsed and written again: the order of keys, the form of numbers, unknown
members and signatures survive. Places are found by the standard library's scanner, which reads a
value and tells where it ends; a search by regular expression would find what looks like a member
inside of strings.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed lacks it
from operator import itemgetter
from typing import Any, Final, NamedTuple

from translators.json_codec import dumps

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SPACES: Final = ("", " ", "\t", "\n", "\r")
_OF_NAMES: Final = ("\\u004", "\\u005", "\\u006", "\\u007")
"""How escapes of letters and of `_` begin."""


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
        if text[at] != '"':
            raise json.JSONDecodeError("Expecting a name", text, at)
        name, colon = scanstring(text, at + 1)
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


def only_value(text: str, name: str) -> int | None:
    """Where the value of the member `name` begins in the outermost object, which has one and begins
    the text, where it is the first or nothing else in the text is written like its name; None where
    only `members` can tell. `name`: of letters and `_`; it does not stand twice in the object.
    """
    written = f'"{name}"'
    if text.startswith(written, 1):  # the first member; no name stands twice
        at = 1
    else:
        at = text.find(written)
        if at < 0 or text.find(written, at + 1) >= 0:
            return None
        if text.find("\\") >= 0 and any(escape in text for escape in _OF_NAMES):
            return None  # it may be written so, too
    colon = at + len(written)
    if text[colon] != ":":
        colon = skip_space(text, colon)
        if text[colon] != ":":
            return None
    return colon + 1 if text[colon + 1] not in _SPACES else skip_space(text, colon + 1)


def only_member(text: str, name: str) -> Member | None:
    """The same member, whole."""
    start = only_value(text, name)
    if start is None:
        return None
    value, end = _DECODER.raw_decode(text, start)
    return Member(name, text.rindex(f'"{name}"', 0, start), start, end, value)


def with_model(text: str, own: str, model: str, more: str) -> str | None:
    """The text with another model than its `own`, and `more` members behind that; None where its
    place is not quickly found, or it is written in an unusual way."""
    start, written_so = only_value(text, "model"), known_name(own)
    if start is None or not text.startswith(written_so, start):
        return None
    return f"{text[:start]}{known_text(model)}{more}{text[start + len(written_so) :]}"


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
    return Edit(member.end, member.end, f",{written(name)}:{value}")


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made. They do not overlap; several insertions at one place keep the
    order in which they are given."""
    pieces: list[str] = []
    at = 0
    ordered = list(edits)
    if len(ordered) > 1:
        ordered.sort(key=itemgetter(0, 1))
    for edit in ordered:
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


def written(value: Any) -> str:
    """Compact JSON. Raises ValueError for what JSON cannot say."""
    return dumps(value).decode()


@lru_cache(maxsize=256)
def known_text(text: str) -> str:
    """The same of what is written again and again: names of models, prompts of personas."""
    return dumps(text).decode()


LONGEST_NAME: Final = 256
"""Characters of a model's name that is kept: who sends a longer one sends it once."""


def known_name(model: str) -> str:
    """The same of a model's name as a caller or provider gave it, which may be of any length."""
    return known_text(model) if len(model) <= LONGEST_NAME else written(model)


class Body:
    """An object whose edits are gathered. A member that is set anew and was not there is put behind
    `model`, which every body has. Its text is looked into only for the places of what is edited.
    """

    def __init__(self, text: str, document: Mapping[str, Any]) -> None:
        """`document`: what the text says; no name stands twice in it."""
        self.text = text
        self.edits: list[Edit] = []
        self._document = document
        self._members: list[Member] | None = None
        self._gone: set[str] = set()
        self._put: dict[str, str] = {}

    def get(self, name: str) -> Member | None:
        """The member of that name. Raises ValueError for numbers that Python cannot read."""
        if name not in self._document:
            return None
        if self._members is None and (member := only_member(self.text, name)) is not None:
            return member
        return last(self._all(), name)

    def _all(self) -> list[Member]:
        if self._members is None:
            self._members = members(self.text)
        return self._members

    def has(self, name: str) -> bool:
        """Whether there is such a member."""
        return name in self._document

    def names(self) -> list[str]:
        """The names of its members, in order."""
        return [*self._document]

    def value(self, name: str) -> Any:
        """Its value; None if there is none."""
        return self._document.get(name)

    def cut(self, name: str) -> bool:
        """Take the member of that name out; whether there was one."""
        if name not in self._document:
            return False
        self._gone.add(name)
        return True

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
        edits, more = self.edits, ""
        if self._gone:
            found = self._all()
            gone = [i for i, member in enumerate(found) if member.name in self._gone]
            edits = [edit for edit in edits if not any(_in(found[i], edit) for i in gone)]
            edits += cut_all(self.text, found, gone)
        model = self.get("model")
        assert model is not None
        for name, text in self._put.items():
            if name not in self._document or name in self._gone:
                more += f",{written(name)}:{text}"
            elif not _is_constant(self._document[name], text):
                member = model if name == "model" else self.get(name)
                assert member is not None
                edits.append(Edit(member.value_start, member.end, text))
        if more:
            edits.append(Edit(model.end, model.end, more))
        return spliced(self.text, edits)


def _is_constant(value: Any, text: str) -> bool:
    """Whether the text says the value, which is true, false or null."""
    return (value is None or value.__class__ is bool) and text == written(value)


def _in(member: Member, edit: Edit) -> bool:
    return member.start <= edit.start < member.end
