"""What the OpenAI dialect does with everything a chat request can hold: relayed, within the rules
of the model's record.
"""

from typing import Final

from translators.notes import Verdict

_RELAYED: Final = Verdict("relayed", "As the caller sent it.")
_IN_RANGE: Final = Verdict(
    "relayed",
    "As the caller sent it; held against OpenAI's range where the model's record has `ranges:"
    " openai`.",
)
_OTHERS: Final = Verdict(
    "depends",
    "Relayed to compatible servers; dropped with a report where the record has `ranges: openai`.",
)
_BACK: Final = Verdict(
    "depends",
    "Relayed where the record's `message_fields` allow it, as by default; to OpenAI itself dropped"
    " with a report.",
)
_UNLESS_REFUSED: Final = Verdict(
    "depends", "Relayed; dropped with a report where the model's record lists it as unsupported."
)
_SAMPLING: Final = Verdict(
    "depends", "Relayed; dropped with a report while a model reasons that refuses it then."
)

FIELDS: Final[dict[str, Verdict]] = {
    "messages": _RELAYED,
    "model": Verdict("mapped", "The persona's name becomes the provider's model id."),
    "stream": _RELAYED,
    "stream_options": Verdict(
        "emulated", "include_usage is always asked for, and shown only to who asked."
    ),
    "stream_options.include_usage": Verdict(
        "emulated", "Always asked for, for the records; the chunk is shown only to who asked."
    ),
    "stream_options.include_obfuscation": _RELAYED,
    "max_completion_tokens": Verdict(
        "mapped",
        "Under the name the server takes; clamped with a report to the model's maximum. -1 is no"
        " limit to OpenAI.",
    ),
    "max_tokens": Verdict("mapped", "As max_completion_tokens, which wins if both are given."),
    "temperature": _SAMPLING,
    "top_p": _SAMPLING,
    "presence_penalty": _SAMPLING,
    "frequency_penalty": _SAMPLING,
    "logit_bias": _SAMPLING,
    "logprobs": _SAMPLING,
    "top_logprobs": _SAMPLING,
    "n": _IN_RANGE,
    "top_k": _OTHERS,
    "thinking": _OTHERS,
    "cache_control": _OTHERS,
    "google": _OTHERS,
    "extra_body": _OTHERS,
    "stop": Verdict(
        "depends",
        "Relayed; for models that lack stop sequences, and for a fifth one of a Gemini caller at OpenAI, the gateway cuts the text.",  # noqa: E501
    ),
    "seed": _UNLESS_REFUSED,
    "tools": Verdict("relayed", "As the caller sent them; an empty list is left out."),
    "tool.function": Verdict(
        "relayed",
        "Under an alias where its name has over 64 or other letters than a-z, A-Z, 0-9, _ and -.",
    ),
    "tool.custom": Verdict("relayed", "As tool.function."),
    "tool_choice": Verdict(
        "relayed",
        "As the caller sent it, names as in `tools`; `any` is `required` where OpenAI's ranges"
        " hold.",
    ),
    "parallel_tool_calls": _UNLESS_REFUSED,
    "functions": Verdict("relayed", "As `tools`."),
    "function_call": Verdict("relayed", "As the caller sent it, names as in `functions`."),
    "response_format": _IN_RANGE,
    "reasoning_effort": Verdict(
        "depends",
        "Relayed; snapped with a report to an effort the model takes, or to none where its tools"
        " demand it.",
    ),
    "reasoning": Verdict(
        "depends",
        "Relayed to compatible servers; to OpenAI its effort as reasoning_effort, and a budget is"
        " dropped with a report.",
    ),
    "verbosity": _UNLESS_REFUSED,
    "modalities": _UNLESS_REFUSED,
    "audio": _UNLESS_REFUSED,
    "prediction": _UNLESS_REFUSED,
    "web_search_options": _UNLESS_REFUSED,
    "service_tier": _RELAYED,
    "user": _RELAYED,
    "safety_identifier": _RELAYED,
    "metadata": _RELAYED,
    "store": _RELAYED,
    "moderation": _RELAYED,
    "prompt_cache_key": _RELAYED,
    "prompt_cache_options": _RELAYED,
    "prompt_cache_retention": _RELAYED,
    "x_provider": Verdict(
        "relayed",
        "Laid over the body last, under the provider's or the dialect's name; not what the hub"
        " decides.",
    ),
    "role.system": Verdict("mapped", "Under the role the model takes for instructions."),
    "role.developer": Verdict("mapped", "Under the role the model takes for instructions."),
    "role.user": _RELAYED,
    "role.assistant": Verdict(
        "relayed",
        "Without nulls and empty `tool_calls`; calls get ids that the server takes, each its own.",
    ),
    "role.tool": Verdict(
        "relayed",
        "Behind its call; a call without one gets one that says so, one without a call becomes user"
        " text.",
    ),
    "role.function": _RELAYED,
    "messages.reasoning_content": _BACK,
    "messages.thinking_blocks": _BACK,
    "messages.provider_content": _BACK,
    "messages.extra_content": _BACK,
    "messages.images": _BACK,
    "messages.cache_control": _BACK,
    "messages.is_error": Verdict(
        "depends", "As reasoning_content; elsewhere the result begins with 'Error:' instead."
    ),
    "content.text": _RELAYED,
    "content.image_url": _RELAYED,
    "content.input_audio": _RELAYED,
    "content.file": _RELAYED,
    "content.refusal": _RELAYED,
}
