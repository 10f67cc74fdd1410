"""The two files and the environment, read and checked whole: one immutable value, or every problem at once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from gateway.config.endpoints import MODEL_PLACE, check_url, parts_of, placed
from gateway.config.errors import ConfigError, Place, Problem, Source, Validator
from gateway.config.inheritance import ModelReader
from gateway.config.link_rows import environment_problems, read_link
from gateway.config.links import Link
from gateway.config.lint.models import NAME, NAME_RULE, base_url_complaints, provider_complaints
from gateway.config.persona_rows import PolicyRow
from gateway.config.personas import PersonaReader
from gateway.config.schema import AuthItem, CapabilitiesRow, KeyRow, MediaUrls, ParamsMode, ProviderRow, written_keys
from gateway.config.values import ApiKey, Config, Model, Persona, Provider
from gateway.config.yaml_source import read, revision_of
from translators.dialect import BEARER, KeyHeader

POLICY_FILE: Final = "persona_policy.yaml"
CAPABILITIES_FILE: Final = "capabilities.yaml"
DIRECTORY_VARIABLE: Final = "LLM_ROUTER_CONFIG_DIR"

T = TypeVar("T")

_POLICY: Final = Validator(PolicyRow)
_CAPABILITIES: Final = Validator(CapabilitiesRow)
_PROVIDER: Final = Validator(ProviderRow)

_MEDIA_URLS: Final[Mapping[str, MediaUrls]] = {"openai": "pass", "claude": "pass", "gemini": "fetch"}
"""Gemini reads data and Google's own names, not URLs of elsewhere."""

_KEY: Final = re.compile(r"[\x21-\x7e]+")
"""What a header can carry."""


def find_directory(environ: Mapping[str, str]) -> Path:
    """Where the two files are: LLM_ROUTER_CONFIG_DIR, else the installed package, else the checkout."""
    if given := environ.get(DIRECTORY_VARIABLE):
        return Path(given)
    package = Path(str(files("gateway")))
    installed = package / "_data" / "config"
    return installed if installed.is_dir() else package.parent / "config"


def load(directory: Path, environ: Mapping[str, str]) -> Config:
    """Read both files of `directory`; keys and base URLs come from `environ`. Raises ConfigError with every problem."""
    policy, problems = read(directory / POLICY_FILE)
    capabilities, more = read(directory / CAPABILITIES_FILE)
    problems += [*more, *environment_problems(environ)]
    providers = _providers(capabilities, directory, environ, problems)
    top = _top(_POLICY, policy, problems)
    params = _params(policy, top, problems)
    personas = _personas(policy, capabilities, providers, problems)
    if problems or top is None:
        raise ConfigError(problems)
    return Config(
        revision=revision_of(policy.data, capabilities.data),
        directory=directory,
        providers=MappingProxyType(providers),
        personas=MappingProxyType(personas),
        direct_models=top.direct_models,
        server=top.server,
        params=params,
        resilience=top.resilience,
    )


def _top(validator: Validator[T], source: Source, problems: list[Problem]) -> T | None:
    """The file's own row. None for a file that could not be read, too: that has been complained about."""
    if source.value is None:
        return None
    row, complaints = validator.read(source.value)
    problems += [source.problem(place, message) for place, message in complaints]
    return row


def _section(value: Any, name: str) -> dict[str, Any]:
    """A mapping inside a row that may itself be wrong elsewhere: its entries are checked all the same."""
    section = value.get(name) if isinstance(value, dict) else None
    return section if isinstance(section, dict) else {}


def _params(source: Source, top: PolicyRow | None, problems: list[Problem]) -> ParamsMode:
    if top is None or not top.strict_params:
        return (top and top.params) or "report"
    if top.params not in (None, "strict"):
        problems.append(source.problem(("params",), f"says {top.params!r}, but strict_params is true"))
    return "strict"


def _providers(source: Source, directory: Path, environ: Mapping[str, str], problems: list[Problem]) -> dict[str, Provider]:
    """The providers without problems, with their models without problems."""
    _top(_CAPABILITIES, source, problems)
    reader = ModelReader(source, _section(source.value, "families"))
    problems += reader.check_families()
    providers = {}
    for name, value in _section(source.value, "providers").items():
        at: Place = ("providers", name)
        if not NAME.fullmatch(name):
            problems.append(source.problem(at, f"the name of a provider {NAME_RULE}"))
        row, complaints = _PROVIDER.read(value)
        complaints += provider_complaints(row) if row is not None else ()
        problems += [source.problem(at + place, message) for place, message in complaints]
        base_url, wrong = ("", []) if row is None else _base_url(row, environ)
        models, more = reader.read(name, row, base_url, _section(value, "models"))
        problems += more
        problems += [source.problem((*at, "base_url_variable"), message) for message in wrong]
        if row is not None:
            link, wrong_link = read_link(row, base_url, directory, environ)
            problems += [source.problem((*at, *place), message) for place, message in wrong_link]
            providers[name] = _provider(name, row, base_url, models, environ, link)
    return providers


def _provider(
    name: str, row: ProviderRow, url: str, models: Mapping[str, Model], environ: Mapping[str, str], link: Link | None
) -> Provider:
    written = written_keys(row)
    keys, reason = _keys(written, environ)
    base_url, query = parts_of(url, row.api_version)
    if MODEL_PLACE in base_url:
        models = {id_: replace(model, base_url=placed(base_url, id_)) for id_, model in models.items()}
    return Provider(
        name=name,
        dialect=row.dialect,
        base_url=base_url,
        query=query,
        keys=keys,
        key_header=_key_header(row.auth),
        key_variables=tuple(key.variable for key in written),
        unavailable_reason=reason,
        media_urls=row.media_urls or _MEDIA_URLS[row.dialect],
        headers=MappingProxyType(row.headers),
        timeouts=row.timeouts,
        models=MappingProxyType(models),
        region=row.region,
        concurrency=row.concurrency,
        health_check=row.health_check,
        link=link,
    )


def _base_url(row: ProviderRow, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """The URL of the file or, if its variable is set, of the environment; and what is wrong with the latter, without repeating it."""
    given = environ.get(row.base_url_variable, "").strip() if row.base_url_variable is not None else ""
    if not given:
        return row.base_url, []
    try:
        url = check_url(given)
    except ValueError as error:
        return row.base_url, [f"the URL in the environment variable {row.base_url_variable} {error}"]
    return url, [f"the URL in the environment variable {row.base_url_variable} {message}" for message in base_url_complaints(row, url)]


def _key_header(auth: AuthItem | None) -> KeyHeader | None:
    """How keys are sent; None: as the dialect's own API takes them."""
    match auth:
        case None:
            return None
        case "bearer":
            return BEARER
        case _:
            return KeyHeader(auth.header)


def _keys(written: Sequence[KeyRow], environ: Mapping[str, str]) -> tuple[tuple[ApiKey, ...], str | None]:
    """The keys that are set, and why the provider is not available. A key that no header can carry counts as none."""
    keys, reasons = [], []
    for row in written:
        secret = environ.get(row.variable, "").strip()
        if not secret:
            reasons.append(f"{row.variable} is not set")
        elif not _KEY.fullmatch(secret):
            reasons.append(f"{row.variable} holds characters that no key has")
        else:
            keys.append(ApiKey(row.variable, SecretStr(secret), 1.0 if row.weight is None else row.weight))
    return tuple(keys), None if keys or not written else ", ".join(reasons)


def _personas(source: Source, known: Source, providers: Mapping[str, Provider], problems: list[Problem]) -> dict[str, Persona]:
    """The personas, each held against its targets. `known` names the providers and models, also those that have problems."""
    listed = {name: _section(value, "models") for name, value in _section(known.value, "providers").items()}
    reader = PersonaReader(listed, providers)
    personas = {}
    for name, value in _section(source.value, "personas").items():
        persona, complaints = reader.read(name, value)
        problems += [source.problem(("personas", name, *place), message) for place, message in complaints]
        if persona is not None:
            personas[name] = persona
    return personas
