"""The items of a relayed request: what was made here is taken out, everything else stays."""

import json
from typing import Any, Final

from translators.notes import Report
from translators.responses.inbound.sealed_items import INTRODUCTION, is_ours, unseal_summary
from translators.sealed import PREFIX
from translators.splices import Edit, Element, Member, cut_all, elements, members

_CHANGED: Final = frozenset({"reasoning", "web_search_call", "item_reference", "compaction"})


def may_change(items: list[Any], replaces: bool) -> bool:
    """Whether `input_edits` may find something in them."""
    for item in items:
        if item.__class__ is dict and (
            item.get("type") in _CHANGED or ("id" in item and is_ours(item["id"]))
        ):
            return True
    return replaces


def input_edits(
    text: str, member: Member, keeps_reasoning: bool, replaces: bool, report: Report
) -> list[Edit]:
    """The edits in `input`. `replaces`: the persona's prompt stands for the caller's."""
    found = elements(text, member.value_start)
    gone: set[int] = set()
    edits: list[Edit] = []
    for i, element in enumerate(found):
        item = element.value
        if item.__class__ is not dict:
            continue
        if _goes(item, keeps_reasoning, replaces, report):
            gone.add(i)
        elif (summary := _summary(item)) is not None:
            edits.append(Edit(element.start, element.end, _as_message(summary)))
        elif is_ours(item.get("id")):
            edits.append(_without_id(text, element))
            if i and _is_reasoning(found[i - 1].value):
                gone.add(i - 1)
    if len(gone) == len(found):  # nothing would be asked
        gone.clear()
    kept = [edit for edit in edits if not any(_inside(edit, found[i]) for i in gone)]
    return [*kept, *cut_all(text, found, gone)]


def _inside(edit: Edit, element: Element) -> bool:
    return element.start <= edit.start < element.end


def _is_reasoning(item: Any) -> bool:
    return item.__class__ is dict and item.get("type") == "reasoning"


def _goes(item: dict[str, Any], keeps_reasoning: bool, replaces: bool, report: Report) -> bool:
    kind = item.get("type")
    if kind == "reasoning":
        sealed = item.get("encrypted_content")
        if is_ours(item.get("id")) or (sealed.__class__ is str and sealed.startswith(PREFIX)):
            if sealed is not None:
                report.dropped("messages.reasoning", "signed reasoning of another model")
            return True
        if not keeps_reasoning:
            report.dropped("messages.reasoning", "the provider cannot read it")
            return True
        return False
    if kind == "web_search_call" and is_ours(item.get("id")):
        return True
    if kind == "item_reference":
        report.dropped("messages.reasoning", "the item is not kept")
        return True
    return replaces and kind in (None, "message") and item.get("role") in ("system", "developer")


def _summary(item: dict[str, Any]) -> str | None:
    if item.get("type") != "compaction":
        return None
    return unseal_summary(item.get("encrypted_content"))


def _as_message(summary: str) -> str:
    part = {"type": "input_text", "text": INTRODUCTION + summary}
    return json.dumps({"type": "message", "role": "user", "content": [part]}, ensure_ascii=False)


def _without_id(text: str, element: Element) -> Edit:
    """The item without its `id`."""
    found = members(text, element.start)
    gone = [i for i, member in enumerate(found) if member.name == "id"]
    pieces, at = "", element.start
    for edit in sorted(cut_all(text, found, gone), key=lambda edit: edit.start):
        pieces += text[at : edit.start]
        at = edit.end
    return Edit(element.start, element.end, pieces + text[at : element.end])
