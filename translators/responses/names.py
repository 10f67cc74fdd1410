"""Tool names that this API takes: at most 64 of a-z A-Z 0-9 _ -. A pure function of the name: the
same history gives the same bytes.
"""

import re
from collections.abc import Collection
from hashlib import sha256
from typing import Final

MAX_NAME: Final = 64
_VALID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_BAD: Final = re.compile(r"[^a-zA-Z0-9_-]")


def are_valid(names: Collection[str]) -> bool:
    """Whether all of the `names` may stay. Together they are an identifier, if each is made of its
    letters, as nearly all are.
    """
    together = "_".join(names)
    return (
        together.isidentifier() and together.isascii() and max(map(len, names)) <= MAX_NAME
    ) or all(map(_VALID, names))


def upstream_name(name: str) -> str:
    """`name`, or an alias for it: always the same one, and another for every other name."""
    if _VALID(name):
        return name
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_BAD.sub('_', name)[:55]}_{digest[:8]}"
