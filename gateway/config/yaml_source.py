"""A YAML file read as plain values, each with its line; what YAML would quietly misread is refused.

The text is read by the rules of YAML 1.2: `no`, `on` and `12:30` are text, `true` and `false` the
only booleans. Refused are keys that older readers take for something else, a key written twice,
numbers with a leading zero, tags, anchors and aliases.
"""

import hashlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.config.errors import Place, Problem, Source, path_of

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C where PyYAML was built with it: eight times as fast."""
MAX_DEPTH: Final = 20
MAX_DIGITS: Final = 100

_INTEGER: Final = re.compile(r"[-+]?[0-9]+(_[0-9]+)*")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO: Final = re.compile(r"[-+]?0(_?[0-9]+)+")
_CONSTANTS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_TRAPS: Final = frozenset({"yes", "no", "on", "off"})
"""Words that readers of YAML 1.1 take for booleans."""


class _Broken(Exception):
    """The file cannot be read past this line."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def revision_of(policy: bytes, capabilities: bytes) -> str:
    """12 hex digits that change with the content of the two files."""
    return hashlib.sha256(policy + b"\0" + capabilities).hexdigest()[:12]


def read(path: Path) -> tuple[Source, list[Problem]]:
    """The file's values and its problems. A file that cannot be read at all has the value None."""
    reader, data = _Reader(path.name), b""
    line: int | None = None
    try:
        data = path.read_bytes()
        value = reader.document(yaml.parse(data.decode("utf-8-sig"), Loader=_LOADER))
        return Source(path.name, data, value, reader.lines), reader.problems
    except OSError as error:
        message = f"cannot be read from {path.parent} ({error.strerror or 'error'})"
    except UnicodeDecodeError as error:
        line, message = data.count(b"\n", 0, error.start) + 1, "is not UTF-8 text"
    except _Broken as error:
        line, message = error.line, error.message
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        message = f"is not YAML: {error.problem or error.context}"
    except yaml.YAMLError:
        message = "is not YAML: it holds characters that no text has"
    return Source(path.name, data, None, {}), [Problem(path.name, line, "", message)]


class _Reader:
    """Builds the values of one file from the parser's events."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []

    def complain(self, line: int, place: Place, message: str) -> None:
        self.problems.append(Problem(self.name, line, path_of(place), message))

    def document(self, events: Iterator[yaml.Event]) -> Any:
        """The one document of the stream. Raises _Broken."""
        value, documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Broken(_line(event), "holds more than one document")
                value = self._value(next(events), events, ())
        if isinstance(value, dict):
            return value
        empty = value is None
        raise _Broken(None, "is empty" if empty else "must be a mapping of keys to values")

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], place: Place) -> Any:
        line = _line(event)
        self.lines.setdefault(place, line)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            instead = "a model takes over another's facts with 'like'"
            raise _Broken(line, f"anchors and aliases are not used here: {instead}")
        if getattr(event, "tag", None):
            raise _Broken(line, "tags are not used here")
        if len(place) > MAX_DEPTH:
            raise _Broken(line, f"is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, place)
        assert isinstance(event, yaml.ScalarEvent)
        return event.value if event.style else self._plain(event.value, place)

    def _mapping(self, events: Iterator[yaml.Event], place: Place) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise _Broken(line, "a key must be text")
            key = event.value
            inside = (*place, key)
            if key in mapping:
                self.complain(line, inside, f"this key is already on line {self.lines[inside]}")
                self._value(next(events), events, (*place, f"{key} (again)"))
                continue
            self.lines[inside] = line
            of_limit = key == "on" and len(place) > 1 and place[-2] == "limits"
            if not event.style and not of_limit and (misread := _misread_key(key)):
                why = f"is {misread} to other YAML readers: put it in quotes"
                self.complain(line, inside, f"the key {key!r} {why}")
            mapping[key] = self._value(next(events), events, inside)
        return mapping

    def _sequence(self, events: Iterator[yaml.Event], place: Place) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, events, (*place, len(items))))
        return items

    def _plain(self, text: str, place: Place) -> Any:
        """What text without quotes stands for."""
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _LEADING_ZERO.fullmatch(text):
            why = "is an octal number to other YAML readers: write it without the leading zero"
            self.complain(self.lines[place], place, f"{text} {why}")
            return int(text.replace("_", "")[:MAX_DIGITS])
        if _INTEGER.fullmatch(text):
            return int(text) if len(text) <= MAX_DIGITS else text
        if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return number
        return text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _misread_key(key: str) -> str | None:
    if key.lower() in _TRAPS or _CONSTANTS.get(key) is not None:
        return "a boolean"
    if key in _CONSTANTS:
        return "nothing"
    if _INTEGER.fullmatch(key) or _FLOAT.fullmatch(key):
        return "a number"
    return None
