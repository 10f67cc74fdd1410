"""capabilities.yaml: one frozen class per concept, read straight from the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from math import prod
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.config.endpoints import check_headers, check_key_header, check_path, check_written_url
from gateway.config.errors import unknown
from gateway.config.links import Link, TlsFiles, check_proxy
from gateway.config.redactor import Redactor
from gateway.config.schema import (
    DERIVED,
    OrText,
    Region,
    Row,
    Seconds,
    Validator,
    Variable,
    Weight,
    Written,
    derive,
    given,
    if_none,
    matching,
)
from translators.capabilities import ModelRecord
from translators.dialect import BEARER, KeyHeader, RelayLimits

CostTier = Literal["low", "medium", "high"]
COST_TIERS: Final[tuple[CostTier, ...]] = ("low", "medium", "high")
"""Cheapest first."""
DialectName = Literal["openai", "claude", "gemini"]
MediaUrls = Literal["pass", "fetch", "refuse"]

Usd = Annotated[Decimal, Field(ge=0)]
_FEMTO: Final = 10**9
"""USD per million tokens: 10^15 / 10^6."""
_NANO_PER_FEE: Final = 1_000_000
"""USD for a thousand: 10^9 / 10^3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates(Row):
    """USD per million tokens."""

    input: Usd
    output: Usd
    cached_input: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None
    audio_input: Usd | None = None
    exact: tuple[int, int, int] = field(init=False, repr=False, compare=False)
    """For one token read, read from a cache, and written: in 10^-15 USD, as whole numbers."""
    dearest: tuple[int, int, int, int] = field(init=False, repr=False, compare=False)
    """The same for one token read at the highest rate that may hold: plainly, where the prompt may
    be written to a cache, where there is audio in it, where both is so."""

    def __post_init__(self) -> None:
        cached = self.input if self.cached_input is None else self.cached_input
        exact = round(self.input * _FEMTO), round(cached * _FEMTO), round(self.output * _FEMTO)
        writing, hearing = (self.cache_write, self.cache_write_1h), (self.audio_input,)
        dearest = tuple(
            max(round(rate * _FEMTO) for rate in (self.input, *more) if rate is not None)
            for more in ((), writing, hearing, (*writing, *hearing))
        )
        derive(self, exact=exact, dearest=dearest)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTier(Rates):
    """Rates for the whole request once its prompt is longer than this."""

    above_prompt_tokens: Annotated[int, Field(gt=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Rates):
    """Rates from a day on, until the next price's day."""

    valid_from: date
    tiers: tuple[PriceTier, ...] = ()

    def __post_init__(self) -> None:
        Rates.__post_init__(self)
        bounds = [tier.above_prompt_tokens for tier in self.tiers]
        if bounds != sorted(set(bounds)):
            raise ValueError("tiers must be in rising order of 'above_prompt_tokens'")

    def document(self) -> dict[str, Any]:
        """As JSON, without rates that are not known; decimal numbers as text, so that none is
        rounded.
        """
        return _PRICE.document(self)


_PRICE: Final = Validator(Price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency(Row):
    """Requests sent at a time; more wait in a queue, or go elsewhere when it is full."""

    limit: Annotated[int, Field(ge=1, le=100_000)]
    queue: Annotated[int, Field(ge=0, le=100_000)] = 100
    wait: Seconds = 10.0
    """Seconds in the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Row):
    """One model of a provider. In the file the facts of its record stand beside the other keys."""

    id: Annotated[str, given("id")]
    record: Annotated[ModelRecord, given("record")]
    cost_tier: CostTier
    prices: tuple[Price, ...] = ()
    """Oldest first; empty where no price is known."""
    fees: Mapping[str, Usd] = field(default_factory=dict)
    """Beside the tokens: USD for a thousand of what `usage` counts under a path
    (`server_tool_use.web_search_requests`)."""
    surcharges: Mapping[str, Mapping[str, Usd]] = field(default_factory=dict)
    """By a field of `usage` and what stands in it: the factor on the price of all tokens
    (`inference_geo: {us: 1.1}`)."""
    billed_beside: Annotated[frozenset[str], DERIVED] = frozenset()
    """The fields of `usage` that fees and surcharges depend on."""
    most_surcharge: tuple[int, int] = field(init=False, repr=False, compare=False)
    """The factor on the price of all tokens where all surcharges hold, as a fraction."""
    every_fee: int = field(init=False, repr=False, compare=False)
    """Nano-USD, where each fee falls due once."""
    token_factor: Annotated[float, Field(ge=0.2, le=5)] = 1.0
    """Its tokens for a text, relative to those of o200k."""
    retirement: date | None = None
    """The day the provider switches it off, where that is announced."""
    region: Region | None = None
    """Where it runs, where that differs from its provider's region."""
    concurrency: Concurrency | None = None
    """How many requests it is sent at a time; None: as many as come."""
    base_url: Annotated[str | None, DERIVED] = None
    """Where it is served, where its provider has a URL for each model."""

    def __post_init__(self) -> None:
        derive(
            self,
            billed_beside=frozenset(
                [*(path.partition(".")[0] for path in self.fees), *self.surcharges]
            ),
            most_surcharge=prod(
                (max(Decimal(1), *factors.values()) for factors in self.surcharges.values()),
                start=Decimal(1),
            ).as_integer_ratio(),
            every_fee=sum(int(fee * _NANO_PER_FEE) for fee in self.fees.values()),
        )

    def price_at(self, day: date) -> Price | None:
        """The price that holds on `day`."""
        prices = self.prices
        if prices and prices[-1].valid_from <= day:  # nearly always
            return prices[-1]
        for price in reversed(prices):
            if price.valid_from <= day:
                return price
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts(Row):
    """The time limits of one attempt, in seconds."""

    connect: Seconds = 10.0
    first_content: Seconds = 600.0
    """Until the first content of a stream, or until the whole of a JSON answer."""
    idle: Seconds = 300.0
    """Between two reads."""
    total: Seconds = 900.0


CheckOutcome = Literal["ok", "key_refused", "connect", "timeout", "malformed", "server_error"]
"""How a health check ended. The first two: the provider answers. `malformed`: not in HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck(Row):
    """A free endpoint of a provider that tells whether it is up."""

    path: Annotated[str, AfterValidator(check_path)]
    """Behind base_url; asked with GET."""
    every: Annotated[float, Field(ge=0.1, le=3600)] = 30.0
    """Seconds between two checks, jittered."""
    timeout: Seconds = 5.0
    """Seconds for all of one check."""


UNSET: Final = SecretStr("")
"""Stands for a key that is not set in the environment."""


@dataclass(frozen=True, slots=True)
class ApiKey(Row):
    """One key of a provider, known in logs and metrics by its environment variable."""

    variable: Variable
    secret: Annotated[SecretStr, DERIVED] = UNSET
    weight: Annotated[float, Written(Weight | None, if_none(1.0))] = 1.0


@dataclass(frozen=True, slots=True)
class Auth(Row):
    """A header that carries the key alone."""

    header: Annotated[str, AfterValidator(check_key_header)]


def _bearer(text: str) -> KeyHeader:
    if text != "bearer":
        raise ValueError(unknown("value", text, ["bearer"]))
    return BEARER


_Auth = Annotated[
    KeyHeader,
    Written(Auth, lambda auth: KeyHeader(auth.header)),
    OrText(str, _bearer, "must be bearer, or a mapping with the key 'header'"),
]
_KEY: Final = OrText(
    Variable,
    ApiKey,
    "must be the name of an environment variable, or a mapping with the key 'variable'",
)
_KEYS: Any = Annotated[tuple[Annotated[ApiKey, _KEY], ...], Field(min_length=1)] | None
_API_VERSION: Final = matching(
    "[A-Za-z0-9._-]{1,40}", "must be 1 to 40 letters, digits, '.', '_' or '-', like 2024-10-21"
)


def _betas(text: str) -> frozenset[str] | None:
    if text not in ("all", "none"):
        raise ValueError(unknown("value", text, ["all", "none"]))
    return None if text == "all" else frozenset()


_BETAS: Final = OrText(str, _betas, "must be all, none or a list of betas", other=list)
_Betas = frozenset[str] | None
_RELAYS: Final = {"claude": "claude", "gemini": "gemini"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(Row):
    """An endpoint that speaks a dialect."""

    name: Annotated[str, given("name")]
    dialect: DialectName
    responses: Literal["native"] | None = None
    """native: callers of the Responses API are relayed to its own (dialect openai)."""
    betas: Annotated[_Betas, _BETAS] = None
    """Claude: which of a Messages caller's betas its host takes; others go, with their fields.
    None, in the file `all`: every one."""
    extras: Literal["all", "none"] = "all"
    """Claude: none: its host takes only what the plain Messages API has."""
    base_url: Annotated[str, AfterValidator(check_written_url)]
    """Without a final slash and its query; `{model}` stands for a model's id: Model.base_url."""
    base_url_variable: Variable | None = None
    api_version: Annotated[str, _API_VERSION] | None = None
    query: Annotated[str, DERIVED] = ""
    """What stands behind each path, with its question mark."""
    key_header: Annotated[_Auth | None, Field(alias="auth")] = None
    """How a key is sent, where that is not as the dialect's own API takes it."""
    keys: Annotated[tuple[ApiKey, ...], Written(_KEYS, if_none(()))] = ()
    """Those that are set; empty for a server that needs none, or that is unavailable."""
    key_variable: Variable | None = None
    key_variables: Annotated[tuple[str, ...], DERIVED] = ()
    """The environment variables that hold keys, set or not; empty for a server that needs none."""
    unavailable_reason: Annotated[str | None, DERIVED] = None
    media_urls: MediaUrls = "pass"
    """What becomes of https URLs of images: passed on, fetched and sent as data, or refused."""
    headers: Annotated[Mapping[str, str], Written(dict[str, str], check_headers)] = field(
        default_factory=dict
    )
    propagate: bool = False
    """It is told the trace of a request (traceparent, tracestate): a server that traces, too."""
    timeouts: Timeouts = Timeouts()
    region: Region | None = None
    concurrency: Concurrency | None = None
    """For all its models together."""
    health_check: HealthCheck | None = None
    proxy: Annotated[str, AfterValidator(check_proxy)] | None = None
    proxy_variable: Variable | None = None
    tls: TlsFiles | None = None
    link: Annotated[Link | None, DERIVED] = None
    """How it is reached, where that is not the plain way."""
    models: Annotated[
        Mapping[str, Model],
        Written(Annotated[dict[str, Any], Field(min_length=1)], MappingProxyType),
    ]
    redactor: Redactor = field(init=False, repr=False, compare=False)
    relay_limits: RelayLimits | None = field(init=False, repr=False, compare=False)
    relays: str = field(init=False, repr=False, compare=False)
    """The dialect whose callers' bodies this provider is sent as they came; "" if it is only sent
    the hub's requests."""

    def __post_init__(self) -> None:
        limits = RelayLimits(self.betas, self.extras == "all")
        derive(self, relay_limits=None if limits == RelayLimits() else limits)
        own = "" if self.responses is None else "responses"
        derive(self, relays=own or _RELAYS.get(self.dialect, ""))
        proxy = () if self.link is None or self.link.proxy is None else self.link.proxy.secrets
        derive(
            self, redactor=Redactor([*(key.secret.get_secret_value() for key in self.keys), *proxy])
        )

    @property
    def available(self) -> bool:
        return self.unavailable_reason is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilitiesFile(Row):
    """capabilities.yaml, its providers still unread."""

    version: Literal[1]
    families: dict[str, Any] = field(default_factory=dict)
    providers: Annotated[dict[str, Any], Field(min_length=1)]
