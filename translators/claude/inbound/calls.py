"""Calls of a streamed answer, one block after the other although their pieces may come mixed."""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from translators.claude.arguments import RAW
from translators.json_codec import JsonObject, dumps_str, loads

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch


@dataclass(slots=True)
class Call:
    """A call as far as it has come."""

    id: str | None = None
    name: str = ""
    signature: str | None = None
    """Gemini's, which stands before it."""
    pieces: list[str] = field(default_factory=list)
    written: int = 0
    """How many of the pieces the caller has."""
    closed: bool = False
    _form: str = ""
    """The first letter of the arguments, once it has come."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def is_object(self) -> bool:
        """Its arguments begin like an object: pieces may be shown as they come."""
        if not self._form:
            self._form = self.text.lstrip()[:1]
        return self._form == "{"

    @property
    def whole(self) -> bool:
        """Its arguments are an object that has ended."""
        return self.text.rstrip()[-1:] == "}" and read_object(self.text) is not None

    def take(self) -> str:
        """What the caller has not been shown yet of arguments that begin like an object."""
        if not self.is_object:
            return ""
        text = "".join(self.pieces[self.written :])
        self.written = len(self.pieces)
        return text

    def rest(self, cut: bool) -> str:
        """What is still to be written when it closes. `cut`: the answer ended too early."""
        if self.is_object:
            return self.take()
        text = self.text
        if not text.strip():
            return ""
        found = read_object(text)
        if found is not None:
            return dumps_str(found)
        return "" if cut else dumps_str({RAW: text})


def read_object(text: str) -> JsonObject | None:
    """The object that arguments are, also if it stands in a JSON string."""
    try:
        value: Any = loads(text)
        if value.__class__ is str:
            value = loads(value)
    except ValueError:
        return None
    return value if value.__class__ is dict else None


class CallIds:
    """Ids that are used once in a conversation."""

    __slots__ = ("_count", "_used", "message")

    def __init__(self, used: frozenset[str]) -> None:
        self.message = ""
        """The answer's id."""
        self._used = set(used)
        self._count = 0

    def next(self, given: str | None) -> str:
        """The provider's own id, or one made of the answer's id and the call's place in it; made
        anew while that is taken: some hosts name all their answers alike.
        """
        self._count += 1
        while given is None or not _ID(given) or given in self._used:
            seed = f"{self.message}/{self._count}/{given}".encode("utf-8", "surrogatepass")
            given = f"toolu_{sha256(seed).hexdigest()[:24]}"
        self._used.add(given)
        return given
