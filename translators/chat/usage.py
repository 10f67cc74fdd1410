"""Usage objects of the hub, added up."""

from collections.abc import Sequence
from typing import Any


def summed(usages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sum of usages, field by field, details included."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, dict):
                total[name] = summed([total.get(name, {}), value])
            elif isinstance(value, int) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
            else:
                total.setdefault(name, value)
    return total
