"""What an answer carried beside its text and its calls, gathered to be sealed at its end."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from translators.json_codec import JsonObject
from translators.sealed import SealedReasoning, said_digest, seal

_FIELDS: Final = ("thinking_blocks", "provider_content", "extra_content")


class Signed:
    """Of one answer."""

    def __init__(self) -> None:
        self.fields: JsonObject = {}
        self.calls: JsonObject = {}
        self._texts: list[str] = []
        self._calls: dict[int, JsonObject] = {}
        self.reasoning: list[str] = []

    def say(self, text: str) -> None:
        """A delta that is nothing but text."""
        self._texts.append(text)

    def add(self, delta: Mapping[str, Any]) -> None:
        """What a delta holds of it."""
        for name in _FIELDS:
            value = delta.get(name)
            if value is not None:
                known = self.fields.get(name)
                both = known.__class__ is list and value.__class__ is list
                self.fields[name] = known + value if both else value
        if text := delta.get("content"):
            self._texts.append(text)
        if text := delta.get("reasoning_content"):
            self.reasoning.append(text)
        for part in delta.get("tool_calls") or ():
            self._add_call(part)

    def _add_call(self, part: JsonObject) -> None:
        index = part.get("index", len(self._calls))
        call = self._calls.setdefault(index, {"id": None, "name": None, "text": ""})
        said = part.get("function") or part.get("custom") or {}
        call["id"] = part.get("id") or call["id"]
        call["name"] = said.get("name") or call["name"]
        call["text"] += said.get("arguments") or said.get("input") or ""
        if part.get("extra_content") is not None and call["id"]:
            self.calls[call["id"]] = part["extra_content"]

    def sealed(self, target: str) -> str | None:
        """The sealed text; None if nothing was signed, or it would be too long."""
        fields = dict(self.fields)
        if not fields and not self.calls and self.reasoning and self._calls:
            fields["reasoning_content"] = "".join(self.reasoning)
        if not fields and not self.calls:
            return None
        said = said_digest(self._message()) if "provider_content" in fields else None
        return seal(SealedReasoning(target, fields, self.calls, said))

    def _message(self) -> JsonObject:
        calls = [
            {
                "id": call["id"],
                "function": {"name": call["name"], "arguments": call["text"] or "{}"},
            }
            for _, call in sorted(self._calls.items())
        ]
        return {"content": "".join(self._texts), "tool_calls": calls}

    @property
    def text(self) -> str:
        """All that was said."""
        return "".join(self._texts)

    def searches(self) -> Iterator[str]:
        """What the provider's own blocks say it searched for."""
        content = self.fields.get("provider_content")
        blocks = content.get("blocks") if content.__class__ is dict else None
        for block in blocks if blocks.__class__ is list else ():
            if block.__class__ is not dict:
                continue
            asked = block.get("input") if block.get("type") == "server_tool_use" else None
            if asked.__class__ is dict and asked.get("query"):
                yield str(asked["query"])
            for query in (block.get("groundingMetadata") or {}).get("webSearchQueries") or ():
                yield str(query)
