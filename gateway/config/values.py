"""The configuration as the gateway uses it: built once, checked whole, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr

from gateway.config.schema import CostTier, DialectName, MediaUrls, ParamsMode, Price, PromptMode, ServerSettings, Timeouts
from translators.dialect import Capability, ModelRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of a provider."""

    id: str
    record: ModelRecord
    cost_tier: CostTier
    prices: tuple[Price, ...] = ()
    """Oldest first; empty where no price is known."""
    token_factor: float = 1.0
    """Its tokens for a text, relative to those of o200k."""
    retirement: date | None = None
    """The day the provider switches it off, where that is announced."""

    def price_at(self, day: date) -> Price | None:
        """The price that holds on `day`."""
        return next((price for price in reversed(self.prices) if price.valid_from <= day), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An endpoint that speaks a dialect."""

    name: str
    dialect: DialectName
    base_url: str
    """Without a slash at its end."""
    api_key: SecretStr | None
    key_variable: str | None
    """The environment variable that holds the key; None for a server that needs none."""
    unavailable_reason: str | None
    media_urls: MediaUrls
    """What becomes of https URLs of images: passed on, fetched and sent as data, or refused."""
    headers: Mapping[str, str]
    timeouts: Timeouts
    models: Mapping[str, Model]

    @property
    def available(self) -> bool:
        return self.unavailable_reason is None


@dataclass(frozen=True, slots=True)
class TargetRef:
    """A model by its names."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A policy that callers name as their model."""

    name: str
    description: str
    system_prompt: str | None
    system_prompt_mode: PromptMode
    """prepend: before the caller's messages. default: only if the caller sent no instructions. replace: instead of them."""
    defaults: Mapping[str, Any]
    """Parameters for callers who say nothing of their own."""
    caps: Mapping[str, float | int | str]
    """Limits that hold whatever the caller says."""
    requires: frozenset[Capability]
    targets: tuple[TargetRef, ...]
    max_cost_tier: CostTier | None
    fan_out: bool
    """`n` answers may be asked for one by one from models that give one."""
    params: ParamsMode | None
    """Overrides Config.params."""


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
    """What becomes of parameters that a provider cannot be told: reported, refused, or dropped quietly."""


def simulated_by(config: Config, base_urls: Mapping[str, str]) -> Config:
    """The same configuration with every provider at the simulator's URL for its dialect, available and with a key that opens nothing."""
    providers = {
        name: replace(provider, base_url=base_urls[provider.dialect], api_key=SecretStr("simulated"), unavailable_reason=None)
        for name, provider in config.providers.items()
    }
    return replace(config, providers=MappingProxyType(providers))
