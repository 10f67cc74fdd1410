"""gateway.routing.rules: the first rule whose every condition holds."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.config import Condition, Rule, TimeWindow
from gateway.routing.facts import Caller
from gateway.routing.rules import failing, first_match, holds, inside
from tests.routing.worlds import MOMENT, facts

MONDAY, SUNDAY = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 29, tzinfo=UTC)
ASKED = facts(
    tokens=1000,
    features=["tools", "images"],
    metadata={"team": "blue", "count": 5},
    caller=Caller(key_id="0a1b2c3d", headers={"x-team": "red"}),
)


@pytest.mark.parametrize(
    ("when", "fails"),
    [
        ({}, None),
        ({"tokens_over": 999}, None),
        ({"tokens_over": 1000}, "input_tokens"),
        ({"tokens_under": 1001}, None),
        ({"tokens_under": 1000}, "input_tokens"),
        ({"features": frozenset({"tools"})}, None),
        ({"features": frozenset({"tools", "images"})}, None),
        ({"features": frozenset({"tools", "audio"})}, "has"),
        ({"metadata": {"team": frozenset({"blue", "green"})}}, None),
        ({"metadata": {"team": frozenset({"green"})}}, "metadata.team"),
        ({"metadata": {"count": frozenset({"5"})}}, "metadata.count"),
        ({"metadata": {"none": frozenset({"x"})}}, "metadata.none"),
        ({"header": {"x-team": frozenset({"red"})}}, None),
        ({"header": {"x-team": frozenset({"Red"})}}, "header.x-team"),
        ({"header": {"x-other": frozenset({"red"})}}, "header.x-other"),
        ({"key": frozenset({"0a1b2c3d"})}, None),
        ({"key": frozenset({"00000000"})}, "key"),
        ({"time": TimeWindow(after=time(12))}, None),
        ({"time": TimeWindow(after=time(12, 1))}, "time"),
        ({"tokens_over": 10, "features": frozenset({"audio"})}, "has"),
    ],
)
def test_conditions(when: dict[str, Any], fails: str | None) -> None:
    assert failing(Condition(**when), ASKED, MOMENT) == fails


def test_conditions_that_cost_nothing_are_looked_at_before_the_prompt_is_estimated() -> None:
    """An estimate is made only for a request that meets every other condition."""
    unknown = facts(tokens=None)  # type: ignore[arg-type]
    assert failing(Condition(tokens_over=10, key=frozenset({"00000000"})), unknown, MOMENT) == "key"
    assert unknown.prompt.known is None


def test_the_first_that_holds_wins_else_none() -> None:
    rules = [
        Rule(name="a", when=Condition(tokens_over=5000)),
        Rule(name="b", when=Condition(tokens_over=500)),
        Rule(name="c", when=Condition()),
    ]
    assert [getattr(first_match(rules[:n], ASKED, MOMENT), "name", None) for n in (1, 2, 3)] == [
        None,
        "b",
        "b",
    ]
    assert first_match((), ASKED, MOMENT) is None


@pytest.mark.parametrize(
    ("window", "moment", "holds"),
    [
        (TimeWindow(after=time(9), before=time(17)), MONDAY.replace(hour=9), True),
        (TimeWindow(after=time(9), before=time(17)), MONDAY.replace(hour=16, minute=59), True),
        (TimeWindow(after=time(9), before=time(17)), MONDAY.replace(hour=17), False),
        (
            TimeWindow(after=time(9), before=time(17), days=frozenset({1})),
            MONDAY.replace(hour=12),
            False,
        ),
        (TimeWindow(days=frozenset({0})), MONDAY, True),
        (TimeWindow(days=frozenset({0})), MONDAY - timedelta(microseconds=1), False),
        # over midnight: it belongs to the day on which it began
        (
            TimeWindow(after=time(22), before=time(6), days=frozenset({6})),
            SUNDAY.replace(hour=23),
            True,
        ),
        (
            TimeWindow(after=time(22), before=time(6), days=frozenset({6})),
            MONDAY + timedelta(days=7, hours=5),
            True,
        ),
        (
            TimeWindow(after=time(22), before=time(6), days=frozenset({6})),
            SUNDAY.replace(hour=5),
            False,
        ),
        (TimeWindow(after=time(22), before=time(6)), MONDAY.replace(hour=12), False),
    ],
)
def test_time(window: TimeWindow, moment: datetime, holds: bool) -> None:
    assert inside(window, moment) is holds


times = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@given(
    after=times,
    before=times,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    minute=st.integers(0, 7 * 24 * 60 - 1),
)
def test_a_window_is_as_long_as_it_says_on_each_of_its_days(
    after: time, before: time, days: frozenset[int], minute: int
) -> None:
    """Counted from a day's beginning: `after` until `before`, which is on the next day if it is
    earlier.
    """
    assume(after != before)
    moment = MONDAY + timedelta(minutes=minute)
    begin, end = after.hour * 60 + after.minute, before.hour * 60 + before.minute
    if end < begin:
        end += 24 * 60
    expected = any((minute - day * 24 * 60) % (7 * 24 * 60) in range(begin, end) for day in days)
    assert inside(TimeWindow(after=after, before=before, days=days), moment) is expected


def test_a_target_may_have_a_condition_of_its_own() -> None:
    assert holds(Condition(features=frozenset({"images"})), ASKED, MOMENT)
