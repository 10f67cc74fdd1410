"""`thoughtSignature` as the carrier of signed reasoning: Gemini's own, or any provider's, sealed.

A sealed one is the base64 text of the bytes `llmr1.` and what translators.sealed packs.
"""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from typing import Any, Final

from translators.json_codec import JsonObject
from translators.sealed import (
    MOST_SEALED,
    PREFIX,
    SealedReasoning,
    as_text,
    from_text,
    said_digest,
    seal,
    unseal,
)

_MARK: Final = PREFIX.encode()
SEALED_BEGINS: Final = "bGxtcjEu"
"""The base64 text of `llmr1.`."""
_SIGNED: Final = ("thinking_blocks", "provider_content", "extra_content")
_URLSAFE: Final = str.maketrans("-_", "+/")


def sealed_signature(message: Mapping[str, Any], target: str) -> str | None:
    """What a message of `target` carries of signed reasoning; None if it has none."""
    fields: JsonObject = {name: message[name] for name in _SIGNED if message.get(name)}
    calls: JsonObject = {
        call["id"]: call["extra_content"]
        for call in message.get("tool_calls") or ()
        if call.get("id") and call.get("extra_content")
    }
    if not fields and not calls:
        return None
    said = said_digest(message) if "provider_content" in fields else None
    text = seal(SealedReasoning(target, fields, calls, said))
    if text is None:
        return None
    return b64encode(_MARK + from_text(text[len(PREFIX) :])).decode()


def is_sealed(signature: str) -> bool:
    return signature.startswith(SEALED_BEGINS)


def unsealed_signature(signature: str) -> SealedReasoning | None:
    """What `sealed_signature` sealed; None for what cannot be read."""
    if len(signature) > MOST_SEALED:
        return None
    data = decoded(signature)
    if data is None or not data.startswith(_MARK):
        return None
    return unseal(PREFIX + as_text(data[len(_MARK) :]))


def decoded(text: str) -> bytes | None:
    """Base64 of either alphabet, with or without padding; None for what is none."""
    digits = text.translate(_URLSAFE).rstrip("=")
    try:
        return b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (Error, ValueError):
        return None
