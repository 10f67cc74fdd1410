"""What findings a request finds beside its hub form."""

from dataclasses import dataclass, field

from translators.json_codec import JsonObject
from translators.notes import Report


@dataclass(frozen=True, slots=True)
class DeclaredTool:
    """A tool as the caller declared it."""

    name: str
    namespace: str | None
    kind: str
    """`function`, `custom` or `tool_search`."""
    tool: JsonObject = field(repr=False)
    """The hub's form of it."""


@dataclass(slots=True)
class Findings:
    """Gathered while one request is read."""

    report: Report = field(default_factory=Report)
    natives: list[str] = field(default_factory=list)
    """Paths of what only a relay can serve."""
    tools: dict[str, DeclaredTool] = field(default_factory=dict)
    """By flat name, in the order in which they were declared."""
    places: list[str] = field(default_factory=list)
    """For each hub message the path of the item it came from."""
