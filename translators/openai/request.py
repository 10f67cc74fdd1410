"""A chat request for a server that speaks the hub's language: the caller's body, held against the rules of the model.

Everything is relayed unless the model's record says that the server would refuse or ignore it; the body is copied only where it changes.
"""

from typing import Any, Final

from translators.chat.parameters import NO_OPS
from translators.chat.passthrough import extension_for
from translators.chat.request import INSTRUCTION_ROLES, ChatRequest
from translators.chat.stopping import as_sequences
from translators.dialect import (
    PLAIN,
    AnswerShape,
    Effort,
    KeyHeader,
    ModelRecord,
    Report,
    Target,
    UpstreamRequest,
    effort_in,
    nearest_effort,
)
from translators.jsontext import dumps
from translators.openai.tool_choice import NO_CALL, tell

SAMPLING: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs")
"""What GPT-5 and later refuse while they reason."""


_SHAPING: Final = frozenset({"reasoning", "reasoning_effort", "tools", "functions", "stop", *SAMPLING})
"""What makes a difference to how a model may be asked: most requests have none of it, one look tells."""

_OWN_MESSAGE_FIELDS: Final = frozenset({
    "reasoning_content", "reasoning", "thinking_blocks", "provider_content", "extra_content", "provider_specific_fields",
    "images", "annotations", "cache_control", "is_error",
})  # fmt: skip
"""What our answers add to a message, and what callers of other dialects say on one: OpenAI's own API knows none of it."""

_SIGNED_FIELDS: Final = ("thinking_blocks", "provider_content", "extra_content")
_OWN_CALL_FIELDS: Final = frozenset({"extra_content", "provider_specific_fields", "index"})
_CACHE_CONTROL: Final = frozenset({"cache_control"})


def build_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The relayed request. Raises nothing: what this server cannot take is reported.

    `x_provider`'s fields for this provider or dialect are laid over the body last. They hold nothing that the request or its persona
    decide (translators.chat.passthrough), so targets and limits hold.
    """
    report, record, asked = Report(), target.record, request.body
    body = {name: value for name, value in asked.items() if value is not None} if None in asked.values() else asked.copy()
    body.pop("x_provider", None)
    body["model"] = target.model
    body["messages"] = _messages(asked["messages"], record, report)
    _limit_tokens(body, record, report)
    stop, must_call = ((), NO_CALL) if _SHAPING.isdisjoint(body) else (_shape(body, record, report), tell(body, record, report))
    if not record.unsupported.isdisjoint(body):
        _drop(body, [name for name in body if name in record.unsupported], report, "this model does not take it")
    if "tools" in body:
        body["tools"] = [_without(tool, _CACHE_CONTROL) for tool in body["tools"]]
    stream = asked.get("stream") is True
    if stream and "stream_options" not in record.unsupported:
        body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    if "x_provider" in asked:
        body.update(extension_for(asked, target.provider, target.dialect))
    return UpstreamRequest(
        url=target.base_url.rstrip("/") + "/chat/completions" + target.query,
        headers={"content-type": "application/json", **key_headers(target.api_key, target.key_header)},
        body=dumps(body),
        stream=stream,
        notes=tuple(report.notes),
        shape=_answer_shape(body, stop, must_call) if stop or must_call or "tools" in body else PLAIN,
    )


def key_headers(key: str, header: KeyHeader | None = None) -> dict[str, str]:
    if not key:
        return {}
    return {"authorization": f"Bearer {key}"} if header is None else {header.name: header.prefix + key}


def _answer_shape(body: dict[str, Any], stop: tuple[str, ...], must_call: frozenset[str]) -> AnswerShape:
    shape = AnswerShape(declared_tools=_declared(body), stop=stop)
    return shape._replace(must_call=must_call) if must_call else shape


def _declared(body: dict[str, Any]) -> frozenset[str]:
    tools = body.get("tools")
    return frozenset(tool["function"]["name"] for tool in tools if "function" in tool) if tools else frozenset()


def _shape(body: dict[str, Any], record: ModelRecord, report: Report) -> tuple[str, ...]:
    """Say how the model is to answer in the words it takes. The stop sequences that the gateway has to look for instead."""
    _read_reasoning(body, report)
    _choose_effort(body, record, report)
    return _stop_here(body, record, report)


def _without(item: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return item if names.isdisjoint(item) else {name: value for name, value in item.items() if name not in names}


def _messages(messages: list[dict[str, Any]], record: ModelRecord, report: Report) -> list[dict[str, Any]]:
    role = record.instructions_role
    relayed = []
    signed = False
    for message in messages:
        if role != "any" and message["role"] in INSTRUCTION_ROLES and message["role"] != role:
            message = {**message, "role": role}
        if len(message) > 2:
            if not _OWN_MESSAGE_FIELDS.isdisjoint(message):
                signed = signed or any(message.get(name) for name in _SIGNED_FIELDS)
                message = _without(message, _OWN_MESSAGE_FIELDS)
            if calls := message.get("tool_calls"):
                message = {**message, "tool_calls": [_tool_call(call) for call in calls]}
        content = message.get("content")
        if content.__class__ is list:
            message = {**message, "content": [_without(part, _CACHE_CONTROL) for part in content]}
        relayed.append(message)
    if signed:
        report.dropped("messages.thinking_blocks", "signed reasoning of another provider means nothing to this one")
    return relayed


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    call = _without(call, _OWN_CALL_FIELDS)
    function = call.get("function")
    if function is not None and function.get("arguments").__class__ is not str:
        arguments = function.get("arguments")
        call = {**call, "function": {**function, "arguments": "{}" if arguments is None else dumps(arguments).decode()}}
    return call


def _limit_tokens(body: dict[str, Any], record: ModelRecord, report: Report) -> None:
    older, newer = body.pop("max_tokens", None), body.pop("max_completion_tokens", None)
    limit = older if newer is None else newer
    if limit is None:
        return
    if limit > record.max_output_tokens:
        asked = "max_tokens" if newer is None else "max_completion_tokens"
        report.changed(asked, f"{limit} is more than the model's {record.max_output_tokens}")
        limit = record.max_output_tokens
    body[record.max_tokens_parameter] = int(limit)


def _read_reasoning(body: dict[str, Any], report: Report) -> None:
    """`reasoning` as OpenRouter has it, in this API's words; `reasoning_effort` wins if both are given."""
    reasoning = body.pop("reasoning", None)
    if not reasoning:
        return
    effort = effort_in(reasoning)
    if effort is not None:
        body.setdefault("reasoning_effort", effort)
    for name, value in reasoning.items():
        if value and not (name == "enabled" or (name == "effort" and effort is not None)):
            report.dropped(f"reasoning.{name}", "this API takes an effort only")


def _choose_effort(body: dict[str, Any], record: ModelRecord, report: Report) -> None:
    """Snap reasoning_effort to the model's levels, switch reasoning off where tools demand it, drop sampling where reasoning forbids it."""
    thinking = record.thinking
    asked: Effort | None = body.get("reasoning_effort")
    if asked is not None and thinking.kind != "effort":
        del body["reasoning_effort"]
        if asked != "none":
            report.dropped("reasoning_effort", "this model does not reason")
        return
    if asked is not None:
        taken = nearest_effort(asked, thinking.levels)
        if taken != asked:
            report.changed("reasoning_effort", f"this model takes {taken!r}, not {asked!r}")
            body["reasoning_effort"] = taken
    active = body.get("reasoning_effort", "" if thinking.on_by_default else "none") != "none"
    if active and record.tools_with_reasoning == "effort_none" and _has_function_tools(body):
        if asked is not None:
            report.changed("reasoning_effort", "on Chat Completions this model calls function tools only without reasoning")
        else:
            report.emulated("reasoning_effort", "set to 'none': on Chat Completions this model calls function tools only without reasoning")
        body["reasoning_effort"] = "none"
        active = False
    if record.sampling == "refused" or (record.sampling == "unless_reasoning" and active):
        _drop(body, SAMPLING, report, "this model refuses it while it reasons")


def _has_function_tools(body: dict[str, Any]) -> bool:
    return bool(body.get("functions")) or any(tool.get("type") == "function" for tool in body.get("tools") or ())


def _stop_here(body: dict[str, Any], record: ModelRecord, report: Report) -> tuple[str, ...]:
    """The stop sequences that the gateway has to look for, because the model does not."""
    sequences = as_sequences(body.get("stop"))
    if not sequences or "stop" not in record.unsupported:
        if body.get("stop") in ("", []):
            del body["stop"]
        return ()
    del body["stop"]
    report.emulated("stop", "this model has no stop sequences: the gateway cuts its text")
    return sequences


def _drop(body: dict[str, Any], names: tuple[str, ...] | list[str], report: Report, why: str) -> None:
    for name in names:
        if name in body:
            value = body.pop(name)
            if value not in NO_OPS.get(name, ()):
                report.dropped(name, why)
