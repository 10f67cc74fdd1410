"""What Claude counted, as the hub's usage."""

from typing import Any, Final

from translators.chat.wire import Usage
from translators.claude.wire import CountedTokens
from translators.json_access import int_at

_ITERATION_TYPES: Final = ("message", "compaction")
_COUNTED: Final = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
_KEPT: Final = ("cache_creation", "server_tool_use", "inference_geo")
_PRICED: Final = frozenset(_KEPT)
"""What the hub has no name for but the price depends on, in this order."""
_TIERS: Final = {"standard": "default", "priority": "priority", "batch": "default"}


def usage(counted: CountedTokens) -> Usage:
    """`prompt_tokens` holds everything that was read, from the cache or not; `completion_tokens`
    holds the thinking.

    `counted` is Claude's usage object, in a stream the last value of each of its fields. What the
    hub has no name for but the price depends on is kept under Claude's own: `cache_creation`,
    `server_tool_use`, `inference_geo`.
    """
    rounds = counted.get("iterations")
    given, completion, written, read = (
        _numbers(counted)
        if not rounds or rounds.__class__ is not list
        else _summed(counted, rounds)
    )
    prompt = given + written + read
    details = counted.get("output_tokens_details")
    reasoning = int_at(details, "thinking_tokens") if details.__class__ is dict else 0
    shown: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    if _PRICED.isdisjoint(counted):
        return shown
    own: Any = shown
    for name in _KEPT:
        if found := counted.get(name):
            own[name] = found
    return shown


def service_tier(counted: CountedTokens) -> str | None:
    """The tier that served, in OpenAI's words."""
    if counted.get("speed") == "fast":
        return "fast"
    tier = counted.get("service_tier")
    return _TIERS.get(tier) if tier.__class__ is str else None


def _numbers(counted: CountedTokens) -> tuple[int, ...]:
    given, completion, written, read = map(counted.get, _COUNTED)
    return (
        given if given.__class__ is int else 0,
        completion if completion.__class__ is int else 0,
        written if written.__class__ is int else 0,
        read if read.__class__ is int else 0,
    )


def _summed(counted: CountedTokens, rounds: list[Any]) -> tuple[int, ...]:
    """The sum over the rounds of a compacted answer, which the top leaves out, or the numbers at
    the top.
    """
    entries = [entry for entry in rounds if entry.__class__ is dict]
    summed = [entry for entry in entries if entry.get("type") in _ITERATION_TYPES]
    if not summed or any(entry.get("type") == "fallback_message" for entry in entries):
        return _numbers(counted)
    return tuple([sum(numbers) for numbers in zip(*map(_numbers, summed), strict=True)])
