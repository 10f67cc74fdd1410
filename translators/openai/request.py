"""A chat request for a server that speaks the hub's language: the caller's body, held against the rules of the model.

Everything is relayed unless the model's record says that the server would refuse or ignore it; the body is copied only where it changes.
"""

from typing import Any, Final

from translators.chat.passthrough import extension_for
from translators.chat.ranges import MAX_STOP_SEQUENCES, RANGED, check_stop, within_ranges, without_limit
from translators.chat.request import ChatRequest
from translators.chat.stopping import as_sequences
from translators.dialect import PLAIN, AnswerShape, ModelRecord, Report, Target, UpstreamRequest
from translators.jsontext import dumps
from translators.openai.foreign import PARAMETERS as FOREIGN
from translators.openai.foreign import SWITCHES
from translators.openai.messages import read_messages
from translators.openai.reasoning import SAMPLING, drop, settle_reasoning
from translators.openai.tools import NOTHING, Declared, read_tools

_SHAPING: Final = frozenset({
    "reasoning", "reasoning_effort", "tools", "functions", "tool_choice", "function_call", "parallel_tool_calls", "stop", *SAMPLING,
})  # fmt: skip
"""What makes a difference to how a model may be asked: most requests have none of it, one look tells."""


def build_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The relayed request. What this server cannot take is reported; raises InvalidRequest only where OpenAI's ranges hold.

    `x_provider`'s fields for this provider or dialect are laid over the body last. They hold nothing that the request or its persona
    decide (translators.chat.passthrough), so targets and limits hold.
    """
    report, record, asked = Report(), target.record, request.body
    body = {name: value for name, value in asked.items() if value is not None} if None in asked.values() else asked.copy()
    body.pop("x_provider", None)
    if record.ranges == "openai":
        body = _in_openais_words(body, report)
    body["model"] = target.model
    _limit_tokens(body, record, report)
    tools, stop = (NOTHING, ()) if _SHAPING.isdisjoint(body) else _shape(body, record, report)
    if not record.unsupported.isdisjoint(body):
        drop(body, [name for name in body if name in record.unsupported], report, "this model does not take it")
    body["messages"] = read_messages(asked["messages"], record, tools, report)
    stream = asked.get("stream") is True
    if stream and "stream_options" not in record.unsupported:
        body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    if "x_provider" in asked:
        body.update(extension_for(asked, target.provider, target.dialect))
    return UpstreamRequest(
        url=target.base_url.rstrip("/") + "/chat/completions",
        headers={"content-type": "application/json", **key_headers(target.api_key)},
        body=dumps(body),
        stream=stream,
        notes=tuple(report.notes),
        shape=PLAIN if tools is NOTHING and not stop else AnswerShape(tools.aliases, tools.declared, stop=stop),
    )


def key_headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _in_openais_words(body: dict[str, Any], report: Report) -> dict[str, Any]:
    """For OpenAI's own API: values held against its ranges, parameters that it does not know left out with a report."""
    if not RANGED.isdisjoint(body):
        body = within_ranges(body)
    if not FOREIGN.isdisjoint(body):
        for name in body:
            if name in FOREIGN and (body[name] or name in SWITCHES):
                report.dropped(name, "OpenAI has no such parameter")
        body = {name: value for name, value in body.items() if name not in FOREIGN}
    return body


def _shape(body: dict[str, Any], record: ModelRecord, report: Report) -> tuple[Declared, tuple[str, ...]]:
    """Say what the model may call, and how it is to answer, in the words it takes. The stop sequences to look for in its stead."""
    tools = read_tools(body, record, report)
    settle_reasoning(body, record, report)
    return tools, _stop_here(body, record, report)


def _limit_tokens(body: dict[str, Any], record: ModelRecord, report: Report) -> None:
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


def _stop_here(body: dict[str, Any], record: ModelRecord, report: Report) -> tuple[str, ...]:
    """The stop sequences that the gateway has to look for, because the model does not: no more than OpenAI would look for.

    Raises InvalidRequest for more.
    """
    sequences = as_sequences(body.get("stop"))
    if not sequences or "stop" not in record.unsupported:
        if body.get("stop") in ("", []):
            del body["stop"]
        return ()
    check_stop(body.pop("stop"), MAX_STOP_SEQUENCES)
    report.emulated("stop", "this model has no stop sequences: the gateway cuts its text")
    return sequences
