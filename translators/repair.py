"""A request mended after a refusal that shows a fact to be wrong: once, with what the provider said
taken for true.

A wrong row in the capability file should cost one request, not all. Which refusal it was stands in
`upstream_code` or `code`; the mended request is built again from the same chat request: with other
facts, without the signed reasoning that was refused, or with its schemas written anew.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from translators.capabilities import EFFORTS, Capability, ModelRecord, Thinking
from translators.chat.parameters import PARAMETERS
from translators.chat.request import ChatRequest
from translators.chat.schema_drafts import with_modern_schemas
from translators.chat.wire import InputMessage
from translators.errors import ONE_CHOICE, FailureKind, UpstreamFailure
from translators.json_codec import JsonObject
from translators.openai.request.foreign_fields import MESSAGE_FIELDS

_SIGNED: Final = (
    "thinking_blocks",
    "provider_content",
    "extra_content",
    "provider_specific_fields",
)
_LIMIT: Final = re.compile(
    r"\d+ > (\d{1,9})|at most ([\d,]{1,12})|\[\d{1,9}, ?(\d{1,9})\]|less than or equal to"
    r" `?(\d{1,9})"
)
_EFFORT: Final = re.compile(rf"'({'|'.join(EFFORTS)})'")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")

_ESSENTIAL: Final = frozenset(
    {"model", "messages", "stream", "tools", "functions", "response_format"}
)
"""Parameters that are not left out, even if they are refused: without them the answer would be
another one."""
_OTHER_NAMES: Final = {
    "thinking": "reasoning_effort", "think": "reasoning_effort", "reasoning": "reasoning_effort",
    "reasoning.effort": "reasoning_effort",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Repair:
    """What to build with instead. `learned` tells whether the record is to be kept for the requests
    that follow.
    """

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
            corrected = correct(record, failure, request)
            return (
                None
                if corrected == record
                else Repair(request, corrected, learned=name not in _OF_ONE_REQUEST)
            )
    return None


def refuses_signatures(failure: UpstreamFailure) -> bool:
    """Whether signed reasoning of the conversation was refused."""
    return failure.upstream_code in _UNSIGNED or failure.code in _UNSIGNED


def lacking(failure: UpstreamFailure) -> Capability | None:
    """The capability that a model does not have, by this refusal of it."""
    if failure.kind is not FailureKind.UNSUPPORTED:
        return None
    by_parameter = failure.upstream_code in ("parameter_unsupported", "value_unsupported")
    return (
        _LACKED_BY_PARAMETER.get(failure.param or "")
        if by_parameter
        else _LACKED.get(failure.upstream_code or "")
    )


_LACKED: Final[dict[str, Capability]] = {
    "tools_unsupported": "tool_calling",
    "vision_unsupported": "vision",
    "json_schema_unsupported": "json_schema",
}
_LACKED_BY_PARAMETER: Final[dict[str, Capability]] = {
    "tools": "tool_calling",
    "functions": "tool_calling",
    "response_format": "json_schema",
}


def _without_schemas(record: ModelRecord) -> ModelRecord:
    return replace(record, strict_tools=False, capabilities=record.capabilities - {"json_schema"})


def _with_limit(record: ModelRecord, failure: UpstreamFailure, _: ChatRequest) -> ModelRecord:
    """With the limit of output tokens that was named."""
    found = _LIMIT.search(failure.message)
    limit = 0 if found is None else int(next(filter(None, found.groups())).replace(",", "") or 0)
    return (
        replace(record, max_output_tokens=limit) if 0 < limit < record.max_output_tokens else record
    )


def _with_limit_of_callers(
    record: ModelRecord, failure: UpstreamFailure, request: ChatRequest
) -> ModelRecord:
    """The same where a limit is sent only if the caller gave one."""
    limited = _with_limit(record, failure, request)
    return limited if (request.max_tokens or 0) > limited.max_output_tokens else record


def _without_parameter(
    record: ModelRecord, failure: UpstreamFailure, request: ChatRequest
) -> ModelRecord:
    """Without the parameter that was refused, or with the name that the server knows it by."""
    name = _parameter(failure, request)
    if name == record.max_tokens_parameter:
        other: Any = "max_tokens" if name == "max_completion_tokens" else "max_completion_tokens"
        return replace(record, max_tokens_parameter=other)
    if name == "n":
        return replace(record, capabilities=record.capabilities - {"multiple_choices"})
    if (
        name not in PARAMETERS
        or name in _ESSENTIAL
        or name in ("max_tokens", "max_completion_tokens")
    ):
        return record
    if name == "tool_choice":
        record = replace(record, forced_tool_choice="no")
    return replace(record, unsupported=record.unsupported | {name})


def _with_values(
    record: ModelRecord, failure: UpstreamFailure, request: ChatRequest
) -> ModelRecord:
    """With the efforts that were named; any other parameter whose value was refused is left out: it
    has one value only.
    """
    if _parameter(failure, request) == "reasoning_effort":
        named = _EFFORT.findall(failure.message.partition("upported values are")[2])
        if named:
            return replace(
                record,
                thinking=replace(
                    record.thinking, levels=tuple(effort for effort in EFFORTS if effort in named)
                ),
            )
    return _without_parameter(record, failure, request)


def _parameter(failure: UpstreamFailure, request: ChatRequest) -> str:
    """The parameter of ours that was refused."""
    name = _CAMEL.sub(
        r"_\1", (failure.param or "").removeprefix("body.")
    ).lower()  # xAI: presencePenalty
    return name if name in request.body else _OTHER_NAMES.get(name, name)


def _with_role(record: ModelRecord, failure: UpstreamFailure, _: ChatRequest) -> ModelRecord:
    """Instructions in the role that was not refused."""
    refused = (
        "developer" if "developer" in f"{failure.param} {failure.message}".lower() else "system"
    )
    if record.instructions_role not in ("any", refused):
        return record
    return replace(record, instructions_role="system" if refused == "developer" else "developer")


def _without_message_fields(
    record: ModelRecord, failure: UpstreamFailure, request: ChatRequest
) -> ModelRecord:
    """Without the fields of messages that OpenAI's own API does not know, if the request has the
    one that was refused.
    """
    name = (failure.param or "messages").rpartition(".")[2]
    refused = (
        MESSAGE_FIELDS if name.startswith("messages") else MESSAGE_FIELDS & {name}
    )  # some servers name no field
    return (
        record
        if all(refused.isdisjoint(owner) for owner in _owners(request))
        else replace(record, message_fields=frozenset())
    )


def _owners(request: ChatRequest) -> Iterator[JsonObject]:
    """What such a field may stand in: messages, their parts and calls, and tools."""
    for message in request.messages:
        yield message
        yield from message.get("tool_calls") or ()
        if message.get("content").__class__ is list:
            yield from message["content"]
    yield from request.body.get("tools") or ()


_UNSIGNED: Final = frozenset(
    {"thinking_signature_invalid", "invalid_thought_signature", "invalid_encrypted_content"}
)

_REFUSED_SCHEMA: Final = "invalid_function_parameters"
"""OpenAI's: it may be one of an older draft."""

_OF_ONE_REQUEST: Final = frozenset(
    {"schema_too_complex", "thinking_missing", "thinking_with_forced_tool"}
)
"""Refusals that say something of the request, not of the model."""

_CORRECTIONS: Final[
    dict[str, Callable[[ModelRecord, UpstreamFailure, ChatRequest], ModelRecord]]
] = {
    "thinking_missing": lambda record, *_: replace(record, thinking=Thinking()),
    "thinking_with_forced_tool": lambda record, *_: replace(record, thinking=Thinking()),
    "thinking_type_unsupported": lambda record, *_: replace(record, thinking=Thinking()),
    "tool_choice_unsupported": lambda record, *_: replace(record, forced_tool_choice="no"),
    "sampling_unsupported": lambda record, *_: replace(record, sampling="refused"),
    "system_role_unsupported": lambda record, *_: replace(record, mid_system="wrap"),
    "prefill_unsupported": lambda record, *_: replace(record, prefill=False),
    "schema_too_complex": lambda record, *_: _without_schemas(record),
    "max_tokens_too_large": _with_limit,
    "output_limit_exceeded": _with_limit_of_callers,
    "parameter_unsupported": _without_parameter,
    "value_unsupported": _with_values,
    "role_unsupported": _with_role,
    "message_field_unsupported": _without_message_fields,
    "call_id_unsupported": lambda record, *_: replace(record, call_id_form="nine"),
    ONE_CHOICE: lambda record, *_: replace(
        record, capabilities=record.capabilities - {"multiple_choices"}
    ),
}


def without_signatures(request: ChatRequest) -> ChatRequest:
    """The request without any signed reasoning in its history; the same one if there is none."""
    messages = [_unsigned(message) for message in request.messages]
    if all(new is old for new, old in zip(messages, request.messages, strict=True)):
        return request
    return ChatRequest({**request.body, "messages": messages}, request.size, request.usual_schemas)


def _unsigned(message: InputMessage) -> InputMessage:
    if message["role"] != "assistant":
        return message
    calls = message.get("tool_calls") or []
    if not any(name in holder for holder in (message, *calls) for name in _SIGNED):
        return message
    bare = {name: value for name, value in message.items() if name not in _SIGNED}
    if calls:
        bare["tool_calls"] = [
            {name: value for name, value in call.items() if name not in _SIGNED} for call in calls
        ]
    return bare
