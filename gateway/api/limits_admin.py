"""Keys, limits, spend and the ledger over HTTP: for operators; for callers, what is their own."""

import csv
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

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
from gateway.errors import LimitsNotConfigured, TeamNotFound
from gateway.http.response import Response, json_response
from translators.errors import InvalidRequest

if TYPE_CHECKING:
    from gateway.admission.administrator import Administrator

_PAGE: Final = 100
_LEDGER_PAGE: Final = 1000
_GRACE: Final = "24h"


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
    query, (administrator, _) = http.query, _administrator(http, "keys:read")
    found = await administrator.list_keys(query.get("team"), query.get("after", ""), _PAGE)
    document: ApiKeysDocument = {
        "keys": cast(list[ApiKeyDocument], found),
        "next": found[-1]["id"] if len(found) == _PAGE else None,
    }
    return json_response(document)


async def get_key(http: Request) -> Response:
    """GET /api/v1/keys/{id}."""
    administrator, _ = _administrator(http, "keys:read")
    return json_response(cast(ApiKeyDocument, await administrator.key(http.id)))


async def change_key(http: Request) -> Response:
    """PATCH /api/v1/keys/{id}: a JSON merge patch."""
    administrator, by = _administrator(http, "keys:write")
    try:
        changed = await administrator.change_key(http.id, await _body(http), by)
    except ValueError as error:
        raise _refused(error) from None
    return json_response(cast(ApiKeyDocument, changed))


def _set_state(action: str) -> Callable[[Request], Any]:
    async def handler(http: Request) -> Response:
        administrator, by = _administrator(http, "keys:write")
        asked = once(http, by, None) if http.method == "POST" else None
        cut = flag(http, "now") if action == "revoke" else False
        try:
            changed = await administrator.set_state(http.id, action, by, asked, cut=cut)
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
        made = await administrator.rotate_key(http.id, seconds, by, once(http, by, body))
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
    try:
        team = await administrator.remove_team(http.id, by)
    except ValueError as error:
        raise _refused(error) from None
    return json_response(cast(TeamDocument, team))


async def limits(http: Request) -> Response:
    """GET /api/v1/limits?key=: the limits that hold for a key, and how they stand."""
    administrator, _ = _administrator(http, "keys:read")
    return json_response(await _limits(administrator, http.query.get("key")))


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
    try:
        since, until, rows = await administrator.spend(
            [name for name in query.get("by", "").split(",") if name],
            query.get("since"), query.get("until"), query.get("key"),
        )  # fmt: skip
    except ValueError as error:
        raise _refused(error) from None
    if query.get("format") == "csv":
        return Response(as_csv(rows).encode(), content_type="text/csv; charset=utf-8")
    document: SpendDocument = {"since": since, "until": until, "rows": cast(Any, rows)}
    return json_response(document)


def as_csv(rows: list[dict[str, Any]]) -> str:
    """A table with its names in the first line."""
    if not rows:
        return ""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


async def ledger(http: Request) -> Response:
    """GET /api/v1/ledger?key&since&after."""
    (administrator, _), query = _administrator(http, "spend:read"), http.query
    try:
        rows = await administrator.ledger(
            query.get("key"), query.get("after", ""), query.get("since"), _LEDGER_PAGE
        )
    except ValueError as error:
        raise _refused(error) from None
    document: LedgerDocument = {
        "rows": cast(Any, rows),
        "next": rows[-1]["id"] if len(rows) == _LEDGER_PAGE else None,
    }
    return json_response(document)


async def audit(http: Request) -> Response:
    """GET /api/v1/audit?after."""
    after = http.query.get("after", "0")
    if not after.isdecimal():
        raise InvalidRequest("after: must be a whole number.", "after", "invalid_value")
    administrator, _ = _administrator(http, "keys:read")
    rows = await administrator.audit(int(after), _LEDGER_PAGE)
    document: AuditDocument = {
        "rows": cast(Any, rows),
        "next": rows[-1]["id"] if len(rows) == _LEDGER_PAGE else None,
    }
    return json_response(document)
