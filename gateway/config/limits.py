"""What persona_policy.yaml says of limits: who may use how much in which time, and where it is
counted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from gateway.config.errors import Complaint, path_of, shown
from gateway.config.schema import DERIVED, Row, Validator, Written, derive, matching

On = Literal["requests", "tokens", "input_tokens", "output_tokens", "usd", "concurrency"]
Per = Literal["second", "minute", "hour", "day", "week", "month", "ever"]
Each = Literal["key", "user"]
Scope = Literal["keys:read", "keys:write", "spend:read", "config:reload"]
"""What the holder of a key may administer."""
WhenReached = Literal["refuse", "warn"]
SECONDS: Final[Mapping[str, int]] = {
    "second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800,
    "month": 28 * 86_400,
}  # fmt: skip
"""The shortest length of each window that has one."""
FITS: Final = ("usd", "tokens", "output_tokens")
"""What a shorter answer uses less of."""

ZONED: Final = ("day", "week", "month")
"""Windows that begin at a midnight."""
_NANO: Final = 10**9
_LEAST_KEPT: Final = 31 * 86_400
KEYS_MAX_AGE: Final = 3600
"""Seconds for which keys are known without the store, where the policy says nothing else."""
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_KEY_NAME: Final = matching(
    r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}", "must be 1 to 200 characters, none of them a control"
)
_NAME: Final = matching(
    "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "must be 1 to 64 letters, digits, '_', '.' or '-'"
)


def duration(text: str) -> int:
    """Seconds of a time like 30m, 12h or 90d. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"must be a time like 30m, 12h or 90d, not {shown(text)}")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Row):
    """So much of something in a window of time, which is aligned to a calendar."""

    on: On
    per: Per | None = None
    """None for concurrency, which has no window."""
    amount: Annotated[Decimal, Field(gt=0, le=10**12)]
    """USD, tokens, requests, or requests at a time."""
    persona: str | None = None
    """Only what this persona is asked counts."""
    each: Each | None = None
    """Counted for each key, or each end user, by itself."""
    when_reached: WhenReached = "refuse"
    """warn: counted and logged, nobody is refused."""
    timezone: str | None = None
    """Where the midnights are at which a day, week or month begins: `Europe/Berlin`. None: UTC."""
    fit: bool = False
    """An answer without a limit of its caller's is limited to what is left."""
    most: Annotated[int, DERIVED] = 0
    """The amount as it is counted: nano-USD of money."""

    def __post_init__(self) -> None:
        if (self.on == "concurrency") != (self.per is None):
            raise ValueError(
                "'per' has no effect with on: concurrency"
                if self.per is not None
                else "'per' is required: second, minute, hour, day, week, month or ever"
            )
        if self.timezone is not None:
            _check_timezone(self.timezone, self.per)
        most = self.amount * _NANO if self.on == "usd" else self.amount
        if most != int(most):
            raise ValueError(
                "'amount' must be a whole number"
                + (" of nano-USD" if self.on == "usd" else f" of {self.on}")
            )
        if self.fit and self.on not in FITS:
            raise ValueError(f"'fit' has no effect: it needs on: {', '.join(FITS)}")
        if self.when_reached == "warn" and (self.on == "concurrency" or self.fit):
            raise ValueError("'when_reached: warn' has no effect here: nothing is held for it")
        derive(self, most=int(most))

    @property
    def name(self) -> str:
        """`usd/day`, `concurrency`."""
        return self.on if self.per is None else f"{self.on}/{self.per}"

    @property
    def same(self) -> tuple[str, str | None, Each | None]:
        """What two limits of one scope may not share."""
        return self.name, self.persona, self.each


def _check_timezone(name: str, per: Per | None) -> None:
    """Raises ValueError."""
    if per not in ZONED:
        raise ValueError(f"'timezone' has no effect: it needs per: {', '.join(ZONED)}")
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError(
            f"'timezone' must be the name of a time zone that this machine knows, like"
            f" Europe/Berlin, not {shown(name)}"
        ) from None


Limits = tuple[Limit, ...]
Personas = Annotated[frozenset[str], Field(min_length=1)] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team(Row):
    """Keys that are counted together, too."""

    limits: Limits = ()
    personas: Personas = None
    """Those that its keys may ask; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings(Row):
    """What holds for one key, by its id."""

    team: str | None = None
    limits: Limits = ()
    personas: Personas = None
    direct_models: bool | None = None
    """Whether it may name `provider/model`; None: as far as `personas` lets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDefaults(Row):
    """What holds for every key that says nothing else."""

    limits: Limits = ()
    expires_in: Annotated[int | None, Written(str, duration)] = None
    """Seconds that a new key is good for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenDown(Row):
    """What becomes of a request while the store cannot be used."""

    limits: Literal["last_known", "open", "refuse"] = "last_known"
    """Of what is no money. last_known: what is held here already, then this process's share."""
    budgets: Literal["refuse", "open"] = "refuse"
    """Of money. open: counted in the journal, the cap may be exceeded."""
    keys: Literal["last_known", "refuse"] = "last_known"
    """Of callers with keys of the store. refuse: nobody is let in whose key cannot be looked up."""
    keys_max_age: Annotated[int, Written(str, duration)] = KEYS_MAX_AGE
    """Seconds for which `last_known` holds."""

    def __post_init__(self) -> None:
        if self.keys == "refuse" and self.keys_max_age != KEYS_MAX_AGE:
            raise ValueError("'keys_max_age' has no effect with keys: refuse")


def _keep(text: str) -> int:
    seconds = duration(text)
    if seconds < _LEAST_KEPT:
        raise ValueError("must be 31d or longer: a month's limit is the sum of its rows")
    return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings(Row):
    """What becomes of the ledger's rows."""

    keep: Annotated[int, Written(str, _keep)] = 400 * 86_400
    """Seconds for which they are kept; sums by day are kept for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSettings(Row):
    """Whether instances find each other's decisions."""

    keep: Annotated[int | None, Written(str | None, lambda t: t and duration(t))] = None
    """Seconds for which they do; None: each knows its own."""


_URL: Final = matching(
    "sqlite:.+|postgres(?:ql)?://(?!.*password=)(?:[^:@/]+@)?[^@]+",
    "must be sqlite: and a path, or postgresql:// without a password, which belongs into"
    " LLM_ROUTER_STORE_URL",
    repeated=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings(Row):
    """Where keys, counters and the ledger are."""

    url: Annotated[str, _URL] | None = None
    """The environment's LLM_ROUTER_STORE_URL wins over it."""
    when_down: WhenDown = WhenDown()
    ledger: LedgerSettings = LedgerSettings()
    decisions: DecisionSettings = DecisionSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings(Row):
    """Who is told when most, and when all, of a budget is used."""

    webhook: Annotated[
        str,
        matching(
            r"https?://[^@\s]+",
            "must be an http or https URL without user and password",
            repeated=False,
        ),
    ]
    """A URL that a signed POST goes to; it may be a secret itself."""


NO_STORE: Final = StoreSettings()
_DEFAULTS: Final = KeyDefaults()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsPolicy:
    """Everything that the file says of limits."""

    limits: Limits = ()
    teams: Mapping[str, Team] = field(default_factory=dict)
    keys: Mapping[str, KeySettings] = field(default_factory=dict)
    key_defaults: KeyDefaults = _DEFAULTS
    store: StoreSettings = NO_STORE
    alerts: AlertSettings | None = None
    report_budget: bool = False
    """Callers are told what is left of their tightest budget."""
    known_personas: frozenset[str] = frozenset()
    """Those of the same configuration; empty where nobody knows."""
    known_models: frozenset[str] = frozenset()
    """`provider/model` of all that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest(Row):
    """What is asked of a new key, or of a change of one: None leaves it as it is."""

    name: Annotated[str, _KEY_NAME] | None = None
    team: Annotated[str, _NAME] | None = None
    personas: frozenset[str] | None = None
    direct_models: bool | None = None
    limits: Limits | None = None
    expires_in: Annotated[int | None, Written(str | None, lambda t: t and duration(t))] = None
    metadata: dict[str, str] | None = None
    scopes: frozenset[Scope] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRequest(Row):
    """What a team is to be."""

    id: Annotated[str, _NAME]
    limits: Limits = ()
    personas: Personas = None
    metadata: dict[str, str] | None = None


_TEAM_REQUEST: Final = Validator(TeamRequest)


def read_team_request(name: str, value: Any) -> TeamRequest:
    """Raises ValueError, which names the field and the rule."""
    row, complaints = _TEAM_REQUEST.read({**value, "id": name})
    if row is None:
        raise ValueError("; ".join(map(_said, complaints)))
    return row


_KEY_REQUEST: Final = Validator(KeyRequest)


def read_key_request(value: Any) -> KeyRequest:
    """Raises ValueError, which names the field and the rule."""
    row, complaints = _KEY_REQUEST.read(value)
    if row is None:
        raise ValueError("; ".join(map(_said, complaints)))
    return row


def _said(complaint: Complaint) -> str:
    place, message = complaint
    return f"{path_of(place)}: {message}" if place else message


@dataclass(frozen=True, slots=True, kw_only=True)
class _LimitList(Row):
    limits: Limits


_LIMITS: Final = Validator(_LimitList)


def limit_documents(limits: Limits) -> list[dict[str, Any]]:
    """As JSON, in the file's words."""
    documents: list[dict[str, Any]] = _LIMITS.document(_LimitList(limits=limits))["limits"]
    return [
        {
            name: float(value) if name == "amount" else value
            for name, value in document.items()
            if name != "most" and value not in (False, "refuse")
        }
        for document in documents
    ]


def read_limits(documents: Any) -> Limits:
    """Raises ValueError."""
    row, complaints = _LIMITS.read({"limits": documents})
    if row is None:
        raise ValueError("; ".join(map(_said, complaints)))
    return row.limits
