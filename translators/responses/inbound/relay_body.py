"""The caller's own body for a server that speaks this API: edits in its JSON text, every other
character as it came."""

from collections.abc import Mapping
from typing import Any, Final

from translators.capabilities import EFFORTS, Effort, ModelRecord, nearest_effort
from translators.chat.passthrough import extension_for
from translators.dialect import Target
from translators.dialect.inbound import Overlay
from translators.notes import Report
from translators.responses.inbound.relay_items import input_edits, may_change
from translators.splices import (
    Body,
    Edit,
    cut_all,
    elements,
    known_text,
    last,
    members,
    with_model,
    written,
)

ENCRYPTED: Final = "reasoning.encrypted_content"
_NAMES: Final[Mapping[str, str]] = {
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_logprobs": "top_logprobs",
    "service_tier": "service_tier",
    "parallel_tool_calls": "parallel_tool_calls",
    "metadata": "metadata",
    "user": "user",
    "safety_identifier": "safety_identifier",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_retention": "prompt_cache_retention",
}
"""What a persona sets, in this API's words."""
_INSIDE: Final[Mapping[str, tuple[str, str]]] = {
    "reasoning_effort": ("reasoning", "effort"),
    "verbosity": ("text", "verbosity"),
}
"""What stands in an object here."""
_EDITED: Final = frozenset({"previous_response_id", "x_provider", "temperature", "top_p"})
"""Fields that are taken out, or may be."""
_STORE: Final = ',"store":false'
_INCLUDE: Final = f',"include":["{ENCRYPTED}"]'
_SAMPLING: Final = ("temperature", "top_p")


def relayed_body(
    text: str, document: Mapping[str, Any], overlay: Overlay, target: Target, report: Report
) -> str:
    """The text as it is sent to `target`. `document`: what it says."""
    if (usual := _usual_body(text, document, overlay, target)) is not None:
        return usual
    body = Body(text, document)
    body.put("model", target.model)
    body.put("store", False)
    body.cut("previous_response_id")
    _lay_prompt(body, overlay)
    _set_values(body, overlay, target.record)
    _hold(body, target, report)
    _include(body)
    if body.cut("x_provider"):
        own = extension_for(dict(document), "responses", target.provider, target.dialect)
        for name, value in own.items():
            body.put(name, value)
    replaces = overlay.system_prompt is not None and overlay.system_prompt_mode == "replace"
    items = body.value("input")
    if items.__class__ is list and may_change(items, replaces):
        member = body.get("input")
        assert member is not None
        body.edits += input_edits(text, member, overlay.keeps_reasoning, replaces, report)
    return body.finished()


def _usual_body(
    text: str, document: Mapping[str, Any], overlay: Overlay, target: Target
) -> str | None:
    """The text where nothing is to be edited but its model, and nothing added but what every body
    has, as is quickly seen of most; else None."""
    if overlay.removed or not _EDITED.isdisjoint(document):
        return None
    added = _added(document, overlay)
    if added is None:
        return None
    most, items = document.get("max_output_tokens", 16), document["input"]
    if most.__class__ is int and not 16 <= most <= target.record.max_output_tokens:
        return None
    if items.__class__ is list and may_change(items, False):
        return None
    if (reasoning := document.get("reasoning")).__class__ is dict:
        asked = reasoning.get("effort")
        if asked in EFFORTS and _effort(asked, target.record) != asked:
            return None
    stored, included = document.get("store", True), document.get("include", ())
    if (stored and "store" in document) or stored is None:
        return None
    if included is None or (included.__class__ is list and ENCRYPTED not in included):
        return None
    more = f"{_STORE if stored else ''}{added}{_INCLUDE if included == () else ''}"
    return with_model(text, document["model"], target.model, more)


def _added(document: Mapping[str, Any], overlay: Overlay) -> str | None:
    """The members that the persona adds; None where it edits what the caller wrote."""
    more, prompt = "", overlay.system_prompt
    if prompt is not None:
        if "instructions" in document or overlay.system_prompt_mode != "prepend":
            return None
        more = f',"instructions":{known_text(prompt)}'
    if not overlay.values:
        return more
    values = {_NAMES.get(name): value for name, value in overlay.values.items()}
    if None in values or not values.keys().isdisjoint(document):
        return None
    return more + "".join([f',"{name}":{written(value)}' for name, value in values.items()])


def _lay_prompt(body: Body, overlay: Overlay) -> None:
    """The persona's prompt before the caller's instructions."""
    prompt, mode = overlay.system_prompt, overlay.system_prompt_mode
    if prompt is None:
        return
    own = body.value("instructions")
    if mode == "default" and (own or _instructs(body.value("input"))):
        return
    joined = prompt if mode == "replace" or not own else f"{prompt}\n\n{own}"
    body.put("instructions", joined)


def _instructs(items: Any) -> bool:
    """Whether a conversation begins with instructions."""
    first = items[0] if items.__class__ is list and items else None
    return first.__class__ is dict and first.get("role") in ("system", "developer")


def _set_values(body: Body, overlay: Overlay, record: ModelRecord) -> None:
    for name, value in overlay.values.items():
        if (own := _NAMES.get(name)) is not None:
            body.put(own, value)
        elif (inside := _INSIDE.get(name)) is not None:
            holder, member = inside
            if name == "reasoning_effort" and value in EFFORTS:
                value = nearest_effort(value, record.thinking.levels)
            before = body.value(holder)
            body.put(holder, {**(before if before.__class__ is dict else {}), member: value})
    for name in overlay.removed:
        if (own := _NAMES.get(name)) is not None and not body.was_put(own):
            body.cut(own)


def _hold(body: Body, target: Target, report: Report) -> None:
    """What this model does not take, or not as much of."""
    record = target.record
    asked = body.value("max_output_tokens")
    if asked.__class__ is int and not body.was_put("max_output_tokens"):
        held = max(16, min(asked, record.max_output_tokens))
        if held != asked:
            body.put("max_output_tokens", held)
            report.changed(
                "max_output_tokens", f"{asked} is outside of 16 to {record.max_output_tokens}"
            )
    _hold_effort(body, record, report)
    for name in _SAMPLING:
        refused = record.sampling == "refused" or name in record.unsupported
        if refused and body.value(name) not in (None, 1) and body.cut(name):
            report.dropped(name, "this model does not take it")


def _effort(asked: Effort, record: ModelRecord) -> Effort | None:
    """The effort of the model that is nearest to what is asked for; None if it has none."""
    thinking = record.thinking
    return nearest_effort(asked, thinking.levels) if thinking.kind == "effort" else None


def _hold_effort(body: Body, record: ModelRecord, report: Report) -> None:
    """The effort that the caller asks for, as far as the model has it."""
    holder = body.get("reasoning")
    if holder is None or holder.value.__class__ is not dict or body.was_put("reasoning"):
        return
    asked = holder.value.get("effort")
    if asked not in EFFORTS:
        return
    effort = _effort(asked, record)
    if effort == asked:
        return
    found = members(body.text, holder.value_start)
    if effort is not None:
        report.changed("reasoning.effort", f"this model takes {effort!r}, not {asked!r}")
        member = last(found, "effort")
        assert member is not None
        body.edits.append(Edit(member.value_start, member.end, written(effort)))
        return
    gone = [i for i, member in enumerate(found) if member.name == "effort"]
    body.edits += cut_all(body.text, found, gone)
    if asked != "none":
        report.dropped("reasoning.effort", "this model does not reason")


def _include(body: Body) -> None:
    """Nothing is kept at the provider: reasoning comes back encrypted."""
    included = body.value("include")
    if included.__class__ is not list or not included:
        body.put("include", [ENCRYPTED])
    elif ENCRYPTED not in included and (member := body.get("include")) is not None:
        end = elements(body.text, member.value_start)[-1].end
        body.edits.append(Edit(end, end, f',"{ENCRYPTED}"'))
