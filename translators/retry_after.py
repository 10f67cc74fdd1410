"""When a provider wants to be asked again, from the headers it says so in."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 86_400.0
"""Seconds: a day. Nobody means more."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `retry-after-ms` or `retry-after`; an HTTP date is measured against the answer's
    own `date` header.

    `headers` has lower-case names. None if there is no such header, or it makes no sense.
    """
    if (text := headers.get("retry-after-ms")) is not None and (value := _number(text)) is not None:
        return min(value / 1000, LONGEST)
    text = headers.get("retry-after")
    if text is None:
        return None
    if (value := _number(text)) is not None:
        return min(value, LONGEST)
    try:
        wait = (
            parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
        ).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(wait, 0.0), LONGEST)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
