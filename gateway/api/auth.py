"""Who may call, and who may administer: keys from the environment, kept and compared as SHA-256
digests, in constant time.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs

from gateway.errors import AdminDisabled, NotAuthorized

VARIABLE: Final = "LLM_ROUTER_API_KEYS"
ADMIN_VARIABLE: Final = "LLM_ROUTER_ADMIN_KEY"
OPEN_ROUTES: Final = frozenset({"/health", "/health/ready", "/metrics"})
"""What load balancers and Prometheus read without a key. None of it calls a provider or tells a
secret."""
ADMIN_ROUTES: Final = frozenset(
    {
        "/-/reload", "/api/v1/keys", "/api/v1/keys/{id}", "/api/v1/keys/{id}/rotate",
        "/api/v1/keys/{id}/disable", "/api/v1/keys/{id}/enable", "/api/v1/limits",
        "/api/v1/teams", "/api/v1/teams/{id}",
        "/api/v1/limits/raise", "/api/v1/spend", "/api/v1/ledger", "/api/v1/audit",
    }
)  # fmt: skip
"""What the admin key opens; callers' keys are not asked for there."""

CONSOLE_PROXY: Final = "/console/{path}"
CONSOLE_ROUTES: Final = frozenset({"/api/v1/stats", "/api/v1/decisions", "/console", CONSOLE_PROXY})
"""What gateway.console opens by a door of its own, where it is enabled; the last one is all that
stands under it."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class AccessError(Exception):
    """A variable of keys cannot be used; the message holds no key."""


class StoredKeys(Protocol):
    """Keys that a store has."""

    @property
    def empty(self) -> bool:
        """There never was one, as far as anybody could see."""

    def check_seen(self) -> None:
        """Raises LimitsUnavailable as long as nobody knows whether there are keys."""

    def key_id(self, key: str) -> str | None:
        """The id of a key that is good now; None if it is none of the store's. Raises
        NotAuthorized, LimitsUnavailable.
        """


class Access:
    """The set of callers' keys; an empty one lets everybody in."""

    open: bool

    def __init__(self, digests: frozenset[bytes] = frozenset()) -> None:
        self._digests = tuple(digests)
        self.open = not self._digests

    def with_stored(self, stored: StoredKeys) -> "Access":
        """The same keys, and those of a store."""
        return _StoredAccess(frozenset(self._digests), stored)

    def key_id(self, headers: Mapping[str, str], key: str = "") -> str | None:
        """The id of the caller's key: of one from the environment the first 8 hex digits of its
        digest, of a stored one its own. None if keys are not asked for. Raises NotAuthorized.

        `key`: one that stands elsewhere than in the usual headers.
        """
        return _known(headers, self._digests, key).hex()[:8] if self._digests else None


class _StoredAccess(Access):
    """Keys of the environment, and those of a store; it is closed from the first key on."""

    def __init__(self, digests: frozenset[bytes], stored: StoredKeys) -> None:
        self._digests = tuple(digests)
        self._stored = stored

    @property
    def open(self) -> bool:  # type: ignore[override]  # it closes when a key is made
        return not self._digests and self._stored.empty

    def key_id(self, headers: Mapping[str, str], key: str = "") -> str | None:
        """Raises LimitsUnavailable, too."""
        written = headers.get("authorization", "")
        if not key and written[:7] == "Bearer ":  # nearly always
            found = self._stored.key_id(written[7:].strip())
            if found is not None:
                return found
        for each in filter(None, given_keys(headers, key)):
            if (found := self._stored.key_id(each)) is not None:
                return found
        if self.open:
            return None
        if not self._digests:
            self._stored.check_seen()
        return _known(headers, self._digests, key).hex()[:8]


class Admin:
    """The operator's keys; without one nobody administers."""

    def __init__(self, digests: frozenset[bytes] = frozenset()) -> None:
        self._digests = tuple(digests)

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises AdminDisabled, NotAuthorized."""
        if not self._digests:
            raise AdminDisabled(
                f"This route is disabled: set {ADMIN_VARIABLE} in the environment of the gateway to"
                " enable it."
            )
        _known(headers, self._digests)

    def secret(self, purpose: str) -> bytes:
        """A key for signatures of one kind; other admin keys make another one."""
        made = hashlib.sha256(f"llm-router {purpose}".encode())
        for digest in sorted(self._digests):
            made.update(digest)
        return made.digest()


def google_key(headers: Mapping[str, str], url: str) -> str:
    """The key as clients of Google's APIs send it, in `x-goog-api-key` or in the query; "" if it
    stands in neither.
    """
    if key := headers.get("x-goog-api-key", ""):
        return key
    query = url.partition("?")[2]
    return parse_qs(query).get("key", [""])[0] if "key=" in query else ""


def _known(headers: Mapping[str, str], digests: Sequence[bytes], key: str = "") -> bytes:
    """The digest of a key that `headers` carry, if it is one of `digests`; of several any will
    do. Raises NotAuthorized.

    `key`: one that stands elsewhere.
    """
    keys = given_keys(headers, key)
    if not any(keys):
        raise NotAuthorized(
            "You didn't provide an API key. Send it as 'Authorization: Bearer KEY' or in"
            " 'x-api-key'."
        )
    for key in filter(None, keys):
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        matches = [hmac.compare_digest(digest, known) for known in digests]
        if any(matches):
            return digest
    raise NotAuthorized("Incorrect API key provided.")


def given_keys(headers: Mapping[str, str], key: str = "") -> list[str]:
    """Where a key may stand."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return [key, bearer, headers.get("x-api-key", "")]


def read(environ: Mapping[str, str]) -> Access:
    """Callers' keys from LLM_ROUTER_API_KEYS: a comma-separated list of keys; an item that begins
    with `/` names a file of SHA-256 hex digests, one a line, `#` begins a comment. Raises
    AccessError.
    """
    digests = _digests(VARIABLE, environ)
    if environ.get(VARIABLE) and not digests:
        raise AccessError(f"{VARIABLE} is set but holds no key: unset it to let everybody in")
    return Access(frozenset(digests))


def read_admin(environ: Mapping[str, str]) -> Admin:
    """The operator's keys from LLM_ROUTER_ADMIN_KEY, in the form of callers' keys. One that callers
    have too is refused: AccessError.
    """
    digests = _digests(ADMIN_VARIABLE, environ)
    if environ.get(ADMIN_VARIABLE) and not digests:
        raise AccessError(
            f"{ADMIN_VARIABLE} is set but holds no key: unset it, and nobody administers"
        )
    if digests & _digests(VARIABLE, environ):
        raise AccessError(
            f"{ADMIN_VARIABLE} holds a key that is also in {VARIABLE}: callers would administer"
        )
    return Admin(frozenset(digests))


def _digests(variable: str, environ: Mapping[str, str]) -> set[bytes]:
    digests: set[bytes] = set()
    for item in environ.get(variable, "").split(","):
        item = item.strip()
        if item.startswith("/"):
            digests |= _from_file(variable, Path(item))
        elif item:
            digests.add(hashlib.sha256(item.encode()).digest())
    return digests


def _from_file(variable: str, path: Path) -> set[bytes]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(
            f"{variable}: an item that begins with / is a file, and it cannot be read:"
            f" {type(error).__name__}"
        ) from None
    digests = set()
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip().lower()
        if not text:
            continue
        if not _DIGEST.fullmatch(text):
            raise AccessError(
                f"{variable}: {path}:{number}: expected the 64 hex digits of a SHA-256 hash"
            )
        digests.add(bytes.fromhex(text))
    if not digests:
        raise AccessError(f"{variable}: {path} holds no hash")
    return digests
