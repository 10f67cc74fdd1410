"""What becomes of everything a chat request can hold: the parameter matrix of this dialect, and the
code that reads its upper rows.
"""

from typing import Any, Final

from translators.capabilities import ModelRecord
from translators.chat.parameters import NO_OPS
from translators.chat.ranges import RANGED, within_ranges
from translators.json_codec import JsonObject
from translators.notes import Report, Verdict

FIELDS: Final[dict[str, Verdict]] = {
    "messages": Verdict("mapped", "`contents` and `systemInstruction`."),
    "model": Verdict("mapped", "The model in the URL's path."),
    "stream": Verdict("mapped", "The method streamGenerateContent with alt=sse."),
    "stream_options": Verdict("depends", "By its parts."),
    "stream_options.include_usage": Verdict(
        "emulated", "Gemini always counts; the usage chunk is written if asked for."
    ),
    "stream_options.include_obfuscation": Verdict("ignored", "Nothing is padded."),
    "max_completion_tokens": Verdict(
        "mapped", "`maxOutputTokens`, clamped to the model's maximum."
    ),
    "max_tokens": Verdict(
        "mapped", "`maxOutputTokens`; `max_completion_tokens` wins. -1 is no limit."
    ),
    "temperature": Verdict("depends", "`temperature`, where the model samples."),
    "top_p": Verdict("depends", "`topP`, where the model samples."),
    "top_k": Verdict("depends", "`topK`, where the model samples."),
    "n": Verdict("depends", "`candidateCount`, where the model gives several candidates."),
    "stop": Verdict("mapped", "`stopSequences`, at most five."),
    "seed": Verdict("mapped", "`seed`, masked to 31 bits where it is larger."),
    "logprobs": Verdict("depends", "`responseLogprobs`, where the model gives them."),
    "top_logprobs": Verdict("depends", "`logprobs`, where the model gives them."),
    "presence_penalty": Verdict("depends", "`presencePenalty`, where the model takes it."),
    "frequency_penalty": Verdict("depends", "`frequencyPenalty`, where the model takes it."),
    "logit_bias": Verdict("dropped", "Gemini cannot bias tokens."),
    "response_format": Verdict("mapped", "`responseMimeType` and a schema."),
    "response_format.text": Verdict("ignored", "Text is what Gemini gives anyway."),
    "response_format.json_object": Verdict("mapped", "`responseMimeType` application/json."),
    "response_format.json_schema": Verdict(
        "mapped",
        "`responseJsonSchema`, by instruction where the model cannot have tools beside it.",
    ),
    "tools": Verdict("mapped", "`functionDeclarations`."),
    "tool.function": Verdict("mapped", "A function declaration with a JSON Schema."),
    "tool.custom": Verdict(
        "emulated", "A function with one string `input`; a grammar is described but not enforced."
    ),
    "functions": Verdict("mapped", "`functionDeclarations`; the answer holds `function_call`."),
    "tool_choice": Verdict("mapped", "`functionCallingConfig`."),
    "tool_choice.function": Verdict("mapped", "Mode ANY with the allowed name."),
    "tool_choice.custom": Verdict(
        "mapped", "Mode ANY with the name of the function that stands for the tool."
    ),
    "tool_choice.allowed_tools": Verdict("mapped", "Mode VALIDATED or ANY with the allowed names."),
    "function_call": Verdict("mapped", "`functionCallingConfig`."),
    "parallel_tool_calls": Verdict("emulated", "False: only the first call of the answer is kept."),
    "reasoning_effort": Verdict(
        "depends", "`thinkingConfig`: a budget or a level, as the model takes it."
    ),
    "verbosity": Verdict("dropped", "Gemini has no such control."),
    "modalities": Verdict(
        "depends", "`responseModalities` for models that draw or speak; else refused."
    ),
    "audio": Verdict(
        "depends",
        "`speechConfig` where sound was asked for; formats other than pcm16 and wav are refused.",
    ),
    "prediction": Verdict("dropped", "Gemini takes no predicted output."),
    "web_search_options": Verdict(
        "depends", "The `googleSearch` tool, where the model may have it."
    ),
    "web_search_options.search_context_size": Verdict(
        "dropped", "Google Search has no such control."
    ),
    "web_search_options.user_location": Verdict("dropped", "Google Search wants coordinates."),
    "service_tier": Verdict("mapped", "`serviceTier`; auto is left out, scale is dropped."),
    "safety_identifier": Verdict("ignored", "Personal data stays here."),
    "user": Verdict("ignored", "Personal data stays here."),
    "metadata": Verdict("ignored", "Kept for our own records."),
    "store": Verdict("ignored", "Gemini's `store` means something else."),
    "prompt_cache_key": Verdict("ignored", "Gemini caches by itself."),
    "prompt_cache_options": Verdict("ignored", "Gemini caches by itself."),
    "prompt_cache_retention": Verdict("ignored", "Gemini caches by itself."),
    "moderation": Verdict("dropped", "Gemini has no such service."),
    "role.developer": Verdict("mapped", "`systemInstruction`."),
    "role.system": Verdict("mapped", "`systemInstruction`, wherever it stands."),
    "role.user": Verdict("mapped", "A `user` content; a participant's `name` has no place."),
    "role.assistant": Verdict("mapped", "A `model` content."),
    "role.tool": Verdict("mapped", "A functionResponse, all results of a turn in one content."),
    "role.function": Verdict("mapped", "A functionResponse."),
    "messages.name": Verdict("ignored", "A participant's name has no place in a content."),
    "messages.audio": Verdict("rejected", "Sound of an earlier answer cannot be sent."),
    "messages.images": Verdict("dropped", "Pictures of an earlier answer are not sent back."),
    "messages.reasoning_content": Verdict("ignored", "Thoughts are never sent back as text."),
    "messages.extra_content": Verdict(
        "mapped", "`thoughtSignature`, and the parts of tools that Google ran."
    ),
    "content.text": Verdict("mapped", "A text part."),
    "content.image_url": Verdict("mapped", "`inlineData` or `fileData`."),
    "content.image_url.detail": Verdict("depends", "`mediaResolution`, per part or for all."),
    "content.input_audio": Verdict("mapped", "`inlineData`."),
    "content.file": Verdict("mapped", "`inlineData`, or `fileData` for Google's own names."),
    "content.video_url": Verdict("mapped", "`inlineData` or `fileData`."),
    "content.refusal": Verdict("mapped", "A text part."),
    "google": Verdict(
        "mapped",
        "Google's own extensions: thinking_config, cached_content, response_modalities,"
        " image_config, labels.",
    ),
    "extra_body": Verdict("mapped", "`extra_body.google`: the same."),
    "x_provider": Verdict(
        "relayed",
        "`x_provider.gemini` is merged into the upstream body last; not what the hub decides.",
    ),
}
"""Every parameter, and in dotted names every role, content part, tool kind and option below one."""

_TAKEN: Final = frozenset(
    name
    for name, verdict in FIELDS.items()
    if "." not in name and verdict.kind not in ("ignored", "dropped")
)
"""What goes further wherever the model takes it."""
_UNSAMPLED: Final = _TAKEN - {"temperature", "top_p", "top_k"}
"""The same for models that refuse sampling parameters."""
MAX_STOP_SEQUENCES: Final = 5

_NO_OPS: Final[dict[str, tuple[Any, ...]]] = {
    **NO_OPS,
    "reasoning_effort": ("none",),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("auto", "none"),
    "function_call": ("auto", "none"),
    "verbosity": ("medium",),
}


def supported(body: JsonObject, record: ModelRecord, report: Report) -> JsonObject:
    """The parameters of `body` that go further: without nulls, and without what Gemini or this
    model cannot be told.

    That may be all of them, `body` itself: nobody changes it. Raises InvalidRequest for a value
    that is out of its range.
    """
    if not RANGED.isdisjoint(body):
        body = within_ranges(body, MAX_STOP_SEQUENCES)
    unsupported, taken = record.unsupported, _TAKEN if record.sampling == "full" else _UNSAMPLED
    for name, value in body.items():
        if value is None or name not in taken or name in unsupported:
            break
    else:
        return body
    kept: JsonObject = {}
    for name, value in body.items():
        if value is None:
            continue
        if name in taken and name not in unsupported:
            kept[name] = value
            continue
        verdict = FIELDS.get(name)
        if verdict is None or "." in name:
            report.dropped(name, "Gemini has no such parameter")
        elif verdict.kind == "ignored":
            continue
        elif value not in _NO_OPS.get(name, ()):
            report.dropped(name, _refusal(name, verdict, record))
    return kept


def _refusal(name: str, verdict: Verdict, record: ModelRecord) -> str:
    if verdict.kind == "dropped":
        return verdict.how
    return (
        "this model does not take it"
        if name in record.unsupported
        else "this model does not take sampling parameters"
    )
