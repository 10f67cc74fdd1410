"""Tool results that failed, for providers that have no other place to say so than the result itself."""

from typing import Any, Final

FAILED: Final = "Error:"
"""What such a result begins with, unless it says so already."""
TOLD_IN_WORDS: Final = f"this provider has no such field: the result begins with {FAILED!r} instead"


def told_as_failed(message: dict[str, Any]) -> dict[str, Any]:
    """A `tool` message whose result says that the tool failed."""
    content = message.get("content") or ""
    if content.__class__ is list:
        return {**message, "content": [{"type": "text", "text": FAILED}, *content]}
    return message if content[:5].lower() == "error" else {**message, "content": f"{FAILED} {content}".rstrip()}
