"""An assistant's message as the hub's: its text, its calls, and the reasoning that goes with
them."""

from typing import Any, Final

from translators.claude.inbound.content import compacted, server_result
from translators.claude.inbound.context import Reading, text_of
from translators.claude.inbound.tokens import Reasoning
from translators.json_codec import JsonObject, dumps_str
from translators.sealed import SEALED

_LEFT_OUT: Final = frozenset({"server_tool_use", "mcp_tool_use", "fallback", "mcp_tool_listing"})
_CHANGES: Final = frozenset({"tool_addition", "tool_removal"})


def assistant_message(blocks: list[JsonObject], path: str, reading: Reading) -> JsonObject | None:
    """The hub's message; None if nothing is left of it. Raises InvalidRequest."""
    texts: list[str] = []
    calls: list[JsonObject] = []
    reasoning = Reasoning()
    for i, block in enumerate(blocks):
        kind, at = block["type"], f"{path}.{i}"
        if kind == "text":
            if text := text_of(block, "text", at):
                texts.append(text)
                reasoning.add_text(text)
        elif kind == "tool_use":
            call = _call(block, at)
            reading.call_ids.add(call["id"])
            calls.append(call)
            reasoning.add_call(call)
        elif kind in ("thinking", "redacted_thinking"):
            reasoning.add_block(block)
        elif (said := _other(block, at, reading)) is not None:
            texts.append(said)
    if not texts and not calls:
        return None
    message: JsonObject = {"role": "assistant", "content": "".join(texts) or None}
    if calls:
        message["tool_calls"] = calls
    message.update(reasoning.fields())
    if sealed := reasoning.sealed():
        message[SEALED] = sealed
    return message


def _call(block: JsonObject, path: str) -> JsonObject:
    given: Any = block.get("input")
    arguments = given if given.__class__ is str else dumps_str({} if given is None else given)
    function = {"name": text_of(block, "name", path), "arguments": arguments}
    return {"id": text_of(block, "id", path), "type": "function", "function": function}


def _other(block: JsonObject, path: str, reading: Reading) -> str | None:
    """The text that stands for a block of Claude's own; None if nothing does."""
    kind = block["type"]
    if kind in _LEFT_OUT:
        return None
    if kind in _CHANGES:
        reading.changes.append(block)
        return None
    if kind == "compaction":
        text = compacted(block, path, reading)
        return None if text is None else f"{text}\n\n"
    if kind.endswith("_tool_result"):
        if kind != "web_search_tool_result":
            reading.note("changed", f"messages.{kind}", "told as text")
        return server_result(block)
    reading.need(f"{path}.{kind}"[:200])
    return None
