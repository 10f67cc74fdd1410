"""Windows of time in which limits count, aligned to UTC: a week begins on Monday, a month on its
first day.
"""

import math
from datetime import UTC, datetime
from typing import Final

from gateway.config.limits import SECONDS, Per
from gateway.store.limits_rows import FOREVER

_MONDAY: Final = 3 * 86_400
"""1970-01-01 was a Thursday: seconds from the Monday before it."""


def began(per: Per | None, now: float) -> int:
    """When the window that `now` is in began, Unix seconds."""
    if per is None or per == "ever":
        return FOREVER
    if per == "month":
        return int(datetime.fromtimestamp(now, UTC).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        ).timestamp())  # fmt: skip
    length, at = SECONDS[per], int(now)
    return at - (at + _MONDAY) % length if per == "week" else at - at % length


def ends(per: Per | None, start: int) -> float:
    """When the window that began at `start` ends; infinity if it never does."""
    if per is None or per == "ever":
        return math.inf
    if per == "month":
        return began("month", start + 31 * 86_400 + 86_400 - 1)
    return start + SECONDS[per]
