"""How the words are drawn and where they end: temperature, top_p, top_k, stop."""

from typing import Any, Final, Literal

from translators.claude.request.context import Translation
from translators.claude.wire import Sampling
from translators.json_codec import JsonObject

_NAMES: Final[tuple[Literal["temperature", "top_p", "top_k"], ...]] = (
    "temperature",
    "top_p",
    "top_k",
)
LEAST_TOP_P_THINKING = 0.95
"""While Claude thinks, top_p may only be between this and 1."""


def sampling(body: JsonObject, thinking: bool, translation: Translation) -> Sampling:
    """What of temperature, top_p and top_k is sent. Never two of the first two: newer models refuse
    it, older ones advise against it.
    """
    report = translation.report
    asked: Sampling = {}
    for kind in _NAMES:
        if body.get(kind) is not None:
            asked[kind] = body[kind]
    if not asked:
        return asked
    if translation.record.sampling not in ("full", "exclusive"):
        for name, value in asked.items():
            if name == "top_k" or value != 1:
                report.dropped(name, "this model does not take it")
        return {}
    if asked.get("temperature", 0) > 1:
        report.changed("temperature", "Claude's scale ends at 1")
        asked["temperature"] = 1.0
    if thinking:
        return _while_thinking(asked, translation)
    if "temperature" in asked and "top_p" in asked:
        if asked["temperature"] == 1 and asked["top_p"] != 1:
            del asked["temperature"]
        elif asked.pop("top_p") != 1:
            report.dropped("top_p", "Claude takes one of temperature and top_p")
    return asked


def _while_thinking(asked: Sampling, translation: Translation) -> Sampling:
    kept: Sampling = {}
    if (top_p := asked.get("top_p", 0)) >= LEAST_TOP_P_THINKING:
        kept["top_p"] = top_p
    for name, value in asked.items():
        if name not in kept and (name == "top_k" or value != 1):
            translation.report.dropped(name, "Claude does not take it while it thinks")
    return kept


def stop_sequences(stop: Any, translation: Translation) -> list[str]:
    """The texts that end the answer, each once. Claude refuses those of white space alone."""
    if not stop:
        return []
    asked = [stop] if stop.__class__ is str else stop
    kept = [text for text in dict.fromkeys(asked) if text.strip()]
    if any(text and not text.strip() for text in asked):
        translation.report.dropped("stop", "Claude takes no stop sequence of white space alone")
    return kept
