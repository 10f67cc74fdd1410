"""The request's own fields: what each becomes in the hub's words, and what only a relay can do."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.notes import Verdict
from translators.responses.inbound.checks import array, boolean, mapping, text, unknown_value
from translators.responses.inbound.findings import Findings

SAME: Final = (
    "temperature", "top_p", "metadata", "user", "safety_identifier",
    "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "moderation",
    "x_provider", "top_logprobs",
)  # fmt: skip
"""What the hub calls by the same name."""
IGNORED: Final = frozenset(
    {
        "store", "previous_response_id", "stream", "model", "input", "instructions", "tools",
        "tool_choice", "client_metadata", "stream_options", "prewarm", "comparison_response_id",
        "background_options", "max_tool_calls", "background", "conversation",
        "parallel_tool_calls",
    }
)  # fmt: skip
"""Read elsewhere, or of no effect."""
DROPPED: Final[Mapping[str, str]] = {
    "context_management": "the history is never shortened here",
    "access_programs": "only OpenAI knows them",
    "image": "only OpenAI draws so",
}
CHATS: Final[Mapping[str, str]] = {
    "messages": "input", "max_tokens": "max_output_tokens", "response_format": "text.format",
    "max_completion_tokens": "max_output_tokens", "reasoning_effort": "reasoning.effort",
    "functions": "tools", "function_call": "tool_choice",
}  # fmt: skip
"""Chat's words that this API has others for."""
CHATS_ALONE: Final = frozenset(
    {"n", "stop", "seed", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs"}
)
INCLUDABLE: Final = frozenset(
    {
        "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
        "message.input_image.image_url", "computer_call_output.output.image_url",
        "code_interpreter_call.outputs", "reasoning.encrypted_content",
        "message.output_text.logprobs",
    }
)  # fmt: skip


def read_fields(document: JsonObject, body: JsonObject, findings: Findings) -> None:
    """Put into `body` what the document's own fields mean. Raises InvalidRequest."""
    _refuse(document)
    for name, value in document.items():
        if value is None or name in IGNORED:
            continue
        if name in SAME:
            body[name] = value
        elif (read := FIELDS.get(name)) is not None:
            read(value, body, findings)
        elif name in DROPPED:
            findings.report.dropped(name, DROPPED[name])
        else:
            findings.report.dropped(name, "only OpenAI's own API may know it")
    if document.get("top_logprobs") is not None:
        body.setdefault("logprobs", True)
    if document.get("max_tool_calls") is not None and findings.natives:
        findings.natives.append("max_tool_calls")


def _refuse(document: JsonObject) -> None:
    for name in document:
        if name in CHATS:
            said = f"Unknown parameter: '{name}'. Responses has '{CHATS[name]}' for it."
            raise InvalidRequest(said, name, "unknown_parameter")
        if name in CHATS_ALONE:
            raise InvalidRequest(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if document.get("conversation") is not None:
        said = "Conversations are not kept here: use 'previous_response_id'."
        raise InvalidRequest(said, "conversation", "unsupported_parameter")
    if document.get("background") is not None and boolean(document["background"], "background"):
        said = "Background responses are not supported: use streaming."
        raise InvalidRequest(said, "background", "unsupported_parameter")


def _most(value: Any, body: JsonObject, findings: Findings) -> None:
    body["max_completion_tokens"] = value


def _reasoning(value: Any, body: JsonObject, findings: Findings) -> None:
    asked = mapping(value, "reasoning")
    if asked.get("effort") is not None:
        body["reasoning_effort"] = text(asked["effort"], "reasoning.effort")
    summary = asked.get("summary") or asked.get("generate_summary")
    if summary is not None:
        text(summary, "reasoning.summary")
        own = {"effort": asked["effort"]} if asked.get("effort") is not None else {}
        body["reasoning"] = {**own, "summary": summary}
    for name, usual in (("context", ("auto", "all_turns")), ("mode", ("standard", "auto"))):
        if asked.get(name) is not None and asked[name] not in usual:
            findings.report.dropped(f"reasoning.{name}", "the whole history is sent")


def _text(value: Any, body: JsonObject, findings: Findings) -> None:
    asked = mapping(value, "text")
    if asked.get("verbosity") is not None:
        body["verbosity"] = asked["verbosity"]
    if asked.get("format") is not None:
        form = mapping(asked["format"], "text.format")
        kind = text(form.get("type"), "text.format.type")
        if kind == "json_schema":
            schema = {k: v for k, v in form.items() if k != "type" and v is not None}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif kind == "json_object":
            body["response_format"] = {"type": "json_object"}
        elif kind != "text":
            findings.natives.append("text.format.type")


def _include(value: Any, body: JsonObject, findings: Findings) -> None:
    for i, name in enumerate(array(value, "include")):
        if text(name, f"include[{i}]") not in INCLUDABLE:
            findings.natives.append(f"include[{i}]")
        if name == "message.output_text.logprobs":
            body["logprobs"] = True


def _truncation(value: Any, body: JsonObject, findings: Findings) -> None:
    if text(value, "truncation") == "auto":
        findings.report.dropped("truncation", "a history that is too long is refused")
    elif value != "disabled":
        raise unknown_value(value, "truncation", "auto, disabled")


def _prompt(value: Any, body: JsonObject, findings: Findings) -> None:
    findings.natives.append("prompt")


def _tier(value: Any, body: JsonObject, findings: Findings) -> None:
    body["service_tier"] = "priority" if value == "fast" else value


FIELDS: Final[Mapping[str, Callable[[Any, JsonObject, Findings], None]]] = {
    "max_output_tokens": _most,
    "reasoning": _reasoning,
    "text": _text,
    "include": _include,
    "truncation": _truncation,
    "prompt": _prompt,
    "service_tier": _tier,
}

VERDICTS: Final[Mapping[str, Verdict]] = {
    "model": Verdict("mapped", "the persona"),
    "input": Verdict("mapped", "messages: calls and outputs that interleave are one turn"),
    "instructions": Verdict("mapped", "the first message, of role system"),
    "stream": Verdict("mapped", "the same"),
    "stream_options": Verdict("ignored", "nothing is padded"),
    "max_output_tokens": Verdict("mapped", "max_completion_tokens"),
    "temperature": Verdict("mapped", "the same"),
    "top_p": Verdict("mapped", "the same"),
    "reasoning": Verdict(
        "depends",
        "effort and summary are mapped; context and mode that need a kept history dropped",
    ),
    "text": Verdict("mapped", "response_format and verbosity"),
    "tools": Verdict(
        "depends", "functions, custom tools, namespaces, web search; OpenAI's hosted tools rejected"
    ),
    "tool_choice": Verdict("depends", "mapped; a choice of a hosted tool is rejected"),
    "parallel_tool_calls": Verdict("mapped", "the same"),
    "max_tool_calls": Verdict("ignored", "it counts hosted tools only"),
    "include": Verdict("mapped", "logprobs and sealed reasoning; the rest of hosted tools"),
    "top_logprobs": Verdict("mapped", "top_logprobs and logprobs"),
    "store": Verdict("emulated", "kept by the gateway, as far as server.responses_store says"),
    "previous_response_id": Verdict("emulated", "the history that the gateway keeps"),
    "conversation": Verdict("rejected", "conversations are not kept"),
    "background": Verdict("rejected", "no answer outlives its connection"),
    "background_options": Verdict("ignored", "it means nothing without background"),
    "truncation": Verdict("dropped", "a history that is too long is refused"),
    "context_management": Verdict("dropped", DROPPED["context_management"]),
    "prompt": Verdict("rejected", "templates are kept by OpenAI"),
    "metadata": Verdict("mapped", "the same"),
    "user": Verdict("mapped", "the same"),
    "safety_identifier": Verdict("mapped", "the same"),
    "service_tier": Verdict("mapped", "the same; fast is priority"),
    "prompt_cache_key": Verdict("mapped", "the same"),
    "prompt_cache_retention": Verdict("mapped", "the same"),
    "prompt_cache_options": Verdict("mapped", "the same"),
    "moderation": Verdict("mapped", "the same"),
    "access_programs": Verdict("dropped", DROPPED["access_programs"]),
    "image": Verdict("dropped", DROPPED["image"]),
    "client_metadata": Verdict("ignored", "what Codex says of itself"),
}
"""What becomes of each field where the target speaks another dialect; a relay sends all of them
but `model`, `store`, `previous_response_id`, `conversation` and `background` as they came."""

RELAY_VERDICTS: Final[Mapping[str, Verdict]] = {
    "model": Verdict("mapped", "the target's model"),
    "store": Verdict("emulated", "always false at the provider: the gateway keeps the answer"),
    "previous_response_id": Verdict("emulated", "the history that the gateway keeps, in input"),
    "conversation": VERDICTS["conversation"],
    "background": VERDICTS["background"],
    "include": Verdict("relayed", "with reasoning.encrypted_content"),
    "input": Verdict("relayed", "without ids and reasoning of the gateway's own making"),
    "instructions": Verdict("relayed", "behind the persona's prompt"),
    "max_output_tokens": Verdict("relayed", "held to the persona's and the model's limits"),
}
"""The fields that a relay does not send as they came."""
HUB_FIELDS: Final[Mapping[str, str]] = {
    "input": "messages", "max_output_tokens": "max_completion_tokens",
    "reasoning": "reasoning_effort", "text": "response_format",
    **{name: name for name in (*SAME, "tools", "tool_choice", "parallel_tool_calls", "stream",
                               "stream_options", "service_tier") if name in VERDICTS},
}  # fmt: skip
"""The hub's parameter that a field becomes, whose verdict then holds."""
