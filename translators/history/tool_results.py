"""Which tool result of a history answers which call, and where both go: one rule for every
provider.

Histories that were trimmed or edited lose results, or have them elsewhere or twice. A turn is what
the assistant says and what stands behind it until it speaks again. A turn is mended as a whole and
by nothing that comes later: the next request begins with it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from translators.chat.wire import InputMessage
from translators.notes import Report

NO_RESULT: Final = "No result was recorded for this tool call."
"""What is said in place of a result that is not there."""


class CallIds:
    """Gives each call of a history an id that none before it has: its own, where that is still
    free.

    An id depends on nothing but the calls before it: a longer history begins with the same ones.
    """

    __slots__ = ("_form", "_longest", "_taken")

    def __init__(
        self, longest: int | None = None, form: Callable[[str], str] | None = None
    ) -> None:
        """`longest`: characters of an id that is not the call's own. `form`: makes of any id one
        that the provider takes.
        """
        self._taken: dict[str, int] = {}
        self._longest = longest
        self._form = form

    def own(self, wanted: str) -> str:
        if self._form is not None:
            wanted = self._form(wanted)
        number = self._taken.get(wanted)
        if number is None:
            self._taken[wanted] = 1
            return wanted
        other = wanted
        while other in self._taken:
            number += 1
            ending = f"_{number}"
            other = (
                wanted if self._longest is None else wanted[: self._longest - len(ending)]
            ) + ending
        self._taken[wanted], self._taken[other] = number, 1
        return other


class Step(NamedTuple):
    """One step of a conversation, as far as calls go."""

    at: int
    """Index of the chat message it is from."""
    assistant: bool
    calls: Sequence[str] = ()
    """The ids of the calls it makes; "" for one without."""
    result: str | None = None
    """The id of the call that it answers."""


class Pairs:
    """Which result answers which call: one of the same turn. A result that comes later finds its
    call answered: with an error, if not with a result, for so it was sent.
    """

    def __init__(self, steps: Sequence[Step], report: Report) -> None:
        self._steps = steps
        self._report = report
        self.of: dict[int, list[int | None]] = {
            t: [None] * len(step.calls) for t, step in enumerate(steps) if step.calls
        }
        """By the place of the step that calls: the places of the results, in the order of its
        calls."""
        self.claimed: set[int] = set()
        """The places of results that belong to a call. One too many is among them: it is not an
        orphan, it stands twice."""
        self.late: set[int] = set()
        """The places of results whose calls stand in an earlier turn."""
        self.order: list[int] = []
        """All places. Calls stand behind what the assistant says beside them in other messages: so
        they stand where their results are."""
        called: set[str] = set()
        for begin, behind, end in _turns(steps):
            self._pair(begin, behind, end, called)
            answered = {
                t
                for t in range(begin, behind)
                if any(place is not None for place in self.of.get(t, ()))
            }
            self.order += [t for t in range(begin, behind) if t not in answered]
            self.order += sorted(answered)
            self.order += range(behind, end)

    def _pair(self, begin: int, behind: int, end: int, called: set[str]) -> None:
        """Pair one turn: its steps from `begin` are the assistant's, those from `behind` are not.
        `called`: the ids of earlier turns.
        """
        newest = {call_id: t for t in range(begin, behind) for call_id in self._steps[t].calls}
        results: dict[str, list[int]] = defaultdict(list)
        interrupted = end
        for t in range(behind, end):
            wanted = self._steps[t].result
            if wanted is None:
                interrupted = min(interrupted, t)
            elif wanted in newest:
                results[wanted].append(t)
            elif wanted in called:
                self.late.add(t)
        called.update(newest)
        for t in range(begin, behind if results else begin):
            for call_id, where in _places(self._steps[t].calls).items():
                if newest[call_id] == t and (found := results.get(call_id)):
                    self._claim(t, where, found, interrupted, last=t + 1 == behind)

    def _claim(
        self, t: int, where: list[int], results: list[int], interrupted: int, *, last: bool
    ) -> None:
        """The last results win, one for each place. `last`: no other step of the assistant stands
        between.
        """
        at = f"messages[{self._steps[results[-1]].at}]"
        if not last:
            self._report.repaired(at, "a tool result was moved behind the call it answers")
        elif results[-1] > interrupted:
            self._report.repaired(at, "a tool result was moved in front of what stood before it")
        self.claimed.update(results)
        if len(results) > len(where):
            self._report.repaired(
                f"messages[{self._steps[results[0]].at}]",
                "a tool call had several results: the last one is kept",
            )
            results = results[-len(where) :]
        for place, result in zip(where, results, strict=False):
            self.of[t][place] = result


Entry = TypeVar("Entry")


class Writer(Protocol[Entry]):
    """How the steps of a conversation are written by those that have them in words of their own.
    What is given is not changed.
    """

    def calling(self, entry: Entry, own: list[str]) -> Entry:
        """With its calls under the ids `own`."""

    def result(self, entry: Entry, caller: Entry, place: int, own: str) -> Entry:
        """A result, as that of `caller`'s call at `place`, whose id is `own`."""

    def missing(self, caller: Entry, place: int, own: str) -> Entry:
        """What says that there is no result."""

    def orphan(self, entry: Entry, call_id: str) -> Entry:
        """A result that answers no call, as what the user says."""


def arrange(
    entries: Sequence[Entry],
    steps: Sequence[Step],
    write: Writer[Entry],
    ids: CallIds,
    report: Report,
    *,
    standing: bool = False,
) -> Iterator[Entry]:
    """The entries, of which `steps` tells, in an order that every provider takes: each call with an
    id of its own and one result behind it.

    Results of one turn stand in the order of its calls or, with `standing`, in the order in which
    they stood: for providers that are sent the results of a history without flaws as they stand.
    What was repaired is told to `report`.
    """
    pairs = Pairs(steps, report)
    for t in pairs.order:
        step = steps[t]
        if step.calls:
            own = [
                ids.own(call_id or f"call_{step.at}_{place}")
                for place, call_id in enumerate(step.calls)
            ]
            yield write.calling(entries[t], own)
            results = pairs.of[t]
            for place in _standing(results) if standing else range(len(results)):
                if (result := results[place]) is not None:
                    yield write.result(entries[result], entries[t], place, own[place])
                else:
                    report.repaired(
                        f"messages[{step.at}].tool_calls[{place}]",
                        "a tool call without result was given an error as its result",
                    )
                    yield write.missing(entries[t], place, own[place])
        elif step.result is None:
            yield entries[t]
        elif t not in pairs.claimed:
            why = "came too late for its call and" if t in pairs.late else "without its call"
            report.repaired(f"messages[{step.at}]", f"a tool result {why} became user text")
            yield write.orphan(entries[t], step.result)


def answered_functions(messages: Sequence[InputMessage]) -> dict[int, int]:
    """By the index of each `function` message: that of the message whose `function_call` it
    answers, for it names no id.

    Of the open calls of its turn, the oldest one of that function, or else the oldest one. Those
    that answer none are left out.
    """
    found: dict[int, int] = {}
    waiting: list[tuple[str, int]] = []
    speaks = False
    for at, message in enumerate(messages):
        role = message["role"]
        if role == "assistant":
            if not speaks:
                waiting = []
            if (function := message.get("function_call")) is not None:
                waiting.append((function["name"], at))
        elif role == "function" and waiting:
            answered = next((entry for entry in waiting if entry[0] == message["name"]), waiting[0])
            waiting.remove(answered)
            found[at] = answered[1]
        speaks = role == "assistant"
    return found


def _turns(steps: Sequence[Step]) -> Iterator[tuple[int, int, int]]:
    """Where each turn begins, where its steps are no longer the assistant's, and where it ends."""
    begin = 0
    while begin < len(steps):
        behind = begin
        while behind < len(steps) and steps[behind].assistant:
            behind += 1
        end = behind
        while end < len(steps) and not steps[end].assistant:
            end += 1
        yield begin, behind, end
        begin = end


def _standing(results: Sequence[int | None]) -> list[int]:
    """The places of calls in the order in which their results stand; one that has none comes right
    behind the call before it.
    """
    stood: list[int] = []
    for result in results:
        stood.append(result if result is not None else stood[-1] if stood else -1)
    return sorted(range(len(stood)), key=stood.__getitem__)


def _places(calls: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, call_id in enumerate(calls):
        places[call_id].append(place)
    return places
