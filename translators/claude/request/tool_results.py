"""Every tool call finds its result: Claude takes results only right behind the calls they answer,
in their order and one for each.
"""

from translators.claude.names import sanitised_id
from translators.claude.request.content import text_block
from translators.claude.wire import Block, Turn
from translators.history.tool_results import NO_RESULT, CallIds, Step, arrange
from translators.notes import Report


def pair(turns: list[Turn], report: Report) -> list[Turn]:
    """The conversation without `tool` turns: each became a user turn behind its call, or user
    text."""
    if not _is_regular(turns):
        steps = [_step(turn) for turn in turns]
        turns = list(arrange(turns, steps, _Writer(), CallIds(form=sanitised_id), report))
    for turn in turns:
        if turn.role == "tool":
            turn.role = "user"
    return turns


def _is_regular(turns: list[Turn]) -> bool:
    """Whether each call has an id of its own that Claude takes, and behind it its result in the
    order of calls, as nearly all have.
    """
    seen: set[str] = set()
    waiting: list[str] = []
    """The last of them is answered first."""
    for turn in turns:
        if turn.role == "tool":
            if not waiting or waiting.pop() != turn.blocks[0]["tool_use_id"]:
                return False
        elif waiting:
            return False
        elif turn.role == "assistant":
            for use in _uses(turn):
                call_id = use["id"]
                if call_id in seen or sanitised_id(call_id) != call_id:
                    return False
                seen.add(call_id)
                waiting.append(call_id)
            waiting.reverse()
    return not waiting


def _uses(turn: Turn) -> list[Block]:
    return [block for block in turn.blocks if block["type"] == "tool_use"]


def _step(turn: Turn) -> Step:
    if turn.role == "tool":
        return Step(turn.at, False, (), turn.blocks[0]["tool_use_id"])
    return (
        Step(turn.at, True, [use["id"] for use in _uses(turn)])
        if turn.role == "assistant"
        else Step(turn.at, False)
    )


class _Writer:
    """Writes turns."""

    def calling(self, entry: Turn, own: list[str]) -> Turn:
        for use, call_id in zip(_uses(entry), own, strict=True):
            use["id"] = call_id
        return entry

    def result(self, entry: Turn, caller: Turn, place: int, own: str) -> Turn:
        return Turn("user", [{**entry.blocks[0], "tool_use_id": own}], caller.at)

    def missing(self, caller: Turn, place: int, own: str) -> Turn:
        return Turn(
            "user",
            [{"type": "tool_result", "tool_use_id": own, "content": NO_RESULT, "is_error": True}],
            caller.at,
        )

    def orphan(self, entry: Turn, call_id: str) -> Turn:
        heading, content = f"Tool result for {call_id}:", entry.blocks[0].get("content", "")
        if content.__class__ is list:
            return Turn("user", [text_block(heading), *content], entry.at)
        return Turn("user", [text_block(f"{heading} {content}".rstrip())], entry.at)
