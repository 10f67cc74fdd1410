"""The rules that go across fields of a persona: its targets must be able to serve it, and nothing in it may be without effect."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gateway.config.checking import NAME, NAME_RULE
from gateway.config.persona_rows import PersonaRow
from gateway.config.problems import unknown
from gateway.config.schema import COST_TIERS
from gateway.config.validation import Complaint
from gateway.config.values import Model, Persona, Provider
from translators.chat.parameters import PARAMETERS
from translators.dialect import EFFORTS, Capability
from translators.errors import InvalidRequest

NOT_DEFAULTS: Final = frozenset({"model", "stream", "stream_options"})
"""What a persona cannot say for its callers: who they ask for, and how they read the answer."""
CAPPED: Final = frozenset(
    {
        "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "n", "top_logprobs", "frequency_penalty",
        "presence_penalty", "reasoning_effort",
    }
)  # fmt: skip
"""Parameters that have an order, and so can have a limit."""

_IMPLIED: Final[tuple[tuple[str, Capability, Callable[[Any], bool]], ...]] = (
    ("tools", "tool_calling", bool),
    ("functions", "tool_calling", bool),
    ("response_format", "json_schema", lambda value: value.get("type") == "json_schema"),
    ("n", "multiple_choices", lambda value: value > 1),
    ("logprobs", "logprobs", bool),
    ("web_search_options", "web_search", lambda _value: True),
)
"""Defaults that need a capability of every target."""


def persona_complaints(persona: Persona, row: PersonaRow, providers: Mapping[str, Provider]) -> Iterator[Complaint]:
    """What keeps the persona, or one of its targets, from ever serving. `models` are the known ones among its targets, by name."""
    models = {f"{name}/{model.id}": model for name, provider in providers.items() for model in provider.models.values()}
    yield from _name_complaints(persona)
    yield from _parameter_complaints("defaults", persona.defaults, frozenset(PARAMETERS) - NOT_DEFAULTS)
    yield from _parameter_complaints("caps", persona.caps, CAPPED)
    yield from _limit_complaints(persona)
    seen: set[str] = set()
    for i, target in enumerate(map(str, persona.targets)):
        if target in seen:
            yield ("targets", i), f"{target!r} stands in the list twice"
        elif (model := models.get(target)) is not None:
            yield from ((("targets", i), message) for message in _target_complaints(persona, model, target))
        seen.add(target)


def _name_complaints(persona: Persona) -> Iterator[Complaint]:
    if not NAME.fullmatch(persona.name):
        yield (), f"the name of a persona {NAME_RULE}"
    if persona.system_prompt is None and persona.system_prompt_mode != "prepend":
        yield ("system_prompt_mode",), "has no effect without a system_prompt"
    elif persona.system_prompt is not None and not persona.system_prompt.strip():
        yield ("system_prompt",), "must not be empty"


def _parameter_complaints(section: str, values: Mapping[str, Any], allowed: frozenset[str]) -> Iterator[Complaint]:
    """Each value held against the rule that a caller's would be held against."""
    for name, value in values.items():
        if name in NOT_DEFAULTS:
            yield (section, name), "is the caller's to say"
        elif name not in allowed:
            yield (section, name), unknown("parameter", name, allowed)
        elif value is None:
            yield (section, name), "must have a value"
        else:
            try:
                PARAMETERS[name](value, name)
            except InvalidRequest as error:
                yield (section, name), error.message
    if values.keys() >= {"max_tokens", "max_completion_tokens"}:
        yield (section, "max_completion_tokens"), "is another name of 'max_tokens', which is also given"


def _limit_complaints(persona: Persona) -> Iterator[Complaint]:
    for name, limit in persona.caps.items():
        value = persona.defaults.get(name)
        if _comparable(name, value) and _comparable(name, limit) and _rank(value) > _rank(limit):
            yield ("defaults", name), f"{value!r} is above the persona's own cap ({limit!r})"


def _comparable(name: str, value: Any) -> bool:
    return value in EFFORTS if name == "reasoning_effort" else isinstance(value, int | float)


def _rank(value: Any) -> float:
    return EFFORTS.index(value) if isinstance(value, str) else value


def _target_complaints(persona: Persona, model: Model, target: str) -> Iterator[str]:
    record = model.record
    for capability in sorted(persona.requires - record.capabilities):
        yield f"{target!r} can never serve this persona: it lacks {capability!r}, which 'requires' asks for"
    for name, needed, implies in _IMPLIED:
        value = persona.defaults.get(name)
        if value is not None and isinstance(value, _SHAPES.get(name, object)) and implies(value) and not record.can(needed):
            yield f"{target!r} can never serve this persona: it lacks {needed!r}, which defaults.{name} needs"
    ceiling = persona.max_cost_tier
    if ceiling is not None and COST_TIERS.index(model.cost_tier) > COST_TIERS.index(ceiling):
        yield f"{target!r} can never serve this persona: its cost tier {model.cost_tier!r} is above max_cost_tier {ceiling!r}"
    for name in ("max_tokens", "max_completion_tokens"):
        limit = persona.defaults.get(name)
        if isinstance(limit, int) and limit > record.max_output_tokens:
            yield f"{target!r} gives at most {record.max_output_tokens} tokens, fewer than defaults.{name} ({limit})"


_SHAPES: Final[Mapping[str, type]] = {"response_format": dict, "n": int}
"""What a default must be for its rule to look at it; another kind of value has been complained about already."""
