"""The configuration as the gateway uses it: built once, checked whole, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import SecretStr

from gateway.config.links import Link
from gateway.config.redactor import Redactor
from gateway.config.schema import (
    Concurrency,
    CostTier,
    DialectName,
    Feature,
    HealthCheck,
    MediaUrls,
    ParamsMode,
    Price,
    PromptMode,
    Resilience,
    ServerSettings,
    StrategyName,
    Timeouts,
)
from translators.dialect import Capability, KeyHeader, ModelRecord
from translators.errors import FailureKind

_K = FailureKind

FAILURE_CLASSES: Final[Mapping[str, tuple[FailureKind, ...]]] = MappingProxyType(
    {
        "connect": (_K.CONNECT,),
        "timeout": (_K.TIMEOUT,),
        "rate_limit": (_K.RATE_LIMIT,),
        "quota": (_K.QUOTA,),
        "overloaded": (_K.OVERLOADED,),
        "server_error": (_K.SERVER_ERROR,),
        "our_key": (_K.AUTHENTICATION, _K.PERMISSION),
        "model_not_found": (_K.MODEL_NOT_FOUND,),
        "context_overflow": (_K.CONTEXT_LENGTH, _K.REQUEST_TOO_LARGE),
        "unsupported": (_K.UNSUPPORTED,),
        "content_filter": (_K.CONTENT_FILTER,),
        "malformed": (_K.MALFORMED,),
        "truncated_before_content": (_K.TRUNCATED, _K.NO_OUTPUT),
        "bad_output": (_K.MODEL_OUTPUT,),
    }
)
"""What `on_failure.move_on` may name. INVALID_REQUEST is in none: a request that is wrong in itself is wrong everywhere."""
MOVES_ON: Final = frozenset(kind for name, kinds in FAILURE_CLASSES.items() if name != "content_filter" for kind in kinds)
"""The kinds of failure after which another target is tried, unless the persona says otherwise."""


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
    region: str | None = None
    """Where it runs, where that differs from its provider's region."""
    concurrency: Concurrency | None = None
    """How many requests it is sent at a time; None: as many as come."""
    base_url: str | None = None
    """Where it is served, where its provider has a URL for each model."""

    def price_at(self, day: date) -> Price | None:
        """The price that holds on `day`."""
        prices = self.prices
        if prices and prices[-1].valid_from <= day:  # nearly always
            return prices[-1]
        for price in reversed(prices):
            if price.valid_from <= day:
                return price
        return None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key of a provider. `variable` is the environment variable that holds it, and its name wherever it is spoken of."""

    variable: str
    secret: SecretStr
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An endpoint that speaks a dialect."""

    name: str
    dialect: DialectName
    base_url: str
    """Without a slash at its end, and without its query; `{model}` in it stands for a model's id: see Model.base_url."""
    query: str = ""
    """What stands behind each path, with its question mark."""
    key_header: KeyHeader | None = None
    """How a key is sent, where that is not as the dialect's own API takes it."""
    keys: tuple[ApiKey, ...]
    """Those that are set; empty for a server that needs none, or that is unavailable."""
    key_variables: tuple[str, ...]
    """The environment variables that hold keys, set or not; empty for a server that needs none."""
    unavailable_reason: str | None
    media_urls: MediaUrls
    """What becomes of https URLs of images: passed on, fetched and sent as data, or refused."""
    headers: Mapping[str, str]
    timeouts: Timeouts
    models: Mapping[str, Model]
    region: str | None = None
    concurrency: Concurrency | None = None
    """For all its models together."""
    health_check: HealthCheck | None = None
    link: Link | None = None
    """How it is reached, where that is not the plain way."""
    redactor: Redactor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        proxy = () if self.link is None or self.link.proxy is None else self.link.proxy.secrets
        object.__setattr__(self, "redactor", Redactor([*(key.secret.get_secret_value() for key in self.keys), *proxy]))

    @property
    def available(self) -> bool:
        return self.unavailable_reason is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """Hours of the day and days of the week, in UTC. From `after` until before `before`; over midnight if `before` is the earlier."""

    after: time = time.min
    before: time | None = None
    """None: the day's end."""
    days: frozenset[int] = frozenset(range(7))
    """0 is Monday. For a window over midnight, the day on which it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What a request must be like. Every condition given must hold."""

    over: int | None = None
    """Estimated prompt tokens: more than this."""
    under: int | None = None
    """Fewer than this."""
    has: frozenset[Feature] = frozenset()
    metadata: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """`metadata` of the request: for each name one of these values."""
    header: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Headers of the request, names in small letters: for each one of these values."""
    key: frozenset[str] = frozenset()
    """The caller's key is one of these ids."""
    time: TimeWindow | None = None


ALWAYS: Final = When()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Time limits in seconds, where they differ from those that hold otherwise."""

    connect: float | None = None
    first_content: float | None = None
    idle: float | None = None
    total: float | None = None
    """Of the whole request, over all its attempts: a persona's."""


NO_CLOCKS: Final = Clocks()
NOTHING: Final[tuple[tuple[str, ...], tuple[str, ...]]] = ((), ())
"""What most personas look at of headers and metadata."""


@dataclass(frozen=True, slots=True)
class TargetRef:
    """A model by its names, and what the persona says of it."""

    provider: str
    model: str
    weight: float = 1.0
    """Its share where the strategy is weighted."""
    when: When = ALWAYS
    timeouts: Clocks = NO_CLOCKS
    name: str = field(init=False, repr=False, compare=False)
    """`provider/model`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.provider}/{self.model}")

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What the strategy `balanced` weighs: each from 0, relative to the others."""

    cost: float = 1.0
    latency: float = 1.0
    tier: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Another choice of targets, or another way to choose, for some requests. None: as the persona says."""

    name: str
    when: When
    targets: tuple[TargetRef, ...] | None = None
    strategy: StrategyName | None = None
    balance: Balance | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Parameters for callers who say nothing of their own; they win over the persona's."""
    params: ParamsMode | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How one request is routed: the persona, or the rule of it that holds, or one target that the caller named."""

    name: str
    persona: "Persona | None"
    rule: Rule | None
    targets: tuple[TargetRef, ...]
    strategy: StrategyName = "priority"
    balance: Balance = Balance()


@dataclass(frozen=True, slots=True, kw_only=True)
class OnFailure:
    """What happens when an attempt fails."""

    move_on: frozenset[FailureKind] = MOVES_ON
    """After these another attempt is made; after others the failure is the answer."""
    retries: int = 1
    """How often one target may be asked again, once every other was asked."""
    max_attempts: int = 8
    """Of one request, at all targets together."""
    backoff: float = 0.5
    """Seconds before the first retry, twice as long before each further one, jittered."""
    longest_backoff: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """When a second target is asked, although the first has not failed."""

    seconds: float | None = None
    """After this time without content."""
    quantile: float | None = None
    """After this quantile of the time the first target usually takes, as observed."""
    max_extra: float = 0.05
    """Hedged requests, as a share of all of the persona's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A policy that callers name as their model."""

    name: str
    description: str = ""
    system_prompt: str | None = None
    system_prompt_mode: PromptMode = "prepend"
    """prepend: before the caller's messages. default: only if the caller sent no instructions. replace: instead of them."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Parameters for callers who say nothing of their own."""
    caps: Mapping[str, float | int | str] = field(default_factory=dict)
    """Limits that hold whatever the caller says."""
    requires: frozenset[Capability] = frozenset()
    targets: tuple[TargetRef, ...]
    strategy: StrategyName = "priority"
    balance: Balance = Balance()
    affinity: bool = True
    """A conversation stays on the target and key that served it, while they are healthy."""
    rules: tuple[Rule, ...] = ()
    on_failure: OnFailure = OnFailure()
    hedge: Hedge | None = None
    resume: bool = False
    """A text that breaks off in the middle is continued by the next target."""
    max_cost_tier: CostTier | None = None
    max_price: Decimal | None = None
    """USD that one request may cost, as expected before it is sent."""
    regions: frozenset[str] = frozenset()
    """Only targets in these regions; empty: anywhere."""
    timeouts: Clocks = NO_CLOCKS
    fan_out: bool = True
    """`n` answers may be asked for one by one from models that give one."""
    params: ParamsMode | None = None
    """Overrides Config.params."""
    looks_at: tuple[tuple[str, ...], tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """The headers and the metadata that its conditions look at."""
    policy: Policy = field(init=False, repr=False, compare=False)
    """Its own, where no rule of it holds: made once."""

    def __post_init__(self) -> None:
        targets = [*self.targets, *(target for rule in self.rules for target in rule.targets or ())]
        whens = [*(rule.when for rule in self.rules), *(target.when for target in targets)]
        headers, metadata = {name for when in whens for name in when.header}, {name for when in whens for name in when.metadata}
        object.__setattr__(self, "looks_at", (tuple(sorted(headers)), tuple(sorted(metadata))))
        object.__setattr__(self, "policy", Policy(self.name, self, None, self.targets, self.strategy, self.balance))

    def every_target(self) -> tuple[TargetRef, ...]:
        """Its own targets and those of its rules, each model once."""
        listed = [*self.targets, *(target for rule in self.rules for target in rule.targets or ())]
        return tuple({str(target): target for target in reversed(listed)}.values())[::-1]


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
    resilience: Resilience = field(default_factory=Resilience)


def simulated_by(config: Config, base_urls: Mapping[str, str]) -> Config:
    """The same configuration with every provider at the simulator's URL for its dialect, available and with a key that opens nothing."""
    providers = {name: _simulated(provider, base_urls[provider.dialect]) for name, provider in config.providers.items()}
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
        models=MappingProxyType({name: replace(model, base_url=None) for name, model in provider.models.items()}),
    )
