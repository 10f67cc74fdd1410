"""What is said of conditions at start holds for every request: held against an evaluator that knows
nothing of how it was found out.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import assume, event, example, given, settings

from gateway.config import ALWAYS, Condition, Feature, Rule, TimeWindow
from gateway.lint.coverage import always, contradict, impossible, within
from gateway.lint.rules import never_matching

MONDAY: Final = datetime(2026, 11, 23)
VALUES: Final = ("x", "y", "z")
NAMES: Final = ("a", "b")
KEYS: Final = ("00000000", "11111111")
TOOLS: Final = frozenset[Feature]({"tools"})
ENDS: Final = (0, 1, 30, 59)
"""Minutes of an hour at which windows begin and end."""
MOMENTS: Final = [
    MONDAY + timedelta(hours=hour, minutes=minute) for hour in range(7 * 24) for minute in ENDS
]
"""Every moment of a week at which a window may begin or end: what is open at all is open at one of
these."""


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
    """Whether the window that began today or yesterday is still open: told by moments, not by
    minutes of the week.
    """
    for began in (now.date(), now.date() - timedelta(days=1)):
        start = datetime.combine(began, window.after)
        midnight = datetime.combine(began, time.min) + timedelta(days=1)
        end = midnight if window.before is None else datetime.combine(began, window.before)
        if end < start:
            end += timedelta(days=1)
        if began.weekday() in window.days and start <= now < end:
            return True
    return False


def open_moments(when: Condition) -> list[datetime]:
    return [now for now in MOMENTS if when.time is None or is_open(when.time, now)]


def holds(when: Condition, facts: Facts) -> bool:
    return all(
        [
            when.tokens_over is None or facts.tokens > when.tokens_over,
            when.tokens_under is None or facts.tokens < when.tokens_under,
            all(feature in facts.has for feature in when.features),
            all(facts.metadata.get(name) in values for name, values in when.metadata.items()),
            all(facts.header.get(name) in values for name, values in when.header.items()),
            not when.key or facts.key in when.key,
            when.time is None or is_open(when.time, facts.now),
        ]
    )


some_values = st.dictionaries(
    st.sampled_from(NAMES), st.frozensets(st.sampled_from(VALUES), min_size=1), max_size=2
)
times = st.builds(time, st.integers(0, 23), st.sampled_from(ENDS))
windows = st.builds(
    TimeWindow,
    after=st.just(time.min) | times,
    before=st.none() | times,
    days=st.just(frozenset(range(7))) | st.frozensets(st.integers(0, 6), min_size=1),
)
whens = st.builds(
    Condition,
    tokens_over=st.none() | st.integers(0, 9),
    tokens_under=st.none() | st.integers(1, 10),
    features=st.just(frozenset[Feature]())
    | st.frozensets(st.sampled_from(get_args(Feature)[:3]), max_size=2),
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
    now=st.builds(
        lambda minute: MONDAY + timedelta(minutes=minute), st.integers(0, 7 * 24 * 60 - 1)
    ),
)


@st.composite
def narrowed(draw: st.DrawFn, when: Condition) -> Condition:
    """Another condition, often one that lies inside `when`: it says the same or more about
    everything.
    """
    other = draw(whens)
    kept = draw(
        st.frozensets(st.sampled_from(["tokens", "has", "metadata", "header", "key", "time"]))
    )
    return Condition(
        tokens_over=when.tokens_over if "tokens" in kept else other.tokens_over,
        tokens_under=when.tokens_under if "tokens" in kept else other.tokens_under,
        features=when.features | other.features if "has" in kept else other.features,
        metadata={**other.metadata, **when.metadata} if "metadata" in kept else other.metadata,
        header={**other.header, **when.header} if "header" in kept else other.header,
        key=when.key if "key" in kept else other.key,
        time=when.time if "time" in kept else other.time,
    )


@st.composite
def matching(draw: st.DrawFn, when: Condition) -> Facts:
    """Facts that were made to be like `when`, as far as that can be."""
    facts = draw(all_facts)
    moments = open_moments(when) or MOMENTS
    low = 0 if when.tokens_over is None else when.tokens_over + 1
    return Facts(
        tokens=draw(st.integers(low, max(low, (when.tokens_under or 12) - 1))),
        has=facts.has | when.features,
        metadata={
            **facts.metadata,
            **{
                name: draw(st.sampled_from(sorted(values)))
                for name, values in when.metadata.items()
            },
        },
        header={
            **facts.header,
            **{name: draw(st.sampled_from(sorted(values))) for name, values in when.header.items()},
        },
        key=draw(st.sampled_from(sorted(when.key))) if when.key else facts.key,
        now=draw(st.sampled_from(moments)),
    )


def rules(*conditions: Condition) -> list[Rule]:
    return [Rule(name=f"r{i}", when=when, strategy="cost") for i, when in enumerate(conditions)]


def shadowed(*conditions: Condition) -> set[int]:
    """The numbers of the rules that are said to match only what an earlier one matches."""
    return {
        int(str(place[0]))
        for place, message in never_matching(rules(*conditions))
        if len(place) == 1 and "before it" in message
    }


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
    """Of a possible rule that is not within an earlier one, a request exists that only it
    matches."""
    earlier = data.draw(whens)
    later = data.draw(narrowed(earlier))
    assume(not list(impossible(later)))
    if within(later, earlier):
        return
    assert any(not holds(earlier, facts) for facts in corners(later, earlier))


def corners(inner: Condition, outer: Condition) -> list[Facts]:
    """Requests that are like `inner`, each as unlike `outer` as can be in one respect."""
    low = 0 if inner.tokens_over is None else inner.tokens_over + 1
    high = 100 if inner.tokens_under is None else inner.tokens_under - 1
    moments = open_moments(inner)
    outside = [now for now in moments if outer.time is not None and not is_open(outer.time, now)]

    def some(
        conditions: dict[str, frozenset[str]], other: dict[str, frozenset[str]]
    ) -> dict[str, str]:
        return {
            name: min(values, key=lambda value: value in other.get(name, ()))
            for name, values in conditions.items()
        }

    key = min(inner.key, key=lambda key: key in outer.key) if inner.key else None
    metadata, header = (
        some(dict(inner.metadata), dict(outer.metadata)),
        some(dict(inner.header), dict(outer.header)),
    )
    found = [
        Facts(tokens, inner.features, metadata, header, key, now)
        for tokens in (low, high)
        for now in (moments[0], *outside[:1])
    ]
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
def test_conditions_that_contradict_each_other_hold_together_for_nothing(
    data: st.DataObject,
) -> None:
    one = data.draw(whens)
    other = data.draw(narrowed(one))
    facts = data.draw(matching(one) | matching(other) | all_facts)
    if contradict(one, other):
        assert not (holds(one, facts) and holds(other, facts))


@settings(deadline=None)
@given(whens, all_facts)
@example(
    Condition(time=TimeWindow(after=time(12), before=time(11, 59))),
    Facts(0, frozenset(), {}, {}, None, MONDAY),
)
def test_a_condition_that_always_holds_holds(when: Condition, facts: Facts) -> None:
    if always(when):
        assert holds(when, facts)


@settings(deadline=None)
@given(windows, st.integers(0, 7 * 24 * 60 - 1))
def test_the_minutes_of_a_window(window: TimeWindow, minute: int) -> None:
    """A window is within another that is open at one minute more, and only then."""
    now = MONDAY + timedelta(minutes=minute)
    moment = TimeWindow(
        after=now.time(),
        before=(now + timedelta(minutes=1)).time(),
        days=frozenset({now.weekday()}),
    )
    assert within(Condition(time=moment), Condition(time=window)) == is_open(window, now)


DAY: Final = TimeWindow(after=time(9), before=time(17))
NIGHT: Final = TimeWindow(after=time(17), before=time(9))
WEEKEND: Final = TimeWindow(days=frozenset({5, 6}))
EVERY: Final = [
    Facts(tokens, frozenset(has), metadata, {}, key, now)
    for tokens in range(5)
    for has in ((), ("tools",), ("images",), ("tools", "images"))
    for metadata in ({}, {"a": "x"}, {"a": "y"}, {"a": "z"})
    for key in (None, *KEYS)
    for now in (
        MONDAY,
        MONDAY + timedelta(hours=9),
        MONDAY + timedelta(days=5),
        MONDAY + timedelta(days=5, hours=9),
    )
]
"""A request of every kind that `plain_whens` can tell from others."""
plain_whens = st.builds(
    Condition,
    tokens_over=st.none() | st.integers(0, 3),
    tokens_under=st.none() | st.integers(1, 4),
    features=st.frozensets(st.sampled_from(get_args(Feature)[:2]), max_size=1),
    metadata=st.just({})
    | st.fixed_dictionaries({"a": st.frozensets(st.sampled_from(VALUES[:2]), min_size=1)}),
    key=st.just(frozenset[str]()) | st.frozensets(st.sampled_from(KEYS)),
    time=st.none() | st.sampled_from([DAY, NIGHT, WEEKEND]),
)


@settings(deadline=None)
@given(st.lists(plain_whens, min_size=1, max_size=6))
def test_what_is_said_of_rules_is_exact(conditions: list[Condition]) -> None:
    """Told is a rule all of whose requests one earlier rule takes, and one that leaves none for a
    rule after it; no other is.
    """
    told = {int(str(place[0])) for place, _ in never_matching(rules(*conditions))}
    expected: set[int] = set()
    earlier: list[set[int]] = []
    for i, when in enumerate(conditions):
        own = {number for number, facts in enumerate(EVERY) if holds(when, facts)}
        if (
            any(own <= other for other in earlier)
            or not own
            or (len(own) == len(EVERY) and i < len(conditions) - 1)
        ):
            expected.add(i)  # and the rules after it are looked at as if it were not there
        else:
            earlier.append(own)
    if len(expected) > 1:
        event("several")
    assert told == expected


@settings(deadline=None)
@given(st.data())
def test_no_request_comes_to_a_rule_that_is_said_to_be_shadowed(data: st.DataObject) -> None:
    earlier = data.draw(st.lists(whens, min_size=1, max_size=4))
    later = data.draw(narrowed(data.draw(st.sampled_from(earlier))))
    conditions = [*earlier, later]
    facts = data.draw(matching(later))
    for i in shadowed(*conditions):
        event("shadowed")
        assert not holds(conditions[i], facts) or any(holds(when, facts) for when in conditions[:i])


def says(*conditions: Condition) -> list[str]:
    return [f"{place[0]}: {message}" for place, message in never_matching(rules(*conditions))]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (
            [Condition(tokens_over=1000, features=TOOLS), Condition(tokens_under=2000)],
            Condition(features=TOOLS),
        ),
        (
            [Condition(time=DAY, key=frozenset(KEYS[:1])), Condition(time=NIGHT)],
            Condition(key=frozenset(KEYS[:1]), tokens_over=5),
        ),
        (
            [
                Condition(time=WEEKEND, features=TOOLS),
                Condition(time=TimeWindow(days=frozenset(range(5)))),
            ],
            Condition(features=TOOLS, tokens_under=10),
        ),
        (
            [Condition(metadata={"a": frozenset("x")}), Condition(metadata={"a": frozenset("yz")})],
            Condition(metadata={"a": frozenset("xz")}),
        ),
        (
            [Condition(header={"a": frozenset("x")}), Condition(header={"a": frozenset("y")})],
            Condition(header={"a": frozenset("xy")}, features=TOOLS),
        ),
        (
            [Condition(key=frozenset(KEYS[:1])), Condition(key=frozenset(KEYS[1:]))],
            Condition(key=frozenset(KEYS)),
        ),
        (
            [
                Condition(tokens_over=9),
                Condition(tokens_over=4, tokens_under=10),
                Condition(tokens_under=5, features=TOOLS),
            ],
            Condition(features=TOOLS),
        ),
    ],
    ids=["tokens", "hours", "days", "metadata", "header", "key", "three"],
)
def test_a_rule_that_only_several_earlier_ones_cover_is_let_pass(
    earlier: list[Condition], later: Condition
) -> None:
    assert says(*earlier, later) == []


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (
            [Condition(tokens_over=1000), Condition(tokens_under=1000)],
            Condition(features=TOOLS),
        ),  # a thousand exactly
        (
            [Condition(features=TOOLS), Condition(features=frozenset({"images"}))],
            Condition(tokens_over=5),
        ),  # neither
        (
            [Condition(metadata={"a": frozenset("x")}), Condition(metadata={"a": frozenset("y")})],
            Condition(features=TOOLS),
        ),  # another value, or none
        (
            [Condition(key=frozenset(KEYS[:1])), Condition(key=frozenset(KEYS[1:]))],
            Condition(features=TOOLS),
        ),  # no key, or another
        (
            [Condition(time=DAY), Condition(time=TimeWindow(after=time(17, 1), before=time(9)))],
            Condition(features=TOOLS),
        ),  # one minute
    ],
    ids=["tokens", "has", "metadata", "key", "hours"],
)
def test_a_rule_that_earlier_ones_leave_something_of(
    earlier: list[Condition], later: Condition
) -> None:
    assert says(*earlier, later) == []


def test_only_the_last_rule_may_always_match() -> None:
    told = list(
        never_matching(
            rules(
                Condition(features=frozenset({"tools"})),
                ALWAYS,
                Condition(features=frozenset({"images"})),
            )
        )
    )
    assert told == [
        (
            (1, "when"),
            "always matches, so no rule after it can: only the last rule may be like that",
        )
    ]
    assert list(never_matching(rules(Condition(features=frozenset({"tools"})), ALWAYS))) == []


def test_a_rule_after_one_for_other_requests_is_fine() -> None:
    over, tools = Condition(tokens_over=5), Condition(features=frozenset({"tools"}))
    assert shadowed(
        over, tools, Condition(tokens_over=4), Condition(tokens_over=5, tokens_under=9)
    ) == {3}
