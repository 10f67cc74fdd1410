"""Numbers out of a usage object of the hub: a provider may send anything, so nothing is believed
that is no count.
"""

from typing import Any, Final

from gateway.accounting.token_estimate import estimate_texts
from gateway.telemetry import events
from translators.chat.wire import Completion, Usage

MOST: Final = 100_000_000
"""Tokens above which a count is a provider's mistake: no request is that large."""


def count(holder: Any, name: str) -> int | None:
    """The tokens under `name` of a usage object or of one of its details, None if there is no
    believable count.
    """
    value = holder.get(name) if holder.__class__ is dict else None
    return value if value.__class__ is int and 0 <= value <= MOST else None


def totals(usage: Any) -> tuple[int | None, int | None]:
    """The prompt's and the completion's tokens, as `count` finds them, at half its price: they are
    looked at three times for a request.
    """
    if usage.__class__ is not dict:
        return None, None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (
        prompt if prompt.__class__ is int and 0 <= prompt <= MOST else None,
        completion if completion.__class__ is int and 0 <= completion <= MOST else None,
    )


def counted(usage: Any) -> events.Usage | None:
    """What a provider counted, as far as it is numbers: it may send anything."""
    if usage.__class__ is not dict:
        return None
    prompt, completion = totals(usage)
    read, made = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached = written = reasoning = 0
    if read and read.__class__ is dict and any(read.values()):  # else without a call for each
        cached = count(read, "cached_tokens") or 0
        written = count(read, "cache_write_tokens") or 0
    if made and made.__class__ is dict and made.get("reasoning_tokens"):
        reasoning = count(made, "reasoning_tokens") or 0
    return events.Usage(prompt or 0, cached, completion or 0, reasoning, written)


USAGE_ESTIMATED: Final = "usage_estimated"
"""The warning beside a usage that the provider did not count."""
_SPOKEN: Final = ("content", "reasoning_content", "refusal")


def estimated(prompt_tokens: int, token_factor: float, completion: Completion) -> Usage:
    """A usage object for an answer whose provider counted nothing: callers read its fields unasked.
    Both counts are estimates.

    `prompt_tokens` are o200k's; `token_factor` tells how many of the model's own tokens one of
    those is.
    """
    texts: list[str] = []
    for choice in completion["choices"]:
        message = choice["message"]
        texts += [text for name in _SPOKEN if (text := message.get(name)).__class__ is str]
        for call in message.get("tool_calls") or ():
            called = call.get("function") or call.get("custom") or {}
            texts += [text for text in called.values() if text.__class__ is str]
    prompt, answer = int(prompt_tokens * token_factor), int(estimate_texts(texts) * token_factor)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
