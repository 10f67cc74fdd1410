"""Windows begin and end where a calendar in UTC says."""

from datetime import UTC, datetime

import pytest

from gateway.admission.windows import began, ends
from gateway.config.limits import Per


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("per", "start", "end"),
    [
        ("second", "2026-11-29 23:59:58", "2026-11-29 23:59:59"),
        ("minute", "2026-11-29 23:59:00", "2026-11-30 00:00:00"),
        ("hour", "2026-11-29 23:00:00", "2026-11-30 00:00:00"),
        ("day", "2026-11-29 00:00:00", "2026-11-30 00:00:00"),
        ("week", "2026-11-23 00:00:00", "2026-11-30 00:00:00"),
        ("month", "2026-11-01 00:00:00", "2026-12-01 00:00:00"),
    ],
)
def test_a_window_is_aligned(per: Per, start: str, end: str) -> None:
    now = at("2026-11-29 23:59:58") + 0.5
    assert (began(per, now), ends(per, began(per, now))) == (at(start), at(end))
    assert began(per, at(end)) == at(end)


MONTHS = (
    ("2026-01-01", "2026-02-01"),
    ("2026-02-01", "2026-03-01"),
    ("2028-02-01", "2028-03-01"),
    ("2026-12-01", "2027-01-01"),
)


@pytest.mark.parametrize(("month", "following"), MONTHS)
def test_months_are_as_long_as_they_are(month: str, following: str) -> None:
    assert ends("month", at(month)) == at(following)


def test_ever_has_no_end() -> None:
    assert (began("ever", at("2026-11-29")), ends("ever", 0)) == (0, float("inf"))
