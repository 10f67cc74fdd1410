"""Items of our own making: what was signed, and summaries of a conversation, sealed in a text that
callers give back."""

import zlib
from typing import Any, Final

from translators.json_codec import dumps
from translators.sealed import MOST_SEALED, as_text, unpacked

COMPACTED: Final = "llmr1c."
"""Begins the text of a compaction item of ours."""
INTRODUCTION: Final = "Summary of the conversation before this point:\n"
_MARK: Final = "_lr"


def is_ours(item_id: Any) -> bool:
    """Whether an id was made by a gateway like this one: OpenAI does not know it."""
    return item_id.__class__ is str and _MARK in item_id[:10]


def seal_summary(summary: str, target: str) -> str | None:
    """The text of a compaction item; None if it would be too long."""
    document = {"v": 1, "t": target, "f": {"summary": summary}, "c": {}}
    packed = as_text(zlib.compress(dumps(document)))
    return COMPACTED + packed if len(packed) <= MOST_SEALED else None


def unseal_summary(text: Any) -> str | None:
    """The summary; None for a text of anybody else's, or that cannot be read."""
    if text.__class__ is not str or not text.startswith(COMPACTED) or len(text) > MOST_SEALED:
        return None
    document = unpacked(text[len(COMPACTED) :])
    fields = document.get("f") if document.__class__ is dict else None
    summary = fields.get("summary") if fields.__class__ is dict else None
    return summary if summary.__class__ is str else None
