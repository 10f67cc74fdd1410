"""Tool results that failed, for providers that have no other place to say so than the result
itself.
"""

from typing import Final

from translators.chat.wire import InputMessage

FAILED: Final = "Error:"
"""What such a result begins with, unless it says so already."""
TOLD_IN_WORDS: Final = f"this provider has no such field: the result begins with {FAILED!r} instead"


def told_as_failed(message: InputMessage) -> InputMessage:
    """A `tool` message whose result says that the tool failed."""
    content = message.get("content") or ""
    if content.__class__ is list:
        return {**message, "content": [{"type": "text", "text": FAILED}, *content]}
    return (
        message
        if content[:5].lower() == "error"
        else {**message, "content": f"{FAILED} {content}".rstrip()}
    )
