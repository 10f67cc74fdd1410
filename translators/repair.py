"""A request mended after a refusal that shows a fact to be wrong: once, with what the provider said taken for true.

A wrong row in the capability file should cost one request, not all. Which refusal it was stands in `upstream_code` or `code`; the mended
request is built again from the same chat request: with other facts, without the signed reasoning that was refused, or with its schemas
written anew.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from translators.chat.request import ChatRequest
from translators.chat.schema_drafts import with_modern_schemas
from translators.dialect import ModelRecord, Thinking
from translators.errors import ONE_CHOICE, UpstreamFailure

_SIGNED: Final = ("thinking_blocks", "provider_content", "extra_content", "provider_specific_fields")
_LIMIT: Final = re.compile(r"\d+ > (\d+)")


@dataclass(frozen=True, slots=True)
class Repair:
    """What to build with instead. `learned` tells whether the record is to be kept for the requests that follow."""

    request: ChatRequest
    record: ModelRecord
    learned: bool


def repair(request: ChatRequest, record: ModelRecord, failure: UpstreamFailure) -> Repair | None:
    """The way out of a refusal, or None if there is none, or it would change nothing."""
    for name in (failure.upstream_code, failure.code):
        if name in _UNSIGNED:
            unsigned = without_signatures(request)
            return None if unsigned is request else Repair(unsigned, record, learned=False)
        if name == _REFUSED_SCHEMA:
            modern = with_modern_schemas(request)
            return None if modern is request else Repair(modern, record, learned=False)
        if name == ONE_CHOICE and (request.body.get("n") or 1) == 1:
            return None
        if name is not None and (correct := _CORRECTIONS.get(name)) is not None:
            corrected = correct(record, failure.message)
            return None if corrected == record else Repair(request, corrected, learned=name not in _OF_ONE_REQUEST)
    return None


def _without_schemas(record: ModelRecord, _: str) -> ModelRecord:
    return replace(record, strict_tools=False, capabilities=record.capabilities - {"json_schema"})


def _with_limit(record: ModelRecord, message: str) -> ModelRecord:
    found = _LIMIT.search(message)
    return replace(record, max_output_tokens=int(found[1])) if found and 0 < int(found[1]) < record.max_output_tokens else record


_UNSIGNED: Final = frozenset({"thinking_signature_invalid", "invalid_thought_signature", "invalid_encrypted_content"})

_REFUSED_SCHEMA: Final = "invalid_function_parameters"
"""OpenAI's: it may be one of an older draft."""

_OF_ONE_REQUEST: Final = frozenset({"schema_too_complex", "thinking_missing", "thinking_with_forced_tool"})
"""Refusals that say something of the request, not of the model."""

_CORRECTIONS: Final[dict[str, Callable[[ModelRecord, str], ModelRecord]]] = {
    "thinking_missing": lambda record, _: replace(record, thinking=Thinking()),
    "thinking_with_forced_tool": lambda record, _: replace(record, thinking=Thinking()),
    "thinking_type_unsupported": lambda record, _: replace(record, thinking=Thinking()),
    "tool_choice_unsupported": lambda record, _: replace(record, forced_tool_choice="no"),
    "sampling_unsupported": lambda record, _: replace(record, sampling="refused"),
    "system_role_unsupported": lambda record, _: replace(record, mid_system="wrap"),
    "prefill_unsupported": lambda record, _: replace(record, prefill=False),
    "schema_too_complex": _without_schemas,
    "max_tokens_too_large": _with_limit,
    ONE_CHOICE: lambda record, _: replace(record, capabilities=record.capabilities - {"multiple_choices"}),
}


def without_signatures(request: ChatRequest) -> ChatRequest:
    """The request without any signed reasoning in its history; the same one if there is none."""
    messages = [_unsigned(message) for message in request.messages]
    if all(new is old for new, old in zip(messages, request.messages, strict=True)):
        return request
    return ChatRequest({**request.body, "messages": messages}, request.size, request.usual_schemas)


def _unsigned(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] != "assistant":
        return message
    calls = message.get("tool_calls") or []
    if not any(name in holder for holder in (message, *calls) for name in _SIGNED):
        return message
    bare = {name: value for name, value in message.items() if name not in _SIGNED}
    if calls:
        bare["tool_calls"] = [{name: value for name, value in call.items() if name not in _SIGNED} for call in calls]
    return bare
