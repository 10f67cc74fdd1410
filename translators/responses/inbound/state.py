"""How this API names what is kept of a conversation."""

from typing import Any, Final

from translators.json_codec import JsonObject

PREVIOUS: Final = "previous_response_id"
CONTINUED: Final = ("completed", "incomplete")
"""What a response is that another can follow."""
_PREFIXES: Final = {
    "message": "msg",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "function_call_output": "fco",
    "custom_tool_call_output": "ctco",
    "reasoning": "rs",
}


def listed_item(item: Any, response_id: str, n: int) -> JsonObject:
    """An item as it is listed: with a type, an id and parts for its content. `n`: its place."""
    kind = item.get("type") or "message"
    if item.get("id"):
        return {**item, "type": kind}
    mark = response_id.rpartition("_lr")[2]
    content = item.get("content")
    named = {**item, "type": kind, "id": f"{_PREFIXES.get(kind, 'item')}_lr{mark}_i{n}"}
    if kind == "message" and content.__class__ is str:
        written = "output_text" if item.get("role") == "assistant" else "input_text"
        named["content"] = [{"type": written, "text": content}]
    return named


def has_references(items: list[Any]) -> bool:
    """Whether one of the items is a reference."""
    for item in items:
        plain = item.__class__ is dict and "role" in item and "type" not in item
        if not plain and is_reference(item):
            return True
    return False


def is_reference(item: Any) -> bool:
    """Whether an item stands for one that is kept."""
    if item.__class__ is not dict:
        return False
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "id" in item and "role" not in item)
