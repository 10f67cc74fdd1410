"""Signed reasoning that travels with its caller: Claude's thinking blocks, Gemini's thought
signatures, OpenAI's encrypted items and what compatible servers reasoned, in one opaque text that
callers of other dialects give back where their own dialect carries reasoning.

A sealed text is neither encrypted nor signed by us: it holds only what a Chat caller is given in
clear, and each provider checks its own signatures. Whoever reads it takes only the shapes below.
"""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from translators.json_codec import dumps, loads

FAMILY: Final = "llmr"
"""Begins sealed texts of any version."""
PREFIX: Final = f"{FAMILY}1."
MOST_SEALED: Final = 256 * 1024
"""Characters of a sealed text; what is longer is not sealed, and not read."""
MOST_UNPACKED: Final = 4 * 1024 * 1024
"""Bytes at which inflating stops."""
SEALED: Final = "sealed_reasoning"
"""The member of a hub message that holds a tuple of SealedReasoning. It never reaches a dialect:
see gateway.dispatch. What a Chat caller sends under this name is no such tuple."""
_FIELDS: Final = ("thinking_blocks", "provider_content", "extra_content", "reasoning_content")


class SealedReasoning(NamedTuple):
    """What an answer of `target` carried beside its text and its calls."""

    target: str
    """`provider/model`, as the configuration names it: nobody else is sent it."""
    fields: Mapping[str, Any]
    """Of the message: thinking_blocks, provider_content, extra_content, reasoning_content."""
    calls: Mapping[str, Any]
    """`extra_content` by the ids of the calls."""
    said: str | None = None
    """The digest of the text and calls that `provider_content` repeats: see `said_digest`."""


def said_digest(message: Mapping[str, Any]) -> str:
    """Names what a message says and calls: 8 hex digits of the SHA-256 of
    `[text, [[id, name, arguments or input], …]]`."""
    content = message.get("content") or ""
    if content.__class__ is list:
        texts = [part.get("text") for part in content]
        content = "".join([text for text in texts if text.__class__ is str])
    calls = []
    for call in message.get("tool_calls") or ():
        said = call.get("function") or call.get("custom") or {}
        written = said.get("arguments") or said.get("input") or ""
        calls.append([call.get("id"), said.get("name"), written])
    return sha256(dumps([content, calls])).hexdigest()[:8]


def seal(sealed: SealedReasoning) -> str | None:
    """The text; None if it would be too long."""
    document: dict[str, Any] = {"v": 1, "t": sealed.target, "f": dict(sealed.fields)}
    document["c"] = dict(sealed.calls)
    if sealed.said is not None:
        document["s"] = sealed.said
    packed = zlib.compress(dumps(document))
    text = PREFIX + as_text(packed)
    return text if len(text) <= MOST_SEALED else None


def unseal(text: Any) -> SealedReasoning | None:
    """What a sealed text holds; None for one of anybody else's, or that cannot be read."""
    if text.__class__ is not str or not text.startswith(PREFIX) or len(text) > MOST_SEALED:
        return None
    document = unpacked(text[len(PREFIX) :])
    if document.__class__ is not dict:
        return None
    target, fields, calls = document.get("t"), document.get("f"), document.get("c")
    if target.__class__ is not str or fields.__class__ is not dict:
        return None
    kept = {name: value for name, value in fields.items() if name in _FIELDS}
    extras = calls if calls.__class__ is dict else {}
    said = document.get("s")
    return SealedReasoning(target, kept, extras, said if said.__class__ is str else None)


def unpacked(text: str) -> Any:
    """The document of base64url of zlib of JSON; None if it is none, or too long."""
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(from_text(text), MOST_UNPACKED)
        if not inflater.eof:
            return None
        return loads(data)
    except (ValueError, zlib.error):
        return None


def as_text(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """What `as_text` wrote. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
