"""What reading a Messages request gathers beside the hub's body: notes, needs, tools and effort."""

from dataclasses import dataclass, field
from typing import Any

from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.notes import Note, NoteKind


@dataclass(slots=True)
class Reading:
    """What becomes known of one request while its messages and tools are read."""

    notes: dict[tuple[NoteKind, str], Note] = field(default_factory=dict)
    """What is lost on the way to another provider than Claude, each thing once."""
    natives: list[str] = field(default_factory=list)
    """Paths of what only Claude serves."""
    loaded: set[str] = field(default_factory=set)
    """Names of deferred tools that a `tool_reference` loaded."""
    changes: list[JsonObject] = field(default_factory=list)
    """`tool_addition` and `tool_removal` blocks, in order."""
    effort: Any = None
    """Of the newest message-level `output_config`."""
    call_ids: set[str] = field(default_factory=set)
    """Ids of calls in the history: an answer must not use them again."""

    def note(self, kind: NoteKind, param: str, why: str) -> None:
        """Note a loss once."""
        self.notes.setdefault((kind, param), Note(kind, param, why))

    def need(self, path: str) -> None:
        """Only a relay to Claude can serve what stands at `path`."""
        if path not in self.natives:
            self.natives.append(path)


def rejected(path: str, rule: str) -> InvalidRequest:
    """A request that breaks a rule, told as Claude tells it: the path first."""
    return InvalidRequest(f"{path}: {rule}", path, "invalid_value")


def text_of(block: JsonObject, name: str, path: str) -> str:
    """A text that a block must have. Raises InvalidRequest."""
    value = block.get(name)
    if value.__class__ is not str:
        rule = "Field required" if value is None else "Input should be a valid string"
        raise rejected(f"{path}.{name}", rule)
    text: str = value
    return text


def object_of(holder: JsonObject, name: str, path: str) -> JsonObject:
    """An object that a block must have. Raises InvalidRequest."""
    value = holder.get(name)
    if value.__class__ is not dict:
        rule = "Field required" if value is None else "Input should be a valid dictionary"
        raise rejected(f"{path}.{name}", rule)
    found: JsonObject = value
    return found


def blocks_of(content: Any, path: str) -> list[JsonObject]:
    """The content of a message as blocks. Raises InvalidRequest."""
    if content.__class__ is str:
        return [{"type": "text", "text": content}]
    if content.__class__ is not list:
        raise rejected(
            path, "Field required" if content is None else "Input should be a valid list"
        )
    for i, block in enumerate(content):
        if block.__class__ is not dict:
            raise rejected(f"{path}.{i}", "Input should be a valid dictionary")
        if block.get("type").__class__ is not str:
            raise rejected(f"{path}.{i}.type", "Field required")
    found: list[JsonObject] = content
    return found
