"""Which tool result of a history answers which call, and ids that no two of its calls share.

Histories that were trimmed or edited lose results, or have them elsewhere or twice: they are paired here by one rule for every provider.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from translators.dialect import Report

NO_RESULT: Final = "No result was recorded for this tool call."
"""What is said in place of a result that is not there."""


class CallIds:
    """Gives each call of a history an id that none before it has: its own, where that is still free.

    An id depends on nothing but the calls before it: a longer history begins with the same ones.
    """

    __slots__ = ("_longest", "_taken")

    def __init__(self, longest: int | None = None) -> None:
        """`longest`: characters of an id that is not the call's own."""
        self._taken: dict[str, int] = {}
        self._longest = longest

    def own(self, wanted: str) -> str:
        number = self._taken.get(wanted)
        if number is None:
            self._taken[wanted] = 1
            return wanted
        other = wanted
        while other in self._taken:
            number += 1
            ending = f"_{number}"
            other = (wanted if self._longest is None else wanted[: self._longest - len(ending)]) + ending
        self._taken[wanted], self._taken[other] = number, 1
        return other


class Step(NamedTuple):
    """One step of a conversation, as far as calls go."""

    at: int
    """Index of the chat message it is from."""
    assistant: bool
    calls: Sequence[str] = ()
    """The ids of the calls it makes."""
    result: str | None = None
    """The id of the call that it answers."""


class Pairs:
    """Which result answers which call: those right behind it first, then one that comes later and answers nothing else."""

    def __init__(self, steps: Sequence[Step], report: Report) -> None:
        self._steps = steps
        self._report = report
        self.of: dict[int, list[int | None]] = {t: [None] * len(step.calls) for t, step in enumerate(steps) if step.calls}
        """By the place of the step that calls: the places of the results, in the order of its calls."""
        self.claimed: set[int] = set()
        """The places of results that belong to a call. One too many is among them: it is not an orphan, it stands twice."""
        results: dict[str, list[int]] = defaultdict(list)
        for t, step in enumerate(steps):
            if step.result is not None:
                results[step.result].append(t)
        places = {t: _places(steps[t].calls) for t in self.of}
        for t, (interrupted, end) in zip(self.of, _windows(steps, self.of), strict=True):
            for call_id, where in places[t].items():
                near = _between(results[call_id], t, end)
                if near and near[-1] > interrupted:
                    report.repaired(f"messages[{steps[near[-1]].at}]", "a tool result was moved in front of what stood before it")
                self._claim(t, where, near)
        left = {call_id: [r for r in found if r not in self.claimed] for call_id, found in results.items()}
        for t in self.of:
            for call_id, where in places[t].items():
                self._claim_later(t, where, left.get(call_id, []))

    def _claim_later(self, t: int, where: list[int], left: list[int]) -> None:
        unanswered = [place for place in where if self.of[t][place] is None]
        far = _between(left, t, len(self._steps))[: len(unanswered)]
        if far:
            self._report.repaired(f"messages[{self._steps[far[0]].at}]", "a tool result was moved behind the call it answers")
            del left[left.index(far[0]) : left.index(far[0]) + len(far)]
            self._claim(t, unanswered, far)

    def _claim(self, t: int, where: list[int], results: list[int]) -> None:
        """The last results win, one for each place."""
        self.claimed.update(results)
        if len(results) > len(where):
            self._report.repaired(f"messages[{self._steps[results[0]].at}]", "a tool call had several results: the last one is kept")
            results = results[-len(where) :]
        for place, result in zip(where, results, strict=False):
            self.of[t][place] = result


def note_missing(report: Report, at: int, place: int) -> None:
    report.repaired(f"messages[{at}].tool_calls[{place}]", "a tool call without result was given an error as its result")


def note_orphan(report: Report, at: int) -> None:
    report.repaired(f"messages[{at}]", "a tool result without its call became user text")


def _between(ordered: list[int], after: int, before: int) -> list[int]:
    return ordered[bisect_right(ordered, after) : bisect_left(ordered, before)]


def _windows(steps: Sequence[Step], calling: dict[int, list[int | None]]) -> Iterator[tuple[int, int]]:
    """For each step with calls: where something other than a result follows, and where the assistant speaks again (or the end)."""
    for t in calling:
        interrupted = t + 1
        while interrupted < len(steps) and steps[interrupted].result is not None:
            interrupted += 1
        end = interrupted
        while end < len(steps) and not steps[end].assistant:
            end += 1
        yield interrupted, end


def _places(calls: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, call_id in enumerate(calls):
        places[call_id].append(place)
    return places
