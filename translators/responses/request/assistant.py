"""An assistant message of the history as the items the model once answered with, or would have."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from translators.chat.calls import called_in, unreadable
from translators.chat.wire import ContentPart, InputCall, InputMessage
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject, dumps_str
from translators.responses.items import CALLS, FORMAT, is_item, same_model
from translators.responses.names import upstream_name
from translators.responses.request.context import Translation
from translators.responses.wire import (
    CustomToolCallItem,
    FunctionCallItem,
    InputItem,
    Item,
    MessageItem,
    OutputPart,
)

MAX_CALL_ID: Final = 64

_TEXT_ONLY: Final = frozenset({"role", "name", "content"})
"""The fields of a message that only says something: most of a long conversation are such."""
_FOREIGN: Final = ("thinking_blocks", "extra_content")
_UNKNOWN: Final = ("reasoning_content", "reasoning", "reasoning_details", "images")
"""What an answer says beside its text, and what only its items could say again."""
_BESIDE: Final = frozenset({*_FOREIGN, *_UNKNOWN})
_FOREIGN_PARTS: Final = ("thinking", "redacted_thinking")
_FOREIGN_REASONING: Final = "signed reasoning of another provider means nothing to this one"
_TEXT_PARTS: Final = ("text", "output_text", "refusal")


def call_id_of(call_id: str) -> str:
    """`call_id` in at most 64 characters: other providers' may be longer, and then keep their
    beginning and a hash.
    """
    if len(call_id) <= MAX_CALL_ID:
        return call_id
    digest = sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{call_id[: MAX_CALL_ID - 9]}_{digest[:8]}"


def assistant_items(message: InputMessage, index: int, translation: Translation) -> list[InputItem]:
    """Text, then calls; or `provider_content`, if it holds items of this very model."""
    if message.keys() <= _TEXT_ONLY and (text := message.get("content")).__class__ is str:
        return [_message(text)] if text else []
    items = _original_items(message.get("provider_content"), translation)
    if items is not None:
        return items
    calls = message.get("tool_calls") or []
    if not _BESIDE.isdisjoint(message):
        _note_beside(message, translation)
    items = _said(message, f"messages[{index}]", translation)
    items += [_call(call, index, j, translation) for j, call in enumerate(calls)]
    if (function := message.get("function_call")) is not None:
        items.append(_function_call(function, f"call_{index}"))
    return items


def _note_beside(message: InputMessage, translation: Translation) -> None:
    if any(message.get(name) for name in _FOREIGN):
        translation.once("dropped", "messages.thinking_blocks", _FOREIGN_REASONING)
    for name in _UNKNOWN:
        if message.get(name):
            translation.once(
                "dropped", f"messages.{name}", "the Responses API has no place for it in a message"
            )


def _original_items(content: Any, translation: Translation) -> list[InputItem] | None:
    """The items as they came, without what only the answer has; None if they are another model's,
    or none of this API's.
    """
    if content is None:
        return None
    blocks = (
        content.get("blocks")
        if content.__class__ is dict and content.get("format") == FORMAT
        else None
    )
    if blocks.__class__ is not list or not all(is_item(block) for block in blocks):
        translation.once("dropped", "messages.provider_content", "it was not made by this API")
        return None
    if not same_model(content.get("model"), translation.target.model):
        translation.once(
            "dropped",
            "messages.provider_content",
            "the reasoning of another model means nothing to this one",
        )
        return None
    items: list[InputItem] = [
        _as_input(block) for block in blocks if _is_readable(block, translation)
    ]
    while items and items[-1]["type"] == "reasoning":
        translation.once(
            "repaired",
            "messages.provider_content",
            "reasoning that led to nothing was left out: the API refuses it",
        )
        items.pop()
    return items or None


def _is_readable(block: Item, translation: Translation) -> bool:
    """Reasoning lives in `encrypted_content`, with some servers in `content`: nothing is stored
    that its id could be looked up in.
    """
    if block["type"] != "reasoning" or block.get("encrypted_content") or block.get("content"):
        return True
    translation.once(
        "dropped",
        "messages.provider_content",
        "reasoning without its encrypted content cannot be sent back",
    )
    return False


_ONLY_IN_ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    "reasoning": ("status",),
    "function_call": ("status", "id"),
    "custom_tool_call": ("status", "id"),
}
"""What an item has as an answer and need not have as input: ids stay where the API demands one."""


def _as_input(block: Item) -> Item:
    left_out = _ONLY_IN_ANSWERS.get(block["type"])
    if left_out is not None:
        return {name: value for name, value in block.items() if name not in left_out}
    if block["type"] == "message":
        parts = [
            {name: value for name, value in part.items() if name != "logprobs"}
            for part in block["content"]
        ]
        return {**block, "content": parts}
    return block


def _said(message: InputMessage, at: str, translation: Translation) -> list[InputItem]:
    """At most one message item: plain text as a string, with a refusal or in parts as parts."""
    if message.get("audio"):
        translation.once(
            "dropped", "messages.audio", "this API does not take answers back as audio"
        )
    content, refusal = message.get("content"), message.get("refusal")
    if content.__class__ is str and not refusal:
        return [_message(content)] if content else []
    given = [{"type": "text", "text": content}] if content.__class__ is str else list(content or ())
    if refusal:
        given.append({"type": "refusal", "refusal": refusal})
    parts = [
        part
        for j, one in enumerate(given)
        if (part := _part(one, f"{at}.content[{j}]", translation)) is not None
    ]
    return [_message(parts)] if parts else []


def _message(content: str | list[OutputPart]) -> MessageItem:
    return {"type": "message", "role": "assistant", "content": content}


def _part(part: ContentPart, at: str, translation: Translation) -> OutputPart | None:
    kind = part["type"]
    if kind in _FOREIGN_PARTS:
        translation.once("dropped", "messages.thinking_blocks", _FOREIGN_REASONING)
        return None
    if kind not in _TEXT_PARTS:
        raise InvalidRequest(
            f"An assistant message has no content of type '{kind[:80]}'.",
            at,
            "unsupported_content_type",
        )
    if part.get("prompt_cache_breakpoint") is not None:
        translation.once(
            "dropped",
            "messages.prompt_cache_breakpoint",
            "an assistant message has no place for it",
        )
    if kind == "refusal":
        return {"type": "refusal", "refusal": part["refusal"]}
    text = part.get("text")
    return {"type": "output_text", "text": text, "annotations": []} if text else None


def _call(
    call: InputCall, index: int, place: int, translation: Translation
) -> FunctionCallItem | CustomToolCallItem:
    call_id = call_id_of(call.get("id") or f"call_{index}_{place}")
    if call.get("extra_content"):
        translation.once("dropped", "messages.thinking_blocks", _FOREIGN_REASONING)
    called = called_in(call)
    if called is None:
        raise unreadable(call, index, place)
    if call.get("type") == "custom":
        name = upstream_name(called["name"])
        return {
            "type": "custom_tool_call",
            "call_id": call_id,
            "name": name,
            "input": called.get("input") or "",
        }
    return _function_call(called, call_id)


def _function_call(function: JsonObject, call_id: str) -> FunctionCallItem:
    arguments = function.get("arguments")
    if arguments.__class__ is not str or not arguments:
        arguments = dumps_str(arguments or {})
    return {
        "type": "function_call",
        "call_id": call_id,
        "name": upstream_name(function["name"]),
        "arguments": arguments,
    }


def calls_in(items: Iterable[Any]) -> list[Item]:
    """The items that call a tool of the caller's."""
    return [item for item in items if item["type"] in CALLS]
