"""A persona's limits on reasoning, laid on a `thinking_config` that a caller sends as Google's
compatible endpoint takes it.

https://ai.google.dev/gemini-api/docs/openai#thinking
"""

from typing import Final

from translators.capabilities import EFFORTS, Effort
from translators.chat.reasoning import limit
from translators.gemini.request.thinking import DYNAMIC
from translators.json_codec import JsonObject
from translators.notes import Report

_CONFIG: Final = "thinking_config"
FIELDS: Final = ("google", "extra_body")
"""Members of a body in which it may stand."""


def hold(body: JsonObject, effort: Effort | None, most: int, report: Report) -> None:
    """Hold its budget to `most` tokens and its level to `effort`."""
    for holder, at in _holders(body):
        holder[_CONFIG] = _held(holder[_CONFIG], at, effort, most, report)


def switch_off(body: JsonObject, report: Report) -> bool:
    """Take it out; whether it was there."""
    holders = _holders(body)
    for holder, at in holders:
        del holder[_CONFIG]
        report.changed(at, limit("none"))
    return bool(holders)


def _holders(body: JsonObject) -> list[tuple[JsonObject, str]]:
    """The objects with a `thinking_config`, copied into `body` so that they may be changed, each
    with the path of the config.
    """
    found: list[tuple[JsonObject, str]] = []
    places = [(body, "google", "google")]
    if (extra := body.get("extra_body")).__class__ is dict:
        body["extra_body"] = extra = dict(extra)
        places.append((extra, "google", "extra_body.google"))
    for owner, name, at in places:
        google = owner.get(name)
        if google.__class__ is dict and google.get(_CONFIG).__class__ is dict:
            owner[name] = copied = dict(google)
            found.append((copied, f"{at}.{_CONFIG}"))
    return found


def _held(
    config: JsonObject, at: str, effort: Effort | None, most: int, report: Report
) -> JsonObject:
    budget = config.get("thinking_budget")
    if budget.__class__ in (int, float) and budget > most:
        report.changed(f"{at}.thinking_budget", limit(most))
        config = {**config, "thinking_budget": most}
    if effort is None:
        return config
    level = str(config.get("thinking_level")).lower()
    if level in EFFORTS and EFFORTS.index(level) > EFFORTS.index(effort):
        report.changed(f"{at}.thinking_level", limit(effort))
        return {**config, "thinking_level": effort}
    if config.get("thinking_budget") == DYNAMIC:
        report.changed(f"{at}.thinking_budget", limit(most))
        return {**config, "thinking_budget": most}
    return config
