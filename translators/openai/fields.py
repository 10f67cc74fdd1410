"""What the OpenAI dialect does with everything a chat request can hold: relayed, within the rules of the model's record."""

from typing import Final

from translators.dialect import Verdict

_RELAYED: Final = Verdict("relayed", "As the caller sent it.")
_UNLESS_REFUSED: Final = Verdict("depends", "Relayed; dropped with a report where the model's record lists it as unsupported.")
_SAMPLING: Final = Verdict("depends", "Relayed; dropped with a report while a model reasons that refuses it then.")

FIELDS: Final[dict[str, Verdict]] = {
    "messages": _RELAYED,
    "model": Verdict("mapped", "The persona's name becomes the provider's model id."),
    "stream": _RELAYED,
    "stream_options": Verdict("emulated", "include_usage is always asked for, and shown only to who asked."),
    "stream_options.include_usage": Verdict("emulated", "Always asked for, for the records; the chunk is shown only to who asked."),
    "stream_options.include_obfuscation": _RELAYED,
    "max_completion_tokens": Verdict("mapped", "Under the name the server takes; clamped with a report to the model's maximum."),
    "max_tokens": Verdict("mapped", "As max_completion_tokens, which wins if both are given."),
    "temperature": _SAMPLING,
    "top_p": _SAMPLING,
    "presence_penalty": _SAMPLING,
    "frequency_penalty": _SAMPLING,
    "logit_bias": _SAMPLING,
    "logprobs": _SAMPLING,
    "top_logprobs": _SAMPLING,
    "n": _RELAYED,
    "stop": Verdict("depends", "Relayed; for models that lack stop sequences the gateway cuts the text."),
    "seed": _UNLESS_REFUSED,
    "tools": _RELAYED,
    "tool.function": _RELAYED,
    "tool.custom": _RELAYED,
    "tool_choice": _RELAYED,
    "parallel_tool_calls": _UNLESS_REFUSED,
    "functions": _RELAYED,
    "function_call": _RELAYED,
    "response_format": _RELAYED,
    "reasoning_effort": Verdict(
        "depends", "Relayed; snapped with a report to an effort the model takes, or to none where its tools demand it."
    ),
    "reasoning": Verdict("depends", "OpenRouter's form of reasoning_effort: its effort; a budget is dropped with a report."),
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
    "x_provider": Verdict("relayed", "Laid over the body last, under the provider's or the dialect's name; not what the hub decides."),
    "role.system": Verdict("mapped", "Under the role the model takes for instructions."),
    "role.developer": Verdict("mapped", "Under the role the model takes for instructions."),
    "role.user": _RELAYED,
    "role.assistant": Verdict("relayed", "Without the fields that only other dialects know; signed reasoning is dropped with a report."),
    "role.tool": _RELAYED,
    "role.function": _RELAYED,
    "content.text": _RELAYED,
    "content.image_url": _RELAYED,
    "content.input_audio": _RELAYED,
    "content.file": _RELAYED,
    "content.refusal": _RELAYED,
}
