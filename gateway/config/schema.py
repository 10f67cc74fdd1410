"""What may stand in the two files: pydantic models of their rows, strict, frozen, without unknown keys."""

import re
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from gateway.config.endpoints import check_headers, check_key_header, check_path, check_written_url
from gateway.config.errors import shown
from gateway.config.links import check_proxy
from gateway.config.origins import check_origin, check_origins

CostTier = Literal["low", "medium", "high"]
DialectName = Literal["openai", "claude", "gemini"]
MediaUrls = Literal["pass", "fetch", "refuse"]
ParamsMode = Literal["report", "strict", "quiet"]
PromptMode = Literal["prepend", "default", "replace"]
StrategyName = Literal["priority", "weighted", "cost", "latency", "balanced"]
Feature = Literal["tools", "images", "files", "audio", "video", "json_schema", "reasoning", "web_search", "history"]
"""What a rule may ask of a request: history means that an assistant has spoken in it already."""

PARAMS_MODES: Final[tuple[ParamsMode, ...]] = ("report", "strict", "quiet")
COST_TIERS: Final[tuple[CostTier, ...]] = ("low", "medium", "high")
"""Cheapest first."""

_REGION: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_API_VERSION: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")


def _check_variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("must be the name of an environment variable, in capitals (a key itself never stands in this file)")
    return name


def _check_region(name: str) -> str:
    if not _REGION.fullmatch(name):
        raise ValueError(f"must be 1 to 64 small letters, digits, '_', '.' or '-', not {shown(name)}")
    return name


def _check_api_version(version: str) -> str:
    if not _API_VERSION.fullmatch(version):
        raise ValueError(f"must be 1 to 40 letters, digits, '.', '_' or '-', like 2024-10-21, not {shown(version)}")
    return version


def _check_host(name: str) -> str:
    if not _HOST.fullmatch(name):
        raise ValueError(f"must be a host name in small letters, without scheme and port, not {shown(name)}")
    return name


class Row(BaseModel):
    """A mapping in a file: no unknown keys, no conversions, no changes after it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Seconds = Annotated[float, Field(gt=0)]
Usd = Annotated[Decimal, Field(ge=0)]
Url = Annotated[str, AfterValidator(check_written_url)]
Variable = Annotated[str, AfterValidator(_check_variable)]
Region = Annotated[str, AfterValidator(_check_region)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(check_origin)], ...], AfterValidator(check_origins)]
Weight = Annotated[float, Field(gt=0, le=1_000_000)]


_FEMTO: Final = 10**9
"""USD per million tokens: 10^15 / 10^6."""


class Rates(Row):
    """USD per million tokens."""

    input: Usd
    output: Usd
    cached_input: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None
    audio_input: Usd | None = None

    @cached_property
    def exact(self) -> tuple[int, int, int]:
        """For one token read, read from a cache, and written: in 10^-15 USD, as whole numbers."""
        cached = self.input if self.cached_input is None else self.cached_input
        return round(self.input * _FEMTO), round(cached * _FEMTO), round(self.output * _FEMTO)


class PriceTier(Rates):
    """Rates for the whole request once its prompt is longer than this."""

    above_prompt_tokens: Annotated[int, Field(gt=0)]


class Price(Rates):
    """Rates from a day on, until the next price's day."""

    valid_from: date
    tiers: tuple[PriceTier, ...] = ()

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        bounds = [tier.above_prompt_tokens for tier in self.tiers]
        if bounds != sorted(set(bounds)):
            raise ValueError("tiers must be in rising order of 'above_prompt_tokens'")
        return self


class Concurrency(Row):
    """How many requests are sent at a time; more wait in a queue, and are sent elsewhere when it is full."""

    limit: Annotated[int, Field(ge=1, le=100_000)]
    queue: Annotated[int, Field(ge=0, le=100_000)] = 100
    wait: Seconds = 10.0
    """Seconds in the queue."""


class ModelRow(Row):
    """What a model's row says beside the fields of its ModelRecord."""

    cost_tier: CostTier
    prices: tuple[Price, ...] = ()
    token_factor: Annotated[float, Field(ge=0.2, le=5)] = 1.0
    retirement: date | None = None
    region: Region | None = None
    concurrency: Concurrency | None = None


class Timeouts(Row):
    """The clocks of one attempt, in seconds."""

    connect: Seconds = 10.0
    first_content: Seconds = 600.0
    """Until the first content of a stream, or until the whole of a JSON answer."""
    idle: Seconds = 300.0
    """Between two reads."""
    total: Seconds = 900.0


CheckOutcome = Literal["ok", "key_refused", "connect", "timeout", "malformed", "server_error"]
"""How a health check ended. The first two come from a provider that answers. `malformed`: what answers does not speak HTTP."""


class HealthCheck(Row):
    """A free endpoint of a provider that tells whether it is up."""

    path: Annotated[str, AfterValidator(check_path)]
    """Behind base_url; asked with GET."""
    every: Annotated[float, Field(ge=0.1, le=3600)] = 30.0
    """Seconds between two checks, jittered."""
    timeout: Seconds = 5.0
    """Seconds for all of one check."""


class BreakerSettings(Row):
    """When a target or a key is set aside, and how it comes back. Seconds."""

    window: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """Outcomes older than this do not count."""
    min_calls: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Fewer outcomes than this in the window prove nothing."""
    failure_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    open_for: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Before the first probe; twice as long after each probe that fails."""
    longest_open: Annotated[float, Field(gt=0, le=86_400)] = 15.0
    """Between two probes: a probe costs one request, a long wait all of them once the provider is back. Not less than open_for."""
    ramp: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """From the probe that succeeded until everything is sent again."""

    @model_validator(mode="after")
    def _open_times_rise(self) -> Self:
        if self.longest_open < self.open_for and "longest_open" in self.model_fields_set:
            raise ValueError(f"longest_open ({self.longest_open:g}) must be at least open_for ({self.open_for:g})")
        return self


class RetryBudget(Row):
    """What keeps retries from making an outage worse."""

    ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Retries, as a share of requests."""
    reserve: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """Retries that may be made at once, when little was sent before."""


class Resilience(Row):
    """What holds for all personas and providers together."""

    breaker: BreakerSettings = BreakerSettings()
    retry_budget: RetryBudget = RetryBudget()


class KeyRow(Row):
    """One of several keys of a provider."""

    variable: Variable
    weight: Weight | None = None


KeyItem = Annotated[
    Annotated[Variable, Tag("<text>")] | Annotated[KeyRow, Tag("<other>")],
    Discriminator(
        lambda value: "<text>" if isinstance(value, str) else "<other>" if isinstance(value, dict) else None,
        custom_error_type="key",
        custom_error_message="has none of its forms",
    ),
]


class AuthRow(Row):
    """A header that carries the key alone."""

    header: Annotated[str, AfterValidator(check_key_header)]


AuthItem = Annotated[
    Annotated[Literal["bearer"], Tag("<text>")] | Annotated[AuthRow, Tag("<other>")],
    Discriminator(
        lambda value: "<text>" if isinstance(value, str) else "<other>" if isinstance(value, dict) else None,
        custom_error_type="auth",
        custom_error_message="has none of its forms",
    ),
]


class TlsRow(Row):
    """A provider's certificates: files in PEM, relative to the directory of the configuration."""

    ca_file: Annotated[str, Field(min_length=1)] | None = None
    """The only authorities that count for this provider; without it those of this machine."""
    client_certificate: Annotated[str, Field(min_length=1)] | None = None
    """Shown to the provider, with what lies between it and its authority."""
    client_key: Annotated[str, Field(min_length=1)] | None = None
    """Without it the certificate's file holds the key, too."""
    server_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$")] | None = None
    """The name in the provider's certificate, where that is not the host of its URL."""


class ProviderRow(Row):
    """A provider, its models still unread."""

    dialect: DialectName
    base_url: Url
    base_url_variable: Variable | None = None
    api_version: Annotated[str, AfterValidator(_check_api_version)] | None = None
    auth: AuthItem | None = None
    key_variable: Variable | None = None
    keys: Annotated[tuple[KeyItem, ...], Field(min_length=1)] | None = None
    media_urls: MediaUrls | None = None
    headers: Annotated[dict[str, str], AfterValidator(check_headers)] = {}
    timeouts: Timeouts = Timeouts()
    region: Region | None = None
    concurrency: Concurrency | None = None
    health_check: HealthCheck | None = None
    proxy: Annotated[str, AfterValidator(check_proxy)] | None = None
    proxy_variable: Variable | None = None
    tls: TlsRow | None = None
    models: Annotated[dict[str, Any], Field(min_length=1)]


def written_keys(row: ProviderRow) -> tuple[KeyRow, ...]:
    """The keys of a provider, in whichever form they are written."""
    if row.keys is None:
        return () if row.key_variable is None else (KeyRow(variable=row.key_variable),)
    return tuple(KeyRow(variable=key) if isinstance(key, str) else key for key in row.keys)


class CapabilitiesRow(Row):
    """capabilities.yaml, its providers still unread."""

    version: Literal[1]
    families: dict[str, Any] = {}
    providers: Annotated[dict[str, Any], Field(min_length=1)]


class MediaFetch(Row):
    """Limits for one image or file that is fetched for a provider."""

    max_bytes: Annotated[int, Field(gt=0)] = 20 * 1024 * 1024
    timeout: Seconds = 10.0


class ServerSettings(Row):
    """Limits and clocks of the server itself; bytes and seconds."""

    max_body_bytes: Annotated[int, Field(gt=0)] = 32 * 1024 * 1024
    max_bodies_bytes: Annotated[int, Field(gt=0)] = 128 * 1024 * 1024
    """Of all bodies that are in memory at a time. One takes two to three times its size while it is served."""
    body_timeout: Seconds = 30.0
    """Between two reads of a request body; a body that comes at less than 4 KB a second on average has no more altogether."""
    body_total_timeout: Seconds = 300.0
    """For all of a request body."""
    write_timeout: Seconds = 60.0
    """In which a caller takes nothing of what waits for it, before its connection is cut."""
    keep_alive_interval: Seconds = 15.0
    drain_delay: Annotated[float, Field(ge=0)] = 0.5
    """Between failing readiness and closing the listener."""
    drain_grace: Annotated[float, Field(ge=0)] = 30.0
    watch: Annotated[float, Field(ge=0)] = 5.0
    """Between two looks at the files, for a change to be loaded; 0: never."""
    media_fetch: MediaFetch = MediaFetch()
    cors_origins: Origins = ()
    """Origins whose pages may call from a browser; `*` is every one but `null`."""
    hosts: Annotated[tuple[Annotated[str, AfterValidator(_check_host)], ...], Field(max_length=100)] = ()
    """Names under which a gateway that listens on loopback, and has no callers' keys, is reached beside loopback's own."""
