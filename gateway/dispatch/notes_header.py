"""What a translation did to a request, as one header of its answer."""

from collections.abc import Iterable
from typing import Final

from translators.notes import Note

_HEADER_LIMIT: Final = 2000


def dropped_header(notes: Iterable[Note]) -> str:
    """`seed, temperature=changed, parallel_tool_calls=emulated`: names only, each once, cut to a
    header's length."""
    names = dict.fromkeys(
        [note.param if note.kind == "dropped" else f"{note.param}={note.kind}" for note in notes]
    )
    text = ", ".join(names).encode("ascii", "replace").decode()
    if not text.isprintable():
        text = "".join([c if c.isprintable() else "?" for c in text])
    return text if len(text) <= _HEADER_LIMIT else text[: _HEADER_LIMIT - 3] + "..."
