"""thoughtSignature: where callers carry it, when it is worth sending, and what stands in for one
that was lost.

A signature is opaque standard base64. Gemini 3 and later answer 400 to a function call of the
current turn without one.
"""

import base64
import re
from collections.abc import Iterable
from typing import Any, Final

from translators.capabilities import ModelRecord
from translators.chat.wire import InputCall, InputMessage
from translators.gemini.wire import Part
from translators.json_access import as_object
from translators.json_codec import JsonObject

SENTINEL: Final = "skip_thought_signature_validator"
"""Gemini's own word for "there is none": it is accepted where a signature is demanded."""

_SENTINELS: Final = frozenset({SENTINEL, base64.b64encode(SENTINEL.encode()).decode()})
_STANDARD: Final = re.compile(r"[A-Za-z0-9+/]+", re.ASCII).fullmatch
_URLSAFE: Final = str.maketrans("-_", "+/")
_HOLDERS: Final = frozenset({"extra_content", "provider_specific_fields", "thought_signature"})
"""The fields that a signature may be found in: most calls have none of them."""
_ID_SUFFIX: Final = "__thought__"


def normalized(signature: Any) -> str | None:
    """Standard padded base64, or None if it is none, or nothing but a stand-in."""
    if signature.__class__ is not str or signature in _SENTINELS:
        return None
    digits: str = signature.strip().translate(_URLSAFE).rstrip("=")
    if not _STANDARD(digits) or len(digits) % 4 == 1:
        return None
    return digits + "=" * (-len(digits) % 4)


def split_id(call_id: str) -> tuple[str, str | None]:
    """A tool call's id and the signature that another gateway hid behind it."""
    plain, _, hidden = call_id.partition(_ID_SUFFIX)
    return (plain, hidden or None) if plain else (call_id, None)


def with_plain_ids(messages: list[InputMessage]) -> list[InputMessage]:
    """The messages with nothing hidden behind the ids of their calls: each signature stands where
    callers carry it.
    """
    return [_with_plain_ids(message) for message in messages]


def _with_plain_ids(message: InputMessage) -> InputMessage:
    answered = message.get("tool_call_id")
    if answered.__class__ is str and _ID_SUFFIX in answered:
        return {**message, "tool_call_id": split_id(answered)[0]}
    calls = message.get("tool_calls")
    if not calls or not any(_ID_SUFFIX in (call.get("id") or "") for call in calls):
        return message
    return {**message, "tool_calls": [_with_plain_id(call) for call in calls]}


def _with_plain_id(call: InputCall) -> InputCall:
    plain, hidden = split_id(call.get("id") or "")
    if hidden is None:
        return call
    return {
        **call,
        "id": plain,
        "provider_specific_fields": {
            "thought_signature": hidden,
            **as_object(call.get("provider_specific_fields")),
        },
    }


def google_extra(owner: JsonObject) -> JsonObject:
    """`extra_content.google` of a message or a tool call, or nothing."""
    return as_object(as_object(owner.get("extra_content")).get("google"))


def of_message(message: InputMessage, record: ModelRecord) -> str | None:
    """The signature of a message's text: of several the last one."""
    if record.signatures == "none" or _HOLDERS.isdisjoint(message):
        return None
    several = as_object(message.get("provider_specific_fields")).get("thought_signatures")
    candidates = (
        google_extra(message).get("thought_signature"),
        several[-1] if several and several.__class__ is list else None,
    )
    return _first_valid(candidates)


def of_call(call: InputCall, hidden: str | None, record: ModelRecord) -> str | None:
    """The signature of a tool call, from whichever field its caller kept it in."""
    if record.signatures == "none":
        return None
    function = as_object(call.get("function"))
    if hidden is None and _HOLDERS.isdisjoint(call) and _HOLDERS.isdisjoint(function):
        return None
    candidates = (
        google_extra(call).get("thought_signature"),
        as_object(call.get("provider_specific_fields")).get("thought_signature"),
        as_object(function.get("provider_specific_fields")).get("thought_signature"),
        function.get("thought_signature"),
        hidden,
    )
    return _first_valid(candidates)


def ensure_first_signed(calls: list[Part], record: ModelRecord) -> None:
    """Gemini demands a signature on the first function call of a turn only."""
    if record.signatures == "required" and calls:
        calls[0].setdefault("thoughtSignature", SENTINEL)


def _first_valid(candidates: Iterable[Any]) -> str | None:
    return next(
        (found for candidate in candidates if (found := normalized(candidate)) is not None), None
    )
