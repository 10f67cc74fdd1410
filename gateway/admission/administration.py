"""What operators do with keys, limits and the ledger: on the store alone, so that the command line
needs no running server. Plain functions, used by one thread.
"""

import json
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, date, datetime
from typing import Any, Final

from gateway.admission.keys import new_id, new_secret
from gateway.config.limits import (
    KeyRequest,
    Limits,
    LimitsPolicy,
    limit_documents,
    read_key_request,
)
from gateway.errors import KeyNotFound, ScopeMissing
from gateway.store import keys, ledger
from gateway.store.database import Database, transaction
from gateway.store.limits_rows import Author, Charge, KeyRow, LedgerRow, Raise

DAY: Final = 86_400
_LAST_DAY: Final = 100_000
"""Since 1970: in the year 2243."""
_STATES: Final = {"disable": "disabled", "enable": "active", "revoke": "revoked"}


def create_key(
    database: Database, body: Any, policy: LimitsPolicy, now: int, author: Author
) -> tuple[KeyRow, str]:
    """A new key, and the key itself. Raises ValueError, which names the field and the rule."""
    asked = _checked(body, policy)
    if asked.name is None:
        raise ValueError("name: is required")
    expires_in = asked.expires_in or policy.key_defaults.expires_in
    row = KeyRow(
        new_id(), asked.name, asked.team, "active", _named(asked.personas),
        json.dumps(limit_documents(asked.limits or ())), json.dumps(asked.metadata or {}),
        None if expires_in is None else now + expires_in, now, author.who, None, 0,
        _named(asked.scopes), _switch(asked.direct_models),
    )  # fmt: skip
    key, secret = new_secret(row.id)
    return keys.create(database, row, secret, author), key


def _checked(body: Any, policy: LimitsPolicy) -> KeyRequest:
    asked = read_key_request(body)
    if asked.team is not None and asked.team not in policy.teams:
        known = ", ".join(sorted(policy.teams)) or "none"
        raise ValueError(f"team: unknown team {asked.team!r} (known: {known})")
    names = [limit.same for limit in asked.limits or ()]
    if len(set(names)) != len(names):
        raise ValueError("limits: the same limit stands in the list twice")
    check_names(policy, asked.personas, asked.limits or ())
    return asked


def check_names(policy: LimitsPolicy, allowed: Set[str] | None, limits: Limits) -> None:
    """Raises ValueError for what is neither a persona nor a model of the configuration."""
    personas = policy.known_personas
    if not personas:
        return
    known = ", ".join(sorted(personas))
    for name in sorted((allowed or set()) - personas - policy.known_models):
        raise ValueError(f"personas: unknown persona {name[:100]!r} (known: {known})")
    for i, limit in enumerate(limits):
        if limit.persona is not None and limit.persona not in personas:
            raise ValueError(
                f"limits[{i}].persona: unknown persona {limit.persona[:100]!r} (known: {known})"
            )


def _switch(said: bool | None) -> int | None:
    """As the table has it."""
    return None if said is None else int(said)


def _named(names: Set[str] | None) -> str | None:
    return None if names is None else json.dumps(sorted(names))


def check_granted(granted: frozenset[str] | None, scopes: Iterable[str]) -> None:
    """Nobody gives, or takes over, what he may not do himself. `granted`: None is all. Raises
    ScopeMissing.
    """
    if granted is not None and (more := set(scopes) - granted):
        raise ScopeMissing(f"This API key may not do this: it has no scope {min(more)!r} itself.")


def key_of(database: Database, key_id: str) -> KeyRow:
    """Raises KeyNotFound."""
    row = keys.find(database, key_id)
    if row is None:
        raise KeyNotFound(f"There is no key {key_id[:40]!r}.")
    return row


def change_key(
    database: Database,
    key_id: str,
    body: Any,
    policy: LimitsPolicy,
    now: int,
    author: Author,
) -> KeyRow:
    """A JSON merge patch (RFC 7396): null takes away. Raises KeyNotFound, ValueError."""
    row, asked = key_of(database, key_id), _checked(body, policy)
    changes: dict[str, Any] = {}
    for name in body:
        value = getattr(asked, name)
        match name:
            case "name" if value is None:
                raise ValueError("name: is required")
            case "personas" | "scopes":
                changes[name] = _named(value)
            case "direct_models":
                changes[name] = _switch(value)
            case "limits":
                changes[name] = json.dumps(limit_documents(value or ()))
            case "metadata":
                changes[name] = json.dumps(value or {})
            case "expires_in":
                changes["expires_at"] = None if value is None else now + value
            case _:
                changes[name] = value
    return keys.update(database, row._replace(**changes), now, author, "change")


def set_state(
    database: Database, key_id: str, action: str, now: int, author: Author, *, cut: bool = False
) -> KeyRow:
    """`action`: disable, enable or revoke. `cut`: its running requests are ended everywhere, too.
    Raises KeyNotFound, ValueError.
    """
    with transaction(database):
        row = key_of(database, key_id)
        if row.state == "revoked" and action != "revoke":
            raise ValueError(f"the key {key_id} was revoked, which is for ever")
        row = keys.update(database, row._replace(state=_STATES[action]), now, author, action)
        if cut:
            keys.note_change(database, now, "cut", key_id)
    return row


def rotate_key(
    database: Database, key_id: str, grace: int, now: int, author: Author
) -> tuple[KeyRow, str]:
    """A second secret; the first is good for `grace` seconds more. Raises KeyNotFound, and
    ValueError for a key that was revoked.
    """
    row = key_of(database, key_id)
    if row.state == "revoked":
        raise ValueError(f"the key {key_id} was revoked, which is for ever")
    key, secret = new_secret(row.id)
    keys.rotate(database, secret, now + grace, now, author)
    return row, key


def raise_limit(database: Database, more: Raise, now: int, author: Author) -> None:
    keys.add_raise(database, more, now, author)


def note_login(database: Database, now: int, author: Author) -> None:
    """Write down a login at the console."""
    with transaction(database):
        keys.note_in_audit(database, now, author, "login", "console", None, None)


def amend_row(
    database: Database, row_id: str, cost: int, why: str, now: int, author: Author
) -> LedgerRow:
    """A row that sets the cost of another one, in nano-USD. Raises ValueError."""
    row = ledger.find(database, row_id)
    if row is None or row.amends is not None:
        raise ValueError(f"there is no row {row_id!r} in the ledger")
    amended = list(ledger.amendments(database, row.id))
    held = row.cost or 0
    by = cost - held - sum(each.cost or 0 for each in amended)
    counted = {c.counter: c.amount for c in row.charges if c.counter.name.startswith("usd/")}
    for each in amended:
        for charge in each.charges:
            counted[charge.counter] = counted.get(charge.counter, 0) + charge.amount
    charges = tuple(Charge(counter, cost - amount) for counter, amount in counted.items())
    added = row._replace(
        id=f"{row.id}-{len(amended) + 1}", attempts=0, input=0, cached=0, written=0, output=0,
        reasoning=0, cost=by, state="settled", amends=row.id, why=why, charges=charges,
    )  # fmt: skip
    ledger.amend(database, added)
    after = json.dumps({"cost_nano_usd": cost, "why": why})
    keys.audited(database, f"ledger/{row.id}", now, author, after)
    return added


def scopes_of(row: KeyRow) -> list[str]:
    """What its holder may administer."""
    found: list[str] = [] if row.scopes is None else json.loads(row.scopes)
    return found


def key_document(row: KeyRow) -> dict[str, Any]:
    """As JSON, without its secrets."""
    return {
        "id": row.id,
        "name": row.name,
        "team": row.team,
        "state": row.state,
        "personas": None if row.personas is None else json.loads(row.personas),
        "direct_models": None if row.direct_models is None else bool(row.direct_models),
        "limits": json.loads(row.limits),
        "metadata": json.loads(row.metadata),
        "expires_at": moment(row.expires_at),
        "created_at": moment(row.created_at),
        "created_by": row.created_by,
        "last_used_at": moment(row.last_used_at),
        "scopes": scopes_of(row) or None,
    }


def ledger_document(row: LedgerRow) -> dict[str, Any]:
    """As JSON."""
    document: dict[str, Any] = {**row._asdict(), "at": moment(row.at / 1000)}
    for name in ("charges", "provider", "model", "key_id", "cost"):
        del document[name]
    document["key"] = row.key_id
    document["target"] = f"{row.provider}/{row.model}"
    document["cost_nano_usd"] = row.cost
    document["cost_usd"] = None if row.cost is None else row.cost / 1e9
    return document


def spend_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of sums as JSON."""
    document = {**row, "cost_usd": row["cost"] / 1e9}
    del document["cost"]
    if "day" in document:
        document["day"] = datetime.fromtimestamp(row["day"] * DAY, UTC).date().isoformat()
    return document


def moment(seconds: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )  # fmt: skip


def day_of(text: str) -> int:
    """Days since 1970 of a date like 2026-11-30. Raises ValueError."""
    try:
        day = date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        day = -1
    if not 0 <= day < _LAST_DAY:
        raise ValueError(f"must be a day like 2026-11-30, not {text[:40]!r}")
    return day
