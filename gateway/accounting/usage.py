"""Numbers out of a usage object of the hub: a provider may send anything, so nothing is believed that is no count."""

from typing import Any, Final

MOST: Final = 100_000_000
"""Tokens above which a count is a provider's mistake: no request is that large."""


def count(holder: Any, name: str) -> int | None:
    """The tokens under `name` of a usage object or of one of its details, None if there is no believable count."""
    value = holder.get(name) if holder.__class__ is dict else None
    return value if value.__class__ is int and 0 <= value <= MOST else None


def totals(usage: Any) -> tuple[int | None, int | None]:
    """The prompt's and the completion's tokens, as `count` finds them, at half its price: they are looked at three times for a request."""
    if usage.__class__ is not dict:
        return None, None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (
        prompt if prompt.__class__ is int and 0 <= prompt <= MOST else None,
        completion if completion.__class__ is int and 0 <= completion <= MOST else None,
    )
