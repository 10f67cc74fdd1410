"""Tool names and call ids in the letters Claude allows. Pure functions of the name: the same history gives the same bytes."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_FORBIDDEN: Final = re.compile(r"[^a-zA-Z0-9_-]")


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def sanitised_id(call_id: str) -> str:
    """`call_id` in [a-zA-Z0-9_-]: unchanged if it is already, else marked with eight hex digits so that two stay two."""
    if _ID.fullmatch(call_id):
        return call_id
    return f"{_FORBIDDEN.sub('_', call_id)}_{_digest(call_id)}"


def sanitised_name(name: str, salt: str = "") -> str:
    """`name` in at most 64 of [a-zA-Z0-9_-]."""
    if not salt and _NAME.fullmatch(name):
        return name
    return f"{_FORBIDDEN.sub('_', name)[:55]}_{_digest(name + salt)}"


class ToolNames:
    """The two-way map of one request. A name that was never rewritten is never un-rewritten."""

    def __init__(self, declared: Iterable[str]) -> None:
        names = list(declared)
        taken = {name for name in names if _NAME.fullmatch(name)}
        self._taken = taken
        self._upstream: dict[str, str] = {}
        for name in names:
            if name in taken or name in self._upstream:
                continue
            short, salt = sanitised_name(name), ""
            while short in taken:
                salt += "#"
                short = sanitised_name(name, salt)
            taken.add(short)
            self._upstream[name] = short

    def upstream(self, name: str) -> str:
        """What Claude calls the caller's tool `name`, declared or only known from the history."""
        return name if name in self._taken else self._upstream.get(name) or sanitised_name(name)

    @property
    def rewritten(self) -> dict[str, str]:
        """Claude's name → the caller's, for the names that differ."""
        return {short: name for name, short in self._upstream.items()}
