"""A chat request for the Responses API: the rooms of this package put together into one body."""

from typing import Any, Final, Literal, cast

from translators.chat.parameters import NO_OPS
from translators.chat.passthrough import extension_for
from translators.chat.prefill import Prefill, with_continue
from translators.chat.ranges import LIMITS, RANGED, in_range, without_limit
from translators.chat.request import ChatRequest
from translators.chat.stop_sequences import as_sequences
from translators.dialect import PLAIN, AnswerShape, KeyHeader, Target, UpstreamRequest
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.known_tools import dumps_known
from translators.notes import Report
from translators.responses.names import upstream_name
from translators.responses.request.context import Translation
from translators.responses.request.fields import FIELDS
from translators.responses.request.input import read_messages
from translators.responses.request.reasoning import Plan, plan_reasoning
from translators.responses.request.tools import NO_TOOLS, Tools, read_tools
from translators.responses.wire import (
    JsonObjectFormat,
    JsonSchemaFormat,
    ResponsesRequest,
    TextConfig,
)

LEAST_OUTPUT_TOKENS: Final = 16
"""The smallest max_output_tokens that the API takes."""

_RELAYED: Final = (
    "metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "prompt_cache_options", "service_tier",
    "moderation",
)  # fmt: skip
_SAMPLING: Final = ("temperature", "top_p", "logprobs", "top_logprobs")
"""What models refuse while they reason, as far as this API has it."""

_TAKEN: Final = frozenset(
    name for name, verdict in FIELDS.items() if verdict.kind not in ("dropped", "rejected")
)
_NOT_PARAMETERS: Final = ("web_search_options", "parallel_tool_calls", "stop")
"""Chat's parameters that a model may refuse there, and that are something else here."""
_STATE: Final = frozenset({"previous_response_id", "conversation"})
"""What of the API's own words means that it keeps the beginning of the conversation."""


def build_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The request in this API's words. Raises InvalidRequest for what can be neither said, emulated
    nor dropped.
    """
    translation = Translation(target, Report())
    asked = _kept(request.body, translation)
    plan = plan_reasoning(asked, translation)
    tools = read_tools(asked, plan.active, translation)
    own = (
        extension_for(request.body, "responses", target.provider, target.dialect)
        if "x_provider" in request.body
        else {}
    )
    messages: list[Any] = request.messages
    if messages and messages[-1].__class__ is Prefill and not target.record.prefill:
        messages = with_continue(messages, translation.report)
    items = read_messages(messages, translation, whole=_STATE.isdisjoint(own))
    body: ResponsesRequest = {"model": target.model, "input": items}
    if tools.told is not None:
        body["instructions"] = tools.told.instruction(upstream_name)
    _add_tools(body, tools)
    _add_output(body, asked, request, translation)
    _add_state(body, asked, plan, translation)
    relayed: Any = body
    relayed.update({name: asked[name] for name in _RELAYED if name in asked})
    if request.stream:
        body["stream"] = True
        if "include_obfuscation" in (asked.get("stream_options") or {}):
            body["stream_options"] = {
                "include_obfuscation": asked["stream_options"]["include_obfuscation"]
            }
    stop = as_sequences(asked.get("stop"))
    if stop:
        translation.report.emulated(
            "stop", "this API has no stop sequences: the gateway cuts its text"
        )
    relayed.update(own)
    headers = {"content-type": "application/json", **key_headers(target.api_key, target.key_header)}
    shape = PLAIN if tools is NO_TOOLS and not stop else _shape(tools, stop)
    return UpstreamRequest(
        url=target.base_url.rstrip("/") + "/responses" + target.query,
        headers=headers,
        body=dumps_known(body, asked.get("tools"), request.size),
        stream=request.stream,
        notes=tuple(translation.report.notes),
        shape=shape,
    )


def _shape(tools: Tools, stop: tuple[str, ...]) -> AnswerShape:
    shape = AnswerShape(
        tools.rewritten,
        tools.names,
        legacy_functions=tools.legacy,
        one_tool_call=tools.one_call,
        stop=stop,
    )
    return shape if tools.told is None else shape._replace(must_call=tools.told.must_call)


def key_headers(key: str, header: KeyHeader | None = None) -> dict[str, str]:
    if not key:
        return {}
    return (
        {"authorization": f"Bearer {key}"} if header is None else {header.name: header.prefix + key}
    )


def _kept(body: JsonObject, translation: Translation) -> JsonObject:
    """What is left when nulls and what is dropped are taken away. Refuses what is out of range, or
    would change the shape of the answer.
    """
    kept: JsonObject = {}
    report, unsupported = translation.report, translation.record.unsupported
    for name, value in body.items():
        if name in RANGED:
            value = in_range(name, value)
        if value is None:
            continue
        if name in _TAKEN and name not in unsupported:
            kept[name] = value
            continue
        no_op = value in NO_OPS.get(name, ())
        verdict = FIELDS.get(name)
        if verdict is None:
            report.dropped(name, "this parameter is not known")
        elif verdict.kind == "rejected" and not no_op:
            raise InvalidRequest(verdict.how, name, "unsupported_value")
        elif name in unsupported and name not in _NOT_PARAMETERS:
            if not no_op:
                report.dropped(name, "this model does not take it")
        elif verdict.kind == "dropped" and not no_op:
            report.dropped(name, verdict.how)
        else:
            kept[name] = value
    return kept


def _add_tools(body: ResponsesRequest, tools: Tools) -> None:
    if tools.tools:
        body["tools"] = tools.tools
    if tools.choice is not None:
        body["tool_choice"] = tools.choice
    if tools.parallel is not None:
        body["parallel_tool_calls"] = tools.parallel


def _add_output(
    body: ResponsesRequest, asked: JsonObject, request: ChatRequest, translation: Translation
) -> None:
    """How the answer is to look, and how long it may be."""
    if "response_format" in asked or "verbosity" in asked:
        text: TextConfig = {}
        if (form := _format(asked.get("response_format"))) is not None:
            text["format"] = form
        if (verbosity := asked.get("verbosity")) is not None:
            text["verbosity"] = verbosity
        if text:
            body["text"] = text
    limit = request.max_tokens
    if limit is not None:
        held = max(LEAST_OUTPUT_TOKENS, min(int(limit), translation.record.max_output_tokens))
        if held != limit:
            name = (
                "max_tokens"
                if request.body.get("max_completion_tokens") is None
                else "max_completion_tokens"
            )
            rule = (
                f"is more than the model's {held}"
                if held < limit
                else f"is less than the {held} that the API takes"
            )
            translation.report.changed(name, f"{limit} {rule}")
        body["max_output_tokens"] = held
    elif not LIMITS.isdisjoint(asked):
        without_limit(asked, translation.report.emulated)


def _format(asked: JsonObject | None) -> JsonObjectFormat | JsonSchemaFormat | None:
    """`response_format` as `text.format`; None for plain text."""
    if asked is None or asked["type"] == "text":
        return None
    if asked["type"] == "json_object":
        return {"type": "json_object"}
    told: Any = {
        "type": "json_schema",
        "name": "response",
        "schema": {"type": "object"},
        "strict": False,
    }
    told.update({name: value for name, value in asked["json_schema"].items() if value is not None})
    return cast(JsonSchemaFormat, told)


def _add_state(
    body: ResponsesRequest, asked: JsonObject, plan: Plan, translation: Translation
) -> None:
    """Reasoning, sampling, and what is kept of the answer: nothing there unless asked for, its
    reasoning here, encrypted.
    """
    include: list[str] = []
    if plan.sent is not None:
        body["reasoning"] = plan.sent
    if translation.record.thinking.kind == "effort":
        include.append("reasoning.encrypted_content")
    sampling = _sampling(asked, plan, translation)
    name: Literal["temperature", "top_p"]
    for name in ("temperature", "top_p"):
        if name in sampling:
            body[name] = sampling[name]
    if sampling.get("logprobs"):
        include.append("message.output_text.logprobs")
        if sampling.get("top_logprobs"):
            body["top_logprobs"] = sampling["top_logprobs"]
    if include:
        body["include"] = include
    body["store"] = asked.get("store") is True


def _sampling(asked: JsonObject, plan: Plan, translation: Translation) -> JsonObject:
    given: JsonObject = {name: asked[name] for name in _SAMPLING if name in asked}
    rule = translation.record.sampling
    if rule != "refused" and not (rule == "unless_reasoning" and plan.active):
        return given
    for name, value in given.items():
        if value not in NO_OPS[name]:
            translation.report.dropped(name, "this model refuses it while it reasons")
    return {}
