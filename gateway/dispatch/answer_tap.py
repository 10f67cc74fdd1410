"""A streamed answer, gathered as it passes: as the message that the reasoning cache keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.dispatch.reasoning_cache import SIGNED
from translators.chat.chunks import Chunk
from translators.chat.turns import joined_details


@dataclass(slots=True)
class AnswerTap:
    """Sees the chunks of a streamed answer to `messages` and gives the message that `remember`
    takes, with the fields that are `kept`.
    """

    messages: Sequence[dict[str, Any]] = ()
    kept: frozenset[str] = SIGNED
    text: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    pieces: dict[str, list[Any]] = field(default_factory=dict)
    """Of the fields that come in pieces."""

    def see(self, chunk: Chunk) -> None:
        delta = chunk.delta
        if not delta or chunk.index != 0:
            return
        if (content := delta.get("content")).__class__ is str:
            self.text.append(content)
        for part in delta.get("tool_calls") or ():
            self._see_call(part)
        if not self.kept.isdisjoint(delta):
            self._see_fields(delta)

    def _see_call(self, part: Mapping[str, Any]) -> None:
        index = part["index"]
        while len(self.calls) <= index:
            self.calls.append({"id": ""})
        call = self.calls[index]
        call["id"] = part.get("id") or call["id"]
        if "extra_content" in part:
            call["extra_content"] = part["extra_content"]
        for kind, text in (("function", "arguments"), ("custom", "input")):
            if (said := part.get(kind)) is not None:
                gathered = call.setdefault(kind, {"name": "", text: ""})
                gathered["name"] += said.get("name") or ""
                gathered[text] += said.get(text) or ""

    def _see_fields(self, delta: Mapping[str, Any]) -> None:
        for name in self.kept.intersection(delta):
            value = delta[name]
            if name in SIGNED:
                self.fields[name] = value
            elif value.__class__ is str:
                self.pieces.setdefault(name, []).append(value)
            elif value.__class__ is list:
                self.pieces.setdefault(name, []).extend(value)

    def message(self) -> dict[str, Any]:
        whole = {
            name: joined_details(of) if name == "reasoning_details" else "".join(of)
            for name, of in self.pieces.items()
        }
        return {"content": "".join(self.text), "tool_calls": self.calls, **self.fields, **whole}
