"""Why Claude stopped, as a finish_reason and what else is known of it."""

from typing import Any, Final

from translators.claude.wire import AnswerMessage
from translators.json_codec import JsonObject

REFUSED: Final = "The model declined to respond."
CUT: Final = ("max_tokens", "model_context_window_exceeded")
"""The stop reasons of an answer that was not finished: its last tool call may be incomplete."""

_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "stop",
    "refusal": "content_filter",
    "compaction": "stop",
}
_PLAIN: Final = frozenset({"end_turn", "max_tokens", "tool_use", None})
_DETAILS: Final = ("stop_sequence", "stop_details", "container", "input_transformations")


def stop_reason(message: AnswerMessage) -> str | None:
    """Claude's own word, if it gave one."""
    reason = message.get("stop_reason")
    return reason if reason.__class__ is str and reason else None


def finish_reason(reason: str | None, has_calls: bool, legacy: bool) -> str:
    """The hub's word for a stop reason. Reasons without one end as what the answer looks like."""
    known = _FINISH.get(reason or "")
    if known is not None:
        return known
    if not has_calls:
        return "stop"
    return "function_call" if legacy else "tool_calls"


def provider_specific(message: AnswerMessage, has_calls: bool) -> JsonObject | None:
    """What the finish_reason hides: Claude's own reason where it says more, and its details. None
    if there is nothing to add.
    """
    return hidden(stop_reason(message), message, has_calls)


def hidden(reason: str | None, message: AnswerMessage, has_calls: bool) -> JsonObject | None:
    """The same where the reason was read already."""
    details = {}
    for name in _DETAILS:
        if value := message.get(name):
            details[name] = value
    waits_for_its_own = reason == "tool_use" and not has_calls
    if not details and reason in _PLAIN and not waits_for_its_own:
        return None
    return {"stop_reason": reason, **details}


def refusal(stop_details: Any) -> str:
    """What is shown as `refusal`: Claude's explanation if it gave one."""
    explanation = stop_details.get("explanation") if stop_details.__class__ is dict else None
    return explanation if explanation.__class__ is str and explanation else REFUSED
