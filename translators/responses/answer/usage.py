"""What the Responses API counted, as the hub's usage."""

from translators.chat.wire import CompletionTokensDetails, PromptTokensDetails, Usage
from translators.json_codec import JsonObject


def usage(counted: JsonObject) -> Usage:
    """`prompt_tokens` holds the cached ones, `completion_tokens` the reasoning."""
    read, made = (
        _details(counted, "input_tokens_details"),
        _details(counted, "output_tokens_details"),
    )
    prompt, completion = _number(counted, "input_tokens"), _number(counted, "output_tokens")
    prompt_details: PromptTokensDetails = {"cached_tokens": _number(read, "cached_tokens")}
    if "cache_write_tokens" in read:
        prompt_details["cache_write_tokens"] = _number(read, "cache_write_tokens")
    if read.get("cache_write_tokens_details"):
        prompt_details["cache_write_tokens_details"] = read["cache_write_tokens_details"]
    completion_details: CompletionTokensDetails = {
        "reasoning_tokens": _number(made, "reasoning_tokens")
    }
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": completion_details,
    }


def _details(counted: JsonObject, name: str) -> JsonObject:
    value = counted.get(name)
    return value if value.__class__ is dict else {}


def _number(counted: JsonObject, name: str) -> int:
    value = counted.get(name)
    return value if value.__class__ is int else 0
