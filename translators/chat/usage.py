"""Usage objects of the hub, added up."""

from collections.abc import Sequence
from typing import Any


def summed(usages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sum of usages, field by field, details included."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            before = total.get(name)  # a provider may send anything, and two of them different things
            if isinstance(value, dict):
                total[name] = summed([before, value] if isinstance(before, dict) else [value])
            elif isinstance(value, int) and not isinstance(value, bool):
                total[name] = before + value if isinstance(before, int) else value
            else:
                total.setdefault(name, value)
    return total
