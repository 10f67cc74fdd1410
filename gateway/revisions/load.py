"""The two files and the environment, read and checked: one immutable value, or every problem."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from gateway.config.aliases import read_aliases
from gateway.config.configuration import Config
from gateway.config.endpoints import MODEL_PLACE, placed
from gateway.config.environment import completed, environment_problems
from gateway.config.errors import Complaint, ConfigError, Place, Problem, Source
from gateway.config.inheritance import ModelReader
from gateway.config.limits import NO_STORE, KeyDefaults, LimitsPolicy
from gateway.config.personas import Persona
from gateway.config.providers import ApiKey, CapabilitiesFile, MediaUrls, Model, Provider
from gateway.config.schema import HIDDEN, Validator
from gateway.config.server import PolicyFile
from gateway.config.yaml_source import read, revision_of
from gateway.lint.limits import limit_complaints
from gateway.lint.models import NAME, NAME_RULE, model_complaints, provider_complaints
from gateway.lint.personas import persona_complaints
from gateway.lint.policy import policy_complaints
from gateway.lint.targets import unknown_targets

POLICY_FILE: Final = "persona_policy.yaml"
CAPABILITIES_FILE: Final = "capabilities.yaml"
DIRECTORY_VARIABLE: Final = "LLM_ROUTER_CONFIG_DIR"

T = TypeVar("T")

_POLICY: Final = Validator(PolicyFile)
_CAPABILITIES: Final = Validator(CapabilitiesFile)
_PROVIDER: Final = Validator(Provider)
_PERSONA: Final = Validator(Persona)

_MEDIA_URLS: Final[Mapping[str, MediaUrls]] = {"gemini": "fetch"}
"""Gemini reads data and Google's own names, not other URLs. Other dialects: pass."""


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """Where a configuration comes from. `simulator`: in demo mode, the URL for each dialect."""

    directory: Path
    environ: Mapping[str, str] = field(repr=False)
    simulator: Mapping[str, str] | None = None

    def load(self) -> Config:
        """Read and check both files. Raises ConfigError with every problem."""
        config = load(self.directory, self.environ)
        return config if self.simulator is None else simulated_by(config, self.simulator)

    def revision(self) -> str:
        """The revision that `load` would give; a file that cannot be read counts as empty.

        Only content tells a change: copies keep times, edits may keep the size, mounts swap links.
        """
        return revision_of(
            *(_content(self.directory / name) for name in (POLICY_FILE, CAPABILITIES_FILE))
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def find_directory(environ: Mapping[str, str]) -> Path:
    """Where the files are: LLM_ROUTER_CONFIG_DIR, else the installed package, else the checkout."""
    if given := environ.get(DIRECTORY_VARIABLE):
        return Path(given)
    package = Path(str(files("gateway")))
    installed = package / "_data" / "config"
    return installed if installed.is_dir() else package.parent / "config"


def load(directory: Path, environ: Mapping[str, str]) -> Config:
    """Read both files; keys and URLs come from `environ`. Raises ConfigError with every problem."""
    policy, problems = read(directory / POLICY_FILE)
    capabilities, more = read(directory / CAPABILITIES_FILE)
    problems += [*more, *environment_problems(environ)]
    providers = _providers(capabilities, directory, environ, problems)
    top = _top(_POLICY, policy, problems)
    personas = _personas(policy, capabilities, providers, problems)
    if top is not None:
        personas_named = _section(policy.value, "personas")
        problems += policy.problems((), policy_complaints(top, policy.value, personas_named))
        limits = _limits(top, personas, providers)
        if limits is not None:
            complaints = limit_complaints(limits, personas, providers, top.direct_models)
            problems += policy.problems((), complaints)
    if problems or top is None:
        raise ConfigError(problems)
    return Config(
        revision=revision_of(policy.data, capabilities.data),
        directory=directory,
        providers=MappingProxyType(providers),
        personas=MappingProxyType(personas),
        direct_models=top.direct_models,
        server=top.server,
        params="strict" if top.strict_params else top.params or "report",
        resilience=top.resilience,
        aliases=read_aliases(top.aliases),
        messages_discovery=top.messages_discovery,
        limits=limits,
    )


def _limits(
    top: PolicyFile, personas: Mapping[str, Persona], providers: Mapping[str, Provider]
) -> LimitsPolicy | None:
    """What the file says of limits, if it has any of their sections."""
    sections = (top.limits, top.teams, top.keys, top.key_defaults, top.store, top.alerts)
    if all(section is None for section in sections):
        return None
    return LimitsPolicy(
        limits=top.limits or (),
        teams=top.teams or {},
        keys=top.keys or {},
        key_defaults=top.key_defaults or KeyDefaults(),
        store=top.store or NO_STORE,
        alerts=top.alerts,
        report_budget=top.report_budget,
        known_personas=frozenset(personas),
        known_models=frozenset(f"{p.name}/{m}" for p in providers.values() for m in p.models),
    )


def _top(validator: Validator[T], source: Source, problems: list[Problem]) -> T | None:
    """The file's own row; None if it is invalid or the file could not be read."""
    if source.value is None:
        return None
    row, complaints = validator.read(source.value)
    problems += source.problems((), complaints)
    return row


def _section(value: Any, name: str) -> dict[str, Any]:
    """A mapping in a row that may be invalid elsewhere: its entries are checked anyway."""
    section = value.get(name) if isinstance(value, dict) else None
    return section if isinstance(section, dict) else {}


def _providers(
    source: Source, directory: Path, environ: Mapping[str, str], problems: list[Problem]
) -> dict[str, Provider]:
    """The providers without problems, with their models without problems."""
    _top(_CAPABILITIES, source, problems)
    reader = ModelReader(source, _section(source.value, "families"))
    problems += reader.check_families()
    providers = {}
    for name, value in _section(source.value, "providers").items():
        at: Place = ("providers", name)
        if not NAME.fullmatch(name):
            problems.append(source.problem(at, f"the name of a provider {NAME_RULE}"))
        provider, complaints = _provider(name, value, directory, environ)
        problems += source.problems(at, complaints)
        models = _models(reader, name, provider, _section(value, "models"), problems)
        if provider is not None:
            providers[name] = _with_models(provider, models)
    return providers


def _provider(
    name: str, value: Any, directory: Path, environ: Mapping[str, str]
) -> tuple[Provider | None, list[Complaint]]:
    """A provider with what the environment adds, its models still unread."""
    if isinstance(value, dict):
        value = {**value, HIDDEN + "name": name}
        if value.get("media_urls") is None:
            value["media_urls"] = _MEDIA_URLS.get(str(value.get("dialect")), "pass")
    row, complaints = _PROVIDER.read(value)
    if row is None:
        return None, complaints
    provider, more = completed(row, directory, environ)
    return provider, [*provider_complaints(row, value), *more]


def _models(
    reader: ModelReader,
    name: str,
    provider: Provider | None,
    rows: Mapping[str, Any],
    problems: list[Problem],
) -> dict[str, Model]:
    """The models without problems of the provider `name`, which is None if it is invalid."""
    models = {}
    for id_, chain, model, found in reader.read(name, provider, rows):
        if model is not None:
            found += reader.problems(chain, model_complaints(model, provider))
            if not found:
                models[id_] = model
        problems += found
    return models


def _with_models(provider: Provider, models: Mapping[str, Model]) -> Provider:
    if MODEL_PLACE in provider.base_url:
        models = {
            id_: replace(model, base_url=placed(provider.base_url, id_))
            for id_, model in models.items()
        }
    return replace(provider, models=MappingProxyType(models))


def _personas(
    source: Source, known: Source, providers: Mapping[str, Provider], problems: list[Problem]
) -> dict[str, Persona]:
    """The personas, with their targets checked. `known` names invalid models, too."""
    listed = {
        name: _section(value, "models")
        for name, value in _section(known.value, "providers").items()
    }
    personas = {}
    for name, value in _section(source.value, "personas").items():
        persona, complaints = _PERSONA.read(
            {**value, HIDDEN + "name": name} if isinstance(value, dict) else value
        )
        # If capabilities.yaml cannot be read, no name is known: that is one problem, not many.
        complaints += unknown_targets(value, listed) if listed else ()
        if persona is not None:
            complaints += persona_complaints(persona, value, providers)
            personas[name] = persona
        problems += source.problems(("personas", name), complaints)
    return personas


def simulated_by(config: Config, base_urls: Mapping[str, str]) -> Config:
    """The configuration with every provider available at the simulator, with a key of no use."""
    providers = {
        name: _simulated(provider, base_urls[provider.dialect])
        for name, provider in config.providers.items()
    }
    return replace(config, providers=MappingProxyType(providers))


def _simulated(provider: Provider, base_url: str) -> Provider:
    return replace(
        provider,
        base_url=base_url,
        query="",
        keys=(ApiKey("SIMULATED", SecretStr("simulated")),),
        key_header=None,
        unavailable_reason=None,
        health_check=None,
        link=None,
        models=MappingProxyType(
            {name: replace(model, base_url=None) for name, model in provider.models.items()}
        ),
    )
