"""Problems of a configuration with file, line and path, and pydantic's errors in our words."""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import ErrorDetails

Place = tuple[str | int, ...]
"""Where a value stands in a file: `("personas", "analyst", "targets", 0)`."""
Complaint = tuple[Place, str]
"""A place below the value that was read, and what is wrong there."""

FORMS: Final = "forms"
"""The type of our own error for a value that has none of its forms: its message is the rule."""
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
        self.problems: tuple[Problem, ...] = tuple(
            sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line or 0))
        )
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
        """A problem at `place`, on the line of the nearest value written there or above it."""
        above = (self.lines.get(place[:n]) for n in range(len(place), -1, -1))
        line = next((line for line in above if line is not None), None)
        return Problem(self.name, line, path_of(place), message)

    def problems(self, at: Place, complaints: Iterable[Complaint]) -> list[Problem]:
        """Complaints about what stands at `at`, as problems."""
        return [self.problem((*at, *place), message) for place, message in complaints]


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
    listed = ", ".join(names[:MAX_KNOWN]) or "none"
    return f"unknown {what} {shown(name)} ({hint}known: {listed}{more})"


def shown(value: Any) -> str:
    """A value as a message may show it: short, and never one that looks like a key."""
    if isinstance(value, str):
        if _SECRET.search(value):
            return "(not shown: it looks like a secret)"
        return repr(value if len(value) <= 60 else value[:59] + "…")
    kinds = {dict: "a mapping", list: "a list", type(None): "nothing", bool: str(value).lower()}
    return kinds.get(type(value)) or str(value)[:60]


def under(step: str | int, complaints: Iterable[Complaint]) -> Iterator[Complaint]:
    """The same complaints, their places below `step`."""
    return (((step, *place), message) for place, message in complaints)


def complaint(place: Place, detail: ErrorDetails) -> str:
    """What pydantic found, in our words. A header's value is never shown: it may be a secret."""
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "literal_error":
        return _not_one_of(detail["input"], context["expected"])
    if kind == "value_error":
        return str(context["error"])
    if kind in _PLAIN:
        return _PLAIN[kind]
    rule = detail["msg"] if kind == FORMS else _RULES.get(kind, "").format(**context)
    if not rule:
        return detail["msg"][:1].lower() + detail["msg"][1:]
    return rule if "headers" in place else f"{rule}, not {shown(detail['input'])}"


def _not_one_of(value: Any, expected: str) -> str:
    names = re.findall(r"'([^']*)'", expected)
    return unknown("value", value, names) if names else f"must be {expected}, not {shown(value)}"


_PLAIN: Final = {
    "missing": "is required",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}
_DATE: Final = "must be a date like 2026-11-30"
_RULES: Final = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "string_type": "must be text",
    **dict.fromkeys(("float_type", "decimal_type", "decimal_parsing"), "must be a number"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), _DATE),
    **dict.fromkeys(("dict_type", "dataclass_type"), "must be a mapping of keys to values"),
    **dict.fromkeys(("tuple_type", "frozen_set_type"), "must be a list"),
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
}
