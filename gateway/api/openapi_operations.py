"""The operations of /openapi.json: what each route takes and answers, a row each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.api import console_schemas

_EVERYWHERE: Final = (400, 417, 500)
_CALLERS: Final = (*_EVERYWHERE, 401, 403, 421)
_READING: Final = (*_CALLERS, 404, 408, 413, 415, 503)
_CHAT: Final = (*_READING, 429, 502, 504)


class Operation(NamedTuple):
    """One row of the document's paths. `answer`, `body` and `others` name components; several
    bodies: any of them.
    """

    summary: str
    answer: str
    errors: tuple[int, ...]
    body: tuple[str, ...] = ()
    others: tuple[tuple[int, str, str], ...] = ()
    """Answers of other shapes: status, what it means, component."""
    public: bool = False
    """It takes no key."""
    status: int = 200
    chats: bool = True
    """Its body is a request to a model, with the headers of one."""
    query: Mapping[str, str] = MappingProxyType({})
    """Parameters in the query, and what they do."""
    also: tuple[str, ...] = ()
    """Other shapes of a good answer."""


_EITHER: Final = ("ChatCompletionRequest", "NativeChatRequest")
_NOT_READY: Final = ((503, "Stopping, or no persona can be served.", "Readiness"),)
_NOT_RELOADED: Final = ((422, "The files cannot be used; nothing has changed.", "NotReloaded"),)
_ADMIN: Final = (*_EVERYWHERE, 401, 403, 404, 503)
_WRITES: Final = (*_ADMIN, 408, 413, 415)
_LIMITS: Final = {
    ("/api/v1/keys", "post"): Operation("Make a key; wants the admin key, as all of these do",
     "NewApiKey", _WRITES, ("KeyRequest",), status=201, chats=False),
    ("/api/v1/keys", "get"): Operation("Keys, by `team`, a page `after` an id", "ApiKeys", _ADMIN),
    ("/api/v1/keys/{id}", "get"): Operation("One key", "ApiKey", _ADMIN),
    ("/api/v1/keys/{id}", "patch"): Operation("Change a key: a JSON merge patch", "ApiKey", _WRITES,
     ("KeyRequest",), chats=False),
    ("/api/v1/keys/{id}", "delete"): Operation(
        "Revoke a key, for ever; with `now=true` its running requests are ended", "ApiKey", _ADMIN),
    ("/api/v1/keys/{id}/rotate", "post"): Operation(
        "A new secret; the one before is good for `grace` more", "NewApiKey", _WRITES,
        ("RotateRequest",), chats=False),
    ("/api/v1/keys/{id}/disable", "post"): Operation("Refuse a key until it is enabled", "ApiKey",
     _ADMIN),
    ("/api/v1/keys/{id}/enable", "post"): Operation("Take a disabled key again", "ApiKey", _ADMIN),
    ("/api/v1/teams", "get"): Operation("Teams, of the file and of the store", "Teams", _ADMIN),
    ("/api/v1/teams/{id}", "get"): Operation("One team", "Team", _ADMIN),
    ("/api/v1/teams/{id}", "put"): Operation("Make a team, or another one in its place", "Team",
     _WRITES, ("TeamRequest",), chats=False),
    ("/api/v1/teams/{id}", "delete"): Operation("Take out a team that has no keys", "Team", _ADMIN),
    ("/api/v1/limits", "get"): Operation("The limits of a `key`, and how they stand", "Limits",
     _ADMIN),
    ("/api/v1/limits/raise", "post"): Operation("More of a limit, for a while", "Raised", _WRITES,
     ("RaiseRequest",), chats=False),
    ("/api/v1/me", "get"): Operation("The limits of the caller's own key", "Limits", (*_CALLERS,
     404, 503)),
    ("/api/v1/spend", "get"): Operation(
        "What was spent from `since` to before `until`, `by` day, key, team, persona or model;"
        " `format=csv`", "Spend", _ADMIN),
    ("/api/v1/ledger", "get"): Operation("Requests as they were settled, of a `key`, `since` a day,"
     " `after` a row", "Ledger", _ADMIN),
    ("/api/v1/audit", "get"): Operation("Changes that operators made", "Audit", _ADMIN),
}  # fmt: skip
OPERATIONS: Final = {
    ("/v1/chat/completions", "post"): Operation(
        "OpenAI chat completions; model names a persona", "ChatCompletion", _CHAT,
        ("ChatCompletionRequest",)
    ),
    ("/v1/embeddings", "post"): Operation(
        "OpenAI embeddings; model names a persona", "EmbeddingList", _CHAT, ("EmbeddingsRequest",)
    ),
    ("/v1/models", "get"): Operation("Personas as models", "ModelList", _CALLERS,
     query={"client_version": "Codex's: nothing is listed, in Codex's own shape."},
     also=("CodexCatalog",)),
    ("/v1/models/{id}", "get"): Operation("One persona as a model", "Model", (*_CALLERS, 404)),
    ("/api/v1/chat", "post"): Operation("Native chat", "NativeChatAnswer", _CHAT,
     ("NativeChatRequest",)),
    ("/api/v1/personas", "get"): Operation("Personas and what can serve them now", "Personas",
     _CALLERS),
    ("/api/v1/providers", "get"): Operation("Providers, models, capabilities, prices",
     "Providers", _CALLERS),
    ("/api/v1/route", "post"): Operation("The plan for a request; no provider is called", "Plan",
     _READING, _EITHER),
    ("/api/v1/decisions/{id}", "get"): Operation(
        "One of the last decisions, and what came of it", "Decision", (*_CALLERS, 404, 503)
    ),
    ("/api/v1/tokens", "post"): Operation("The tokens of a request; no provider is called",
     "Tokens", _READING, _EITHER),
    **_LIMITS,
    **{route: Operation(*row) for route, row in console_schemas.OPERATIONS.items()},
    ("/-/reload", "post"): Operation(
        "Read the configuration's files again; wants the admin key", "Reloaded", (*_EVERYWHERE,
         401, 403, 503), (), _NOT_RELOADED
    ),
    ("/health", "get"): Operation("Liveness", "Health", _EVERYWHERE, public=True),
    ("/health/ready", "get"): Operation("Readiness", "Readiness", _EVERYWHERE, (), _NOT_READY,
     public=True),
    ("/metrics", "get"): Operation("Prometheus metrics", "Metrics", (*_EVERYWHERE, 503),
     public=True),
    ("/openapi.json", "get"): Operation("This document", "OpenApi", _CALLERS),
}  # fmt: skip
