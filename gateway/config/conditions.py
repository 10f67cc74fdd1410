"""What conditions mean as sets of requests: whether one is empty, lies inside another, or has anything in common with it.

The conditions of a `When` are about different things, so each is looked at for itself: a request is in the set if it is in all of theirs.
Verdicts are safe: what is called empty or contained is so; a set that is empty for a deeper reason may be called full.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.config.validation import Complaint
from gateway.config.values import ALWAYS, TimeWindow, When

MOST_METADATA: Final = 16
"""Pairs that a request may have: one with more is refused."""
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_EVERY_MINUTE: Final = (1 << _WEEK) - 1


def impossible(when: When) -> Iterator[Complaint]:
    """Why no request can be like this."""
    low, high = _bounds(when)
    if high is not None and low > high:
        yield ("input_tokens",), f"can never match: no number is over {when.over or 0} and under {when.under}"
    if len(when.metadata) > MOST_METADATA:
        yield ("metadata",), f"can never match: a request has at most {MOST_METADATA} pairs"
    if when.time is not None and not minutes(when.time):
        yield ("time",), "can never match: 'after' and 'before' are the same, and no time is in between"


def within(inner: When, outer: When) -> bool:
    """Whether every request that is like `inner` is like `outer`, too."""
    low, high = _bounds(inner)
    least, most = _bounds(outer)
    return (
        low >= least
        and (most is None or (high is not None and high <= most))
        and outer.has <= inner.has
        and _values_within(inner.metadata, outer.metadata)
        and _values_within(inner.header, outer.header)
        and (not outer.key or bool(inner.key and inner.key <= outer.key))
        and not _mask(inner) & ~_mask(outer)
    )


def contradict(one: When, other: When) -> bool:
    """Whether no request can be like both."""
    (low, high), (least, most) = _bounds(one), _bounds(other)
    ends = [end for end in (high, most) if end is not None]
    return (
        (bool(ends) and max(low, least) > min(ends))
        or _values_contradict(one.metadata, other.metadata)
        or _values_contradict(one.header, other.header)
        or bool(one.key and other.key and not one.key & other.key)
        or not _mask(one) & _mask(other)
    )


def always(when: When) -> bool:
    """Whether it says nothing about the request."""
    return within(ALWAYS, when)


def minutes(window: TimeWindow) -> int:
    """The minutes of the week that are in the window, each a bit; the first is the first of Monday."""
    start = window.after.hour * 60 + window.after.minute
    end = _DAY if window.before is None else window.before.hour * 60 + window.before.minute
    length = end - start if end >= start else end + _DAY - start
    found = 0
    for day in window.days:
        run = ((1 << length) - 1) << (day * _DAY + start)
        found |= run | run >> _WEEK
    return found & _EVERY_MINUTE


def _mask(when: When) -> int:
    return _EVERY_MINUTE if when.time is None else minutes(when.time)


def _bounds(when: When) -> tuple[int, int | None]:
    """The fewest and the most tokens, both included."""
    return (0 if when.over is None else when.over + 1), (None if when.under is None else when.under - 1)


def _values_within(inner: Mapping[str, frozenset[str]], outer: Mapping[str, frozenset[str]]) -> bool:
    return all(name in inner and inner[name] <= values for name, values in outer.items())


def _values_contradict(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> bool:
    return any(not values & other[name] for name, values in one.items() if name in other)
