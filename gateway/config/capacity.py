"""What every target of a persona can do. A request that asks for no more, as nearly all do, need
not be held against each of them.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from gateway.config.conditions import ALWAYS
from gateway.config.personas import Persona, TargetRef
from gateway.config.providers import COST_TIERS, Model, Provider
from translators.capabilities import Capability

Target = tuple[TargetRef, Provider, Model]


def with_models(
    targets: Iterable[TargetRef], providers: Mapping[str, Provider]
) -> tuple[Target, ...]:
    """The targets, each with its provider and its model."""
    return tuple(
        [(ref, provider := providers[ref.provider], provider.models[ref.model]) for ref in targets]
    )


class Capacity(NamedTuple):
    """The least of all targets of one persona, each of them usable."""

    targets: tuple[Target, ...]
    capabilities: frozenset[Capability]
    tools: float
    answer: int
    """Completion tokens."""
    token_factor: float
    """The most tokens of one of them for a token of o200k; at least 1."""
    longest: int
    """Prompt tokens."""
    window: int
    """Prompt and answer together."""

    @classmethod
    def of(cls, persona: Persona, providers: Mapping[str, Provider]) -> Self | None:
        """None where a target must be looked at for each request, or can never serve."""
        targets = with_models(persona.targets, providers)
        if persona.max_price is not None or not all(_always(persona, *each) for each in targets):
            return None
        records = [model.record for _, _, model in targets]
        windows = [record.context_window for record in records]
        return cls(
            targets,
            frozenset.intersection(*[record.capabilities for record in records]),
            min(float("inf") if r.max_tools is None else r.max_tools for r in records),
            min(record.max_output_tokens for record in records),
            max(1.0, *[model.token_factor for _, _, model in targets]),
            min(r.max_input_tokens or window for r, window in zip(records, windows, strict=True)),
            min(windows),
        )


def _always(persona: Persona, ref: TargetRef, provider: Provider, model: Model) -> bool:
    """Whether nothing but what a request needs decides about a target that is well."""
    tier, most = COST_TIERS.index(model.cost_tier), persona.max_cost_tier
    return (
        ref.when is ALWAYS
        and provider.unavailable_reason is None
        and model.record.embedding is None
        and (most is None or tier <= COST_TIERS.index(most))
        and (not persona.regions or (model.region or provider.region) in persona.regions)
    )
