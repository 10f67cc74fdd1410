"""What the rooms of one request's translation share."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from translators.capabilities import ModelRecord
from translators.chat.tool_names import ToolNames
from translators.claude.request.tool_schema import Prepared
from translators.claude.wire import CacheControl
from translators.dialect import Target
from translators.json_codec import JsonObject
from translators.notes import Note, NoteKind, Report

_LONG: Final = ("30m", "12h", "24h", "1h")
"""Lifetimes that callers name and only Claude's longer cache can hold."""

NO_SCHEMAS: Final[Mapping[str, Prepared]] = MappingProxyType({})


@dataclass(slots=True)
class Translation:
    """The target's facts, the report, the tool names, and how long a cache breakpoint lasts that
    does not say it.

    Nobody changes them; it is not frozen because that costs a microsecond a request.
    """

    target: Target
    report: Report
    names: ToolNames
    schemas: Mapping[str, Prepared]
    """By the caller's names of tools: the schemas that are sent otherwise than they were given."""
    breakpoint_ttl: str | None = None
    _told: set[Note] | None = None

    @property
    def record(self) -> ModelRecord:
        return self.target.record

    def once(self, kind: NoteKind, param: str, why: str) -> None:
        """Note what may happen in every message, but is worth telling once."""
        note = Note(kind, param, why)
        if self._told is None:
            self._told = set()
        if note not in self._told:
            self._told.add(note)
            self.report.notes.append(note)

    def mark(self, holder: JsonObject) -> CacheControl | None:
        """The cache mark a part, message or tool asks for: `cache_control` in Claude's words or
        `prompt_cache_breakpoint` in OpenAI's.
        """
        control = holder.get("cache_control")
        if control.__class__ is dict and control.get("type") == "ephemeral":
            return cache_mark(control.get("ttl"))
        point = holder.get("prompt_cache_breakpoint")
        return (
            cache_mark(point.get("ttl") or self.breakpoint_ttl) if point.__class__ is dict else None
        )


def cache_mark(ttl: Any) -> CacheControl:
    """`cache_control` with the lifetime nearest to `ttl`: Claude has five minutes (its default,
    left out) and one hour.
    """
    if ttl == "5m":
        return {"type": "ephemeral", "ttl": "5m"}
    return {"type": "ephemeral", "ttl": "1h"} if ttl in _LONG else {"type": "ephemeral"}
