"""A chat request for a server that speaks the hub's language: the caller's body, held against the
rules of the model.

Everything is relayed unless the model's record says that the server would refuse or ignore it; the
body is copied only where it changes.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from translators.capabilities import ModelRecord
from translators.chat.passthrough import extension_for
from translators.chat.prefill import Prefill, with_continue
from translators.chat.ranges import (
    MAX_STOP_SEQUENCES,
    RANGED,
    check_stop,
    within_ranges,
    without_limit,
)
from translators.chat.request import ChatRequest
from translators.chat.stop_sequences import as_sequences
from translators.dialect import PLAIN, AnswerShape, KeyHeader, Target, UpstreamRequest
from translators.json_codec import dumps
from translators.known_tools import dumps_known
from translators.notes import Report
from translators.openai.request.foreign_fields import PARAMETERS as FOREIGN
from translators.openai.request.foreign_fields import SWITCHES
from translators.openai.request.messages import read_messages
from translators.openai.request.mid_system import wrapped
from translators.openai.request.reasoning import SAMPLING, drop, settle_reasoning
from translators.openai.request.tool_choice import tell
from translators.openai.request.tools import NOTHING, Declared, read_tools
from translators.openai.wire import RequestBody
from translators.pieces import LONG

_SHAPING: Final = frozenset({
    "reasoning", "reasoning_effort", "tools", "functions", "tool_choice", "function_call",
    "parallel_tool_calls", "stop", *SAMPLING,
})  # fmt: skip
"""What makes a difference to how a model may be asked: most requests have none of it, one look
tells."""


def build_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The relayed request. What this server cannot take is reported; raises InvalidRequest only
    where OpenAI's ranges hold.

    `x_provider`'s fields for this provider or dialect are laid over the body last. They hold
    nothing that the request or its persona decide (translators.chat.passthrough), so targets and
    limits hold.
    """
    report, record, asked = Report(), target.record, request.body
    body = (
        {name: value for name, value in asked.items() if value is not None}
        if None in asked.values()
        else asked.copy()
    )
    if record.ranges == "openai":
        body = _in_openais_words(body, report)
    body["model"] = target.model
    if "max_tokens" in body or "max_completion_tokens" in body:
        _limit_tokens(body, record, report)
    shape, tools = PLAIN, NOTHING
    shaped = not _SHAPING.isdisjoint(body)
    if shaped:
        tools = read_tools(body, record, report)
        shape = _shape(body, record, tools, report)
    messages = body["messages"]
    if record.mid_system == "wrap":
        messages = wrapped(messages, report)
    if messages and messages[-1].__class__ is Prefill and not record.prefill:
        messages = with_continue(messages, report)
    body["messages"] = read_messages(messages, record, tools, report)
    if (
        shaped
        and ("tool_choice" in body or "function_call" in body)
        and (must_call := tell(body, record, report))
    ):
        shape = shape._replace(
            must_call=frozenset([tools.aliases.get(name, name) for name in must_call])
        )
    if not record.unsupported.isdisjoint(body):
        _drop_unsupported(body, record, report)
    stream = asked.get("stream") is True
    if stream and "stream_options" not in record.unsupported:
        body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    if "x_provider" in body:
        del body["x_provider"]
        body.update(extension_for(asked, target.provider, target.dialect))
    url, headers = _addressed(target.base_url, target.query, target.api_key, target.key_header)
    written = (
        dumps(body)
        if tools is NOTHING and request.written is None and request.size <= LONG
        else dumps_known(body, asked.get("tools"), request.size, request.written)
    )
    return UpstreamRequest(url, headers, written, stream, tuple(report.notes), shape)


def _drop_unsupported(body: dict[str, Any], record: ModelRecord, report: Report) -> None:
    if "stream_options" in body and "stream_options" in record.unsupported:
        _count_unasked(body, report)
    names = [name for name in body if name in record.unsupported]
    drop(body, names, report, "this model does not take it")


@lru_cache(maxsize=1024)
def _addressed(
    base_url: str, query: str, key: str, header: KeyHeader | None
) -> tuple[str, Mapping[str, str]]:
    """URL and headers, the same for all requests with a key."""
    url = base_url.rstrip("/") + "/chat/completions" + query
    return url, MappingProxyType({"content-type": "application/json", **key_headers(key, header)})


def key_headers(key: str, header: KeyHeader | None = None) -> dict[str, str]:
    if not key:
        return {}
    return (
        {"authorization": f"Bearer {key}"} if header is None else {header.name: header.prefix + key}
    )


def _in_openais_words(body: RequestBody, report: Report) -> RequestBody:
    """For OpenAI's own API: values held against its ranges, parameters that it does not know left
    out with a report.
    """
    if not RANGED.isdisjoint(body):
        body = within_ranges(body)
    if not FOREIGN.isdisjoint(body):
        for name in body:
            if name in FOREIGN and (body[name] or name in SWITCHES):
                report.dropped(name, "OpenAI has no such parameter")
        body = {name: value for name, value in body.items() if name not in FOREIGN}
    return body


def _shape(body: RequestBody, record: ModelRecord, tools: Declared, report: Report) -> AnswerShape:
    """Say how the model is to answer in the words it takes. What is then to be done with its
    answer.
    """
    settle_reasoning(body, record, report)
    shape = (
        PLAIN
        if tools is NOTHING
        else AnswerShape(tools.aliases, tools.declared, legacy_functions="functions" in body)
    )
    if "stop" in body and (stop := _stop_here(body, record, report)):
        shape = shape._replace(stop=stop)
    return shape


def _count_unasked(body: RequestBody, report: Report) -> None:
    """Take `stream_options` out, for a server that counts without being asked: the gateway shows
    the usage to who asked for it.
    """
    for name, value in body.pop("stream_options").items():
        if name == "include_usage" and value:
            report.emulated(
                "stream_options", "usage comes without being asked for, and is shown to who asked"
            )
        elif value:
            report.dropped(f"stream_options.{name}", "this model does not take it")


def _limit_tokens(body: RequestBody, record: ModelRecord, report: Report) -> None:
    older, newer = body.pop("max_tokens", None), body.pop("max_completion_tokens", None)
    limit = older if newer is None else newer
    if limit is None:
        return
    asked = "max_tokens" if newer is None else "max_completion_tokens"
    if limit > record.max_output_tokens:
        report.changed(asked, f"{limit} is more than the model's {record.max_output_tokens}")
        limit = record.max_output_tokens
    elif limit < 1 and record.ranges == "openai":
        without_limit({asked: limit}, report.emulated)
        return
    body[record.max_tokens_parameter] = int(limit)


def _stop_here(body: RequestBody, record: ModelRecord, report: Report) -> tuple[str, ...]:
    """The stop sequences that the gateway has to look for, because the model does not: all of them,
    no more than OpenAI would look for, or those that are more than that.

    Raises InvalidRequest for more, unless the caller's own API takes them.
    """
    given = body["stop"]
    sequences = as_sequences(given)
    if not sequences or "stop" not in record.unsupported:
        if given in ("", []):
            del body["stop"]
        most = MAX_STOP_SEQUENCES
        if len(sequences) <= most or record.ranges != "openai":
            return ()
        body["stop"] = list(sequences[:most])
        report.emulated("stop", "OpenAI looks for four sequences: the gateway looks for the others")
        return sequences[most:]
    check_stop(body.pop("stop"), MAX_STOP_SEQUENCES)
    report.emulated("stop", "this model has no stop sequences: the gateway cuts its text")
    return sequences
