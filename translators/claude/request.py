"""A chat request for Claude: the rooms of this package put together into one body."""

import re
from dataclasses import replace
from typing import Any, Final

from translators.chat.parameters import NO_OPS
from translators.chat.passthrough import extension_for
from translators.chat.request import ChatRequest
from translators.claude.answer_format import AnswerFormat, answer_format
from translators.claude.caching import automatic, keep_rules
from translators.claude.content import text_block
from translators.claude.fields import FIELDS
from translators.claude.identity import FAST_MODE_BETA, service, user_id
from translators.claude.messages import end_with_user, read_messages
from translators.claude.sampling import sampling, stop_sequences
from translators.claude.schema import as_list
from translators.claude.thinking import Plan, plan_thinking
from translators.claude.tool_choice import Choice, read_choice, relax, write_choice
from translators.claude.tools import Declared, declared_from_history, declared_tools, historic_names, web_search_tool, write_tools
from translators.claude.translation import Translation
from translators.claude.wire import Block, Turn
from translators.dialect import PLAIN, AnswerShape, Report, Target, UpstreamRequest
from translators.errors import InvalidRequest
from translators.jsontext import dumps

DEFAULT_VERSION: Final = "2023-06-01"
LONGEST_UNSTREAMED: Final = 21_333
"""The max_tokens up to which an answer that nobody limited is asked for whole; above, it could outlive a silent connection."""

_BETA: Final = re.compile(r"[!-+\--~]{1,200}")
_TAKEN: Final = frozenset(name for name, verdict in FIELDS.items() if verdict.kind not in ("dropped", "rejected"))
MAX_BODY: Final = 32 * 1024 * 1024
SMALL_WINDOW: Final = 200_000
MAX_IMAGES: Final = 600
MAX_IMAGES_SMALL: Final = 100
"""Images in one request to a model with a context window of that size."""


def build_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The request in Claude's words. Raises InvalidRequest for what can be neither said, emulated nor dropped."""
    request = _without_unsupported(request, target, report := Report())
    _check_parameters(request.body, report)
    declared = declared_tools(request)
    options = request.body.get("prompt_cache_options") or {}
    translation = Translation(target, report, declared.names, declared.wrapped, options.get("ttl"))
    format_ = answer_format(request.body, translation)
    body = _body(request, declared, format_, translation)
    headers = {"content-type": "application/json", **key_headers(target.api_key, target.record.api_version)}
    extension = extension_for(request.body, target.provider, target.dialect)
    betas = [FAST_MODE_BETA] if body.get("speed") == "fast" else []
    betas += _betas(extension.pop("betas", None), f"x_provider.{target.dialect}.betas")
    if betas:
        headers["anthropic-beta"] = ",".join(dict.fromkeys(betas))
    body.update(extension)
    stream = request.stream or (request.max_tokens is None and body["max_tokens"] > LONGEST_UNSTREAMED)
    body["stream"] = stream
    written = dumps(body)
    if len(written) > MAX_BODY:
        raise InvalidRequest(f"Claude takes requests of at most {MAX_BODY} bytes.", None, "request_too_large", 413)
    return UpstreamRequest(
        url=_url(target.base_url), headers=headers, body=written, stream=stream, notes=tuple(report.notes), shape=_shape(declared, format_)
    )


def _url(base: str) -> str:
    base = base.rstrip("/")
    return f"{base}/messages" if base.endswith("/v1") else f"{base}/v1/messages"


def _betas(given: Any, param: str) -> list[str]:
    if given is None:
        return []
    if given.__class__ is not list:
        raise InvalidRequest("Betas are an array of names.", param)
    for i, beta in enumerate(given):
        if beta.__class__ is not str or not _BETA.fullmatch(beta):
            raise InvalidRequest("A beta is a name of printable characters, without commas.", f"{param}[{i}]")
    return list(given)


def key_headers(key: str, version: str | None = None) -> dict[str, str]:
    """`version` of the API, where it is not the usual one."""
    headers = {"anthropic-version": version or DEFAULT_VERSION}
    if key:
        headers["x-api-key"] = key
    return headers


def _shape(declared: Declared, format_: AnswerFormat) -> AnswerShape:
    if not declared.tools and format_.instruction is None:
        return PLAIN
    return AnswerShape(
        tool_names=declared.names.rewritten,
        declared_tools=declared.callers_names,
        custom_tools=declared.custom,
        wrapped_tools=declared.wrapped,
        legacy_functions=declared.legacy,
        one_tool_call=declared.legacy,
        strip_json_fence=format_.instruction is not None,
    )


def _without_unsupported(request: ChatRequest, target: Target, report: Report) -> ChatRequest:
    if target.record.unsupported.isdisjoint(request.body):
        return request
    refused = [name for name in request.body if name in target.record.unsupported and request.body[name] is not None]
    for name in refused:
        if request.body[name] not in NO_OPS.get(name, ()):
            report.dropped(name, "this model does not take it")
    return replace(request, body={k: v for k, v in request.body.items() if k not in refused}) if refused else request


def _check_parameters(body: dict[str, Any], report: Report) -> None:
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
            raise InvalidRequest(verdict.how, name, "unsupported_value" if name in NO_OPS else "unsupported_parameter")


def _body(request: ChatRequest, declared: Declared, format_: AnswerFormat, translation: Translation) -> dict[str, Any]:
    asked = request.body
    system, turns = read_messages(request.messages, translation)
    _check_images(turns, translation)
    if format_.instruction is not None:
        system.append(text_block(format_.instruction))
    historic = historic_names(turns)
    choice = read_choice(request, declared, translation)
    if choice.forced and translation.record.forced_tool_choice == "no":
        choice = relax(choice, historic, translation)
    max_tokens = _max_tokens(request, translation)
    plan = plan_thinking(request, max_tokens, choice.forced, turns, translation)
    end_with_user(turns, translation.record.prefill and format_.native is None and not plan.active, translation)
    body: dict[str, Any] = {"model": translation.target.model, "max_tokens": max_tokens}
    if system:
        body["system"] = system
    body["messages"] = [{"role": turn.role, "content": turn.blocks} for turn in turns]
    _add_tools(body, request, declared, choice, historic, translation)
    _add_output(body, plan, format_)
    body.update(sampling(asked, plan.active, translation))
    if stop := stop_sequences(asked.get("stop"), translation):
        body["stop_sequences"] = stop
    if (user := user_id(asked)) is not None:
        body["metadata"] = {"user_id": user}
    body.update(service(asked.get("service_tier"), translation))
    if (mark := automatic(asked)) is not None:
        body["cache_control"] = mark
    keep_rules(body, translation.report)
    return body


def _check_images(turns: list[Turn], translation: Translation) -> None:
    most = MAX_IMAGES_SMALL if translation.record.context_window <= SMALL_WINDOW else MAX_IMAGES
    if sum(_images(turn.blocks) for turn in turns) > most:
        raise InvalidRequest(f"This model takes at most {most} images in a request.", "messages", "too_many_images")


def _images(blocks: list[Block]) -> int:
    """Images among `blocks` and inside of tool results."""
    count = 0
    for block in blocks:
        if block.get("type") == "image":
            count += 1
        elif block.get("type") == "tool_result":
            count += _images(as_list(block.get("content")))
    return count


def _max_tokens(request: ChatRequest, translation: Translation) -> int:
    limit, most = request.max_tokens, translation.record.max_output_tokens
    if limit is None:
        return most
    if limit > most:
        name = "max_tokens" if request.body.get("max_completion_tokens") is None else "max_completion_tokens"
        translation.report.changed(name, f"{limit} is more than the model's {most}")
    return min(int(limit), most)


def _add_tools(
    body: dict[str, Any], request: ChatRequest, declared: Declared, choice: Choice, historic: list[str], translation: Translation
) -> None:
    asked = request.body
    tools = write_tools(choice.tools, translation)
    if (search := asked.get("web_search_options")) is not None:
        tools.append(web_search_tool(search, translation.record, translation))
    parallel = asked.get("parallel_tool_calls") is not False and not declared.legacy
    written = write_choice(choice, parallel, translation)
    if not tools and historic:
        translation.report.repaired("tools", "the tools that the conversation has called were declared, and not to be called again")
        tools, written = declared_from_history(historic), {"type": "none"}
    if tools:
        body["tools"] = tools
    if written is not None:
        body["tool_choice"] = written


def _add_output(body: dict[str, Any], plan: Plan, format_: AnswerFormat) -> None:
    if plan.thinking is not None:
        body["thinking"] = plan.thinking
    output = {name: value for name, value in (("effort", plan.effort), ("format", format_.native)) if value is not None}
    if output:
        body["output_config"] = output
