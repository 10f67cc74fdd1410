"""Answers after which the provider is asked once more: paused ones, to go on, and empty ones, to
try again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from translators.chat.chunks import Chunk, Collector
from translators.chat.wire import Completion
from translators.json_codec import JsonObject

_SAID: Final = ("content", "refusal", "tool_calls", "function_call", "images", "audio")


def is_paused(completion: Completion, paused: str | None) -> bool:
    """Whether the provider stopped in the middle of its turn, for which its stop reason is
    `paused`, and waits for it to be sent back.
    """
    if paused is None:
        return False
    for choice in completion["choices"]:
        specific = choice.get("provider_specific")
        if specific and _object(specific).get("stop_reason") == paused:
            return True
    return False


def is_empty(completion: Completion, silent: str | None) -> bool:
    """Whether a model ended with the native reason `silent` as if it had answered, but said
    nothing; thoughts are no answer.
    """
    if silent is None:
        return False
    for choice in completion[
        "choices"
    ]:  # nearly always one: all() takes three times as long for it
        if choice.get("native_finish_reason") != silent:
            return False
        if _says(choice["message"]):
            return False
    return True


def is_empty_stream(chunks: Sequence[Chunk], silent: str | None) -> bool:
    """The same for all chunks of a streamed answer. Nearly always one of the first says
    something."""
    if silent is None:
        return False
    for chunk in chunks:
        if chunk.delta and _says(chunk.delta):
            return False
    collector = Collector("", 0, "")
    for chunk in chunks:
        collector.add(chunk)
    return is_empty(collector.completion(), silent)


def _says(message: Mapping[str, Any]) -> bool:
    for name in _SAID:
        if message.get(name):
            return True
    # The parts of a turn are kept only where no other field could tell it: it ran tools of the
    # provider's own.
    return "parts" in _object(_object(message.get("extra_content")).get("google"))


def _object(value: Any) -> JsonObject:
    """Servers of the hub's own dialect are relayed: they may send anything under our names."""
    return value if value.__class__ is dict else {}
