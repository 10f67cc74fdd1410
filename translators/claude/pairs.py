"""Every tool call finds its result: Claude takes results only right behind the calls they answer, and exactly one for each.

Histories that were trimmed or edited break this rule; they are mended here, and nothing of them is thrown away unless it stands twice.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from translators.claude.content import text_block
from translators.claude.names import sanitised_id
from translators.claude.wire import Block, Turn
from translators.dialect import Report
from translators.history.pairing import NO_RESULT, CallIds, Pairs, Step, note_missing, note_orphan


def pair(turns: list[Turn], report: Report) -> list[Turn]:
    """The conversation without `tool` turns: each became part of the user turn behind its calls, or user text."""
    calls: dict[int, list[Block]] = {}
    results = 0
    for t, turn in enumerate(turns):
        if turn.role == "tool":
            results += 1
        elif turn.role == "assistant" and (uses := [block for block in turn.blocks if block["type"] == "tool_use"]):
            calls[t] = uses
    if not calls and not results:
        return turns
    answers = _in_place(turns, calls, results) or _found(turns, calls, report)
    paired: list[Turn] = []
    ids = CallIds()
    for t, turn in enumerate(turns):
        if turn.role == "tool":
            if answers.claimed is not None and t not in answers.claimed:
                paired.append(_orphan(turn, report))
            continue
        paired.append(turn)
        if t in calls:
            paired.append(_results(turn, calls[t], answers.of[t], ids, report))
    return paired


class _Answers(NamedTuple):
    """By the places of turns with calls: the turns that answer them, in the order of the calls."""

    of: Mapping[int, Sequence[Turn | None]]
    claimed: set[int] | None = None
    """The places of results that belong to a call; None: all of them do."""


def _in_place(turns: list[Turn], calls: dict[int, list[Block]], results: int) -> _Answers | None:
    """The answers where each of the `results` stands right behind its call, and none twice, as nearly all do; else None."""
    of: dict[int, list[Turn]] = {}
    for t, uses in calls.items():
        end = t + 1 + len(uses)
        behind = {turn.blocks[0]["tool_use_id"]: turn for turn in turns[t + 1 : end] if turn.role == "tool"}
        if len(behind) != len(uses) or behind.keys() != {use["id"] for use in uses}:
            return None
        of[t] = [behind[use["id"]] for use in uses]
        results -= len(uses)
    return None if results else _Answers(of)


def _found(turns: list[Turn], calls: dict[int, list[Block]], report: Report) -> _Answers:
    steps = [
        Step(
            turn.at,
            turn.role == "assistant",
            [use["id"] for use in calls.get(t, ())],
            turn.blocks[0]["tool_use_id"] if turn.role == "tool" else None,
        )
        for t, turn in enumerate(turns)
    ]
    pairs = Pairs(steps, report)
    of = {t: [None if place is None else turns[place] for place in places] for t, places in pairs.of.items()}
    return _Answers(of, pairs.claimed)


def _results(turn: Turn, uses: list[Block], answers: Sequence[Turn | None], ids: CallIds, report: Report) -> Turn:
    """The user turn that answers `uses`, in their order; gives both sides of each pair their final id."""
    blocks: list[Block] = []
    for place, (use, answer) in enumerate(zip(uses, answers, strict=True)):
        own = use["id"] = ids.own(sanitised_id(use["id"]) if use["id"] else f"call_{turn.at}_{place}")
        if answer is None:
            note_missing(report, turn.at, place)
            blocks.append({"type": "tool_result", "tool_use_id": own, "content": NO_RESULT, "is_error": True})
        else:
            result = answer.blocks[0]
            blocks.append(result if result["tool_use_id"] == own else {**result, "tool_use_id": own})
    return Turn("user", blocks, turn.at)


def _orphan(turn: Turn, report: Report) -> Turn:
    """A result whose call is not there any more, as what the user says."""
    result = turn.blocks[0]
    note_orphan(report, turn.at)
    heading = f"Tool result for {result['tool_use_id']}:"
    content = result.get("content", "")
    if content.__class__ is list:
        return Turn("user", [text_block(heading), *content], turn.at)
    return Turn("user", [text_block(f"{heading} {content}".rstrip())], turn.at)
