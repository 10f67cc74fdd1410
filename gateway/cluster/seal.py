"""States sealed with the operator's key, AES-256-GCM: the store holds nothing that can be read, or
be put in another's place.

    how it was packed (1 byte) | the key's name (4) | nonce (12) | ciphertext and tag
"""

import os
import zlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PLAIN: Final = b"\x01"
_DEFLATED: Final = b"\x02"
_SMALL: Final = 256
"""Bytes that are not worth deflating."""
_NAME: Final = 4
_NONCE: Final = 12
_HEAD: Final = 1 + _NAME + _NONCE
_BITS: Final = 32
"""Bytes of a key."""
_USE: Final = b"llm-router states"


class StateKeys:
    """The keys: the first seals, any opens."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        """At least one; each long enough to be a secret."""
        derived = [_derived(key) for key in keys]
        self._ciphers = {name: AESGCM(key) for name, key in reversed(derived)}
        self._first = derived[0][0]

    def seal(self, value: bytes, bound: bytes) -> bytes:
        """The value, sealed. `bound`: what it belongs to; it opens for nothing else."""
        nonce = os.urandom(_NONCE)
        small = len(value) <= _SMALL
        head = (_PLAIN if small else _DEFLATED) + self._first + nonce
        packed = value if small else zlib.compress(value)
        return head + self._ciphers[self._first].encrypt(nonce, packed, head + bound)

    def open(self, sealed: bytes, bound: bytes, most: int) -> bytes | None:
        """The value; None if no key of ours sealed it for this, or it has more bytes than that."""
        head, packing = sealed[:_HEAD], sealed[:1]
        cipher = self._ciphers.get(head[1 : 1 + _NAME])
        if cipher is None or packing not in (_PLAIN, _DEFLATED):
            return None
        try:
            packed = cipher.decrypt(head[1 + _NAME :], sealed[_HEAD:], head + bound)
        except (InvalidTag, ValueError):
            return None
        if packing == _PLAIN:
            return packed
        inflating = zlib.decompressobj()
        value = inflating.decompress(packed, most)
        return value if inflating.eof else None


def _derived(secret: str) -> tuple[bytes, bytes]:
    """A name and a key."""
    made = HKDF(SHA256(), _NAME + _BITS, None, _USE).derive(secret.encode())
    return made[:_NAME], made[_NAME:]
