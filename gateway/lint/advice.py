"""What is allowed in a configuration and still worth a look."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Final

from gateway.config.configuration import Config
from gateway.config.personas import Persona, TargetRef
from gateway.config.providers import Model, Provider

MOST_KEYS: Final = 199
"""Keys that gateway.telemetry.key_metrics tells apart."""
SOON: Final = timedelta(days=60)
"""Before the day on which a price or a model ends."""


def persona_advice(
    config: Config, persona: Persona, reachable: Collection[str], today: date
) -> Iterator[str]:
    """What is worth a look in a persona whose targets in `reachable` can be reached."""
    lists = [
        ("", persona.targets),
        *((f"rule {rule.name}: ", rule.targets) for rule in persona.rules if rule.targets),
    ]
    for label, targets in lists:
        for line in _of_targets(config, [ref for ref in targets if ref.name in reachable]):
            yield label + line
    for ref in persona.every_target():
        provider = config.providers[ref.provider]
        yield from _dates(provider, provider.models[ref.model], today, persona)


def unused_providers(config: Config) -> Iterator[str]:
    """Personas' targets are the only way in, unless callers may name models themselves."""
    named = {ref.provider for persona in config.personas.values() for ref in persona.every_target()}
    for provider in () if config.direct_models else config.providers:
        if provider not in named:
            yield f"providers.{provider}: no persona names one of its models"


def metrics_by_key(config: Config) -> Iterator[str]:
    """Keys of the file that would have no series of their own."""
    if not config.server.metrics.by_key or config.limits is None:
        return
    keys = len(config.limits.keys)
    if keys > MOST_KEYS:
        yield (
            f"server.metrics: by_key tells {MOST_KEYS} keys apart, and `keys` has {keys}: those"
            " that come later count together, as `other`"
        )


def _of_targets(config: Config, reachable: list[TargetRef]) -> Iterator[str]:
    """Of targets that stand in for one another."""
    if len(reachable) == 1:
        yield f"single point of failure: {reachable[0]} is the only target"
    elif reachable and len({ref.provider for ref in reachable}) == 1:
        yield f"single point of failure: every target is at {reachable[0].provider}"
    yield from _contexts(config, reachable)


def _contexts(config: Config, reachable: list[TargetRef]) -> Iterator[str]:
    """Prompts that one target takes and no other: for them there is no fallback."""
    records = {
        ref.name: config.providers[ref.provider].models[ref.model].record for ref in reachable
    }
    windows = sorted(
        (record.max_input_tokens or record.context_window, name) for name, record in records.items()
    )
    if len(windows) > 1 and windows[-1][0] > 2 * windows[-2][0]:
        (next_longest, _), (longest, name) = windows[-2:]
        only = f"prompts of more than {next_longest} tokens fit only {name} ({longest})"
        yield f"{only}: they have no fallback"


def _dates(provider: Provider, model: Model, today: date, persona: Persona) -> Iterator[str]:
    name = f"{provider.name}/{model.id}"
    if model.price_at(today) is None:
        needed = persona.max_price is not None or persona.strategy in ("cost", "balanced")
        why = ", and the policy goes by prices" if needed else ""
        yield f"the price of {name} is not known{why}"
    coming = next((row for row in model.prices if today < row.valid_from <= today + SOON), None)
    if coming is not None:
        yield f"the price of {name} changes on {coming.valid_from}"
    if model.retirement is not None and model.retirement <= today + SOON:
        yield f"{name} {'was' if model.retirement <= today else 'is'} retired on {model.retirement}"
