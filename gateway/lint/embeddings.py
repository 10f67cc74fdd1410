"""Rules for personas whose targets make embeddings: one vector space, and nothing that only chat
has."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.config.errors import Complaint, shown, unknown
from gateway.config.personas import Persona
from gateway.lint.targets import TargetChecks
from translators.capabilities import Embedding
from translators.chat.embeddings import unsupported_dimensions

_OF_CHAT: Final = (
    "system_prompt",
    "caps",
    "hedge",
    "resume",
    "fan_out",
    "affinity",
    "gemini_resources",
    "cache",
)
"""What a persona says of chat only."""
_DEFAULTS: Final = ("dimensions",)


def embedding_complaints(
    persona: Persona, written: Mapping[str, Any], checks: TargetChecks
) -> Iterator[Complaint]:
    """What is wrong with a persona of embeddings, or with `equivalent` on one of chat."""
    facts = _facts(persona, checks)
    if not any(facts.values()):
        if persona.equivalent:
            yield ("equivalent",), "has no effect: no target makes embeddings"
        return
    if not all(facts.values()):
        chatting = next(name for name, fact in facts.items() if fact is None)
        making = next(name for name, fact in facts.items() if fact is not None)
        mixed = f"{making!r} makes embeddings and {chatting!r} does not"
        yield ("targets",), f"{mixed}: a persona is of one kind"
        return
    yield from _spaces(persona, facts)
    for name in _OF_CHAT:
        if name in written and written[name] is not None:
            yield (name,), "has no effect: the persona makes embeddings"
    yield from _defaults(persona, facts)
    for i, rule in enumerate(persona.rules):
        if rule.defaults:
            yield ("rules", i, "params"), "have no effect: the persona makes embeddings"


def makes_embeddings(persona: Persona, checks: TargetChecks) -> bool:
    """Whether any of its targets makes embeddings."""
    return any(_facts(persona, checks).values())


def _facts(persona: Persona, checks: TargetChecks) -> dict[str, Embedding | None]:
    """Of each target that is known."""
    models = {target.name: checks.model(target) for target in persona.every_target()}
    return {name: model.record.embedding for name, model in models.items() if model is not None}


def _spaces(persona: Persona, facts: Mapping[str, Embedding | None]) -> Iterator[Complaint]:
    spaces = {name: fact.space_of(name) for name, fact in facts.items() if fact is not None}
    if persona.equivalent:
        if len(set(spaces.values())) == 1:
            yield ("equivalent",), "has no effect: all targets are of one space"
        return
    first, *others = spaces
    for other in others:
        if spaces[other] != spaces[first]:
            yield ("targets",), f"vectors of {first} and {other} cannot stand for each other"


def _defaults(persona: Persona, facts: Mapping[str, Embedding | None]) -> Iterator[Complaint]:
    for name, value in persona.defaults.items():
        if name not in _DEFAULTS:
            yield ("defaults", name), unknown("parameter of embeddings", name, _DEFAULTS)
        elif value.__class__ is not int or value < 1:
            rule = "must be a number of dimensions, at least 1"
            yield ("defaults", name), f"{rule}, not {shown(value)}"
        else:
            for target, fact in facts.items():
                if fact is not None and (why := unsupported_dimensions(value, fact)) is not None:
                    yield ("defaults", name), f"{target}: {why}"
