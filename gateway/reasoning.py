"""Signed reasoning, remembered between the turns of a tool loop.

Claude's thinking blocks and Gemini's thought signatures must come back with the tool results, but a plain OpenAI client sends back only
what OpenAI's SDK keeps: role, content, tool calls. So what an answer with tool calls carried beside them is kept under the ids of its
calls, for the caller who got it, and put back when a message with those calls returns to the same model. Bounded in entries, bytes and age.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.request import ChatRequest
from translators.jsontext import dumps

MAX_ENTRIES: Final = 10_000
MAX_BYTES: Final = 64 * 1024 * 1024
MAX_AGE: Final = 24 * 3600.0
"""Seconds."""

_SIGNED: Final = ("thinking_blocks", "provider_content", "extra_content")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one answer carried beside its text and calls. `said` is a digest of its text and calls, to know an edited message by."""

    model: str
    fields: dict[str, Any]
    calls: dict[str, Any]
    said: bytes
    expires: float
    size: int


@dataclass(slots=True)
class AnswerTap:
    """Sees the chunks of a streamed answer and gives the message that `remember` takes."""

    text: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)

    def see(self, chunk: Chunk) -> None:
        delta = chunk.delta
        if not delta or chunk.index != 0:
            return
        if (content := delta.get("content")).__class__ is str:
            self.text.append(content)
        for part in delta.get("tool_calls") or ():
            self._see_call(part)
        for name in _SIGNED:
            if name in delta:
                self.fields[name] = delta[name]

    def _see_call(self, part: dict[str, Any]) -> None:
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

    def message(self) -> dict[str, Any]:
        return {"content": "".join(self.text), "tool_calls": self.calls, **self.fields}


class ReasoningStore:
    """One for the process. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float], max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def remember(self, caller: str, model: str, message: dict[str, Any]) -> None:
        """Keep what `message`, an answer of `model` (`provider/model`), carries for its tool calls; nothing if it carries nothing."""
        calls = message.get("tool_calls")
        if not calls:
            return
        fields = {name: message[name] for name in _SIGNED if message.get(name)}
        extras = {call["id"]: call["extra_content"] for call in calls if call.get("extra_content")}
        if not fields and not extras:
            return
        entry = _Entry(model, fields, extras, _said(message), self._clock() + MAX_AGE, len(dumps([fields, extras])))
        for call in calls:
            self._put((caller, call["id"]), entry)

    def _put(self, key: tuple[str, str], entry: _Entry) -> None:
        old = self._entries.pop(key, None)
        if old is not None:
            self._bytes -= old.size
        self._entries[key] = entry
        self._bytes += entry.size
        while self._bytes > self._max_bytes or len(self._entries) > self._max_entries:
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= dropped.size

    def restore(self, caller: str, model: str, request: ChatRequest) -> ChatRequest:
        """The request with what was kept put back on the messages of `model`'s own answers; the same request if there is nothing."""
        if not self._entries:
            return request
        messages: list[dict[str, Any]] | None = None
        for i, message in enumerate(request.messages):
            calls = message.get("tool_calls")
            if not calls:
                continue
            entry = self._find(caller, calls[0].get("id"))
            if entry is not None and entry.model == model and (restored := _restored(message, entry)) is not message:
                messages = list(request.messages) if messages is None else messages
                messages[i] = restored
        return request if messages is None else ChatRequest({**request.body, "messages": messages}, request.size, request.usual_schemas)

    def _find(self, caller: str, call_id: Any) -> _Entry | None:
        key = (caller, call_id)
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires < self._clock():
            self._bytes -= self._entries.pop(key).size
            return None
        self._entries.move_to_end(key)
        return entry


def _restored(message: dict[str, Any], entry: _Entry) -> dict[str, Any]:
    """What the caller sent of its own wins; blocks that repeat the whole turn are put back only if the turn was not edited."""
    if any(message.get(name) for name in _SIGNED):
        return message
    fields = dict(entry.fields)
    if "provider_content" in fields and entry.said != _said(message):
        del fields["provider_content"]
    calls = message["tool_calls"]
    if entry.calls:
        calls = [
            {**call, "extra_content": entry.calls[call["id"]]} if call.get("id") in entry.calls and not call.get("extra_content") else call
            for call in calls
        ]
    return {**message, **fields, "tool_calls": calls}


def _said(message: dict[str, Any]) -> bytes:
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    calls = [_call_said(call) for call in message.get("tool_calls") or ()]
    return hashlib.sha256(repr((content, calls)).encode("utf-8", "surrogatepass")).digest()


def _call_said(call: dict[str, Any]) -> tuple[str, str, str]:
    function = call.get("function") or call.get("custom") or {}
    return call.get("id") or "", function.get("name") or "", str(function.get("arguments") or function.get("input") or "")
