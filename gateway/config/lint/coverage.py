"""What conditions mean as sets of requests: whether one is empty, lies inside others, or has anything in common with one.

The conditions of a `When` are about different things, so it is a box: a request is in it if its value for each thing is among those
allowed. Verdicts are safe: what is called empty or covered is so; a set that is empty for a deeper reason may be called full.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.config.errors import Complaint
from gateway.config.personas import ALWAYS, TimeWindow, When

MOST_METADATA: Final = 16
"""Pairs that a request may have: one with more is refused."""
MOST_PIECES: Final = 2_000
"""Into which a box is cut to see whether others cover it. If that is not enough, they are said not to."""
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_EVERY_MINUTE: Final = (1 << _WEEK) - 1
_ANYTHING: Final = -1
"""Every bit, without end: also those for values that no condition names, and for none at all."""

Thing = tuple[str, str]
"""What a condition is about: `("header", "x-team")`, `("tokens", "")`."""
Box = Mapping[Thing, int]
"""The values allowed for each thing, a bit each; anything for what is not named."""
_TOKENS: Final = ("tokens", "")
_KEY: Final = ("key", "")
_TIME: Final = ("time", "")


def impossible(when: When) -> Iterator[Complaint]:
    """Why no request can be like this."""
    if when.over is not None and when.under is not None and when.over + 1 >= when.under:
        yield ("input_tokens",), f"can never match: no number is over {when.over} and under {when.under}"
    if len(when.metadata) > MOST_METADATA:
        yield ("metadata",), f"can never match: a request has at most {MOST_METADATA} pairs"
    if when.time is not None and not minutes(when.time):
        yield ("time",), "can never match: 'after' and 'before' are the same, and no time is in between"


def within(inner: When, outer: When) -> bool:
    """Whether every request that is like `inner` is like `outer`, too."""
    return _within(*boxes((inner, outer)))


def always(when: When) -> bool:
    """Whether it says nothing about the request."""
    return within(ALWAYS, when)


def contradict(one: When, other: When) -> bool:
    """Whether no request can be like both."""
    return not _meet(*boxes((one, other)))


def boxes(whens: Sequence[When]) -> list[Box]:
    """The conditions as boxes that can be compared with each other."""
    ends = sorted({end for when in whens for end in _bounds(when) if end})
    numbers: dict[Thing, dict[str, int]] = defaultdict(dict)
    return [_box(when, ends, numbers) for when in whens]


def covering(box: Box, others: Sequence[Box]) -> list[int]:
    """Which of `others` hold every request of `box` between them, none of those needlessly. Empty: some request is in none of them, or
    it would take too long to tell.
    """
    for i, other in enumerate(others):
        if _within(box, other):
            return [i]
    if not _covered(box, others):
        return []
    needed = list(range(len(others)))
    for i in reversed(needed):
        fewer = [j for j in needed if j != i]
        if _covered(box, [others[j] for j in fewer]):
            needed = fewer
    return needed


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


def _covered(box: Box, others: Sequence[Box]) -> bool:
    """Whether nothing is left of the box once each of the others is cut out of it."""
    others = sorted(others, key=len)  # those that say little cut into few pieces
    left = [(box, 0)]
    for _ in range(MOST_PIECES):
        if not left:
            return True
        piece, start = left.pop()
        cut = next((i for i in range(start, len(others)) if _meet(piece, others[i])), None)
        if cut is None:
            return False
        left += ((rest, cut + 1) for rest in _minus(piece, others[cut]))
    return False


def _minus(box: Box, other: Box) -> Iterator[Box]:
    """What is in `box` and not in `other`, which it meets: boxes that have nothing in common."""
    inside = dict(box)
    for thing, allowed in other.items():
        before = inside.get(thing, _ANYTHING)
        if outside := before & ~allowed:
            yield {**inside, thing: outside}
        inside[thing] = before & allowed


def _within(inner: Box, outer: Box) -> bool:
    return not any(inner.get(thing, _ANYTHING) & ~allowed for thing, allowed in outer.items())


def _meet(one: Box, other: Box) -> bool:
    return all(one.get(thing, _ANYTHING) & allowed for thing, allowed in other.items())


def _box(when: When, ends: Sequence[int], numbers: Mapping[Thing, dict[str, int]]) -> Box:
    """`ends` and `numbers` say which bit stands for which numbers of tokens, and for which text."""
    box: dict[Thing, int] = {_TIME: _EVERY_MINUTE if when.time is None else minutes(when.time)}
    first, end = _bounds(when)
    if first:
        box[_TOKENS] = _ANYTHING << ends.index(first) + 1
    if end is not None:
        box[_TOKENS] = box.get(_TOKENS, _ANYTHING) & ((1 << ends.index(end) + 1) - 1)
    box.update({("has", feature): 1 for feature in when.has})
    texts = {_KEY: when.key} if when.key else {}
    texts |= {("metadata", name): values for name, values in when.metadata.items()}
    texts |= {("header", name): values for name, values in when.header.items()}
    for thing, values in texts.items():
        known = numbers[thing]
        box[thing] = sum(1 << known.setdefault(value, len(known)) for value in values)
    return box


def _bounds(when: When) -> tuple[int, int | None]:
    """The fewest tokens, and the number from which on there are too many."""
    return (0 if when.over is None else when.over + 1), when.under
