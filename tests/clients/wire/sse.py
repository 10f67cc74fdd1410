"""Bytes of events."""

import json
from collections.abc import Mapping
from typing import Any


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def event(name: str | None, data: Any, end: str = "\n\n") -> bytes:
    head = "" if name is None else f"event: {name}\n"
    return f"{head}data: {compact(data)}{end}".encode()


def pieces(text: str, size: int = 7) -> list[str]:
    """The text in the small pieces that a stream brings."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def text_of(content: Any) -> str:
    """All text of a string, or of a list of parts with `text`."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and "text" in part)


def text_field(schema: Mapping[str, Any] | None) -> str | None:
    """The only property of a tool's schema: where a text goes that was meant for a custom tool."""
    names = list((schema or {}).get("properties", {}))
    return names[0] if len(names) == 1 else None
