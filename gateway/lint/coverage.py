"""Conditions as sets of requests: is one empty, inside another, or without anything in common?

What is called empty or covered is so. A rule that only several earlier rules cover is let pass.
"""

from collections.abc import Iterator
from typing import Final

from gateway.config.conditions import ALWAYS, Condition, TimeWindow
from gateway.config.errors import Complaint

MOST_METADATA: Final = 16
"""Pairs that a request may have: one with more is refused."""
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_EVERY_MINUTE: Final = (1 << _WEEK) - 1
_ENDLESS: Final = float("inf")


def impossible(when: Condition) -> Iterator[Complaint]:
    """Why no request can be like this."""
    over, limit = when.tokens_over, when.tokens_under
    if over is not None and limit is not None and over + 1 >= limit:
        yield ("input_tokens",), f"can never match: no number is over {over} and under {limit}"
    if len(when.metadata) > MOST_METADATA:
        yield ("metadata",), f"can never match: a request has at most {MOST_METADATA} pairs"
    if when.time is not None and not minutes(when.time):
        why = "'after' and 'before' are the same, and no time is in between"
        yield ("time",), f"can never match: {why}"


def within(inner: Condition, outer: Condition) -> bool:
    """Whether every request that is like `inner` is like `outer`, too."""
    first, end = _tokens(inner)
    outer_first, outer_end = _tokens(outer)
    values, outer_values = _values(inner), _values(outer)
    return (
        outer_first <= first
        and end <= outer_end
        and outer.features <= inner.features
        and outer_values.keys() <= values.keys()
        and all(values[name] <= allowed for name, allowed in outer_values.items())
        and not minutes(inner.time) & ~minutes(outer.time)
    )


def always(when: Condition) -> bool:
    """Whether every request matches."""
    return within(ALWAYS, when)


def contradict(one: Condition, other: Condition) -> bool:
    """Whether no request can be like both."""
    first, end = zip(_tokens(one), _tokens(other), strict=True)
    values, others = _values(one), _values(other)
    return (
        max(first) >= min(end)
        or any(values[name].isdisjoint(others[name]) for name in values.keys() & others.keys())
        or not minutes(one.time) & minutes(other.time)
    )


def minutes(window: TimeWindow | None) -> int:
    """The minutes of the week in the window, a bit each; the first is the first of Monday."""
    if window is None:
        return _EVERY_MINUTE
    start = window.after.hour * 60 + window.after.minute
    end = _DAY if window.before is None else window.before.hour * 60 + window.before.minute
    length = end - start if end >= start else end + _DAY - start
    found = 0
    for day in window.days:
        run = ((1 << length) - 1) << (day * _DAY + start)
        found |= run | run >> _WEEK
    return found & _EVERY_MINUTE


def _tokens(when: Condition) -> tuple[float, float]:
    """The fewest tokens, and the number from which on there are too many."""
    first = 0 if when.tokens_over is None else when.tokens_over + 1
    return first, _ENDLESS if when.tokens_under is None else when.tokens_under


def _values(when: Condition) -> dict[tuple[str, str], frozenset[str]]:
    """The texts allowed for each thing that is looked at."""
    found = {("metadata", name): values for name, values in when.metadata.items()}
    found |= {("header", name): values for name, values in when.header.items()}
    return {**found, ("key", ""): when.key} if when.key else found
