"""A streamed answer, gathered as it passes: as the message that the reasoning cache keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.dispatch.reasoning_cache import RELAYED, SIGNED
from gateway.routing.candidates import Candidate
from translators.chat.chunks import Chunk
from translators.chat.turns import joined_details

_INPUTS: Final = (("function", "arguments"), ("custom", "input"))
"""The kinds of calls, and what holds their input."""


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
    inputs: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    """Of each call's arguments, by its place and kind: a long one comes in thousands."""

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
        for kind, text in _INPUTS:
            if (said := part.get(kind)) is not None:
                call.setdefault(kind, {"name": ""})["name"] += said.get("name") or ""
                self.inputs.setdefault((index, kind), []).append(said.get(text) or "")

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
        calls = [self._whole_call(*numbered) for numbered in enumerate(self.calls)]
        return {"content": "".join(self.text), "tool_calls": calls, **self.fields, **whole}

    def _whole_call(self, index: int, call: dict[str, Any]) -> dict[str, Any]:
        return call | {
            kind: {**call[kind], text: "".join(self.inputs[index, kind])}
            for kind, text in _INPUTS
            if kind in call
        }


def kept_of(target: Candidate) -> frozenset[str]:
    """What is kept of a target's answers: what it signed, and of the hub's own dialect whatever its
    server takes back.
    """
    if target.provider.dialect != "openai":
        return SIGNED
    taken = target.model.record.message_fields
    return RELAYED if taken is None else SIGNED | (RELAYED & taken)
