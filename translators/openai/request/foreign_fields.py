"""What OpenAI's own API does not know and servers that speak its language do: fields of messages,
and parameters.

A field or parameter that stands in neither list is relayed to everybody: OpenAI's new ones work on
the day they appear.
"""

from functools import lru_cache
from typing import Final

MESSAGE_FIELDS: Final = frozenset({
    "reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "provider_content",
    "extra_content",
    "provider_specific_fields", "content_parts", "images", "annotations", "cache_control",
    "is_error", "prefix", "partial", "defer_loading",
    "eager_input_streaming", "input_examples", "allowed_callers",
})  # fmt: skip
"""Of messages, content parts, calls and tools. Answers have them (ours, too) and want them back, or
callers of other dialects say them."""


@lru_cache(maxsize=256)  # the rows of a configuration say few different things
def refused_fields(taken: frozenset[str] | None) -> frozenset[str]:
    """Those that a server does not know which takes these; None: it takes all."""
    return frozenset() if taken is None else MESSAGE_FIELDS - taken


NOISE: Final = frozenset({"annotations"})
"""Of those what nobody misses: an answer's sources are no part of what was said."""

PARAMETERS: Final = frozenset({
    # how tokens are drawn
    "top_k", "top_a", "min_p", "typical_p", "tfs_z", "repetition_penalty", "repeat_penalty",
    "repeat_last_n", "length_penalty",
    "no_repeat_ngram_size", "mirostat", "mirostat_tau", "mirostat_eta", "mirostat_lr",
    "mirostat_mode", "dry_multiplier",
    "xtc_probability", "random_seed", "do_sample", "use_beam_search", "min_tokens", "ignore_eos",
    "stop_token_ids", "bad_words",
    # how text is made of them, and what it must look like
    "skip_special_tokens", "spaces_between_special_tokens", "include_stop_str_in_output",
    "guided_json", "guided_regex", "guided_choice",
    "guided_grammar", "guided_decoding_backend", "structured_outputs", "ebnf", "chat_template",
    "chat_template_kwargs",
    "add_generation_prompt", "continue_final_message", "separate_reasoning", "stream_reasoning",
    # reasoning
    "thinking", "enable_thinking", "thinking_budget", "include_reasoning", "reasoning_format",
    "think", "prompt_mode",
    # everything else
    "cache_control", "google", "extra_body", "safe_prompt", "enable_search", "search_parameters",
    "search_settings", "transforms",
    "keep_alive", "num_ctx", "cache_prompt", "mm_processor_kwargs",
})  # fmt: skip

SWITCHES: Final = frozenset({"enable_thinking", "think", "do_sample", "skip_special_tokens"})
"""Of those what says something by `false`, too. Of all others an empty value, 0 or `false` asks for
nothing."""
