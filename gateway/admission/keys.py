"""Keys that the store has: their form, the directory of all of them in memory, and how they are
made and changed.

A key is `sk-llmr-<id>-<secret>-<checksum>`: 12 hex digits, 43 characters of base64url (256 bits), 6
of base32. Of the whole only its SHA-256 is kept.
"""

import base64
import json
import math
import re
import secrets
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from gateway.admission.scopes import OwnRules
from gateway.admission.store_thread import StoreThread
from gateway.config.limits import KEYS_MAX_AGE, Limits, WhenDown, read_limits
from gateway.errors import LimitsUnavailable, NotAuthorized
from gateway.store import keys as key_store
from gateway.store.limits_rows import KeyRow, SecretRow

PREFIX: Final = "sk-llmr-"
FRESH: Final = 5.0
"""Seconds for which what is not among the keys is known not to be one."""
_FORM: Final = re.compile(r"sk-llmr-([0-9a-f]{12})-[A-Za-z0-9_-]{43}-[A-Z2-7]{6}")
_HINT: Final = 12
_NEVER: Final = float("-inf")
_ENDLESS: Final = math.inf
_CHECKED_BITS: Final = 0x3FFFFFFF


def checksum(text: str) -> str:
    """Six characters that nearly every change of `text` changes."""
    number = (zlib.crc32(text.encode()) & _CHECKED_BITS) << 2
    return base64.b32encode(number.to_bytes(4)).decode()[:6]


def digest_of(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()


def new_secret(key_id: str) -> tuple[str, SecretRow]:
    """A key of that id, and what is kept of it."""
    body = f"{PREFIX}{key_id}-{secrets.token_urlsafe(32)}"
    key = f"{body}-{checksum(body)}"
    return key, SecretRow(digest_of(key), key_id, key[:_HINT], None)


def new_id() -> str:
    return secrets.token_hex(6)


def key_id_in(text: str) -> str | None:
    """The id in a text that has the form of a key and its checksum; None if it has not."""
    found = _FORM.fullmatch(text)
    return found[1] if found is not None and checksum(text[:-7]) == text[-6:] else None


class StoredKey:
    """A key as it is looked up. What it may do is read when it is first asked for: a gateway with
    10,000 keys starts at once.
    """

    __slots__ = ("_limits", "row")

    def __init__(self, row: KeyRow, known: "StoredKey | None") -> None:
        """`known`: the key as it was."""
        self.row = row
        same = known is not None and known.row.limits == row.limits
        self._limits: Limits | None = known._limits if known is not None and same else None

    @property
    def personas(self) -> frozenset[str] | None:
        return None if self.row.personas is None else frozenset(json.loads(self.row.personas))

    @property
    def own(self) -> OwnRules:
        """What it may do by itself."""
        direct = self.row.direct_models
        said = None if direct is None else bool(direct)
        return OwnRules(self.row.team, self.personas, said, self.limits)

    @property
    def scopes(self) -> frozenset[str] | None:
        """What its holder may administer."""
        return None if self.row.scopes is None else frozenset(json.loads(self.row.scopes))

    @property
    def limits(self) -> Limits:
        """Always the very same ones while their text is: counters go by it."""
        if self._limits is None:
            self._limits = read_limits(json.loads(self.row.limits))
        return self._limits


class KeyDirectory:
    """All keys of the store, in memory. `clock`: Unix seconds; `now`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float], now: Callable[[], float]) -> None:
        self._clock = clock
        self._now = now
        self._keys: dict[str, StoredKey] = {}
        self._standing: dict[bytes, tuple[str, str, float]] = {}
        """By the digest of a secret: its key's id and state, and until when it is good."""
        self._of_key: dict[str, set[bytes]] = {}
        self.revision = 0
        self.seen_at = _NEVER
        """When the store was asked last."""
        self._most_age = float(KEYS_MAX_AGE)
        """Seconds for which keys are known without the store."""

    @property
    def empty(self) -> bool:
        """There never was one; False as long as nobody knows."""
        return not self._keys and self.seen_at != _NEVER

    async def learn(self, thread: StoreThread) -> None:
        """Read what has changed in the store, a page at a time. Raises StoreDown."""
        more = True
        while more:
            rows, secrets = await thread.call(key_store.changed_since, self.revision)
            self.apply(rows, secrets)
            more = len(rows) == key_store.PAGE

    def apply(self, rows: list[KeyRow], secrets: list[SecretRow]) -> None:
        """Keys as they are now, each with all of its secrets."""
        for row in rows:
            for digest in self._of_key.pop(row.id, ()):
                del self._standing[digest]
            self._keys[row.id] = StoredKey(row, self._keys.get(row.id))
            self.revision = max(self.revision, row.rev)
        for secret in secrets:
            row = self._keys[secret.key_id].row
            ends = (until for until in (row.expires_at, secret.valid_until) if until is not None)
            self._standing[secret.digest] = row.id, row.state, min(ends, default=_ENDLESS)
            self._of_key.setdefault(secret.key_id, set()).add(secret.digest)

    def apply_policy(self, when_down: WhenDown) -> None:
        """From now on this holds."""
        self._most_age = FRESH if when_down.keys == "refuse" else float(when_down.keys_max_age)

    def seen(self) -> None:
        """The store was asked, and everything it has is here."""
        self.seen_at = self._now()

    def check_seen(self) -> None:
        """Raises LimitsUnavailable as long as nobody knows whether there are keys."""
        if self.seen_at == _NEVER:
            raise LimitsUnavailable

    def find(self, key_id: str) -> StoredKey | None:
        return self._keys.get(key_id)

    @property
    def all(self) -> Mapping[str, StoredKey]:
        return self._keys

    def key_id(self, key: str) -> str | None:
        """The id of a key that is good now; None if it is none of the store's. Raises
        NotAuthorized, LimitsUnavailable.
        """
        if not key.startswith(PREFIX):
            return None
        digest = sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = self._standing.get(digest)
        if found is None and key_id_in(key) is None:
            raise NotAuthorized("This API key is malformed: a part of it is missing or changed.")
        age = self._now() - self.seen_at
        if age > self._most_age:
            raise LimitsUnavailable
        if found is None:
            if age > FRESH:  # it may have been made since
                raise LimitsUnavailable
            raise NotAuthorized("Incorrect API key provided.")
        key_id, state, until = found
        if state != "active":
            raise NotAuthorized(f"This API key was {state}.")
        if until is not _ENDLESS and until <= self._clock():
            raise NotAuthorized("This API key has expired.")
        return key_id
