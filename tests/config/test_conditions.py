"""What is said of conditions at start holds for every request: held against an evaluator that knows nothing of how it was found out."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, get_args

import hypothesis.strategies as st
from hypothesis import assume, event, example, given, settings

from gateway.config import ALWAYS, Rule, TimeWindow, When
from gateway.config.conditions import always, contradict, impossible, within
from gateway.config.rule_checks import never_matching
from gateway.config.schema import Feature

MONDAY: Final = datetime(2026, 11, 23)
VALUES: Final = ("x", "y", "z")
NAMES: Final = ("a", "b")
KEYS: Final = ("00000000", "11111111")
ENDS: Final = (0, 1, 30, 59)
"""Minutes of an hour at which windows begin and end."""
MOMENTS: Final = [MONDAY + timedelta(hours=hour, minutes=minute) for hour in range(7 * 24) for minute in ENDS]
"""Every moment of a week at which a window may begin or end: what is open at all is open at one of these."""


@dataclass(frozen=True)
class Facts:
    """What of a request a condition looks at."""

    tokens: int
    has: frozenset[str]
    metadata: dict[str, str]
    header: dict[str, str]
    key: str | None
    now: datetime


def is_open(window: TimeWindow, now: datetime) -> bool:
    """Whether the window that began today or yesterday is still open: told by moments, not by minutes of the week."""
    for began in (now.date(), now.date() - timedelta(days=1)):
        start = datetime.combine(began, window.after)
        midnight = datetime.combine(began, time.min) + timedelta(days=1)
        end = midnight if window.before is None else datetime.combine(began, window.before)
        if end < start:
            end += timedelta(days=1)
        if began.weekday() in window.days and start <= now < end:
            return True
    return False


def open_moments(when: When) -> list[datetime]:
    return [now for now in MOMENTS if when.time is None or is_open(when.time, now)]


def holds(when: When, facts: Facts) -> bool:
    return all(
        [
            when.over is None or facts.tokens > when.over,
            when.under is None or facts.tokens < when.under,
            all(feature in facts.has for feature in when.has),
            all(facts.metadata.get(name) in values for name, values in when.metadata.items()),
            all(facts.header.get(name) in values for name, values in when.header.items()),
            not when.key or facts.key in when.key,
            when.time is None or is_open(when.time, facts.now),
        ]
    )


some_values = st.dictionaries(st.sampled_from(NAMES), st.frozensets(st.sampled_from(VALUES), min_size=1), max_size=2)
times = st.builds(time, st.integers(0, 23), st.sampled_from(ENDS))
windows = st.builds(
    TimeWindow,
    after=st.just(time.min) | times,
    before=st.none() | times,
    days=st.just(frozenset(range(7))) | st.frozensets(st.integers(0, 6), min_size=1),
)
whens = st.builds(
    When,
    over=st.none() | st.integers(0, 9),
    under=st.none() | st.integers(1, 10),
    has=st.just(frozenset[Feature]()) | st.frozensets(st.sampled_from(get_args(Feature)[:3]), max_size=2),
    metadata=st.just({}) | some_values,
    header=st.just({}) | some_values,
    key=st.just(frozenset[str]()) | st.frozensets(st.sampled_from(KEYS)),
    time=st.none() | windows,
)
one_value = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES))
all_facts = st.builds(
    Facts,
    tokens=st.integers(0, 11),
    has=st.frozensets(st.sampled_from(get_args(Feature)[:3])),
    metadata=one_value,
    header=one_value,
    key=st.none() | st.sampled_from(KEYS),
    now=st.builds(lambda minute: MONDAY + timedelta(minutes=minute), st.integers(0, 7 * 24 * 60 - 1)),
)


@st.composite
def narrowed(draw: st.DrawFn, when: When) -> When:
    """Another condition, often one that lies inside `when`: it says the same or more about everything."""
    other = draw(whens)
    kept = draw(st.frozensets(st.sampled_from(["tokens", "has", "metadata", "header", "key", "time"])))
    return When(
        over=when.over if "tokens" in kept else other.over,
        under=when.under if "tokens" in kept else other.under,
        has=when.has | other.has if "has" in kept else other.has,
        metadata={**other.metadata, **when.metadata} if "metadata" in kept else other.metadata,
        header={**other.header, **when.header} if "header" in kept else other.header,
        key=when.key if "key" in kept else other.key,
        time=when.time if "time" in kept else other.time,
    )


@st.composite
def matching(draw: st.DrawFn, when: When) -> Facts:
    """Facts that were made to be like `when`, as far as that can be."""
    facts = draw(all_facts)
    moments = open_moments(when) or MOMENTS
    low = 0 if when.over is None else when.over + 1
    return Facts(
        tokens=draw(st.integers(low, max(low, (when.under or 12) - 1))),
        has=facts.has | when.has,
        metadata={**facts.metadata, **{name: draw(st.sampled_from(sorted(values))) for name, values in when.metadata.items()}},
        header={**facts.header, **{name: draw(st.sampled_from(sorted(values))) for name, values in when.header.items()}},
        key=draw(st.sampled_from(sorted(when.key))) if when.key else facts.key,
        now=draw(st.sampled_from(moments)),
    )


def rules(*conditions: When) -> list[Rule]:
    return [Rule(name=f"r{i}", when=when, strategy="cost") for i, when in enumerate(conditions)]


def shadowed(*conditions: When) -> set[int]:
    """The numbers of the rules that are said to match only what an earlier one matches."""
    return {int(str(place[0])) for place, message in never_matching(rules(*conditions)) if len(place) == 1 and "before it" in message}


@settings(deadline=None)
@given(st.data())
def test_a_shadowed_rule_matches_nothing_that_the_earlier_one_does_not(data: st.DataObject) -> None:
    earlier = data.draw(whens)
    later = data.draw(narrowed(earlier))
    facts = data.draw(matching(later))
    if shadowed(earlier, later):
        event("shadowed")
        assert not holds(later, facts) or holds(earlier, facts)


@settings(deadline=None)
@given(st.data())
def test_a_rule_that_is_not_shadowed_matches_something_more(data: st.DataObject) -> None:
    """Of a possible rule that is not within an earlier one, a request exists that only it matches."""
    earlier = data.draw(whens)
    later = data.draw(narrowed(earlier))
    assume(not list(impossible(later)))
    if within(later, earlier):
        return
    assert any(not holds(earlier, facts) for facts in corners(later, earlier))


def corners(inner: When, outer: When) -> list[Facts]:
    """Requests that are like `inner`, each as unlike `outer` as can be in one respect."""
    low = 0 if inner.over is None else inner.over + 1
    high = 100 if inner.under is None else inner.under - 1
    moments = open_moments(inner)
    outside = [now for now in moments if outer.time is not None and not is_open(outer.time, now)]

    def some(conditions: dict[str, frozenset[str]], other: dict[str, frozenset[str]]) -> dict[str, str]:
        return {name: min(values, key=lambda value: value in other.get(name, ())) for name, values in conditions.items()}

    key = min(inner.key, key=lambda key: key in outer.key) if inner.key else None
    metadata, header = some(dict(inner.metadata), dict(outer.metadata)), some(dict(inner.header), dict(outer.header))
    found = [Facts(tokens, inner.has, metadata, header, key, now) for tokens in (low, high) for now in (moments[0], *outside[:1])]
    assert all(holds(inner, facts) for facts in found)
    return found


@settings(deadline=None)
@given(st.data())
def test_an_impossible_condition_matches_nothing(data: st.DataObject) -> None:
    when = data.draw(whens)
    facts = data.draw(matching(when))
    if list(impossible(when)):
        event("impossible")
        assert not holds(when, facts)
    else:
        assert holds(when, facts)


@settings(deadline=None)
@given(st.data())
def test_conditions_that_contradict_each_other_hold_together_for_nothing(data: st.DataObject) -> None:
    one = data.draw(whens)
    other = data.draw(narrowed(one))
    facts = data.draw(matching(one) | matching(other) | all_facts)
    if contradict(one, other):
        assert not (holds(one, facts) and holds(other, facts))


@settings(deadline=None)
@given(whens, all_facts)
@example(When(time=TimeWindow(after=time(12), before=time(11, 59))), Facts(0, frozenset(), {}, {}, None, MONDAY))
def test_a_condition_that_always_holds_holds(when: When, facts: Facts) -> None:
    if always(when):
        assert holds(when, facts)


@settings(deadline=None)
@given(windows, st.integers(0, 7 * 24 * 60 - 1))
def test_the_minutes_of_a_window(window: TimeWindow, minute: int) -> None:
    """A window is within another that is open at one minute more, and only then."""
    now = MONDAY + timedelta(minutes=minute)
    moment = TimeWindow(after=now.time(), before=(now + timedelta(minutes=1)).time(), days=frozenset({now.weekday()}))
    assert within(When(time=moment), When(time=window)) == is_open(window, now)


def test_only_the_last_rule_may_always_match() -> None:
    told = list(never_matching(rules(When(has=frozenset({"tools"})), ALWAYS, When(has=frozenset({"images"})))))
    assert told == [((1, "when"), "always matches, so no rule after it can: only the last rule may be like that")]
    assert list(never_matching(rules(When(has=frozenset({"tools"})), ALWAYS))) == []


def test_a_rule_after_one_for_other_requests_is_fine() -> None:
    over, tools = When(over=5), When(has=frozenset({"tools"}))
    assert shadowed(over, tools, When(over=4), When(over=5, under=9)) == {3}
