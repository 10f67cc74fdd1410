"""Rules across the fields of a persona: targets can serve it, and nothing is without effect."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gateway.config.conditions import ALWAYS
from gateway.config.errors import Complaint, Place, under, unknown
from gateway.config.personas import Persona
from gateway.config.providers import Provider
from gateway.lint.embeddings import embedding_complaints, makes_embeddings
from gateway.lint.models import NAME, NAME_RULE
from gateway.lint.rules import condition_complaints, rule_complaints
from gateway.lint.strategies import strategy_complaints
from gateway.lint.targets import TargetChecks
from translators.capabilities import EFFORTS
from translators.chat.parameters import PARAMETERS
from translators.chat.ranges import RANGES
from translators.errors import InvalidRequest

NOT_DEFAULTS: Final = frozenset({"model", "stream", "stream_options"})
"""What a persona cannot say for its callers: who they ask for, and how they read the answer."""
CAPPED: Final = frozenset({
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "n", "top_logprobs",
    "frequency_penalty", "presence_penalty", "reasoning_effort",
})  # fmt: skip
"""Parameters that have an order, and so can have a limit."""

_DEFAULTS: Final = frozenset(PARAMETERS) - NOT_DEFAULTS
_MORE_THAN_TEXT: Final[Mapping[str, Callable[[Any], bool]]] = {
    "tools": bool,
    "functions": bool,
    "response_format": lambda value: isinstance(value, dict) and value.get("type") != "text",
    "n": lambda value: isinstance(value, int) and value > 1,
}
"""Parameters with which an answer is more than one plain text."""
_TOOLS: Final = ("tools", "functions", "web_search_options")
_NEVER_CACHED: Final[Mapping[str, str]] = {
    **dict.fromkeys(_TOOLS, "asks for tools, and cache.tools is false"),
    "store": "has the provider keep each answer",
}
"""Parameters with which no answer is given again."""


def persona_complaints(
    persona: Persona, written: Mapping[str, Any], providers: Mapping[str, Provider]
) -> Iterator[Complaint]:
    """What keeps a persona, a rule or a target from ever serving, and what has no effect.

    `written` is its row in the file: a key may have no effect although it only repeats a default.
    """
    checks = TargetChecks(persona, providers)
    yield from _name_complaints(persona)
    embeds = makes_embeddings(persona, checks)
    yield from embedding_complaints(persona, written, checks)
    if not embeds:
        yield from _parameter_complaints(("defaults",), persona.defaults, _DEFAULTS)
    yield from _parameter_complaints(("caps",), persona.caps, CAPPED)
    yield from _limit_complaints(("defaults",), persona.defaults, persona.caps)
    for i, rule in enumerate(persona.rules):
        yield from _parameter_complaints(("rules", i, "params"), rule.defaults, _DEFAULTS)
        yield from _limit_complaints(("rules", i, "params"), rule.defaults, persona.caps)
    yield from under("targets", checks.listed(persona.targets, persona.defaults, "defaults"))
    yield from under("targets", condition_complaints(persona.targets, ALWAYS, checks))
    yield from under("rules", rule_complaints(persona, checks))
    yield from strategy_complaints(persona, written)
    yield from _limits_on_targets(persona, checks)
    yield from _timeout_complaints(persona)
    if persona.on_failure.retries == 0 and "backoff" in written.get("on_failure", ()):
        yield ("on_failure", "backoff"), "has no effect: retries is 0"
    yield from _hedge_complaints(persona)
    yield from _resume_complaints(persona)
    yield from _cache_complaints(persona)


def _name_complaints(persona: Persona) -> Iterator[Complaint]:
    if not NAME.fullmatch(persona.name):
        yield (), f"the name of a persona {NAME_RULE}"
    if persona.system_prompt is None and persona.system_prompt_mode != "prepend":
        yield ("system_prompt_mode",), "has no effect without a system_prompt"
    elif persona.system_prompt is not None and not persona.system_prompt.strip():
        yield ("system_prompt",), "must not be empty"


def _parameter_complaints(
    section: Place, values: Mapping[str, Any], allowed: frozenset[str]
) -> Iterator[Complaint]:
    """Values must have their shape and lie in OpenAI's range, since any provider may serve."""
    for name, value in values.items():
        if name in NOT_DEFAULTS:
            yield (*section, name), "is the caller's to say"
        elif name not in allowed:
            yield (*section, name), unknown("parameter", name, allowed)
        elif value is None:
            yield (*section, name), "must have a value"
        else:
            try:
                PARAMETERS[name](value, name)
                if (in_range := RANGES.get(name)) is not None:
                    in_range(value, name)
            except InvalidRequest as error:
                yield (*section, name), error.message
    if values.keys() >= {"max_tokens", "max_completion_tokens"}:
        at = *section, "max_completion_tokens"
        yield at, "is another name of 'max_tokens', which is also given"


def _limit_complaints(
    section: Place, defaults: Mapping[str, Any], caps: Mapping[str, Any]
) -> Iterator[Complaint]:
    for name, limit in caps.items():
        value = defaults.get(name)
        if _comparable(name, value) and _comparable(name, limit) and _rank(value) > _rank(limit):
            yield (*section, name), f"{value!r} is above the persona's own cap ({limit!r})"


def _comparable(name: str, value: Any) -> bool:
    return value in EFFORTS if name == "reasoning_effort" else isinstance(value, int | float)


def _rank(value: Any) -> float:
    return EFFORTS.index(value) if isinstance(value, str) else value


def _limits_on_targets(persona: Persona, checks: TargetChecks) -> Iterator[Complaint]:
    targets = persona.every_target()
    models = {str(target): checks.model(target) for target in targets}
    regions = {region for target in targets if (region := checks.region(target)) is not None}
    said = ", ".join(sorted(regions)) or "none that is said"
    for name in sorted(persona.regions - regions) if all(models.values()) else ():
        yield ("regions",), f"no target of the persona is in {name!r} (they are in: {said})"
    if makes_embeddings(persona, checks):
        return
    least = {
        name: min(price.output for price in model.prices) / 1_000_000
        for name, model in models.items()
        if model and model.prices
    }
    if persona.max_price is None or len(least) < len(models):
        return
    cheapest = min(least, key=lambda name: least[name])
    if persona.max_price < least[cheapest]:
        token = f"({cheapest}: {least[cheapest]:f} USD)"
        yield ("max_price",), f"is less than any target takes for a single token {token}"


def _timeout_complaints(persona: Persona) -> Iterator[Complaint]:
    total = persona.timeouts.total
    for name in ("connect", "first_content", "idle"):
        limit = getattr(persona.timeouts, name)
        if limit is not None and total is not None and limit > total:
            yield ("timeouts", name), f"can never run out: the total is {total:g}"


def _hedge_complaints(persona: Persona) -> Iterator[Complaint]:
    if persona.hedge is None:
        return
    lists = [persona.targets, *(rule.targets for rule in persona.rules if rule.targets is not None)]
    if all(len(targets) < 2 for targets in lists):
        yield ("hedge",), "has no effect: it needs a second target"
    after = persona.hedge.seconds
    for name in ("first_content", "total"):
        limit = getattr(persona.timeouts, name)
        if after is not None and limit is not None and after >= limit:
            why = f"timeouts.{name} ({limit:g} s) runs out before"
            yield ("hedge", "after"), f"has no effect: {why}"


def _resume_complaints(persona: Persona) -> Iterator[Complaint]:
    """Only plain text is continued, and a default may ask for something else on every request."""
    if not persona.resume:
        return
    for name, is_more in _MORE_THAN_TEXT.items():
        value = persona.defaults.get(name)
        if value is not None and is_more(value):
            why = f"only plain text is continued, and defaults.{name} asks for more"
            yield ("resume",), f"has no effect: {why}"


def _cache_complaints(persona: Persona) -> Iterator[Complaint]:
    """A default may keep every answer out of the cache."""
    if persona.cache is None:
        return
    for name, why in _NEVER_CACHED.items():
        if persona.defaults.get(name) and not (persona.cache.tools and name in _TOOLS):
            yield ("cache",), f"has no effect: defaults.{name} {why}"
