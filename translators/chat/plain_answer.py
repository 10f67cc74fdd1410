"""Whole answers that are one text and nothing else, as most are: other APIs have short words for
them."""

from typing import Any

from translators.chat.wire import Completion


def only_text(completion: Completion) -> str | None:
    """The text of the first choice; None if that holds anything beside it."""
    choice: Any = completion["choices"][0]
    message = choice["message"]
    text = message.get("content")
    if text.__class__ is not str or not text:
        return None
    for name, value in message.items():
        if value and name != "content" and name != "role":
            return None
    beside = choice.get("logprobs") or choice.get("provider_specific")
    return None if beside or choice.get("finish_reason") == "content_filter" else text
