"""What is wrong with a configuration: every problem with its file, line and path, said in one line each."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

Place = tuple[str | int, ...]
"""Where a value stands in a file: `("personas", "analyst", "targets", 0)`."""

MAX_KNOWN: Final = 15
"""Known names shown in one message."""

_SECRET: Final = re.compile(r"\bsk-|\bAIza|\bgsk_|\bxai-|[Bb]earer |@")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `line` counts from 1; None where the file as a whole is meant."""

    file: str
    line: int | None
    path: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(Exception):
    """A configuration that cannot be used: all its problems at once, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line or 0)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it was read: plain values, and the line of each."""

    name: str
    data: bytes = field(repr=False)
    value: Any = field(repr=False)
    """Mappings, lists, text, numbers, booleans and null."""
    lines: dict[Place, int] = field(repr=False)

    def problem(self, place: Place, message: str) -> Problem:
        """A problem at `place`, on the line of the nearest value that is written there or above it."""
        known = next((self.lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self.lines), None)
        return Problem(self.name, known, path_of(place), message)


def path_of(place: Place) -> str:
    """`personas.analyst.targets[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")


def unknown(what: str, name: Any, known: Iterable[str]) -> str:
    """`unknown provider 'claud' (did you mean 'claude'? known: claude, gemini, openai)`."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1) if isinstance(name, str) else []
    hint = f"did you mean {near[0]!r}? " if near else ""
    more = f" and {len(names) - MAX_KNOWN} more" if len(names) > MAX_KNOWN else ""
    return f"unknown {what} {shown(name)} ({hint}known: {', '.join(names[:MAX_KNOWN]) or 'none'}{more})"


def shown(value: Any) -> str:
    """A value as a message may show it: short, and never one that looks like a key."""
    if isinstance(value, str):
        return "(not shown: it looks like a secret)" if _SECRET.search(value) else repr(value if len(value) <= 60 else value[:59] + "…")
    kinds = {dict: "a mapping", list: "a list", type(None): "nothing", bool: str(value).lower()}
    return kinds.get(type(value)) or str(value)[:60]
