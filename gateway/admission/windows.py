"""Windows of time in which limits count, aligned to a calendar: a day, week or month begins at a
midnight, in UTC or where a limit says, a week on Monday, a month on its first day.
"""

import math
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.config.limits import SECONDS, ZONED, Per
from gateway.store.limits_rows import FOREVER

_ONE: Final = timedelta(days=1)


def began(per: Per | None, now: float, timezone: str | None = None) -> int:
    """When the window that `now` is in began, Unix seconds."""
    if per is None or per == "ever":
        return FOREVER
    if per not in ZONED:
        return int(now) - int(now) % SECONDS[per]
    today = datetime.fromtimestamp(now, UTC if timezone is None else ZoneInfo(timezone)).date()
    return _midnight(_first(per, today), timezone)


def ends(per: Per | None, start: int, timezone: str | None = None) -> float:
    """When the window that began at `start` ends; infinity if it never does."""
    if per is None or per == "ever":
        return math.inf
    if per not in ZONED:
        return start + SECONDS[per]
    # Somewhere within the first of its days, however long that is.
    noon = start + SECONDS["day"] // 2
    first = datetime.fromtimestamp(noon, UTC if timezone is None else ZoneInfo(timezone)).date()
    days = {"day": 1, "week": 7, "month": 31}[per]
    return _midnight(_first(per, first + days * _ONE), timezone)


def _first(per: Per, day: date) -> date:
    """The first day of the window that `day` is in."""
    if per == "month":
        return day.replace(day=1)
    return day - day.weekday() * _ONE if per == "week" else day


def _midnight(day: date, timezone: str | None) -> int:
    """When the day begins there: where clocks are put forward at midnight, an hour later by them,
    and where they are put back then, the first of both times.
    """
    zone = UTC if timezone is None else ZoneInfo(timezone)
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
