"""What a server counted, as OpenAI counts it."""

from collections.abc import Mapping
from typing import Any, Final

from translators.json_codec import JsonObject

_COUNTS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
_DETAILS: Final[Mapping[str, tuple[str, str]]] = {
    "prompt_cache_hit_tokens": ("cached_tokens", "DeepSeek"),
    "cached_tokens": ("cached_tokens", "Moonshot"),
    "cache_read_input_tokens": ("cached_tokens", "LiteLLM, for Claude"),
    "cache_creation_input_tokens": ("cache_write_tokens", "LiteLLM, for Claude"),
}
"""Other places of what stands in `prompt_tokens_details`: its name there, and who puts it here."""
_OTHER: Final = frozenset(_DETAILS)
_NUMBERS: Final[frozenset[type]] = frozenset({str, float})


def mend_usage(usage: JsonObject) -> bool:
    """Make counts whole numbers where they came as text or with decimals, find what a cache gave
    wherever the server puts it, and count reasoning among the completion's tokens where the server
    counts it beside them (xAI). Whether anything changed.
    """
    changed = False
    if not _NUMBERS.isdisjoint(map(type, usage.values())):  # one look at those of most answers
        for name in _COUNTS:
            if (count := usage.get(name)).__class__ in _NUMBERS:
                usage[name] = _whole(count)
                changed = True
    if not _OTHER.isdisjoint(usage) and _find_cached(usage):
        changed = True
    details = usage.get("completion_tokens_details")
    if not details or details.__class__ is not dict or not details.get("reasoning_tokens"):
        return changed
    return _count_reasoning(usage, details["reasoning_tokens"]) or changed


def _whole(count: Any) -> int | None:
    try:
        return int(float(count))
    except (ValueError, OverflowError):
        return None


def _find_cached(usage: JsonObject) -> bool:
    given = usage.get("prompt_tokens_details")
    details = dict(given) if given.__class__ is dict else {}
    found = False
    for name, (known_as, _) in _DETAILS.items():
        count = usage.get(name)
        if (
            count
            and count.__class__ is int
            and not details.get(known_as)
            and count <= (usage.get("prompt_tokens") or 0)
        ):
            details[known_as] = count
            found = True
    if found:
        usage["prompt_tokens_details"] = details
    return found


def _count_reasoning(usage: JsonObject, reasoning: Any) -> bool:
    prompt, completion, total = map(usage.get, _COUNTS)
    if (
        reasoning.__class__ is not int
        or prompt.__class__ is not int
        or completion.__class__ is not int
        or total != prompt + completion + reasoning
    ):
        return False
    usage["completion_tokens"] = completion + reasoning
    return True
