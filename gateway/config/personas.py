"""persona_policy.yaml: its concepts, one frozen class each, read straight from the file."""

import re
from collections.abc import Mapping
from dataclasses import InitVar, asdict, dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.config.cache import CacheSettings
from gateway.config.conditions import ALWAYS, Condition
from gateway.config.errors import shown, unknown
from gateway.config.providers import CostTier
from gateway.config.schema import (
    DERIVED,
    REQUIRED,
    OrText,
    Region,
    Row,
    Seconds,
    Weight,
    Written,
    derive,
    given,
    if_none,
)
from gateway.config.server import PARAMS_MODES, ParamsMode
from translators.capabilities import Capability
from translators.errors import FailureKind

PromptMode = Literal["prepend", "default", "replace"]
StrategyName = Literal["priority", "weighted", "cost", "latency", "balanced"]

_K = FailureKind
FAILURE_CLASSES: Final[Mapping[str, tuple[FailureKind, ...]]] = MappingProxyType({
    "connect": (_K.CONNECT,), "timeout": (_K.TIMEOUT,), "rate_limit": (_K.RATE_LIMIT,),
    "quota": (_K.QUOTA,), "overloaded": (_K.OVERLOADED,), "server_error": (_K.SERVER_ERROR,),
    "our_key": (_K.AUTHENTICATION, _K.PERMISSION), "model_not_found": (_K.MODEL_NOT_FOUND,),
    "context_overflow": (_K.CONTEXT_LENGTH, _K.REQUEST_TOO_LARGE), "unsupported": (_K.UNSUPPORTED,),
    "content_filter": (_K.CONTENT_FILTER,), "malformed": (_K.MALFORMED,),
    "truncated_before_content": (_K.TRUNCATED, _K.NO_OUTPUT), "bad_output": (_K.MODEL_OUTPUT,),
})  # fmt: skip
"""What `move_on` may name. INVALID_REQUEST is in none: an invalid request is invalid everywhere."""
_FAILURE_CLASS: Any = Literal[tuple(FAILURE_CLASSES)]
MOVES_ON: Final = frozenset(
    kind for name, kinds in FAILURE_CLASSES.items() if name != "content_filter" for kind in kinds
)
"""The kinds of failure after which another target is tried, unless the persona says otherwise."""

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)")
_QUANTILES: Final[Mapping[Any, float]] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_SHARE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


_Wait = tuple[float | None, float | None]
"""Seconds, or a quantile."""


def _wait(after: Any) -> _Wait:
    text = after if isinstance(after, str) else ""
    if after is None:
        raise ValueError("is required")
    if (found := _DURATION.fullmatch(text)) and float(found[1]) > 0:
        return float(found[1]) / (1000 if found[2] == "ms" else 1), None
    if text in _QUANTILES:
        return None, _QUANTILES[text]
    rule = f"must be one of {', '.join(_QUANTILES)} or a time like 800ms or 1.5s"
    raise ValueError(f"{rule}, not {shown(after)}")


def _share(text: str) -> float:
    found = _SHARE.fullmatch(text)
    if found is None or not 0 < float(found[1]) <= 100:
        rule = "must be a share above 0 and up to 100%, like 5% or 0.05"
        raise ValueError(f"{rule}, not {shown(text)}")
    return float(found[1]) / 100


def _params(params: Any) -> Any:
    if params == {}:
        raise ValueError("must not be empty")
    if not isinstance(params, dict) and params not in PARAMS_MODES:
        raise ValueError(f"{unknown('value', params, PARAMS_MODES)}, or a mapping of parameters")
    return params


def _names(target: str | None) -> tuple[str, str]:
    if target is None:
        raise ValueError("is required")
    provider, _, model = target.partition("/")
    return provider, model


_SOME: Final = Field(min_length=1)
_REGIONS: Final = Written(Annotated[frozenset[Region], _SOME] | None, if_none(frozenset()))
Parameters = Annotated[Mapping[str, Any], Written(dict[str, Any], MappingProxyType)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTimeouts(Row):
    """Time limits of a target in seconds, where they differ from those that hold otherwise."""

    connect: Seconds | None = None
    first_content: Seconds | None = None
    idle: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutOverrides(TargetTimeouts):
    """Those of a persona: of each of its targets, and of the whole request."""

    total: Seconds | None = None
    """Of the whole request, over all its attempts."""


NO_OVERRIDES: Final = TimeoutOverrides()
NOTHING: Final[tuple[tuple[str, ...], tuple[str, ...]]] = ((), ())
"""What most personas look at of headers and metadata."""


def _overrides(found: TargetTimeouts) -> TimeoutOverrides:
    """NO_OVERRIDES itself where nothing is said: it is looked for by identity."""
    overrides = TimeoutOverrides(**asdict(found))
    return NO_OVERRIDES if overrides == NO_OVERRIDES else overrides


@dataclass(frozen=True, slots=True)
class TargetRef(Row):
    """A model by its names, and what the persona says of it."""

    provider: Annotated[str, DERIVED] = ""
    model: Annotated[str, DERIVED] = ""
    weight: Annotated[float, Written(Weight | None, if_none(1.0))] = 1.0
    """Its share where the strategy is weighted."""
    when: Condition = ALWAYS
    timeouts: Annotated[TimeoutOverrides, Written(TargetTimeouts, _overrides)] = NO_OVERRIDES
    target: InitVar[Annotated[tuple[str, str] | None, REQUIRED, Written(str | None, _names)]] = None
    """In the file: `provider/model`."""
    name: str = field(init=False, repr=False, compare=False)
    """`provider/model`."""

    def __post_init__(self, target: tuple[str, str] | None) -> None:
        provider, model = target or (self.provider, self.model)
        derive(self, provider=provider, model=model, name=f"{provider}/{model}")

    def __str__(self) -> str:
        return self.name


_TARGET: Final = OrText(
    str,
    lambda text: TargetRef(*_names(text)),
    "must be provider/model, or a mapping with the key 'target'",
)
Targets = Annotated[tuple[Annotated[TargetRef, _TARGET], ...], _SOME]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(Row):
    """What the strategy `balanced` weighs: each from 0, relative to the others."""

    cost: Annotated[float, Field(ge=0)] = 0.0
    latency: Annotated[float, Field(ge=0)] = 0.0
    tier: Annotated[float, Field(ge=0)] = 0.0


DEFAULT_BALANCE: Final = Balance(cost=1.0, latency=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Row):
    """Other targets, or another way to choose, for some requests. None: as the persona says."""

    name: str
    when: Condition
    targets: Targets | None = None
    strategy: StrategyName | None = None
    balance: Balance | None = None
    params: Annotated[ParamsMode | None, Written(Any, _params)] = None
    """In the file, instead: a mapping of defaults."""
    defaults: Annotated[Mapping[str, Any], DERIVED] = field(default_factory=dict)
    """Parameters for callers who say nothing of their own; they win over the persona's."""

    def __post_init__(self) -> None:
        written: Any = self.params
        if isinstance(written, dict):
            derive(self, defaults=MappingProxyType(written), params=None)


@dataclass(frozen=True, slots=True)
class Policy:
    """How one request is routed: by a persona, a rule of it, or a target the caller named."""

    name: str
    persona: "Persona | None"
    rule: Rule | None
    targets: tuple[TargetRef, ...]
    strategy: StrategyName = "priority"
    balance: Balance = DEFAULT_BALANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff(Row):
    """Seconds before the retries at one target."""

    initial: Seconds = 0.5
    """Before the first; twice as long before each further one, jittered."""
    max: Seconds = 8.0

    def __post_init__(self) -> None:
        if self.max < self.initial:
            raise ValueError(f"max ({self.max:g}) must be at least initial ({self.initial:g})")


def _kinds(named: frozenset[str] | None) -> frozenset[FailureKind]:
    if named is None:
        return MOVES_ON
    return frozenset(kind for name in named for kind in FAILURE_CLASSES[name])


_MOVE_ON: Final = Written(frozenset[_FAILURE_CLASS] | None, _kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnFailure(Row):
    """What happens when an attempt fails."""

    move_on: Annotated[frozenset[FailureKind], _MOVE_ON] = MOVES_ON
    """After these another attempt is made; after others the failure is the answer."""
    retries: Annotated[int, Field(ge=0, le=5)] = 1
    """How often one target may be asked again, once every other was asked."""
    max_attempts: Annotated[int, Field(ge=1, le=50)] = 8
    """Of one request, at all targets together."""
    backoff: Backoff = Backoff()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge(Row):
    """When a second target is asked, although the first has not failed."""

    after: InitVar[Annotated[_Wait | None, REQUIRED, Written(Any, _wait)]] = None
    """In the file: a time like 800ms, or a quantile like p95."""
    seconds: Annotated[float | None, DERIVED] = None
    """After this time without content."""
    quantile: Annotated[float | None, DERIVED] = None
    """After this quantile of the time the first target usually takes, as observed."""
    max_extra: Annotated[float, Field(gt=0, le=1), OrText(str, _share, other=object)] = 0.05
    """Hedged requests, as a share of all of the persona's."""

    def __post_init__(self, after: _Wait | None) -> None:
        if after is not None:
            derive(self, seconds=after[0], quantile=after[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona(Row):
    """A policy that callers name as their model."""

    name: Annotated[str, given("name")]
    description: str = ""
    system_prompt: Annotated[str, _SOME] | None = None
    system_prompt_mode: PromptMode = "prepend"
    """prepend: before the caller's messages; default: only if the caller sent no instructions;
    replace: instead of the caller's."""
    defaults: Parameters = field(default_factory=dict)
    """Parameters for callers who say nothing of their own."""
    caps: Parameters = field(default_factory=dict)
    """Limits that hold whatever the caller says."""
    requires: frozenset[Capability] = frozenset()
    targets: Targets
    strategy: StrategyName = "priority"
    balance: Annotated[Balance, Written(Balance | None, if_none(DEFAULT_BALANCE))] = DEFAULT_BALANCE
    affinity: bool = True
    """A conversation stays on the target and key that served it, while they are healthy."""
    rules: tuple[Rule, ...] = ()
    on_failure: OnFailure = OnFailure()
    hedge: Hedge | None = None
    resume: bool = False
    """A text that breaks off in the middle is continued by the next target."""
    max_cost_tier: CostTier | None = None
    max_price: Annotated[Decimal, Field(gt=0)] | None = None
    """USD that one request may cost, as expected before it is sent."""
    regions: Annotated[frozenset[str], _REGIONS] = frozenset()
    """Only targets in these regions; empty: anywhere."""
    timeouts: Annotated[TimeoutOverrides, Written(TimeoutOverrides, _overrides)] = NO_OVERRIDES
    fan_out: bool = True
    """`n` answers may be asked for one by one from models that give one."""
    params: ParamsMode | None = None
    """Overrides Config.params."""
    equivalent: bool = False
    """Of embeddings: vectors of all its targets may stand for each other, whatever their spaces."""
    gemini_resources: bool = False
    """Callers of Gemini's API may name what Google stores for our key: files, cached contents."""
    cache: CacheSettings | None = None
    """Whole answers are given again to the same request; None: never."""
    looks_at: tuple[tuple[str, ...], tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """The headers and the metadata that its conditions look at."""
    policy: Policy = field(init=False, repr=False, compare=False)
    """Its own, where no rule of it holds: made once."""

    def __post_init__(self) -> None:
        listed = self._listed()
        whens = [*(rule.when for rule in self.rules), *(target.when for target in listed)]
        headers = tuple(sorted({name for when in whens for name in when.header}))
        metadata = tuple(sorted({name for when in whens for name in when.metadata}))
        policy = Policy(self.name, self, None, self.targets, self.strategy, self.balance)
        derive(self, looks_at=(headers, metadata), policy=policy)

    def _listed(self) -> list[TargetRef]:
        return [*self.targets, *(target for rule in self.rules for target in rule.targets or ())]

    def every_target(self) -> tuple[TargetRef, ...]:
        """Its own targets and those of its rules, each model once."""
        return tuple({target.name: target for target in reversed(self._listed())}.values())[::-1]
