"""What the Responses API counted, as the hub's usage."""

from typing import Any


def usage(counted: dict[str, Any]) -> dict[str, Any]:
    """`prompt_tokens` holds the cached ones, `completion_tokens` the reasoning."""
    read, made = _details(counted, "input_tokens_details"), _details(counted, "output_tokens_details")
    prompt, completion = _number(counted, "input_tokens"), _number(counted, "output_tokens")
    prompt_details: dict[str, Any] = {"cached_tokens": _number(read, "cached_tokens")}
    if "cache_write_tokens" in read:
        prompt_details["cache_write_tokens"] = _number(read, "cache_write_tokens")
    if read.get("cache_write_tokens_details"):
        prompt_details["cache_write_tokens_details"] = read["cache_write_tokens_details"]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {"reasoning_tokens": _number(made, "reasoning_tokens")},
    }


def _details(counted: dict[str, Any], name: str) -> dict[str, Any]:
    value = counted.get(name)
    return value if value.__class__ is dict else {}


def _number(counted: dict[str, Any], name: str) -> int:
    value = counted.get(name)
    return value if value.__class__ is int else 0
