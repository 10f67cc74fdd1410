"""Calls and results that some clients send as Claude's blocks inside of a chat message, in the
hub's words.
"""

from typing import Any, Final

from translators.chat.validation_errors import require_string, wrong_type
from translators.chat.wire import ContentPart, InputCall, InputMessage
from translators.json_codec import dumps_str

BLOCKS: Final = {"assistant": "tool_use", "user": "tool_result"}
"""What such a part is in a message of each role."""


def has_blocks(messages: list[InputMessage]) -> bool:
    """Whether there are such blocks in `messages`, each in a message of its own role."""
    return any(
        message.get("content").__class__ is list
        and any(part["type"] == BLOCKS.get(message["role"]) for part in message["content"])
        for message in messages
    )


def call_of_block(part: ContentPart, at: str) -> InputCall | None:
    """A `tool_use` block as one of `tool_calls`; None for anything else. Raises InvalidRequest for
    one that is not whole.
    """
    if part["type"] != "tool_use":
        return None
    require_string(part, "id", at)
    require_string(part, "name", at)
    return {
        "id": part["id"],
        "type": "function",
        "function": {"name": part["name"], "arguments": dumps_str(part.get("input") or {})},
    }


def result_of_block(part: ContentPart, at: str) -> InputMessage | None:
    """A `tool_result` block as a `tool` message; None for anything else. Raises InvalidRequest for
    one that is not whole.
    """
    if part["type"] != "tool_result":
        return None
    require_string(part, "tool_use_id", at)
    content = part.get("content")
    if content.__class__ is list:
        content = [_part(block, f"{at}.content[{k}]") for k, block in enumerate(content)]
    message = {"role": "tool", "tool_call_id": part["tool_use_id"], "content": content or ""}
    return {**message, "is_error": True} if part.get("is_error") is True else message


def _part(block: Any, at: str) -> Any:
    """An image as the hub has it; a text is the same in both, and what is not known is for the
    dialect to judge.
    """
    if block.__class__ is not dict or block.get("type").__class__ is not str:
        raise wrong_type(at, "an object with a type", block)
    if block["type"] == "text" and block.get("text").__class__ is not str:
        raise wrong_type(f"{at}.text", "a string", block.get("text"))
    source = block.get("source") if block["type"] == "image" else None
    if source.__class__ is not dict:
        return block
    if source.get("type") == "url" and source.get("url").__class__ is str:
        return {"type": "image_url", "image_url": {"url": source["url"]}}
    if source.get("media_type").__class__ is str and source.get("data").__class__ is str:
        return {
            "type": "image_url",
            "image_url": {"url": f"data:{source['media_type']};base64,{source['data']}"},
        }
    return block
