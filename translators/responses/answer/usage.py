"""What the Responses API counted, as the hub's usage."""

from translators.chat.wire import CompletionTokensDetails, PromptTokensDetails, Usage
from translators.json_access import int_at
from translators.json_codec import JsonObject


def usage(counted: JsonObject) -> Usage:
    """`prompt_tokens` holds the cached ones, `completion_tokens` the reasoning."""
    # What every answer has is not worth a call for each.
    read, made = counted.get("input_tokens_details"), counted.get("output_tokens_details")
    read = read if read.__class__ is dict else {}
    made = made if made.__class__ is dict else {}
    prompt, completion = counted.get("input_tokens"), counted.get("output_tokens")
    cached, reasoning = read.get("cached_tokens"), made.get("reasoning_tokens")
    prompt = prompt if prompt.__class__ is int else 0
    completion = completion if completion.__class__ is int else 0
    prompt_details: PromptTokensDetails = {
        "cached_tokens": cached if cached.__class__ is int else 0
    }
    if "cache_write_tokens" in read:
        prompt_details["cache_write_tokens"] = int_at(read, "cache_write_tokens")
    if read.get("cache_write_tokens_details"):
        prompt_details["cache_write_tokens_details"] = read["cache_write_tokens_details"]
    completion_details: CompletionTokensDetails = {
        "reasoning_tokens": reasoning if reasoning.__class__ is int else 0
    }
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": completion_details,
    }
