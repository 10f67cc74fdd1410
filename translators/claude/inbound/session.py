"""Who asks, and which conversation: from `metadata.user_id` and the headers of agents."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from translators.json_codec import JsonObject, loads

LONGEST_USER: Final = 64
SESSION: Final = "x-claude-code-session-id"
AGENT: Final = "x-claude-code-agent-id"
_OWN_SESSION: Final = "x-llm-router-session"


class Caller(NamedTuple):
    """`None` for what is not said."""

    user: str | None
    session: str | None


_NOBODY: Final = Caller(None, None)


def caller_of(metadata: Any, headers: Mapping[str, str]) -> Caller:
    """The user and the conversation of a request."""
    user, session = _NOBODY if metadata is None else _of_metadata(metadata)
    named = headers.get(SESSION)
    if named is None and (own := headers.get(_OWN_SESSION)):
        session = own
    elif named or session:
        session = f"{named or session}/{headers.get(AGENT, '')}"
    if user is not None and len(user) > LONGEST_USER:
        user = digest(user)
    return _NOBODY if user is None and session is None else Caller(user, session)


def digest(text: str) -> str:
    """The SHA-256 of a text, in hex."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _of_metadata(metadata: Any) -> Caller:
    given = metadata.get("user_id") if metadata.__class__ is dict else None
    if given.__class__ is not str or not given:
        return _NOBODY
    if given.startswith("{") and (named := _document(given)) is not None:
        user = _string(named.get("account_uuid")) or _string(named.get("device_id"))
        return Caller(user, _string(named.get("session_id")))
    user, mark, session = given.rpartition("_session_")
    return Caller(user.removeprefix("user_"), session) if mark else Caller(given, None)


def _document(text: str) -> JsonObject | None:
    try:
        value = loads(text)
    except ValueError:
        return None
    return value if value.__class__ is dict and "session_id" in value else None


def _string(value: Any) -> str | None:
    return value if value.__class__ is str and value else None
