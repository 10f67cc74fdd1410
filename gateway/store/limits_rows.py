"""The rows of keys, counters and the ledger, as values."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

DAY: Final = 86_400_000
"""Milliseconds."""
FOREVER: Final = 0
"""The window of what has none."""


class CounterId(NamedTuple):
    """Names one counter."""

    scope: str
    """`all`, `team/blue`, `key/0a1b2c3d`, narrowed by `+persona/NAME`, `+key/ID`, `+user/DIGEST`.
    """
    name: str
    """`usd/day`, `concurrency`."""
    window: int
    """When it began, Unix seconds; FOREVER without windows."""


class Want(NamedTuple):
    """What a process wants of a counter."""

    counter: CounterId
    need: int
    """At least this, or nothing."""
    cap: int


class Given(NamedTuple):
    """What came of it."""

    given: int
    """0: there is not so much left."""
    used: int
    """Leased and spent by all, with what was given."""
    spent: int
    """Of it, what the ledger has."""


class Charge(NamedTuple):
    """What a ledger row counted somewhere."""

    counter: CounterId
    amount: int


class LedgerRow(NamedTuple):
    """One request, as it was settled."""

    id: str
    """24 hex digits; the first 12 are its time, so that they are in its order."""
    at: int
    """When it was admitted: Unix milliseconds."""
    key_id: str
    team: str
    persona: str
    user: str
    provider: str
    model: str
    state: str
    """settled, free, cached, estimated, presumed or unpriced."""
    attempts: int
    input: int
    cached: int
    written: int
    output: int
    reasoning: int
    cost: int | None
    """Nano-USD; None: not known."""
    revision: str
    """Of the configuration with the prices."""
    decision: str
    request: str
    amends: str | None
    why: str | None
    charges: tuple[Charge, ...]


COMMON: Final = (
    "day", "key_id", "team", "persona", "provider", "model", "revision", "why", "amends",
)  # fmt: skip
"""Columns of the ledger in which rows that are booked together have the same: sqlite3 takes as long
for one that is None as for three others.
"""
OWN: Final = (
    "id", "at", "user", "state", "attempts", "input", "cached", "written", "output", "reasoning",
    "cost", "decision", "request", "charges",
)  # fmt: skip
"""The others: with these each has its own."""


class Booking(NamedTuple):
    """Rows on their way into the ledger, and what they count together, where."""

    common: tuple[Any, ...]
    """COMMON of all of them."""
    rows: Sequence[tuple[Any, ...]]
    """OWN of each, its charges as JSON."""
    counters: Sequence[CounterId]
    amounts: Sequence[int]


class KeyRow(NamedTuple):
    """A key without its secrets."""

    id: str
    name: str
    team: str | None
    state: str
    """active, disabled or revoked."""
    personas: str | None
    """A JSON list; None: all."""
    limits: str
    """A JSON list, in the words of persona_policy.yaml."""
    metadata: str
    expires_at: int | None
    created_at: int
    created_by: str
    last_used_at: int | None
    rev: int
    scopes: str | None = None
    """A JSON list of what its holder may administer; None: nothing."""
    direct_models: int | None = None
    """Whether it may name `provider/model`, 0 or 1; None: as far as `personas` lets it."""


class SecretRow(NamedTuple):
    """What is known of a key's secret."""

    digest: bytes
    key_id: str
    hint: str
    valid_until: int | None
    """Unix seconds; None: as long as the key."""


class TeamRow(NamedTuple):
    """A team that is not the policy's."""

    id: str
    personas: str | None
    """A JSON list; None: all."""
    limits: str
    """A JSON list, in the words of persona_policy.yaml."""
    metadata: str
    rev: int


class Raise(NamedTuple):
    """More of a limit, for a while."""

    scope: str
    name: str
    by: int
    until: int


class Author(NamedTuple):
    """Who changes something."""

    who: str
    ip: str = ""
