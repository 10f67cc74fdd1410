"""The caller's own body for a server that speaks this API: edits in its JSON text, every other
character as it came."""

from collections.abc import Mapping
from typing import Any, Final

from translators.chat.passthrough import extension_for
from translators.dialect import Target
from translators.dialect.inbound import Overlay
from translators.notes import Report
from translators.responses.inbound.relay_items import input_edits
from translators.splices import Body, Edit, elements

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
_SAMPLING: Final = ("temperature", "top_p")


def relayed_body(
    text: str, document: Mapping[str, Any], overlay: Overlay, target: Target, report: Report
) -> str:
    """The text as it is sent to `target`. `document`: what it says."""
    body = Body(text)
    body.put("model", target.model)
    body.put("store", False)
    body.cut("previous_response_id")
    _lay_prompt(body, overlay)
    _set_values(body, overlay)
    _hold(body, target, report)
    _include(body)
    if body.cut("x_provider"):
        own = extension_for(dict(document), "responses", target.provider, target.dialect)
        for name, value in own.items():
            body.put(name, value)
    member = body.get("input")
    if member is not None and member.value.__class__ is list:
        instructions = overlay.system_prompt is not None and overlay.system_prompt_mode == "replace"
        body.edits += input_edits(text, member, overlay.keeps_reasoning, instructions, report)
    return body.finished()


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


def _set_values(body: Body, overlay: Overlay) -> None:
    for name, value in overlay.values.items():
        if (own := _NAMES.get(name)) is not None:
            body.put(own, value)
        elif (inside := _INSIDE.get(name)) is not None:
            holder, member = inside
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
    for name in _SAMPLING:
        refused = record.sampling == "refused" or name in record.unsupported
        if refused and body.value(name) not in (None, 1) and body.cut(name):
            report.dropped(name, "this model does not take it")


def _include(body: Body) -> None:
    """Nothing is kept at the provider: reasoning comes back encrypted."""
    member = body.get("include")
    if member is None or member.value.__class__ is not list or not member.value:
        body.put("include", [ENCRYPTED])
    elif ENCRYPTED not in member.value:
        end = elements(body.text, member.value_start)[-1].end
        body.edits.append(Edit(end, end, f',"{ENCRYPTED}"'))
