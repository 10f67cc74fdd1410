"""What may stand in persona_policy.yaml: pydantic models of its rows, as strict as those of gateway.config.schema."""

import re
from collections.abc import Callable
from datetime import time
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from gateway.config.errors import shown, unknown
from gateway.config.schema import (
    PARAMS_MODES,
    CostTier,
    Feature,
    ParamsMode,
    PromptMode,
    Region,
    Resilience,
    Row,
    Seconds,
    ServerSettings,
    StrategyName,
    Weight,
)
from translators.capabilities import Capability

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
FailureClass = Literal[
    "connect", "timeout", "rate_limit", "quota", "overloaded", "server_error", "our_key", "model_not_found", "context_overflow",
    "unsupported", "content_filter", "malformed", "truncated_before_content", "bad_output",
]  # fmt: skip

DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)")
_QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_SHARE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_KEY_ID: Final = re.compile(r"[0-9a-f]{8}")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


def _text_or(other: type) -> Callable[[Any], str | None]:
    """Which form a value has that may be text or something else: the tag of it, None for neither. Tags are left out of places."""
    return lambda value: "<text>" if isinstance(value, str) else "<other>" if isinstance(value, other) else None


def _check_time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError(f'must be a time of the day like "09:00", not {shown(text)}')
    return text


def _check_key_id(text: str) -> str:
    if not _KEY_ID.fullmatch(text):
        # Not repeated: whoever mistakes the id for the key writes the key.
        raise ValueError("must be the id of a caller's key as the log shows it: 8 hex digits, in small letters")
    return text


def _check_header_names(headers: dict[str, Any]) -> dict[str, Any]:
    for name in headers:
        if not _HEADER.fullmatch(name):
            raise ValueError(f"{shown(name)} is no name of a header: letters, digits and dashes make one")
        if name.lower() in _SECRET_HEADERS:
            raise ValueError(f"{name!r} carries a key: the condition 'key' is for that")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("one header stands here twice: capitals make no difference in its name")
    return headers


def _check_header_value(text: str) -> str:
    if not _HEADER_VALUE.fullmatch(text):
        raise ValueError("a header's value is printable ASCII without spaces around it: this one can never match")
    return text


def _check_after(after: Any) -> str:
    text = after if isinstance(after, str) else ""
    wait = _DURATION.fullmatch(text)
    if text not in _QUANTILES and (wait is None or float(wait[1]) <= 0):
        raise ValueError(f"must be one of {', '.join(_QUANTILES)} or a time like 800ms or 1.5s, not {shown(after)}")
    return text


def _check_share(share: str) -> str:
    found = _SHARE.fullmatch(share)
    if found is None or not 0 < float(found[1]) <= 100:
        raise ValueError(f"must be a share above 0 and up to 100%, like 5% or 0.05, not {shown(share)}")
    return share


def _check_params(params: Any) -> Any:
    if params == {}:
        raise ValueError("must not be empty")
    if not isinstance(params, dict) and params not in PARAMS_MODES:
        raise ValueError(f"{unknown('value', params, PARAMS_MODES)}, or a mapping of parameters")
    return params


HeaderValue = Annotated[str, AfterValidator(_check_header_value)]
KeyId = Annotated[str, AfterValidator(_check_key_id)]
_ONE_OR_MORE: Final = Discriminator(_text_or(list), custom_error_type="one_or_more", custom_error_message="has none of its forms")
Texts = Annotated[Annotated[str, Tag("<text>")] | Annotated[tuple[str, ...], Field(min_length=1), Tag("<other>")], _ONE_OR_MORE]
HeaderValues = Annotated[
    Annotated[HeaderValue, Tag("<text>")] | Annotated[tuple[HeaderValue, ...], Field(min_length=1), Tag("<other>")], _ONE_OR_MORE
]
KeyIds = Annotated[Annotated[KeyId, Tag("<text>")] | Annotated[tuple[KeyId, ...], Field(min_length=1), Tag("<other>")], _ONE_OR_MORE]
TimeOfDay = Annotated[str, AfterValidator(_check_time)]


class TokensRow(Row):
    """Bounds on the estimated tokens of a prompt, both excluded."""

    over: Annotated[int, Field(ge=0)] | None = None
    under: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.model_fields_set.isdisjoint(("over", "under")):
            raise ValueError("needs 'over' or 'under'")
        return self


class TimeRow(Row):
    """A time window, in UTC."""

    after: TimeOfDay | None = None
    before: TimeOfDay | None = None
    days: Annotated[tuple[Day, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("needs 'after', 'before' or 'days'")
        return self


class WhenRow(Row):
    """Conditions that must all hold."""

    input_tokens: TokensRow | None = None
    has: Annotated[frozenset[Feature], Field(min_length=1)] = frozenset()
    metadata: Annotated[dict[str, Texts], Field(min_length=1)] = Field(default_factory=dict)
    header: Annotated[dict[str, HeaderValues], Field(min_length=1), AfterValidator(_check_header_names)] = Field(default_factory=dict)
    key: KeyIds = ()
    time: TimeRow | None = None


class ClocksRow(Row):
    """Clocks of a target, where they differ from its provider's."""

    connect: Seconds | None = None
    first_content: Seconds | None = None
    idle: Seconds | None = None


class PersonaClocksRow(ClocksRow):
    """Clocks of all targets of a persona, and of the whole request."""

    total: Seconds | None = None


class TargetRow(Row):
    """A target about which more is said than its name."""

    target: str
    weight: Weight | None = None
    when: WhenRow = WhenRow()
    timeouts: ClocksRow = ClocksRow()


TargetItem = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[TargetRow, Tag("<other>")],
    Discriminator(_text_or(dict), custom_error_type="target", custom_error_message="has none of its forms"),
]
Targets = Annotated[tuple[TargetItem, ...], Field(min_length=1)]


class BalanceRow(Row):
    """What the strategy `balanced` weighs."""

    cost: Annotated[float, Field(ge=0)] = 0.0
    latency: Annotated[float, Field(ge=0)] = 0.0
    tier: Annotated[float, Field(ge=0)] = 0.0


class RuleRow(Row):
    """A rule of a persona."""

    name: str
    when: WhenRow
    targets: Targets | None = None
    strategy: StrategyName | None = None
    balance: BalanceRow | None = None
    params: Annotated[Any, AfterValidator(_check_params)] = None


class BackoffRow(Row):
    """Seconds between the retries at one target."""

    initial: Seconds = 0.5
    max: Seconds = 8.0


class OnFailureRow(Row):
    """What happens after a failed attempt."""

    move_on: frozenset[FailureClass] | None = None
    retries: Annotated[int, Field(ge=0, le=5)] = 1
    max_attempts: Annotated[int, Field(ge=1, le=50)] = 8
    backoff: BackoffRow = BackoffRow()


class HedgeRow(Row):
    """When a second target is asked."""

    after: Annotated[Any, AfterValidator(_check_after)]
    max_extra: Annotated[
        Annotated[str, AfterValidator(_check_share), Tag("<text>")] | Annotated[float, Field(gt=0, le=1), Tag("<other>")],
        Discriminator(lambda value: "<text>" if isinstance(value, str) else "<other>"),
    ] = 0.05


class PersonaRow(Row):
    """A persona, its targets not yet looked up."""

    description: str = ""
    system_prompt: Annotated[str, Field(min_length=1)] | None = None
    system_prompt_mode: PromptMode = "prepend"
    defaults: dict[str, Any] = Field(default_factory=dict)
    caps: dict[str, Any] = Field(default_factory=dict)
    requires: frozenset[Capability] = frozenset()
    targets: Targets
    strategy: StrategyName = "priority"
    balance: BalanceRow | None = None
    affinity: bool = True
    rules: tuple[RuleRow, ...] = ()
    on_failure: OnFailureRow = OnFailureRow()
    hedge: HedgeRow | None = None
    resume: bool = False
    max_cost_tier: CostTier | None = None
    max_price: Annotated[Decimal, Field(gt=0)] | None = None
    regions: Annotated[frozenset[Region], Field(min_length=1)] | None = None
    timeouts: PersonaClocksRow = PersonaClocksRow()
    fan_out: bool = True
    params: ParamsMode | None = None


class PolicyRow(Row):
    """persona_policy.yaml, its personas still unread."""

    version: Literal[1]
    direct_models: bool = False
    strict_params: bool = False
    params: ParamsMode | None = None
    server: ServerSettings = ServerSettings()
    resilience: Resilience = Resilience()
    personas: Annotated[dict[str, Any], Field(min_length=1)]


def time_of(text: str) -> time:
    """The time of the day that a checked text says."""
    return time(int(text[:2]), int(text[3:]))


def wait_of(after: str) -> tuple[float | None, float | None]:
    """Of a checked `after`: the seconds, or the quantile."""
    wait = _DURATION.fullmatch(after)
    if wait is None:
        return None, _QUANTILES[after]
    return float(wait[1]) / (1000 if wait[2] == "ms" else 1), None


def share_of(share: str | float) -> float:
    """A checked share as a fraction of 1."""
    return float(share.rstrip(" %")) / 100 if isinstance(share, str) else float(share)
