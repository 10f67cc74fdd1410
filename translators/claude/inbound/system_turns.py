"""System messages in the middle, for Claude models that take none: user text between marks."""

from typing import Any, Final

from translators.notes import Report
from translators.splices import Body, Edit, Element, cut_all, elements, last, members

_BEFORE: Final = "<system-reminder>\\n"
_BEHIND: Final = "\\n</system-reminder>"
_OF_SYSTEM: Final = ("clear_at", "output_config")


def wrapped_system_turns(body: Body, report: Report) -> list[Edit]:
    """Edits that make each of them a user's message; a text's own bytes stay."""
    messages = body.value("messages")
    if messages.__class__ is not list:
        return []
    at = [i for i, each in enumerate(messages) if _is_system(each)]
    member = body.get("messages") if at else None
    if member is None:
        return []
    report.changed("messages.system", "this model takes no system message there: told as user text")
    found = elements(body.text, member.value_start)
    edits: list[Edit] = []
    for i in at:
        edits += _wrapped(body.text, found[i])
    return edits


def _is_system(message: Any) -> bool:
    return message.__class__ is dict and bool(message.get("role") == "system")


def _wrapped(text: str, message: Element) -> list[Edit]:
    inner = members(text, message.start)
    role, content = last(inner, "role"), last(inner, "content")
    assert role is not None
    edits = [Edit(role.value_start, role.end, '"user"')]
    edits += cut_all(text, inner, [i for i, m in enumerate(inner) if m.name in _OF_SYSTEM])
    if content is None:
        return edits
    if content.value.__class__ is str:
        return edits + _marked(content.value_start, content.end)
    for block in elements(text, content.value_start):
        said = last(members(text, block.start), "text")
        if said is not None and said.value.__class__ is str:
            edits += _marked(said.value_start, said.end)
    return edits


def _marked(start: int, end: int) -> list[Edit]:
    """Edits inside of the quotes of a JSON string."""
    return [Edit(start + 1, start + 1, _BEFORE), Edit(end - 1, end - 1, _BEHIND)]
