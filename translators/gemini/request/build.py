"""A chat request in Gemini's words."""

from typing import Final, Literal, cast

from translators.capabilities import ModelRecord
from translators.chat.passthrough import extension_for
from translators.chat.request import ChatRequest
from translators.dialect import PLAIN, AnswerShape, KeyHeader, Target, UpstreamRequest
from translators.errors import InvalidRequest
from translators.gemini.answer.continuation import is_long
from translators.gemini.endpoint import method_url
from translators.gemini.names import upstream_name
from translators.gemini.request import fields
from translators.gemini.request.content import ContentReader
from translators.gemini.request.extensions import (
    NO_EXTENSIONS,
    GoogleExtensions,
    google_extensions,
    merged,
)
from translators.gemini.request.generation import generation_config, service_tier
from translators.gemini.request.messages import conversation
from translators.gemini.request.response_format import FREE, JsonAnswer, json_answer
from translators.gemini.request.schema_growth import Growth
from translators.gemini.request.thinking import thinking_config, wish_of
from translators.gemini.request.tools import NO_TOOLS, Toolset, toolset
from translators.gemini.speech import format_of
from translators.gemini.wire import GenerateContentRequest, GenerationConfig, JsonForm
from translators.json_codec import JsonObject, dumps
from translators.known_tools import dumps_known
from translators.notes import Report
from translators.pieces import LONG

WHOLE: Final = "generateContent"
STREAM: Final = "streamGenerateContent?alt=sse"
_ASIDE: Final = frozenset({
    "audio", "stream_options", "google", "extra_body", "tools", "functions", "web_search_options",
    "response_format", "reasoning_effort",
    "service_tier", "x_provider",
})  # fmt: skip
"""What of a request has a place beside the conversation and its scalars: where it has none of them,
one look tells."""
_CACHED: Final[dict[Literal["systemInstruction", "tools", "toolConfig"], str]] = {
    "systemInstruction": "messages", "tools": "tools", "toolConfig": "tool_choice",
}  # fmt: skip
"""What cached content brings, and the parameter it would come from."""


def build_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The request for generateContent or streamGenerateContent. Raises InvalidRequest for what can
    be neither said nor dropped.
    """
    report, record = Report(), target.record
    body = fields.supported(request.body, record, report)
    plain = _ASIDE.isdisjoint(body)
    extensions = NO_EXTENSIONS if plain else _extensions(body, report)
    reader = ContentReader(record, report)
    system, contents = conversation(request.body["messages"], record, report, reader)
    answer, tools = (
        (FREE, NO_TOOLS) if plain else _form(body, request.usual_schemas, target, report)
    )
    config = generation_config(body, record, report)
    if not plain:
        _configure(config, body, answer, extensions, record, report)
        if answer.instruction is not None:
            system.append(answer.instruction)
        if tools.told is not None:
            system.append(tools.told.instruction(upstream_name))
    if (resolution := reader.resolution()) is not None:
        config["mediaResolution"] = resolution
    upstream: GenerateContentRequest = (
        {"systemInstruction": {"parts": [{"text": text} for text in system]}} if system else {}
    )
    upstream["contents"] = contents
    if not plain:
        upstream = _with_aside(upstream, body, tools, config, extensions, target, report)
    elif config:
        upstream["generationConfig"] = config
    asked_for_stream = request.body.get("stream") is True
    several_hops = is_long(config.get("maxOutputTokens"), record, stream=asked_for_stream)
    stream = several_hops or asked_for_stream  # more can come as a stream than as one JSON answer
    shape = PLAIN if plain else _shape(body, tools, answer, report)
    asked = config if plain else upstream.get("generationConfig", config)
    if "responseModalities" in asked:
        shape = shape._replace(audio=format_of(body, asked))
    if several_hops:
        shape = shape._replace(several_hops=True)
    url = method_url(target.base_url, target.model, STREAM if stream else WHOLE)
    headers = {"content-type": "application/json", **key_headers(target.api_key, target.key_header)}
    return UpstreamRequest(
        url, headers, _written(upstream, body, request.size), stream, tuple(report.notes), shape
    )


def _form(
    body: JsonObject, usual: bool, target: Target, report: Report
) -> tuple[JsonAnswer, Toolset]:
    """The form of the answer and the tools, whose schemas are read in the words of the newest draft
    (as they are, if `usual`).
    """
    record, growth = target.record, Growth(target.max_growth)
    tools = toolset(body, record, report, growth, usual)
    return json_answer(body, tools, record, report, growth, usual)


def _extensions(body: JsonObject, report: Report) -> GoogleExtensions:
    if "stream_options" in body:
        _report_stream_options(body["stream_options"], report)
    return google_extensions(body, report)


def _configure(
    config: GenerationConfig,
    body: JsonObject,
    answer: JsonAnswer,
    extensions: GoogleExtensions,
    record: ModelRecord,
    report: Report,
) -> None:
    """The form of the answer and the thinking before it."""
    form: JsonForm = config
    form.update(answer.config)
    wish = wish_of(body.get("reasoning_effort"), extensions.thinking_config)
    if (
        wish is not None
        and (thinking := thinking_config(wish, record.thinking, report)) is not None
    ):
        config["thinkingConfig"] = thinking


def _with_aside(
    made: GenerateContentRequest,
    body: JsonObject,
    tools: Toolset,
    config: GenerationConfig,
    extensions: GoogleExtensions,
    target: Target,
    report: Report,
) -> GenerateContentRequest:
    """The request with all that stands beside the conversation."""
    tier = service_tier(body, report) if "service_tier" in body else None
    if declared := tools.tools():
        made["tools"] = declared
    if (tool_config := tools.config()) is not None:
        made["toolConfig"] = tool_config
    if extensions.cached_content is not None:
        _leave_to_cache(made, report)
        made["cachedContent"] = extensions.cached_content
    if extensions.response_modalities is not None:
        config["responseModalities"] = [
            str(modality).upper() for modality in extensions.response_modalities
        ]
    if extensions.image_config is not None:
        config["imageConfig"] = extensions.image_config
    if config:
        made["generationConfig"] = config
    if tier is not None:
        made["serviceTier"] = tier
    if extensions.labels is not None:
        made["labels"] = extensions.labels
    extension = extension_for(body, target.provider, target.dialect)
    return cast(GenerateContentRequest, merged(made, extension)) if extension else made


def _leave_to_cache(made: GenerateContentRequest, report: Report) -> None:
    """Cached content brings its own instruction and tools; beside it Gemini refuses others."""
    for name, param in _CACHED.items():
        if made.pop(name, None) is not None:
            report.dropped(
                param, f"cached content brings its own {name}, and no other may stand beside it"
            )


def _shape(body: JsonObject, tools: Toolset, answer: JsonAnswer, report: Report) -> AnswerShape:
    if not tools.names and answer.instruction is None:
        return PLAIN
    one_call = body.get("parallel_tool_calls") is False and bool(tools.declarations)
    if one_call:
        report.emulated("parallel_tool_calls", "only the first call of an answer is kept")
    return AnswerShape(
        tool_names=tools.aliases,
        declared_tools=frozenset(tools.names),
        custom_tools=tools.custom,
        legacy_functions=tools.legacy,
        one_tool_call=one_call,
        strip_json_fence=answer.instruction is not None,
        must_call=frozenset() if tools.told is None else tools.told.must_call,
        json_schema=answer.schema,
    )


def _report_stream_options(options: JsonObject, report: Report) -> None:
    for name, value in options.items():
        if value is not None and f"stream_options.{name}" not in fields.FIELDS:
            report.dropped(f"stream_options.{name}", "no such option is known")


def key_headers(key: str, header: KeyHeader | None = None) -> dict[str, str]:
    if not key:
        return {}
    return {"x-goog-api-key": key} if header is None else {header.name: header.prefix + key}


def _written(upstream: GenerateContentRequest, asked: JsonObject, size: int) -> bytes:
    try:
        if size <= LONG and "tools" not in asked:
            return dumps(upstream)
        return dumps_known(upstream, asked.get("tools"), size)
    except ValueError as error:
        raise InvalidRequest(
            f"The request cannot be written for this provider: {error}", None, "invalid_value"
        ) from None
