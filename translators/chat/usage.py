"""Usage objects of the hub, added up."""

from collections.abc import Sequence
from typing import Any

from translators.chat.wire import Usage


def summed(usages: Sequence[Usage]) -> Usage:
    """The sum of usages, field by field, details included."""
    total: Usage = {}
    sums: Any = total
    for usage in usages:
        for name, value in usage.items():
            before = sums.get(
                name
            )  # a provider may send anything, and two of them different things
            if isinstance(value, dict):
                counts: list[Any] = [before, value] if isinstance(before, dict) else [value]
                sums[name] = summed(counts)
            elif isinstance(value, int) and not isinstance(value, bool):
                sums[name] = before + value if isinstance(before, int) else value
            else:
                sums.setdefault(name, value)
    return total
