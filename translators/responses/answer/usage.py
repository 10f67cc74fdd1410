"""What the Responses API counted, as the hub's usage."""

from translators.chat.wire import CompletionTokensDetails, PromptTokensDetails, Usage
from translators.json_access import int_at, object_at
from translators.json_codec import JsonObject


def usage(counted: JsonObject) -> Usage:
    """`prompt_tokens` holds the cached ones, `completion_tokens` the reasoning."""
    read, made = (
        object_at(counted, "input_tokens_details"),
        object_at(counted, "output_tokens_details"),
    )
    prompt, completion = int_at(counted, "input_tokens"), int_at(counted, "output_tokens")
    prompt_details: PromptTokensDetails = {"cached_tokens": int_at(read, "cached_tokens")}
    if "cache_write_tokens" in read:
        prompt_details["cache_write_tokens"] = int_at(read, "cache_write_tokens")
    if read.get("cache_write_tokens_details"):
        prompt_details["cache_write_tokens_details"] = read["cache_write_tokens_details"]
    completion_details: CompletionTokensDetails = {
        "reasoning_tokens": int_at(made, "reasoning_tokens")
    }
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": completion_details,
    }
