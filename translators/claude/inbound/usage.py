"""The hub's usage in Claude's words: what a cache gave is not counted twice."""

from typing import Any

from translators.chat.wire import Usage
from translators.json_codec import JsonObject

_CHARACTERS = 4
"""Of text, for about a token."""


def usage_of(usage: Usage | None, prompt: int, said: int) -> JsonObject:
    """`prompt`: an estimate of its tokens, `said`: characters of the answer; for an answer that was
    not counted."""
    if usage is None:
        return counts(max(prompt, 1), 0, 0, -(-said // _CHARACTERS))
    read = _number(usage.get("prompt_tokens"))
    details = usage.get("prompt_tokens_details") or {}
    cached = _number(details.get("cached_tokens"))
    written = _number(details.get("cache_write_tokens"))
    found = counts(
        max(0, read - cached - written), written, cached, _number(usage.get("completion_tokens"))
    )
    reasoned = _number((usage.get("completion_tokens_details") or {}).get("reasoning_tokens"))
    if reasoned:
        found["output_tokens_details"] = {"thinking_tokens": reasoned}
    return found


def counts(given: int, written: int, cached: int, output: int) -> JsonObject:
    """The four numbers that every usage has."""
    return {
        "input_tokens": given,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": output,
    }


def _number(value: Any) -> int:
    return value if value.__class__ is int else 0
