"""Tool names that Gemini takes: at most 64 of a-z A-Z 0-9 _ . : -, beginning with a letter or an
underscore.
"""

import hashlib
import re
from typing import Final

_VALID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}", re.ASCII).fullmatch
_BAD: Final = re.compile(r"[^A-Za-z0-9_.:-]", re.ASCII)


def upstream_name(name: str) -> str:
    """`name`, or an alias for it: always the same one, and another for every other name."""
    if _VALID(name):
        return name
    alias = _BAD.sub("_", name)[:54]
    if not _VALID(alias):
        alias = f"_{alias}"
    return f"{alias}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
