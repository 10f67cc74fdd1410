"""Who operates: the admin key of the environment may do everything, a stored key what its scopes
say.
"""

import hashlib
import json
from typing import Any, Final, NamedTuple

from gateway.api.auth import given_keys
from gateway.api.request import Request
from gateway.config.limits import Scope
from gateway.errors import AdminDisabled, NotAuthorized, ScopeMissing
from translators.errors import InvalidRequest

_LONGEST: Final = 255


class Operator(NamedTuple):
    """Who changes or asks something."""

    who: str
    """As the audit has it: `admin`, `key/` and its id, or `user/` and the name a proxy gives."""
    ip: str
    scopes: frozenset[str] | None
    """None: all."""


class Once(NamedTuple):
    """A request that is done once, however often it is sent."""

    id: str
    request: str
    """What stands for all of it."""


def operator(http: Request, scope: Scope) -> Operator:
    """Raises AdminDisabled, NotAuthorized, ScopeMissing, LimitsUnavailable."""
    ip = http.remote or ""
    if http.operator:
        return Operator(http.operator, ip, None)
    try:
        http.gateway.admin.check(http.headers)
    except (AdminDisabled, NotAuthorized):
        found = _stored(http, ip)
        if found is None:
            raise
        if scope not in (found.scopes or ()):
            raise ScopeMissing(
                f"This API key may not do this: it has no scope {scope!r}."
            ) from None
        return found
    return Operator("admin", ip, None)


def _stored(http: Request, ip: str) -> Operator | None:
    """The key of the store that the request carries, if it is good and has scopes."""
    admission = http.gateway.admission
    if admission is None:
        return None
    for key in filter(None, given_keys(http.headers)):
        if (key_id := admission.keys.key_id(key)) is None:
            continue
        known = admission.keys.find(key_id)
        if known is not None and known.scopes:
            return Operator(f"key/{key_id}", ip, known.scopes)
    return None


def once(http: Request, by: Operator, body: Any) -> Once | None:
    """What `Idempotency-Key` asks for; None without one. Raises InvalidRequest."""
    key = http.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST or not key.isprintable():
        raise InvalidRequest(
            f"Idempotency-Key: must be 1 to {_LONGEST} printable characters.", "Idempotency-Key",
            "invalid_value",
        )  # fmt: skip
    request = json.dumps([http.method, http.path, body], sort_keys=True)
    return Once(_digest(f"{by.who} {key}"), _digest(request))


def flag(http: Request, name: str) -> bool:
    """A switch in the query, off unless it is there. Raises InvalidRequest."""
    said = http.query.get(name, "false")
    if said not in ("true", "false"):
        raise InvalidRequest(f"{name}: must be true or false", name, "invalid_value")
    return said == "true"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
