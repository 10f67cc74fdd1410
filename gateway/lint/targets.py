"""What a target must be able to do for its persona: the gates that need no request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.config.conditions import CAPABILITY_OF, Condition
from gateway.config.errors import Complaint, Place, shown, unknown
from gateway.config.personas import Persona, TargetRef
from gateway.config.providers import COST_TIERS, Model, Provider
from translators.capabilities import Capability

_SHAPES: Final[Mapping[str, type]] = {"response_format": dict, "n": int}
"""The type of a default that _IMPLIED looks at; another type has been complained about already."""

_IMPLIED: Final[tuple[tuple[str, Capability, Callable[[Any], bool]], ...]] = (
    ("tools", "tool_calling", bool),
    ("functions", "tool_calling", bool),
    ("response_format", "json_schema", lambda value: value.get("type") == "json_schema"),
    ("n", "multiple_choices", lambda value: value > 1),
    ("logprobs", "logprobs", bool),
    ("web_search_options", "web_search", lambda _value: True),
)
"""Defaults that need a capability of every target."""


def unknown_targets(persona: Any, listed: Mapping[str, Mapping[str, Any]]) -> Iterator[Complaint]:
    """Targets of a persona's row, which may be invalid elsewhere, that no `listed` provider has."""
    rules = persona.get("rules") if isinstance(persona, dict) else None
    owners: list[tuple[Place, Any]] = [((), persona)]
    owners += (
        (("rules", i), rule) for i, rule in enumerate(rules if isinstance(rules, list) else ())
    )
    for at, owner in owners:
        targets = owner.get("targets") if isinstance(owner, dict) else None
        for i, item in enumerate(targets if isinstance(targets, list) else ()):
            long = isinstance(item, dict)
            target, place = (item.get("target"), ("target",)) if long else (item, ())
            if isinstance(target, str) and (message := _unknown(target, listed)) is not None:
                yield (*at, "targets", i, *place), message


def _unknown(target: str, listed: Mapping[str, Mapping[str, Any]]) -> str | None:
    provider, slash, model = target.partition("/")
    if not slash:
        return f"must be written provider/model, not {shown(target)}"
    if provider not in listed:
        return unknown("provider", provider, listed)
    models = listed[provider]
    return None if model in models else unknown(f"{provider} model", model, models)


class TargetChecks:
    """Checks targets for a persona. One that is unknown or has problems of its own passes."""

    def __init__(self, persona: Persona, providers: Mapping[str, Provider]) -> None:
        self._persona = persona
        self._providers = providers

    def model(self, target: TargetRef) -> Model | None:
        provider = self._providers.get(target.provider)
        return None if provider is None else provider.models.get(target.model)

    def region(self, target: TargetRef) -> str | None:
        """Where it runs, if that is said."""
        model = self.model(target)
        return None if model is None else model.region or self._providers[target.provider].region

    def listed(
        self, targets: Sequence[TargetRef], defaults: Mapping[str, Any], section: str
    ) -> Iterator[Complaint]:
        """What is wrong with a list of targets where `defaults`, written in `section`, hold."""
        seen: set[str] = set()
        for i, target in enumerate(targets):
            if str(target) in seen:
                yield (i,), f"{str(target)!r} stands in the list twice"
            elif (model := self.model(target)) is not None:
                found = self._target(target, model)
                more = self._for_defaults(target, model, defaults, section)
                yield from (((i,), message) for message in (*found, *more))
            seen.add(str(target))

    def _target(self, target: TargetRef, model: Model) -> Iterator[str]:
        never = f"{str(target)!r} can never serve this persona"
        for capability in sorted(self._persona.requires - model.record.capabilities):
            yield f"{never}: it lacks {capability!r}, which 'requires' asks for"
        ceiling = self._persona.max_cost_tier
        if ceiling is not None and COST_TIERS.index(model.cost_tier) > COST_TIERS.index(ceiling):
            yield f"{never}: its cost tier {model.cost_tier!r} is above max_cost_tier {ceiling!r}"
        if self._persona.max_price is not None and not model.prices:
            yield f"{never}: it has no price in capabilities.yaml to hold against max_price"
        allowed, region = self._persona.regions, self.region(target)
        others = map(self.region, self._persona.every_target())
        if allowed and region not in allowed and not allowed.isdisjoint(others):
            why = f"its region {region!r} is not among 'regions'"
            none = "it has no region, and 'regions' asks for one"
            yield f"{never}: {none if region is None else why}"

    def _for_defaults(
        self, target: TargetRef, model: Model, defaults: Mapping[str, Any], section: str
    ) -> Iterator[str]:
        for name, needed in implied(defaults):
            if not model.record.can(needed):
                why = f"it lacks {needed!r}, which {section}.{name} needs"
                yield f"{str(target)!r} can never serve this persona: {why}"
        for name in ("max_tokens", "max_completion_tokens"):
            limit, most = defaults.get(name), model.record.max_output_tokens
            if isinstance(limit, int) and limit > most:
                fewer = f"fewer than {section}.{name} ({limit})"
                yield f"{str(target)!r} gives at most {most} tokens, {fewer}"

    def unservable(self, targets: Sequence[TargetRef], when: Condition) -> Iterator[Complaint]:
        """Why none of the targets could serve any request that is like `when`."""
        models = [model for target in targets if (model := self.model(target)) is not None]
        if len(models) < len(targets):
            return
        needed = {CAPABILITY_OF[feature] for feature in when.features if feature in CAPABILITY_OF}
        if not any(needed <= model.record.capabilities for model in models):
            names = ", ".join(
                sorted(feature for feature in when.features if feature in CAPABILITY_OF)
            )
            yield ("has",), f"can never be served: no target here takes a request that has {names}"
        longest = max(map(_longest_prompt, models))
        if when.tokens_over is not None and when.tokens_over >= longest:
            why = f"no target here takes a prompt of more than {longest} tokens"
            yield ("input_tokens", "over"), f"can never be served: {why}"


def implied(defaults: Mapping[str, Any]) -> Iterator[tuple[str, Capability]]:
    """The defaults that need a capability, each with it."""
    for name, needed, implies in _IMPLIED:
        value = defaults.get(name)
        if value is not None and isinstance(value, _SHAPES.get(name, object)) and implies(value):
            yield name, needed


def _longest_prompt(model: Model) -> int:
    """In estimated tokens. A factor above 1 is left out: what answers teach may lower it."""
    record = model.record
    limit = min(record.context_window, record.max_input_tokens or record.context_window)
    return int(limit / min(1.0, model.token_factor))
