"""The caller's own body for a Claude target: edits in its JSON text, the rest as it came."""

from collections.abc import Sequence
from typing import Final

from translators.capabilities import ModelRecord
from translators.claude.inbound.history_cuts import NO_CUTS, reasoning_cuts
from translators.claude.inbound.relay_host import fit_host
from translators.claude.inbound.relay_thinking import fit_thinking
from translators.claude.inbound.system_turns import wrapped_system_turns
from translators.dialect import Target
from translators.dialect.inbound import Overlay
from translators.json_codec import JsonObject
from translators.notes import Report
from translators.splices import Body, Edit, elements, known_text, with_model, written

_RENAMED: Final = {"max_completion_tokens": "max_tokens", "max_tokens": "max_tokens"}
_SAME_NAME: Final = ("temperature", "top_p", "top_k")
_FITTED: Final = frozenset({"thinking", "output_config", *_SAME_NAME})
"""Fields that are fitted to the model."""
_TIERS: Final = {"auto": "auto", "default": "standard_only"}


def relayed_body(
    text: str,
    document: JsonObject,
    overlay: Overlay,
    target: Target,
    report: Report,
    lost_betas: Sequence[str] = (),
) -> str:
    """The text as it is sent to `target`. `document`: what it says; `lost_betas`: those that its
    host is not told of.

    Raises ValueError for numbers that Python cannot read.
    """
    if (
        target.limits is None
        and (usual := _usual_body(text, document, overlay, target)) is not None
    ):
        return usual
    body = Body(text, document)
    body.put("model", target.model)
    _lay_prompt(body, overlay)
    cuts = reasoning_cuts(body, overlay.keeps_reasoning)
    if cuts is not NO_CUTS:
        body.edits += cuts.edits
        if cuts.refused:
            report.changed("messages.thinking", "Claude refused a signature in it")
    _set_values(body, overlay)
    _hold_max_tokens(body, target.record, report)
    _without_sampling(body, target.record, report)
    fit_thinking(body, overlay, target.record, cuts.lost_reasoning, report)
    if target.record.mid_system != "native":
        body.edits += wrapped_system_turns(body, report)
    if target.limits is not None:
        fit_host(body, target.limits, list(lost_betas), report)
    return body.finished()


def _usual_body(text: str, document: JsonObject, overlay: Overlay, target: Target) -> str | None:
    """The text where nothing is to be edited but its model, and nothing added but what the persona
    says and the caller does not, as is quickly seen of most; else None."""
    if overlay.removed or not _FITTED.isdisjoint(document):
        return None
    more = _added(document, overlay)
    if more is None:
        return None
    asked = document.get("max_tokens")
    if asked.__class__ is int and asked > target.record.max_output_tokens:
        return None
    for message in document["messages"]:
        if message.get("content").__class__ is not str or message.get("role") == "system":
            return None
    return with_model(text, document["model"], target.model, more)


def _added(document: JsonObject, overlay: Overlay) -> str | None:
    """The members that the persona adds; None where it edits what the caller wrote."""
    more = ""
    if overlay.system_prompt is not None:
        if "system" not in document:
            more = f',"system":[{_prompt_block(overlay.system_prompt)}]'
        elif not document["system"] or overlay.system_prompt_mode != "default":
            return None
    for name, value in overlay.values.items():
        own = _RENAMED.get(name)
        if own is None or own in document or len(overlay.values) > 1:
            return None
        more += f',"{own}":{written(value)}'
    return more


def _prompt_block(prompt: str) -> str:
    return f'{{"type":"text","text":{known_text(prompt)}}}'


def _lay_prompt(body: Body, overlay: Overlay) -> None:
    """The persona's prompt behind the caller's blocks: cached prefixes stay what they are."""
    if overlay.system_prompt is None:
        return
    block = _prompt_block(overlay.system_prompt)
    member = body.get("system")
    if member is None or not member.value or overlay.system_prompt_mode == "replace":
        body.put_text("system", f"[{block}]")
    elif overlay.system_prompt_mode == "default":
        return
    elif member.value.__class__ is str:
        own = body.text[member.value_start : member.end]
        body.put_text("system", f'[{{"type":"text","text":{own}}},{block}]')
    else:
        end = elements(body.text, member.value_start)[-1].end
        body.edits.append(Edit(end, end, f",{block}"))


def _set_values(body: Body, overlay: Overlay) -> None:
    """What the persona fills in or holds to a limit."""
    for name, value in overlay.values.items():
        if name in _RENAMED:
            body.put(_RENAMED[name], value)
        elif name in _SAME_NAME:
            body.put(name, value)
        elif name == "service_tier" and value in _TIERS:
            body.put(name, _TIERS[value])
    for name in overlay.removed:
        if name in _SAME_NAME or name == "service_tier":
            body.cut(name)


def _hold_max_tokens(body: Body, record: ModelRecord, report: Report) -> None:
    asked, most = body.value("max_tokens"), record.max_output_tokens
    if asked.__class__ is int and asked > most and not body.was_put("max_tokens"):
        body.put("max_tokens", most)
        report.changed("max_tokens", f"{asked} is more than the model's {most}")


def _without_sampling(body: Body, record: ModelRecord, report: Report) -> None:
    refused = record.sampling == "refused"
    if not refused and not record.unsupported:
        return
    for name in _SAME_NAME:
        if (refused or name in record.unsupported) and body.value(name) not in (None, 1):
            body.cut(name)
            report.dropped(name, "this model does not take it")
