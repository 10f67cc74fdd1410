"""Whose time limit holds: the target's in its persona, else the persona's, else the provider's."""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from gateway.config import NO_OVERRIDES, Persona, Provider, TargetRef, TimeoutOverrides, Timeouts

DEFAULT_TOTAL = 900.0
"""Seconds for a whole request, all its attempts together, unless its persona says otherwise."""

ASKED_BY: Final = {"claude": "x-stainless-timeout", "gemini": "x-server-timeout"}
"""The header in which SDKs of a dialect say how many seconds they wait."""


def total(persona: Persona | None) -> float:
    """Seconds for a whole request."""
    return (
        DEFAULT_TOTAL
        if persona is None or persona.timeouts.total is None
        else persona.timeouts.total
    )


def total_asked(persona: Persona | None, asked: str | None) -> float:
    """The same, and no longer than a caller asks for: a number of seconds. What is none is not
    heeded.
    """
    most = total(persona)
    try:
        seconds = float(asked) if asked else most
    except ValueError:
        return most
    return min(seconds, most) if seconds > 0 else most


def clocks(provider: Provider, persona: Persona | None, ref: TargetRef | None) -> Timeouts:
    """The time limits of one attempt. Its own total is the provider's: the whole request has
    another.
    """
    of_persona = NO_OVERRIDES if persona is None else persona.timeouts
    of_target = NO_OVERRIDES if ref is None else ref.timeouts
    if of_persona is NO_OVERRIDES and of_target is NO_OVERRIDES:
        return provider.timeouts
    return _laid_over(provider.timeouts, of_persona, of_target)


@lru_cache(maxsize=1024)
def _laid_over(
    base: Timeouts, of_persona: TimeoutOverrides, of_target: TimeoutOverrides
) -> Timeouts:
    found = {}
    for name in ("connect", "first_content", "idle"):
        nearest = getattr(of_target, name)
        found[name] = nearest if nearest is not None else getattr(of_persona, name)
    return replace(base, **{name: value for name, value in found.items() if value is not None})
