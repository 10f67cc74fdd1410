"""Who asks, and how urgently: the user's id and the service tier."""

import re
from hashlib import sha256
from typing import Any, Final, Literal

from translators.claude.request.context import Translation
from translators.claude.wire import Service
from translators.json_codec import JsonObject

MAX_USER_ID: Final = 512
FAST_MODE_BETA: Final = "fast-mode-2026-02-01"

_PERSONAL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]|\A\+?[\d\s().-]{7,}\Z|[\x00-\x1f\x7f]")
"""E-mail addresses and phone numbers, which Claude refuses as ids, and control characters."""

_TIERS: Final[dict[str, Literal["auto", "standard_only"]]] = {
    "auto": "auto", "default": "standard_only", "priority": "auto", "scale": "auto",
}  # fmt: skip


def user_id(body: JsonObject) -> str | None:
    """`metadata.user_id`: `safety_identifier`, else `user`; as a hash where it looks like a
    person's address.
    """
    asked: str = body.get("safety_identifier") or body.get("user") or ""
    if not asked:
        return None
    personal = len(asked) > MAX_USER_ID or _PERSONAL.search(asked) is not None
    return sha256(asked.encode("utf-8", "surrogatepass")).hexdigest() if personal else asked


def service(tier: Any, translation: Translation) -> Service:
    """`service_tier`, or `speed` for `fast`, which costs more and needs a model that has it."""
    if tier is None:
        return {}
    if tier == "fast" and translation.record.fast_mode:
        return {"speed": "fast"}
    if (written := _TIERS.get(tier)) is None:
        translation.report.dropped(
            "service_tier", f"Claude has no tier {str(tier)[:40]!r} for this model"
        )
        return {}
    if tier in ("priority", "scale"):
        translation.report.changed(
            "service_tier", "'auto': Claude uses priority capacity where the account has it"
        )
    return {"service_tier": written}
