"""What the Claude dialect does with everything a chat request can hold."""

from typing import Final

from translators.notes import Verdict

_SAMPLING: Final = Verdict(
    "depends", "Sent where the model takes it; dropped with a report otherwise and while it thinks."
)
_NO_PENALTY: Final = Verdict("dropped", "Claude has no penalties.")
_NO_LOGPROBS: Final = Verdict("rejected", "Claude gives no log probabilities.")
_TO_SYSTEM: Final = Verdict(
    "depends",
    "Leading ones become `system`; later ones keep their place, with a role of their own or as"
    " marked text.",
)
_FORMAT: Final = Verdict(
    "depends",
    "`output_config.format` where the model has it and its grammar can hold the schema; else told"
    " in words.",
)

FIELDS: Final[dict[str, Verdict]] = {
    "messages": Verdict(
        "mapped",
        "`system` and `messages`: calls paired with results, neighbours of one role joined.",
    ),
    "messages.name": Verdict("dropped", "Claude has no names for participants."),
    "messages.audio": Verdict("dropped", "Claude does not hear."),
    "model": Verdict("mapped", "The persona's name becomes the provider's model id."),
    "stream": Verdict("mapped", "`stream`; long answers are streamed from Claude in any case."),
    "stream_options": Verdict(
        "emulated", "Usage is always collected, and shown only to who asked."
    ),
    "stream_options.include_usage": Verdict(
        "emulated", "Usage is always collected; the chunk is shown only to who asked."
    ),
    "stream_options.include_obfuscation": Verdict("ignored", "Nothing is ever added to a stream."),
    "max_completion_tokens": Verdict(
        "mapped",
        "`max_tokens`; clamped with a report to the model's maximum, which is also the default.",
    ),
    "max_tokens": Verdict(
        "mapped", "As max_completion_tokens, which wins if both are given. -1 is no limit."
    ),
    "temperature": _SAMPLING,
    "top_p": _SAMPLING,
    "top_k": _SAMPLING,
    "frequency_penalty": _NO_PENALTY,
    "presence_penalty": _NO_PENALTY,
    "logit_bias": Verdict("dropped", "Claude has no token biases."),
    "logprobs": _NO_LOGPROBS,
    "top_logprobs": _NO_LOGPROBS,
    "seed": Verdict("dropped", "Claude draws without a seed."),
    "n": Verdict("rejected", "Claude gives one answer to a request."),
    "stop": Verdict(
        "mapped", "`stop_sequences`; those of white space alone are dropped with a report."
    ),
    "tools": Verdict(
        "mapped", "`tools`, in their order, with names and schemas as Claude takes them."
    ),
    "tool.function": Verdict(
        "mapped", "A tool; `strict` where its schema can be enforced, else dropped with a report."
    ),
    "tool.custom": Verdict(
        "emulated", "A function with one string `input`; a grammar is described but not enforced."
    ),
    "tool_choice": Verdict(
        "depends", "`tool_choice`; models that cannot be forced are left free, with a report."
    ),
    "tool_choice.allowed_tools": Verdict("emulated", "Only the allowed tools are declared."),
    "parallel_tool_calls": Verdict("mapped", "`tool_choice.disable_parallel_tool_use`, inverted."),
    "functions": Verdict("mapped", "As tools; the answer has `function_call`."),
    "function_call": Verdict("mapped", "As tool_choice."),
    "response_format": _FORMAT,
    "response_format.text": Verdict("ignored", "What Claude does anyway."),
    "response_format.json_object": Verdict(
        "emulated", "Told in words; a code fence around the answer is taken off."
    ),
    "response_format.json_schema": _FORMAT,
    "reasoning_effort": Verdict(
        "depends",
        "`thinking` and `output_config.effort`, snapped with a report to what the model takes.",
    ),
    "reasoning": Verdict("depends", "OpenRouter's form of reasoning_effort."),
    "thinking": Verdict("mapped", "`thinking`, as it is."),
    "verbosity": Verdict("dropped", "Claude has no such setting."),
    "modalities": Verdict("rejected", "Claude answers in text."),
    "audio": Verdict(
        "ignored", "Says how to speak to those who asked for audio, which is refused."
    ),
    "moderation": Verdict("rejected", "Claude gives no moderation result."),
    "prediction": Verdict("ignored", "A speed-up that changes no answer."),
    "web_search_options": Verdict(
        "depends", "Claude's own web search, where the model's record allows it; else refused."
    ),
    "service_tier": Verdict(
        "depends", "`service_tier` or `speed`; tiers Claude has not are dropped with a report."
    ),
    "user": Verdict("mapped", "`metadata.user_id`, hashed where it looks like an address."),
    "safety_identifier": Verdict("mapped", "`metadata.user_id`, before `user`."),
    "metadata": Verdict("ignored", "For the gateway's own records."),
    "store": Verdict("dropped", "Nothing is stored."),
    "prompt_cache_key": Verdict("ignored", "Claude's cache needs no key."),
    "prompt_cache_options": Verdict(
        "mapped", "`cache_control` of the request, or the default lifetime of its breakpoints."
    ),
    "prompt_cache_retention": Verdict(
        "depends", "The lifetime of automatic caching, where that is asked for."
    ),
    "cache_control": Verdict(
        "mapped", "`cache_control`, on the request, a message, a part or a tool."
    ),
    "x_provider": Verdict(
        "mapped",
        "Claude's own parameters, under the provider's or the dialect's name; not what the hub"
        " decides.",
    ),
    "role.system": _TO_SYSTEM,
    "role.developer": _TO_SYSTEM,
    "role.user": Verdict("mapped", "A user message."),
    "role.assistant": Verdict("mapped", "An assistant message, with signed thinking in front."),
    "role.tool": Verdict("mapped", "A tool_result in the user message behind its call."),
    "role.function": Verdict("mapped", "As role.tool."),
    "content.text": Verdict("mapped", "A text block; blank ones are left out."),
    "content.image_url": Verdict(
        "mapped", "An image block: base64 with the type its bytes show, or an https address."
    ),
    "content.image_url.detail": Verdict("dropped", "Claude scales images itself."),
    "content.input_audio": Verdict("rejected", "Claude does not hear."),
    "content.file": Verdict("mapped", "A document block (PDF or text) or an image block."),
    "content.refusal": Verdict("mapped", "A text block."),
    "content.prompt_cache_breakpoint": Verdict("mapped", "`cache_control` of the block."),
}
