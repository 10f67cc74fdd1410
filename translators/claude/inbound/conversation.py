"""`system` and `messages` as the hub's messages: every call gets its result, every result its call.

Deterministic and append-only: the same beginning of a history gives the same beginning here.
"""

from typing import Any, Final

from translators.claude.inbound.assistant import assistant_message
from translators.claude.inbound.content import (
    Parts,
    block_parts,
    content_of,
    parts_of,
    result_content,
    text_part,
)
from translators.claude.inbound.context import Reading, blocks_of, rejected, text_of
from translators.json_codec import JsonObject

NO_RESULT: Final = "No result was recorded for this tool call."
BILLING: Final = "x-anthropic-billing-header:"
"""Begins a line that Claude Code puts first: it changes, and would spoil other providers' caches.
"""
_ROLES: Final = ("user", "assistant", "system")


class Conversation:
    """The messages as far as they were read."""

    def __init__(self, reading: Reading) -> None:
        self.messages: list[JsonObject] = []
        self._reading = reading
        self._open: list[str] = []
        """Ids of calls that wait for a result."""

    def add_system_prompt(self, system: Any) -> None:
        """The leading system message, if there is anything in it."""
        if system is None:
            return
        if system.__class__ is str:
            if text := _without_billing(system):
                self.messages.append({"role": "system", "content": text})
            return
        blocks = [
            {**block, "text": _without_billing(block["text"])}
            if block.get("text").__class__ is str
            else block
            for block in blocks_of(system, "system")
        ]
        if parts := parts_of(blocks, "system", self._reading):
            self.messages.append({"role": "system", "content": content_of(parts)})

    def add_all(self, messages: list[Any]) -> None:
        """Every message. Raises InvalidRequest."""
        last_user = -1
        for i, message in enumerate(messages):
            if message.__class__ is not dict:
                raise rejected(f"messages.{i}", "Input should be a valid dictionary")
            if message.get("role") not in _ROLES:
                rule = "Input should be 'user', 'assistant' or 'system'"
                raise rejected(f"messages.{i}.role", rule)
            if message["role"] == "user":
                last_user = i
        for i, message in enumerate(messages):
            content, role = message.get("content"), message["role"]
            if content.__class__ is str and content and role != "system":  # most are such
                if self._open:
                    self._close()
                self.messages.append({"role": role, "content": content})
                continue
            path = f"messages.{i}.content"
            blocks = blocks_of(content, path)
            match role:
                case "user":
                    self._user(blocks, path)
                case "assistant":
                    self._assistant(blocks, path)
                case _:
                    self._system(message, blocks, path, i < last_user)
        self._close()

    def _system(self, message: JsonObject, blocks: list[JsonObject], path: str, past: bool) -> None:
        output = message.get("output_config")
        if output.__class__ is dict and output.get("effort") is not None:
            self._reading.effort = output["effort"]
        parts = parts_of(blocks, path, self._reading)
        if not parts or (past and message.get("clear_at") == "next_user_message"):
            return
        self._close()
        self.messages.append({"role": "system", "content": content_of(parts)})

    def _assistant(self, blocks: list[JsonObject], path: str) -> None:
        self._close()
        message = assistant_message(blocks, path, self._reading)
        if message is not None:
            self.messages.append(message)
            self._open = [call["id"] for call in message.get("tool_calls", ())]

    def _user(self, blocks: list[JsonObject], path: str) -> None:
        results: dict[str, JsonObject] = {}
        rest: Parts = []
        for i, block in enumerate(blocks):
            at = f"{path}.{i}"
            if block["type"] != "tool_result":
                rest += block_parts(block, at, self._reading)
                continue
            call_id = text_of(block, "tool_use_id", at)
            content = result_content(block.get("content"), f"{at}.content", self._reading)
            if call_id in self._open and call_id not in results:
                results[call_id] = _result(call_id, content, block)
            else:
                self._reading.note("repaired", "messages", "a result without its call became text")
                said = [text_part(content)] if content.__class__ is str else content
                rest += [text_part(f"Tool result for {call_id}:"), *said]
        self.messages += [results.get(each) or _missing(each) for each in self._open]
        if any(each not in results for each in self._open):
            self._reading.note("repaired", "messages", "a call without its result was given one")
        self._open = []
        if rest:
            self.messages.append({"role": "user", "content": content_of(rest)})

    def _close(self) -> None:
        """Give every open call a result."""
        if self._open:
            self.messages += [_missing(call_id) for call_id in self._open]
            self._open = []
            self._reading.note("repaired", "messages", "a call without its result was given one")


def _result(call_id: str, content: str | Parts, block: JsonObject) -> JsonObject:
    message: JsonObject = {"role": "tool", "tool_call_id": call_id, "content": content}
    if block.get("is_error") is True:
        message["is_error"] = True
    if block.get("cache_control").__class__ is dict:
        message["cache_control"] = block["cache_control"]
    return message


def _missing(call_id: str) -> JsonObject:
    return {"role": "tool", "tool_call_id": call_id, "content": NO_RESULT, "is_error": True}


def _without_billing(text: str) -> str:
    return text.partition("\n")[2] if text.startswith(BILLING) else text
