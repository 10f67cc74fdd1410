"""Windows begin and end where a calendar in UTC says."""

from datetime import UTC, datetime

import pytest

from gateway.admission.counters import Applied, CounterPool
from gateway.admission.windows import began, ends
from gateway.config.limits import Per
from tests.admission.instances import limit_of


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


BERLIN = "Europe/Berlin"
ZONED: tuple[tuple[Per, str, str, str, str], ...] = (
    ("day", BERLIN, "2026-11-29 23:30:00", "2026-11-29 23:00:00", "2026-11-30 23:00:00"),
    ("day", BERLIN, "2026-03-29 12:00:00", "2026-03-28 23:00:00", "2026-03-29 22:00:00"),
    ("day", BERLIN, "2026-10-25 12:00:00", "2026-10-24 22:00:00", "2026-10-25 23:00:00"),
    ("week", BERLIN, "2026-11-29 23:30:00", "2026-11-29 23:00:00", "2026-12-06 23:00:00"),
    ("week", BERLIN, "2026-10-25 12:00:00", "2026-10-18 22:00:00", "2026-10-25 23:00:00"),
    ("month", BERLIN, "2026-10-31 23:30:00", "2026-10-31 23:00:00", "2026-11-30 23:00:00"),
    ("month", "Pacific/Auckland", "2026-01-15 00:00:00", "2025-12-31 11:00:00",
     "2026-01-31 11:00:00"),
    # At midnight clocks are put forward to one, and back to eleven.
    ("day", "Asia/Beirut", "2026-03-29 12:00:00", "2026-03-28 22:00:00", "2026-03-29 21:00:00"),
    ("day", "Asia/Beirut", "2026-10-24 12:00:00", "2026-10-23 21:00:00", "2026-10-24 22:00:00"),
    ("day", "America/Havana", "2026-11-01 12:00:00", "2026-11-01 04:00:00", "2026-11-02 05:00:00"),
)  # fmt: skip


@pytest.mark.parametrize(("per", "timezone", "now", "start", "end"), ZONED)
def test_midnight_is_where_the_limit_says(
    per: Per, timezone: str, now: str, start: str, end: str
) -> None:
    window = began(per, at(now), timezone)
    assert (window, ends(per, window, timezone)) == (at(start), at(end))
    assert began(per, at(end), timezone) == at(end)
    assert began(per, at(end) - 1, timezone) == at(start)


def test_a_counter_has_the_window_of_its_limits_time_zone() -> None:
    limit = limit_of(on="requests", per="day", amount=1, timezone=BERLIN)
    pool = CounterPool(lambda scope, name: 0)
    (counter,) = pool.of([Applied(limit, "all", False)], "", at("2026-11-29 23:30:00"))
    assert (counter.id.window, counter.ends) == (
        at("2026-11-29 23:00:00"), at("2026-11-30 23:00:00"),
    )  # fmt: skip
