"""Keys, limits, spend and the ledger over HTTP: for operators; for callers, what is their own."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from gateway.api.csv_tables import LEDGER_COLUMNS, as_csv, spend_columns
from gateway.api.limits_schemas import (
    ApiKeyDocument,
    ApiKeysDocument,
    AuditDocument,
    CounterDocument,
    LedgerDocument,
    LimitsDocument,
    NewApiKeyDocument,
    RaisedDocument,
    SpendDocument,
    TeamDocument,
    TeamsDocument,
)
from gateway.api.operators import Operator, flag, once, operator
from gateway.api.request import Request
from gateway.config.limits import Scope, duration
from gateway.errors import KeyNotFound, LimitsNotConfigured, TeamNotFound
from gateway.http.response import Response, json_response
from translators.errors import InvalidRequest

if TYPE_CHECKING:
    from gateway.admission.administrator import Administrator

_PAGE: Final = 100
_LEDGER_PAGE: Final = 1000
_GRACE: Final = "24h"
_LONGEST: Final = 200
_DIGITS: Final = 18
"""Of a number that a store can have."""
_KEY_ID: Final = re.compile("[0-9a-f]{12}")


def _administrator(http: Request, scope: Scope) -> tuple["Administrator", Operator]:
    """Raises AdminDisabled, NotAuthorized, ScopeMissing, LimitsNotConfigured."""
    by = operator(http, scope)
    return _configured(http), by


def _configured(http: Request) -> "Administrator":
    admission = http.gateway.admission
    if admission is None:
        raise LimitsNotConfigured(
            "This gateway has no limits: persona_policy.yaml says none, and has no `store`."
        )
    return admission.administrator


async def _body(http: Request) -> dict[str, Any]:
    """An object. Raises InvalidRequest."""
    if not http.can_read_body:
        return {}
    document, _ = await http.read_json()
    if document.__class__ is not dict:
        raise InvalidRequest("The body must be a JSON object.", None, "invalid_type")
    return cast(dict[str, Any], document)


def _text(http: Request, name: str, default: str | None = None) -> str | None:
    """A parameter of the query. Raises InvalidRequest for what no store could have."""
    said = http.query.get(name, default)
    if said and (len(said) > _LONGEST or not said.isprintable()):
        raise InvalidRequest(
            f"{name}: must be at most {_LONGEST} printable characters", name, "invalid_value"
        )
    return said


def _key_id(http: Request) -> str:
    """The key that the path names. Raises KeyNotFound for what is no id."""
    if not _KEY_ID.fullmatch(http.id):
        raise KeyNotFound(f"There is no key {http.id[:40]!r}.")
    return http.id


def _refused(error: ValueError) -> InvalidRequest:
    """The rule that was broken; the field stands before it."""
    said = str(error)
    field, colon, _ = said.partition(": ")
    return InvalidRequest(said, field if colon and " " not in field else None, "invalid_value")


async def create_key(http: Request) -> Response:
    """POST /api/v1/keys: the only answer that shows the key."""
    administrator, by = _administrator(http, "keys:write")
    body = await _body(http)
    try:
        made = await administrator.create_key(body, by, once(http, by, body))
    except ValueError as error:
        raise _refused(error) from None
    return json_response(cast(NewApiKeyDocument, made), 201)


async def list_keys(http: Request) -> Response:
    """GET /api/v1/keys[?team=][&after=]."""
    administrator, _ = _administrator(http, "keys:read")
    after = _text(http, "after") or ""
    found = await administrator.list_keys(_text(http, "team"), after, _PAGE)
    document: ApiKeysDocument = {
        "keys": cast(list[ApiKeyDocument], found),
        "next": found[-1]["id"] if len(found) == _PAGE else None,
    }
    return json_response(document)


async def get_key(http: Request) -> Response:
    """GET /api/v1/keys/{id}."""
    administrator, _ = _administrator(http, "keys:read")
    return json_response(cast(ApiKeyDocument, await administrator.key(_key_id(http))))


async def change_key(http: Request) -> Response:
    """PATCH /api/v1/keys/{id}: a JSON merge patch."""
    administrator, by = _administrator(http, "keys:write")
    try:
        changed = await administrator.change_key(_key_id(http), await _body(http), by)
    except ValueError as error:
        raise _refused(error) from None
    return json_response(cast(ApiKeyDocument, changed))


def _set_state(action: str) -> Callable[[Request], Any]:
    async def handler(http: Request) -> Response:
        administrator, by = _administrator(http, "keys:write")
        asked = once(http, by, None) if http.method == "POST" else None
        cut = flag(http, "now") if action == "revoke" else False
        try:
            changed = await administrator.set_state(_key_id(http), action, by, asked, cut=cut)
        except ValueError as error:
            raise _refused(error) from None
        return json_response(cast(ApiKeyDocument, changed))

    return handler


revoke_key: Final = _set_state("revoke")
disable_key: Final = _set_state("disable")
enable_key: Final = _set_state("enable")


async def rotate_key(http: Request) -> Response:
    """POST /api/v1/keys/{id}/rotate: `grace` is how long the secret before is still good."""
    administrator, by = _administrator(http, "keys:write")
    body = await _body(http)
    grace = body.get("grace", _GRACE)
    try:
        seconds = 0 if grace in (0, "0") else duration(grace if isinstance(grace, str) else "")
    except ValueError as error:
        raise InvalidRequest(f"grace: {error}", "grace", "invalid_value") from None
    try:
        made = await administrator.rotate_key(_key_id(http), seconds, by, once(http, by, body))
    except ValueError as error:
        raise _refused(error) from None
    return json_response(cast(NewApiKeyDocument, made))


async def list_teams(http: Request) -> Response:
    """GET /api/v1/teams: those of the policy, and those that were made here."""
    administrator, _ = _administrator(http, "keys:read")
    document: TeamsDocument = {"teams": cast(list[TeamDocument], await administrator.teams())}
    return json_response(document)


async def get_team(http: Request) -> Response:
    """GET /api/v1/teams/{id}."""
    administrator, _ = _administrator(http, "keys:read")
    found = next((team for team in await administrator.teams() if team["id"] == http.id), None)
    if found is None:
        raise TeamNotFound(f"There is no team {http.id[:64]!r}.")
    return json_response(cast(TeamDocument, found))


async def put_team(http: Request) -> Response:
    """PUT /api/v1/teams/{id} `{limits, personas, metadata}`: a team, or another in its place."""
    administrator, by = _administrator(http, "keys:write")
    try:
        team = await administrator.put_team(http.id, await _body(http), by)
    except ValueError as error:
        raise _refused(error) from None
    return json_response(cast(TeamDocument, team))


async def remove_team(http: Request) -> Response:
    """DELETE /api/v1/teams/{id}: one without keys."""
    administrator, by = _administrator(http, "keys:write")
    if not http.id.isprintable():
        raise TeamNotFound(f"There is no team {http.id[:64]!r}.")
    try:
        team = await administrator.remove_team(http.id, by)
    except ValueError as error:
        raise _refused(error) from None
    return json_response(cast(TeamDocument, team))


async def limits(http: Request) -> Response:
    """GET /api/v1/limits?key=: the limits that hold for a key, and how they stand."""
    administrator, _ = _administrator(http, "keys:read")
    return json_response(await _limits(administrator, _text(http, "key")))


async def me(http: Request) -> Response:
    """GET /api/v1/me: the same of the caller's own key."""
    return json_response(await _limits(_configured(http), http.key_id))


async def _limits(administrator: "Administrator", key_id: str | None) -> LimitsDocument:
    rules, counters = await administrator.limits(key_id)
    return {
        "key": rules.key_id,
        "team": rules.team,
        "personas": None if rules.personas is None else sorted(rules.personas),
        "limits": cast(list[CounterDocument], counters),
    }


async def raise_limit(http: Request) -> Response:
    """POST /api/v1/limits/raise `{scope, on, per, by, for}`."""
    administrator, by = _administrator(http, "keys:write")
    body = await _body(http)
    try:
        raised = await administrator.raise_limit(body, by, once(http, by, body))
    except ValueError as error:
        raise _refused(error) from None
    return json_response(cast(RaisedDocument, raised))


async def spend(http: Request) -> Response:
    """GET /api/v1/spend?since&until&by=day,team&format=csv: by days of UTC."""
    (administrator, _), query = _administrator(http, "spend:read"), http.query
    by, wants_csv = [name for name in query.get("by", "").split(",") if name], _wants_csv(http)
    try:
        since, until, rows = await administrator.spend(
            by, query.get("since"), query.get("until"), _text(http, "key")
        )
    except ValueError as error:
        raise _refused(error) from None
    if wants_csv:
        return _csv(as_csv(rows, spend_columns(by)))
    document: SpendDocument = {"since": since, "until": until, "rows": cast(Any, rows)}
    return json_response(document)


def _wants_csv(http: Request) -> bool:
    """Raises InvalidRequest."""
    said = http.query.get("format", "json")
    if said not in ("json", "csv"):
        raise InvalidRequest("format: must be json or csv", "format", "invalid_value")
    return said == "csv"


def _csv(text: str) -> Response:
    return Response(text.encode(), content_type="text/csv; charset=utf-8")


async def ledger(http: Request) -> Response:
    """GET /api/v1/ledger?key&since&until&after&format=csv."""
    (administrator, _), query = _administrator(http, "spend:read"), http.query
    key, after, wants_csv = _text(http, "key"), _text(http, "after") or "", _wants_csv(http)
    try:
        rows = await administrator.ledger(
            key, after, query.get("since"), query.get("until"), _LEDGER_PAGE
        )
    except ValueError as error:
        raise _refused(error) from None
    if wants_csv:
        return _csv(as_csv(rows, LEDGER_COLUMNS))
    document: LedgerDocument = {
        "rows": cast(Any, rows),
        "next": rows[-1]["id"] if len(rows) == _LEDGER_PAGE else None,
    }
    return json_response(document)


async def audit(http: Request) -> Response:
    """GET /api/v1/audit?after&newest."""
    after, newest = _whole(http, "after", 0), _whole(http, "newest", 0)
    administrator, _ = _administrator(http, "keys:read")
    most = min(newest or _LEDGER_PAGE, _LEDGER_PAGE)
    rows = await administrator.audit(after, most, newest=newest > 0)
    document: AuditDocument = {
        "rows": cast(Any, rows),
        "next": rows[-1]["id"] if len(rows) == _LEDGER_PAGE and not newest else None,
    }
    return json_response(document)


def _whole(http: Request, name: str, default: int) -> int:
    """Raises InvalidRequest."""
    said = http.query.get(name, str(default))
    if not said.isdecimal() or len(said) > _DIGITS:
        raise InvalidRequest(f"{name}: must be a whole number.", name, "invalid_value")
    return int(said)
