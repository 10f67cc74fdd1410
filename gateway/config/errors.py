"""What is wrong with a configuration: every problem with its file, line and path; and pydantic's errors in our words."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, Generic, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from translators.capabilities import ModelRecord
from translators.json_codec import dumps

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


T = TypeVar("T")
Complaint = tuple[Place, str]
"""A place below the validated value, and what is wrong there."""


def under(step: str | int, complaints: Iterable[Complaint]) -> Iterator[Complaint]:
    """The same complaints, their places below `step`."""
    return (((step, *place), message) for place, message in complaints)


def keys_of(row: type) -> frozenset[str]:
    """The keys that a row may have."""
    if issubclass(row, BaseModel):
        return frozenset(row.model_fields)
    return frozenset(field.name for field in fields(row)) if is_dataclass(row) else frozenset()


class Validator(Generic[T]):
    """Reads values as rows of one type. `known` are the keys that a complaint lists, if not the row's own."""

    def __init__(self, row: type[T], known: frozenset[str] | None = None) -> None:
        self._row = row
        self._adapter = TypeAdapter(row)
        self._known = keys_of(row) if known is None else known

    def read(self, value: Any) -> tuple[T | None, list[Complaint]]:
        """The row, or None and everything that is wrong with it.

        Validated as JSON, because strict JSON takes a list for a tuple or set and text for a date, and converts nothing else.
        """
        try:
            return self._adapter.validate_json(dumps(value), strict=True), []
        except ValidationError as error:
            details = error.errors(include_url=False)
            # A list of which no item could be read is called too short as well: its `input` says whether it is.
            return None, [self._complaint(detail) for detail in details if detail["type"] != "too_short" or not detail["input"]]

    def _complaint(self, detail: ErrorDetails) -> Complaint:
        place = tuple(step for step in detail["loc"] if step not in _FORMS)
        if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            return place, unknown("key", place[-1], self._known if len(place) == 1 else _keys_at(self._row, place[:-1]))
        return _complaint(place, detail)


def _keys_at(row: type, place: Place) -> frozenset[str]:
    """The keys of the rows that may stand at `place` below a row."""
    rows = [row]
    for step in place:
        if isinstance(step, str):
            rows = [inner for owner in rows for inner in _rows_in(_types_of(owner).get(step))]
    return frozenset[str]().union(*map(keys_of, rows))


def _types_of(row: type) -> Mapping[str, Any]:
    return get_type_hints(row, include_extras=False)


def _rows_in(kind: Any) -> Iterator[type]:
    """The rows that a type is made of: `tuple[PriceTier, ...]` of PriceTier."""
    if isinstance(kind, type) and keys_of(kind):
        yield kind
    for argument in get_args(kind):
        yield from _rows_in(argument)


def _complaint(place: Place, detail: ErrorDetails) -> Complaint:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            return place, _not_one_of(detail["input"], context["expected"])
        case "missing":
            return place, "is required"
        case "too_short" | "string_too_short":
            return place, "must not be empty"
        case "value_error":
            return place, str(context["error"])
        case kind if kind in _RULES:
            # A header's value may be a secret, whatever it looks like.
            seen = "" if "headers" in place else f", not {shown(detail['input'])}"
            return place, _RULES[kind](context) + seen
        case _:
            return place, detail["msg"][:1].lower() + detail["msg"][1:]


def _not_one_of(value: Any, expected: str) -> str:
    names = re.findall(r"'([^']*)'", expected)
    return unknown("value", value, names) if names else f"must be {expected}, not {shown(value)}"


def _plain(rule: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda _context: rule


_FORMS: Final = frozenset({"<text>", "<other>"})
"""Steps of a place that stand in no file: they tell which form of a value was read."""

_MAPPING: Final = _plain("must be a mapping of keys to values")
_LIST: Final = _plain("must be a list")

_RULES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "bool_type": _plain("must be true or false"),
    "int_type": _plain("must be a whole number"),
    "float_type": _plain("must be a number"),
    "decimal_type": _plain("must be a number"),
    "decimal_parsing": _plain("must be a number"),
    "string_type": _plain("must be text"),
    "date_type": _plain("must be a date like 2026-11-30"),
    "date_parsing": _plain("must be a date like 2026-11-30"),
    "date_from_datetime_parsing": _plain("must be a date like 2026-11-30"),
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "tuple_type": _LIST,
    "frozen_set_type": _LIST,
    "one_or_more": _plain("must be text, or a list of texts"),
    "target": _plain("must be provider/model, or a mapping with the key 'target'"),
    "key": _plain("must be the name of an environment variable, or a mapping with the key 'variable'"),
    "auth": _plain("must be bearer, or a mapping with the key 'header'"),
    "greater_than": lambda context: f"must be greater than {context['gt']:g}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']:g}",
    "less_than_equal": lambda context: f"must be at most {context['le']:g}",
}

RECORD_KEYS: Final = keys_of(ModelRecord)
