"""Every tool call finds its result: Claude takes results only right behind the calls they answer, and exactly one for each.

Histories that were trimmed or edited break this rule; they are mended here, and nothing of them is thrown away unless it stands twice.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from translators.claude.content import text_block
from translators.claude.names import sanitised_id
from translators.claude.wire import Block, Turn
from translators.dialect import Report
from translators.errors import InvalidRequest

NO_RESULT: Final = "No result was recorded for this tool call."


def pair(turns: list[Turn], report: Report) -> list[Turn]:
    """The conversation without `tool` turns: each became part of the user turn behind its calls, or user text.

    Raises InvalidRequest if the conversation ends with calls that nobody has answered.
    """
    calls: dict[int, list[Block]] = {}
    results = 0
    for t, turn in enumerate(turns):
        if turn.role == "tool":
            results += 1
        elif turn.role == "assistant" and (uses := [block for block in turn.blocks if block["type"] == "tool_use"]):
            calls[t] = uses
    if turns and len(turns) - 1 in calls:
        raise _unanswered(turns[-1], calls[len(turns) - 1])
    if not calls and not results:
        return turns
    answers = _in_place(turns, calls, results) or _Answers(turns, calls, report)
    paired: list[Turn] = []
    for t, turn in enumerate(turns):
        if turn.role == "tool":
            if answers.claimed is not None and t not in answers.claimed:
                paired.append(_orphan(turn, report))
            continue
        paired.append(turn)
        if t in calls:
            paired.append(_results(turn, calls[t], answers.of[t], report))
    return paired


def _unanswered(turn: Turn, uses: list[Block]) -> InvalidRequest:
    ids = ", ".join(str(block["id"])[:80] for block in uses)
    return InvalidRequest(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {ids}",
        f"messages[{turn.at}].tool_calls",
        "invalid_value",
    )


class _InPlace(NamedTuple):
    """The answers of a history in which every result stands right behind its call, and none twice: as nearly all do."""

    of: dict[int, list[Turn]]
    claimed: None = None
    """All of them."""


def _in_place(turns: list[Turn], calls: dict[int, list[Block]], results: int) -> _InPlace | None:
    """None if any of the `results` stands elsewhere, or is missing."""
    of: dict[int, list[Turn]] = {}
    for t, uses in calls.items():
        end = t + 1 + len(uses)
        behind = {turn.blocks[0]["tool_use_id"]: turn for turn in turns[t + 1 : end] if turn.role == "tool"}
        if len(behind) != len(uses) or behind.keys() != {use["id"] for use in uses}:
            return None
        of[t] = [behind[use["id"]] for use in uses]
        results -= len(uses)
    return None if results else _InPlace(of)


class _Answers:
    """Which result answers which call: those right behind it first, then one that comes later and answers nothing else."""

    def __init__(self, turns: list[Turn], calls: dict[int, list[Block]], report: Report) -> None:
        self._turns = turns
        self._report = report
        self.of: dict[int, list[Turn | None]] = {t: [None] * len(uses) for t, uses in calls.items()}
        self.claimed: set[int] = set()
        results: dict[str, list[int]] = defaultdict(list)
        for t, turn in enumerate(turns):
            if turn.role == "tool":
                results[turn.blocks[0]["tool_use_id"]].append(t)
        places = {t: _places(uses) for t, uses in calls.items()}
        for t, (interrupted, end) in zip(calls, _windows(turns, calls), strict=True):
            for call_id, where in places[t].items():
                near = _between(results[call_id], t, end)
                if near and near[-1] > interrupted:
                    report.repaired(f"messages[{turns[near[-1]].at}]", "a tool result was moved in front of what stood before it")
                self._claim(t, where, near)
        left = {call_id: [r for r in found if r not in self.claimed] for call_id, found in results.items()}
        for t in calls:
            for call_id, where in places[t].items():
                self._claim_later(t, where, left.get(call_id, []))

    def _claim_later(self, t: int, where: list[int], left: list[int]) -> None:
        unanswered = [place for place in where if self.of[t][place] is None]
        far = _between(left, t, len(self._turns))[: len(unanswered)]
        if far:
            self._report.repaired(f"messages[{self._turns[far[0]].at}]", "a tool result was moved behind the call it answers")
            del left[left.index(far[0]) : left.index(far[0]) + len(far)]
            self._claim(t, unanswered, far)

    def _claim(self, t: int, where: list[int], results: list[int]) -> None:
        """The last results win, one for each place. One result too many is claimed too: it is not an orphan, it stands twice."""
        self.claimed.update(results)
        if len(results) > len(where):
            self._report.repaired(f"messages[{self._turns[results[0]].at}]", "a tool call had several results: the last one is kept")
            results = results[-len(where) :]
        for place, result in zip(where, results, strict=False):
            self.of[t][place] = self._turns[result]


def _between(ordered: list[int], after: int, before: int) -> list[int]:
    return ordered[bisect_right(ordered, after) : bisect_left(ordered, before)]


def _windows(turns: list[Turn], calls: Iterable[int]) -> Iterator[tuple[int, int]]:
    """For each turn with calls: where something other than a result follows, and where the assistant speaks again (or the end)."""
    for t in calls:
        interrupted = t + 1
        while interrupted < len(turns) and turns[interrupted].role == "tool":
            interrupted += 1
        end = interrupted
        while end < len(turns) and turns[end].role != "assistant":
            end += 1
        yield interrupted, end


def _places(uses: list[Block]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, block in enumerate(uses):
        places[block["id"]].append(place)
    return places


def _results(turn: Turn, uses: list[Block], answers: Sequence[Turn | None], report: Report) -> Turn:
    """The user turn that answers `uses`, in their order; gives both sides of each pair their final id."""
    blocks: list[Block] = []
    seen: set[str] = set()
    for place, (use, answer) in enumerate(zip(uses, answers, strict=True)):
        wanted = sanitised_id(use["id"]) if use["id"] else f"call_{turn.at}_{place}"
        while wanted in seen:
            wanted = f"{wanted}_{place}"
        seen.add(wanted)
        use["id"] = wanted
        if answer is None:
            report.repaired(f"messages[{turn.at}].tool_calls[{place}]", "a tool call without result was given an error as its result")
            blocks.append({"type": "tool_result", "tool_use_id": wanted, "content": NO_RESULT, "is_error": True})
        else:
            result = answer.blocks[0]
            blocks.append(result if result["tool_use_id"] == wanted else {**result, "tool_use_id": wanted})
    return Turn("user", blocks, turn.at)


def _orphan(turn: Turn, report: Report) -> Turn:
    """A result whose call is not there any more, as what the user says."""
    result = turn.blocks[0]
    report.repaired(f"messages[{turn.at}]", "a tool result without its call became user text")
    heading = f"Tool result for {result['tool_use_id']}:"
    content = result.get("content", "")
    if content.__class__ is list:
        return Turn("user", [text_block(heading), *content], turn.at)
    return Turn("user", [text_block(f"{heading} {content}".rstrip())], turn.at)
