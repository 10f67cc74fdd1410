"""A chat request for Claude: the rooms of this package put together into one body."""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, cast

from translators.capabilities import ModelRecord
from translators.chat.emulation import ForcedCall, forced_call
from translators.chat.parameters import NO_OPS
from translators.chat.passthrough import extension_for
from translators.chat.ranges import LIMITS, RANGED, within_ranges, without_limit
from translators.chat.request import ChatRequest
from translators.claude.request.cache_control import automatic, keep_rules
from translators.claude.request.content import text_block
from translators.claude.request.context import NO_SCHEMAS, Translation
from translators.claude.request.fields import FIELDS
from translators.claude.request.messages import end_with_user, read_messages
from translators.claude.request.metadata import FAST_MODE_BETA, service, user_id
from translators.claude.request.response_format import FREE, AnswerFormat, answer_format
from translators.claude.request.sampling import sampling, stop_sequences
from translators.claude.request.thinking import Plan, plan_thinking
from translators.claude.request.tool_choice import (
    NO_CHOICE,
    Choice,
    read_choice,
    tell,
    write_choice,
)
from translators.claude.request.tools import (
    NO_TOOLS,
    Declared,
    declared_from_history,
    declared_tools,
    historic_names,
    tool_keys,
    web_search_tool,
    write_tools,
)
from translators.claude.wire import (
    Block,
    MessageParam,
    MessagesRequest,
    OutputConfig,
    Sampling,
    Service,
    Turn,
)
from translators.dialect import PLAIN, AnswerShape, KeyHeader, Target, UpstreamRequest
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject, dumps
from translators.known_tools import dumps_known
from translators.notes import Report
from translators.pieces import LONG

DEFAULT_VERSION: Final = "2023-06-01"
LONGEST_UNSTREAMED: Final = 21_333
"""The max_tokens up to which an answer that nobody limited is asked for whole; above, it could
outlive a silent connection."""

_BETA: Final = re.compile(r"[!-+\--~]{1,200}")
_TAKEN: Final = frozenset(
    name for name, verdict in FIELDS.items() if verdict.kind not in ("dropped", "rejected")
)
_ASIDE: Final = frozenset({
    "temperature", "top_p", "top_k", "stop", "user", "safety_identifier", "service_tier",
    "cache_control", "prompt_cache_options",
})  # fmt: skip
"""What of a request has a small place of its own: where it has none of them, one look tells."""
_MORE: Final = _ASIDE | RANGED | {"tools", "functions", "web_search_options", "x_provider"}
"""Without these there is nothing but a conversation and how long the answer may be: no tools to
read, no form of it, no other rules."""
_MARKABLE: Final = frozenset({"tools", "system", "cache_control"})
"""Where a finished request may have cache marks outside of its messages."""
MAX_BODY: Final = 32 * 1024 * 1024
SMALL_WINDOW: Final = 200_000
MAX_IMAGES: Final = 600
MAX_IMAGES_SMALL: Final = 100
"""Images in one request to a model with a context window of that size."""


def build_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The request in Claude's words. Raises InvalidRequest for what can be neither said, emulated
    nor dropped.
    """
    report, record = Report(), target.record
    plain = _MORE.isdisjoint(request.body)
    if not plain and (settled := within_ranges(request.body, most_stops=None)) is not request.body:
        request = ChatRequest(settled, request.size, request.usual_schemas)
    if not record.unsupported.isdisjoint(request.body):
        request = _without_unsupported(request, record, report)
    asked, limit = request.body, request.max_tokens
    if limit is None and not LIMITS.isdisjoint(asked):
        without_limit(asked, report.emulated)
    if not _TAKEN.issuperset(asked):
        _check_parameters(asked, report)
    headers = {
        "content-type": "application/json",
        **key_headers(target.api_key, target.key_header, record.api_version),
    }
    if plain:
        shape = PLAIN
        body = _body(
            asked,
            limit,
            NO_TOOLS,
            FREE,
            None,
            Translation(target, report, NO_TOOLS.names, NO_SCHEMAS),
        )
    else:
        declared = declared_tools(asked, request.usual_schemas)
        options = asked.get("prompt_cache_options") or {}
        translation = Translation(
            target, report, declared.names, declared.prepared, options.get("ttl")
        )
        format_ = (
            answer_format(asked, translation, request.usual_schemas)
            if "response_format" in asked
            else FREE
        )
        told = None if record.can_force_tools or not declared.tools else forced_call(asked)
        body = _body(asked, limit, declared, format_, told, translation)
        shape = _shape(declared, format_, told)
        _extend(body, headers, asked, target)
    stream = asked.get("stream") is True or (
        limit is None and body["max_tokens"] > LONGEST_UNSTREAMED
    )
    body["stream"] = stream
    written = (
        dumps(body)
        if plain and request.size <= LONG
        else dumps_known(body, asked.get("tools"), request.size)
    )
    if len(written) > MAX_BODY:
        raise InvalidRequest(
            f"Claude takes requests of at most {MAX_BODY} bytes.", None, "request_too_large", 413
        )
    return UpstreamRequest(
        messages_url(target.base_url), headers, written, stream, tuple(report.notes), shape
    )


def _extend(
    body: MessagesRequest, headers: dict[str, str], asked: JsonObject, target: Target
) -> None:
    """Add what the caller says in Claude's own words, and the names of what is not for everybody
    yet.
    """
    betas = [FAST_MODE_BETA] if body.get("speed") == "fast" else []
    if "x_provider" in asked:
        extension = extension_for(asked, target.provider, target.dialect)
        betas += _betas(extension.pop("betas", None), f"x_provider.{target.dialect}.betas")
        cast(JsonObject, body).update(extension)
    if betas:
        headers["anthropic-beta"] = ",".join(dict.fromkeys(betas))


@lru_cache(maxsize=256)  # the targets of a configuration are few
def messages_url(base: str) -> str:
    """Where messages go at an API whose configured address is `base`, with or without its
    version."""
    base = base.rstrip("/")
    return f"{base}/messages" if base.endswith("/v1") else f"{base}/v1/messages"


def _betas(given: Any, param: str) -> list[str]:
    if given is None:
        return []
    if given.__class__ is not list:
        raise InvalidRequest("Betas are an array of names.", param)
    for i, beta in enumerate(given):
        if beta.__class__ is not str or not _BETA.fullmatch(beta):
            raise InvalidRequest(
                "A beta is a name of printable characters, without commas.", f"{param}[{i}]"
            )
    return list(given)


def key_headers(
    key: str, header: KeyHeader | None = None, version: str | None = None
) -> dict[str, str]:
    """`version` of the API, where it is not the usual one."""
    headers = {"anthropic-version": version or DEFAULT_VERSION}
    if key:
        if header is None:
            headers["x-api-key"] = key
        else:
            headers[header.name] = header.prefix + key
    return headers


def _shape(declared: Declared, format_: AnswerFormat, told: ForcedCall | None) -> AnswerShape:
    """`told`: the call that the model cannot be made to make."""
    if not declared.tools and format_.instruction is None:
        return PLAIN
    return AnswerShape(
        tool_names=declared.names.rewritten,
        declared_tools=declared.callers_names,
        custom_tools=declared.custom,
        wrapped_tools=frozenset(
            name for name, schema in declared.prepared.items() if schema.wrapped
        ),
        tool_keys=tool_keys(declared),
        legacy_functions=declared.legacy,
        one_tool_call=declared.legacy,
        strip_json_fence=format_.instruction is not None,
        must_call=frozenset() if told is None else told.must_call,
        json_schema=format_.schema,
    )


def _without_unsupported(request: ChatRequest, record: ModelRecord, report: Report) -> ChatRequest:
    refused = [
        name
        for name in request.body
        if name in record.unsupported and request.body[name] is not None
    ]
    for name in refused:
        if request.body[name] not in NO_OPS.get(name, ()):
            report.dropped(name, "this model does not take it")
    return (
        replace(request, body={k: v for k, v in request.body.items() if k not in refused})
        if refused
        else request
    )


def _check_parameters(body: JsonObject, report: Report) -> None:
    """Refuse what changes the shape of the answer, report what is lost."""
    for name, value in body.items():
        if name in _TAKEN or value is None or value in NO_OPS.get(name, ()):
            continue
        verdict = FIELDS.get(name)
        if verdict is None:
            report.dropped(name, "this parameter is not known")
        elif verdict.kind == "dropped":
            report.dropped(name, verdict.how)
        else:
            raise InvalidRequest(
                verdict.how,
                name,
                "unsupported_value" if name in NO_OPS else "unsupported_parameter",
            )


def _body(
    asked: JsonObject,
    limit: int | None,
    declared: Declared,
    format_: AnswerFormat,
    told: ForcedCall | None,
    translation: Translation,
) -> MessagesRequest:
    record = translation.target.record
    system, turns, texts_only = read_messages(asked["messages"], translation)
    if not texts_only:
        _check_images(turns, record)
    if format_.instruction is not None:
        system.append(text_block(format_.instruction))
    historic = [] if texts_only else historic_names(turns)
    choice = NO_CHOICE
    if declared.tools:
        choice = read_choice(asked, declared, translation)
        if told is not None:
            choice = tell(told, choice, historic, system, translation)
    max_tokens = record.max_output_tokens
    if limit is not None:
        max_tokens = int(limit) if limit <= max_tokens else _clamped(limit, asked, translation)
    plan = plan_thinking(
        asked, max_tokens, choice is not NO_CHOICE and choice.forced, turns, translation
    )
    if turns[-1].role == "assistant":
        end_with_user(
            turns, record.prefill and format_.native is None and not plan.active, translation
        )
    body: MessagesRequest = {"model": translation.target.model, "max_tokens": max_tokens}
    if system:
        body["system"] = system
    said: list[MessageParam] = []
    body["messages"] = said
    for turn in turns:  # nearly always one: a comprehension costs as much again
        said.append({"role": turn.role, "content": turn.blocks})
    if declared.tools or historic or "web_search_options" in asked:
        _add_tools(body, asked, declared, choice, historic, translation)
    if plan.thinking is not None:
        body["thinking"] = plan.thinking
    if plan.effort is not None or format_.native is not None:
        output: OutputConfig = {}
        if plan.effort is not None:
            output["effort"] = plan.effort
        if format_.native is not None:
            output["format"] = format_.native
        body["output_config"] = output
    if not _ASIDE.isdisjoint(asked):
        _add_aside(body, asked, plan, translation)
    if not texts_only or not _MARKABLE.isdisjoint(body):
        keep_rules(body, texts_only, translation.report)
    return body


def _add_aside(
    body: MessagesRequest, asked: JsonObject, plan: Plan, translation: Translation
) -> None:
    """What stands beside the conversation, its tools and the form of the answer."""
    drawn: Sampling = body
    drawn.update(sampling(asked, plan.active, translation))
    if stop := stop_sequences(asked.get("stop"), translation):
        body["stop_sequences"] = stop
    if (user := user_id(asked)) is not None:
        body["metadata"] = {"user_id": user}
    served: Service = body
    served.update(service(asked.get("service_tier"), translation))
    if (mark := automatic(asked)) is not None:
        body["cache_control"] = mark


def _check_images(turns: list[Turn], record: ModelRecord) -> None:
    most = MAX_IMAGES_SMALL if record.context_window <= SMALL_WINDOW else MAX_IMAGES
    if sum([_images(turn.blocks) for turn in turns]) > most:
        raise InvalidRequest(
            f"This model takes at most {most} images in a request.", "messages", "too_many_images"
        )


def _images(blocks: list[Block]) -> int:
    """Images among `blocks` and inside of tool results."""
    count = 0
    for block in blocks:
        kind = block.get("type")
        if kind == "image":
            count += 1
        elif kind == "tool_result" and (content := block.get("content")).__class__ is list:
            count += _images(content)
    return count


def _clamped(limit: int, asked: JsonObject, translation: Translation) -> int:
    most = translation.target.record.max_output_tokens
    name = "max_tokens" if asked.get("max_completion_tokens") is None else "max_completion_tokens"
    translation.report.changed(name, f"{limit} is more than the model's {most}")
    return min(int(limit), most)


def _add_tools(
    body: MessagesRequest,
    asked: JsonObject,
    declared: Declared,
    choice: Choice,
    historic: list[str],
    translation: Translation,
) -> None:
    search = asked.get("web_search_options")
    tools = write_tools(choice.tools, translation, alone=search is None)
    if search is not None:
        tools.append(web_search_tool(search, translation.record, translation))
    parallel = asked.get("parallel_tool_calls") is not False and not declared.legacy
    written = write_choice(choice, parallel, translation)
    if not tools and historic:
        translation.report.repaired(
            "tools",
            "the tools that the conversation has called were declared, and not to be called again",
        )
        tools, written = declared_from_history(historic), {"type": "none"}
    if tools:
        body["tools"] = tools
    if written is not None:
        body["tool_choice"] = written
