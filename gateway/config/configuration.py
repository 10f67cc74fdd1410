"""The configuration as a whole: one value that is passed on and never imported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.aliases import NO_ALIASES, Aliases
from gateway.config.capacity import Capacity
from gateway.config.limits import LimitsPolicy
from gateway.config.personas import Persona
from gateway.config.providers import Provider
from gateway.config.schema import derive
from gateway.config.server import ParamsMode, Resilience, ServerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the two files and the environment say."""

    revision: str
    """12 hex digits that change with the files' content."""
    directory: Path
    providers: Mapping[str, Provider]
    personas: Mapping[str, Persona]
    direct_models: bool
    """Callers may name `provider/model` instead of a persona."""
    server: ServerSettings
    params: ParamsMode
    """Parameters that a provider does not have are reported, refused, or dropped quietly."""
    resilience: Resilience = field(default_factory=Resilience)
    aliases: Aliases = NO_ALIASES
    limits: LimitsPolicy | None = None
    """None where the file says nothing of limits: then nothing is counted."""
    messages_discovery: bool = True
    """Anthropic's clients are listed each persona again under a name with `claude` in it."""
    capacities: Mapping[str, Capacity] = field(init=False, repr=False, compare=False)
    """By persona, of those whose targets need not be looked at one by one for each request."""

    def __post_init__(self) -> None:
        found = {
            name: Capacity.of(persona, self.providers) for name, persona in self.personas.items()
        }
        derive(self, capacities={name: each for name, each in found.items() if each is not None})
