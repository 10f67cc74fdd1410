"""Numbers out of a usage object of the hub: a provider may send anything, so nothing is believed that is no count."""

from typing import Any, Final

MOST: Final = 100_000_000
"""Tokens above which a count is a provider's mistake: no request is that large."""


def count(holder: Any, name: str) -> int | None:
    """The tokens under `name` of a usage object or of one of its details, None if there is no believable count."""
    value = holder.get(name) if holder.__class__ is dict else None
    return value if value.__class__ is int and 0 <= value <= MOST else None
