"""What the Responses dialect does with everything a chat request can hold."""

from typing import Final

from translators.notes import Verdict

_RELAYED: Final = Verdict("relayed", "As the caller sent it.")
_SAMPLING: Final = Verdict(
    "depends", "Sent; dropped with a report while a model reasons that refuses it then."
)
_NO_PENALTY: Final = Verdict("dropped", "The Responses API has no penalties.")
_LOGPROBS: Final = Verdict(
    "depends",
    "`include: message.output_text.logprobs` and `top_logprobs`; dropped while the model reasons.",
)
_TO_INPUT: Final = Verdict(
    "mapped", "A message item in its place, under the role the model takes for instructions."
)
_FORMAT: Final = Verdict("mapped", "`text.format`.")

FIELDS: Final[dict[str, Verdict]] = {
    "messages": Verdict(
        "mapped", "`input`: message, function_call and function_call_output items in their order."
    ),
    "messages.name": Verdict("dropped", "The Responses API has no names for participants."),
    "messages.audio": Verdict("dropped", "The Responses API does not take answers back as audio."),
    "messages.provider_content": Verdict(
        "depends", "Items of the same model are sent back as they came; else dropped with a report."
    ),
    "messages.reasoning_content": Verdict(
        "dropped", "The Responses API takes reasoning back only as the item it was."
    ),
    "messages.images": Verdict(
        "dropped", "The Responses API takes pictures back only as the items they were."
    ),
    "messages.cache_control": Verdict("dropped", "The API caches by itself."),
    "messages.is_error": Verdict("emulated", "The result begins with 'Error:'."),
    "messages.thinking_blocks": Verdict(
        "dropped", "Signed reasoning of another provider means nothing to this one."
    ),
    "model": Verdict("mapped", "The persona's name becomes the provider's model id."),
    "stream": _RELAYED,
    "stream_options": Verdict("depends", "By its parts."),
    "stream_options.include_usage": Verdict(
        "emulated", "Usage always comes; the chunk is shown only to who asked."
    ),
    "stream_options.include_obfuscation": _RELAYED,
    "max_completion_tokens": Verdict(
        "mapped",
        "`max_output_tokens`; clamped with a report to at least 16 and the model's maximum.",
    ),
    "max_tokens": Verdict("mapped", "As max_completion_tokens, which wins if both are given."),
    "temperature": _SAMPLING,
    "top_p": _SAMPLING,
    "top_k": Verdict("dropped", "OpenAI has no such setting."),
    "presence_penalty": _NO_PENALTY,
    "frequency_penalty": _NO_PENALTY,
    "logit_bias": Verdict("dropped", "The Responses API has no token biases."),
    "logprobs": _LOGPROBS,
    "top_logprobs": _LOGPROBS,
    "n": Verdict("rejected", "The Responses API gives one answer to a request."),
    "stop": Verdict(
        "emulated", "The Responses API has no stop sequences: the gateway cuts the text."
    ),
    "seed": Verdict("dropped", "The Responses API draws without a seed."),
    "tools": Verdict(
        "mapped", "`tools`, in their order, under aliases where the API would refuse their names."
    ),
    "tool.function": Verdict(
        "mapped", "A flat function tool, with `strict: false` where nothing is said."
    ),
    "tool.custom": Verdict("mapped", "A flat custom tool, with its grammar."),
    "tool_choice": Verdict("mapped", "`tool_choice`, flat; left out where there are no tools."),
    "tool_choice.allowed_tools": Verdict("mapped", "`tool_choice` of type allowed_tools, flat."),
    "parallel_tool_calls": Verdict(
        "depends", "Sent; where the model refuses it, only the first call of the answer is kept."
    ),
    "functions": Verdict("mapped", "As tools; the answer has `function_call`."),
    "function_call": Verdict("mapped", "As tool_choice."),
    "response_format": _FORMAT,
    "response_format.text": Verdict("ignored", "What the model does anyway."),
    "response_format.json_object": _FORMAT,
    "response_format.json_schema": _FORMAT,
    "reasoning_effort": Verdict(
        "depends",
        "`reasoning.effort`, snapped with a report to an effort the model takes, and a summary.",
    ),
    "reasoning": Verdict("depends", "OpenRouter's form of reasoning_effort; `summary` is kept."),
    "thinking": Verdict("dropped", "Claude's form of reasoning means nothing to this provider."),
    "verbosity": Verdict(
        "depends",
        "`text.verbosity`; dropped with a report where the model's record lists it as unsupported.",
    ),
    "modalities": Verdict("rejected", "The Responses API answers in text."),
    "audio": Verdict(
        "depends",
        "Says how to speak to those who asked for audio, which is refused; dropped where the model"
        " lists it as unsupported.",
    ),
    "prediction": Verdict("dropped", "The Responses API takes no prediction."),
    "web_search_options": Verdict("mapped", "The tool `web_search`."),
    "service_tier": _RELAYED,
    "user": _RELAYED,
    "safety_identifier": _RELAYED,
    "metadata": _RELAYED,
    "store": Verdict("mapped", "`store`, false unless true is asked for."),
    "moderation": _RELAYED,
    "prompt_cache_key": _RELAYED,
    "prompt_cache_options": _RELAYED,
    "prompt_cache_retention": _RELAYED,
    "x_provider": Verdict(
        "mapped",
        "The API's own parameters, by `responses`, provider or dialect; not what the hub decides.",
    ),
    "role.system": _TO_INPUT,
    "role.developer": _TO_INPUT,
    "role.user": Verdict("mapped", "A message item."),
    "role.assistant": Verdict(
        "mapped", "A message item and the items of its calls, or the very items it once was."
    ),
    "role.tool": Verdict(
        "mapped",
        "A function_call_output or custom_tool_call_output item behind its call; each call gets"
        " one.",
    ),
    "role.function": Verdict("mapped", "The output of the oldest open call of that function."),
    "content.text": Verdict(
        "mapped", "An input_text part, or output_text in an assistant message."
    ),
    "content.image_url": Verdict("mapped", "An input_image part."),
    "content.input_audio": Verdict(
        "depends", "An input_audio part where the model hears; else refused."
    ),
    "content.file": Verdict("mapped", "An input_file part."),
    "content.refusal": Verdict("mapped", "A refusal part."),
    "content.prompt_cache_breakpoint": Verdict(
        "depends", "Kept on what the model reads; an assistant message has no place for it."
    ),
}
