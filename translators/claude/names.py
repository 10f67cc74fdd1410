"""Call ids in the letters Claude allows. A pure function of the id: the same history gives the same
bytes.
"""

import re
from typing import Final

from translators.chat.tool_names import digest

_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_FORBIDDEN: Final = re.compile(r"[^a-zA-Z0-9_-]")


def sanitised_id(call_id: str) -> str:
    """`call_id` in [a-zA-Z0-9_-]: unchanged if it is already, else marked with eight hex digits so
    that two stay two.
    """
    if _ID.fullmatch(call_id):
        return call_id
    return f"{_FORBIDDEN.sub('_', call_id)}_{digest(call_id)}"
