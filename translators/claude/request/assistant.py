"""An assistant message of the history as the blocks Claude once answered with, or would have."""

import re
from typing import Any, Final

from translators.chat.calls import called_in, unreadable
from translators.chat.wire import InputCall, InputMessage
from translators.claude.arguments import read_arguments
from translators.claude.property_keys import renamed
from translators.claude.request.content import mark_last, read_content, text_block, without_blanks
from translators.claude.request.context import Translation
from translators.claude.wire import FORMAT, NATIVE_PARTS, THINKING, Block, is_whole, thinking_block
from translators.json_codec import JsonObject

_PLAIN: Final = frozenset({"role", "name", "content", "tool_calls"})
"""The fields of a message that only says or calls something: most of a long conversation are such.
"""
_SNAPSHOT: Final = re.compile(r"-20\d{6}\Z")


def assistant_blocks(message: InputMessage, index: int, translation: Translation) -> list[Block]:
    """Thinking first, then text, then tool calls with the ids the caller gave them; or
    `provider_content` as it came.

    Empty where nothing was said or called.
    """
    text = message.get("content")
    if message.keys() <= _PLAIN and (text is None or text.__class__ is str):
        said = [text_block(text)] if text and not text.isspace() else []
        return said + _calls(message, index, translation) if "tool_calls" in message else said
    at = f"messages[{index}]"
    blocks = _original_blocks(message.get("provider_content"), translation)
    if blocks is None:
        said = _said(message, at, translation)
        thoughts = (
            []
            if any(block["type"] in THINKING for block in said)
            else _thoughts(message, at, translation)
        )
        blocks = (
            thoughts
            + without_blanks(said, "assistant")
            + _other_calls(said, _calls(message, index, translation))
        )
    if all(block["type"] in THINKING for block in blocks):
        return []  # Claude refuses a turn that ends with thinking
    if (mark := translation.mark(message)) is not None:
        mark_last(blocks, mark)
    return blocks


def same_model(one: Any, other: str) -> bool:
    """Whether two model ids name one model, with or without the date of its snapshot."""
    return _SNAPSHOT.sub("", str(one)) == _SNAPSHOT.sub("", other)


def _original_blocks(content: Any, translation: Translation) -> list[Block] | None:
    if content is None:
        return None
    if (
        content.__class__ is not dict
        or content.get("format") != FORMAT
        or not _are_blocks(content.get("blocks"))
    ):
        translation.once("dropped", "messages.provider_content", "it was not made by Claude")
        return None
    blocks: list[Block] = [
        block.copy()
        for block in content["blocks"]
        if block["type"] != "text" or block["text"].strip()
    ]
    if _keeps_thinking(translation) and same_model(content.get("model"), translation.target.model):
        return blocks
    kept = [block for block in blocks if block["type"] not in THINKING]
    if len(kept) < len(blocks):
        translation.once(
            "dropped",
            "messages.thinking_blocks",
            "signed reasoning of another model means nothing to this one",
        )
    return kept


def _are_blocks(blocks: Any) -> bool:
    return blocks.__class__ is list and all(
        block.__class__ is dict and _is_block(block) for block in blocks
    )


def _is_block(block: JsonObject) -> bool:
    kind = block.get("type")
    if kind == "text":
        return block.get("text").__class__ is str
    return kind.__class__ is str and (kind not in NATIVE_PARTS or is_whole(block))


def _keeps_thinking(translation: Translation) -> bool:
    return translation.record.thinking.kind != "none"


def _thoughts(message: InputMessage, at: str, translation: Translation) -> list[Block]:
    written = message.get("thinking_blocks")
    if not written:
        if message.get("reasoning_content"):
            translation.once(
                "dropped",
                "messages.reasoning_content",
                "Claude takes reasoning back only with its signature",
            )
        return []
    if not _keeps_thinking(translation):
        translation.once("dropped", "messages.thinking_blocks", "this model does not think")
        return []
    entries = written if written.__class__ is list else [written]
    blocks = [block for entry in entries if (block := thinking_block(entry)) is not None]
    if len(blocks) < len(entries):
        translation.once(
            "dropped",
            "messages.thinking_blocks",
            "a block without Claude's signature cannot be sent back",
        )
    return blocks


def _said(message: InputMessage, at: str, translation: Translation) -> list[Block]:
    blocks = read_content(message.get("content"), at, "assistant", translation)
    refusal = message.get("refusal")
    if refusal.__class__ is str and refusal:
        blocks.append(text_block(refusal))
    if message.get("audio"):
        translation.once("dropped", "messages.audio", "Claude does not hear")
    return blocks


def _other_calls(said: list[Block], calls: list[Block]) -> list[Block]:
    """The calls that are not given as blocks of the content already: some clients send both."""
    given = {block["id"] for block in said if block["type"] == "tool_use"}
    return [call for call in calls if call["id"] not in given] if given else calls


def _calls(message: InputMessage, index: int, translation: Translation) -> list[Block]:
    blocks = [
        _call(call, index, j, translation) for j, call in enumerate(message.get("tool_calls") or ())
    ]
    if (function := message.get("function_call")) is not None:
        block, flaw = _tool_use(f"fc_{index}", function, translation)
        if flaw is not None:
            translation.report.repaired(f"messages[{index}].function_call.arguments", flaw)
        blocks.append(block)
    return blocks


def _call(call: InputCall, index: int, place: int, translation: Translation) -> Block:
    call_id = call.get("id") or ""
    called = called_in(call)
    if called is None:
        raise unreadable(call, index, place)
    if call.get("type") == "custom":
        name = translation.names.upstream(called["name"])
        return {
            "type": "tool_use",
            "id": call_id,
            "name": name,
            "input": {"input": called.get("input") or ""},
        }
    block, flaw = _tool_use(call_id, called, translation)
    if flaw is not None:
        translation.report.repaired(f"messages[{index}].tool_calls[{place}].arguments", flaw)
    return block


def _tool_use(
    call_id: str, function: JsonObject, translation: Translation
) -> tuple[Block, str | None]:
    """The block, and what had to be done to the arguments."""
    name = function["name"]
    written = function.get("arguments")
    schema = translation.schemas.get(name) if translation.schemas else None
    arguments, flaw = read_arguments(
        _wrapped(written) if schema is not None and schema.wrapped else written
    )
    if schema is not None and schema.keys:
        arguments = renamed(arguments, schema.keys)
    return {
        "type": "tool_use",
        "id": call_id,
        "name": translation.names.upstream(name),
        "input": arguments,
    }, flaw


def _wrapped(written: Any) -> Any:
    if written.__class__ is str:
        return f'{{"value":{written}}}' if written.strip() else ""
    return {"value": written}
