"""The items of this API that both directions know: what they are called, and when one is whole."""

import re
from typing import Any, Final

from translators.responses.wire import Item

FORMAT: Final = "openai-responses"
"""What `provider_content.format` says when the blocks are items of this API."""

CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
"""The items that call the caller's tools, and where each has its text."""

_SNAPSHOT: Final = re.compile(r"-20\d\d-\d\d-\d\d\Z")


def same_model(one: Any, other: str) -> bool:
    """Whether two model ids name one model, with or without the date of its snapshot."""
    return _SNAPSHOT.sub("", str(one)) == _SNAPSHOT.sub("", other)


def is_call(item: Item) -> bool:
    """Whether the item calls one of the caller's tools."""
    return str(item.get("type")) in CALLS


def is_item(item: Any) -> bool:
    """Whether `item` has what this package reads of an item of its type; types that it does not
    know pass.
    """
    if item.__class__ is not dict:
        return False
    kind = item.get("type")
    if (text := CALLS.get(str(kind))) is not None:
        return all(item.get(name).__class__ is str for name in ("call_id", "name", text))
    if kind == "message":
        content = item.get("content")
        return content.__class__ is list and all(part.__class__ is dict for part in content)
    return kind.__class__ is str


def parts_of(item: Item, name: str) -> list[Item]:
    """The parts under `name` (`content`, `summary`) that are objects."""
    parts = item.get(name)
    return [part for part in parts if part.__class__ is dict] if parts.__class__ is list else []


def text_of(part: Item, name: str) -> str:
    value = part.get(name)
    return value if value.__class__ is str else ""
