"""The JSON answers about keys, limits and spend, as types."""

from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only


class ApiKeyDocument(TypedDict):
    """A key, without its secret."""

    id: str
    """12 hex digits; stays when the key is rotated."""
    name: str
    """The operator's name for it."""
    team: str | None
    """The team it is counted with."""
    state: Literal["active", "disabled", "revoked"]
    """Only an active one is good."""
    personas: list[str] | None
    """Those that it may ask; null: all."""
    direct_models: bool | None
    """Whether it may name `provider/model`, where the policy lets anybody; null: as far as
    `personas` lets it.
    """
    limits: list[dict[str, Any]]
    """Its own, in the words of persona_policy.yaml."""
    metadata: dict[str, str]
    """The operator's."""
    expires_at: str | None
    """From when on it is not good any more (ISO 8601, UTC); null: never."""
    created_at: str
    """When it was made."""
    created_by: str
    """Who made it: admin or the command line."""
    last_used_at: str | None
    """When it was used last, to a minute; null: never."""
    scopes: list[Literal["keys:read", "keys:write", "spend:read", "config:reload"]] | None
    """What its holder may administer; null: nothing."""


class NewApiKeyDocument(ApiKeyDocument):
    """A key with a new secret: nothing else ever shows it."""

    key: str | None
    """The secret itself; null in the answer to a request that was sent again."""


class ApiKeysDocument(TypedDict):
    """A page of keys, in the order of their ids."""

    keys: list[ApiKeyDocument]
    """Those of the page."""
    next: str | None
    """`after` of the next page; null: this is the last one."""


class TeamDocument(TypedDict):
    """A team."""

    id: str
    """Its name."""
    personas: list[str] | None
    """Those that its keys may ask; null: all."""
    limits: list[dict[str, Any]]
    """Its own, in the words of persona_policy.yaml."""
    metadata: dict[str, str]
    """The operator's."""
    source: Literal["file", "store"]
    """persona_policy.yaml, where it is changed; or this API."""


class TeamsDocument(TypedDict):
    """All teams, in the order of their names."""

    teams: list[TeamDocument]
    """Of the policy and of the store."""


class CounterDocument(TypedDict):
    """A limit as it stands."""

    scope: str
    """What it holds for: all, team/NAME, key/ID, persona/NAME."""
    on: str
    """What it counts."""
    per: str | None
    """Its window; null for concurrency."""
    amount: float
    """The most that may be used in a window: USD, or a number."""
    used: float
    """What has been used, by answers that ended."""
    held: float
    """What is held for requests that run, and leased by processes for those to come."""
    remaining: float
    """The rest."""
    resets_at: str | None
    """When the window ends (ISO 8601, UTC); null: never."""


class LimitsDocument(TypedDict):
    """The limits that hold for a key."""

    key: str
    """Its id; `-` where callers have none."""
    team: str
    """Its team; empty without one."""
    personas: list[str] | None
    """Those that it may ask; null: all."""
    limits: list[CounterDocument]
    """Each limit that holds whichever persona is asked, the narrowest scope first."""


class RaisedDocument(TypedDict):
    """A limit that has more for a while."""

    scope: str
    """As in `GET /api/v1/limits`."""
    on: str
    """What it counts."""
    per: str | None
    """Its window."""
    by: float
    """How much more."""
    until: str
    """Until when (ISO 8601, UTC)."""


class SpendRowDocument(TypedDict):
    """Sums."""

    day: NotRequired[str]
    """The day (UTC)."""
    key: NotRequired[str]
    """The key's id."""
    team: NotRequired[str]
    """The team; empty without one."""
    persona: NotRequired[str]
    """The persona."""
    model: NotRequired[str]
    """provider/model."""
    requests: int
    """Requests that were admitted."""
    input: int
    """Tokens of prompts."""
    cached: int
    """Of these, tokens that were read from a cache."""
    output: int
    """Tokens of answers."""
    cost_usd: float
    """By the price list, as far as it is known."""
    estimated: int
    """Requests whose tokens were estimated or presumed."""
    unpriced: int
    """Requests whose price is not known: their cost is not among the sums."""


class SpendDocument(TypedDict):
    """What was spent."""

    since: str
    """The first day."""
    until: str
    """The day after the last one."""
    rows: list[SpendRowDocument]
    """For each of what was asked for with `by`."""


class LedgerRowDocument(TypedDict):
    """One request, as it was settled."""

    id: str
    """Its id, which sorts by time."""
    at: str
    """When it was admitted (ISO 8601, UTC)."""
    key: str
    """The key's id; `-` where callers have none."""
    team: str
    """The team; empty without one."""
    persona: str
    """The persona, or provider/model."""
    user: str
    """A digest that stands for the end user; empty without one."""
    target: str
    """provider/model."""
    state: str
    """settled, unheld (the same, admitted beyond a budget while the store was down), free, cached,
    estimated, presumed or unpriced.
    """
    attempts: int
    """How many it took."""
    input: int
    """Tokens of prompts."""
    cached: int
    """Of these, read from a cache."""
    written: int
    """Of these, written to a cache."""
    output: int
    """Tokens of answers."""
    reasoning: int
    """Of these, for reasoning."""
    cost_usd: float | None
    """By the price list; null: not known."""
    cost_nano_usd: int | None
    """The same in 10^-9 USD, exact."""
    revision: str
    """Of the configuration whose prices hold."""
    decision: str
    """As `x-llm-router-decision` says it."""
    request: str
    """As `x-request-id` says it."""
    amends: str | None
    """The id of the row that this one corrects: its numbers are added to that one's."""
    why: str | None
    """Why it was corrected; or that it was admitted beyond a budget, while the store was down."""


class LedgerDocument(TypedDict):
    """A page of the ledger, in the order of time."""

    rows: list[LedgerRowDocument]
    """Those of the page."""
    next: str | None
    """`after` of the next page; null: this is the last one."""


class AuditRowDocument(TypedDict):
    """A change that an operator made."""

    id: int
    """Its number."""
    at: str
    """When (ISO 8601, UTC)."""
    who: str
    """admin, key/ID, user/NAME (whom the console's proxy names), or the command line's user."""
    ip: str
    """From where; empty for the command line."""
    action: str
    """create, change, disable, enable, revoke, rotate, raise, amend, or login."""
    what: str
    """key/ID, limit/SCOPE/NAME, ledger/ID; console, of a login."""
    before: str | None
    """As it was, as JSON."""
    after: str | None
    """As it is, as JSON."""


class AuditDocument(TypedDict):
    """A page of the audit."""

    rows: list[AuditRowDocument]
    """In order; the newest first where `newest` says how many of these are wanted."""
    next: int | None
    """`after` of the next page; null: this is the last one."""


_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": ["string", "null"], "description": "A time like 12h or 90d."}
REQUESTS: Final[dict[str, Any]] = {
    "KeyRequest": {
        "type": "object",
        "description": "What a key is to be; null takes away.",
        "properties": {
            "name": {**_TEXT, "description": "The operator's name for it; required of a new key."},
            "team": {"type": ["string", "null"], "description": "A team of persona_policy.yaml."},
            "personas": {
                "type": ["array", "null"],
                "items": _TEXT,
                "description": "Those that it may ask.",
            },
            "direct_models": {
                "type": ["boolean", "null"],
                "description": "Whether it may name `provider/model`.",
            },
            "limits": {
                "type": ["array", "null"],
                "items": {"type": "object"},
                "description": "Its own, in the words of persona_policy.yaml.",
            },
            "expires_in": _TIME,
            "scopes": {
                "type": ["array", "null"],
                "items": {"enum": ["keys:read", "keys:write", "spend:read", "config:reload"]},
                "description": "What its holder may administer.",
            },
            "metadata": {
                "type": ["object", "null"],
                "additionalProperties": _TEXT,
                "description": "The operator's.",
            },
        },
        "additionalProperties": False,
    },
    "TeamRequest": {
        "type": "object",
        "description": "What a team is to be.",
        "properties": {
            "personas": {
                "type": ["array", "null"],
                "items": _TEXT,
                "description": "Those that its keys may ask.",
            },
            "limits": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Its own, in the words of persona_policy.yaml.",
            },
            "metadata": {
                "type": ["object", "null"],
                "additionalProperties": _TEXT,
                "description": "The operator's.",
            },
        },
        "additionalProperties": False,
    },
    "RotateRequest": {
        "type": "object",
        "description": "How the secret before is treated.",
        "properties": {
            "grace": {**_TEXT, "description": "How long it is still good: 24h unless said, or 0."}
        },
        "additionalProperties": False,
    },
    "RaiseRequest": {
        "type": "object",
        "description": "More of a limit.",
        "properties": {
            "scope": {**_TEXT, "description": "As `GET /api/v1/limits` shows it."},
            "on": {**_TEXT, "description": "What it counts."},
            "per": {"type": ["string", "null"], "description": "Its window."},
            "by": {"type": "number", "description": "How much more: USD, or a number."},
            "for": {**_TEXT, "description": "How long: 24h unless said."},
        },
        "required": ["scope", "on", "by"],
        "additionalProperties": False,
    },
}
"""The bodies that operators send."""
