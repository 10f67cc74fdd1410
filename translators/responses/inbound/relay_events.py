"""Events of a provider as they came: cut apart, and the few of them read that tell how it goes."""

import re
from typing import Any, Final

from translators.chat.chunks import Relayed
from translators.json_codec import JsonObject
from translators.long_json import loads_answer

_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r(?!\n)")
_NAME: Final = re.compile(rb"event:[ ]?([^\r\n]*)", re.MULTILINE)
_TYPE: Final = re.compile(rb'"type"\s*:\s*"([^"\\]*)"')
output_run: Final = re.compile(
    rb"(?:event: response\.(?:output_text\.delta|[a-z_]+\.[a-z_.]+)\ndata: (?!\n).*\n\n)+"
).match
"""Events of the output, as OpenAI itself writes them: their names have a dot more than those that
tell how the response goes. In a text without CR."""
LIFECYCLE: Final = frozenset(
    {b"response.created", b"response.in_progress", b"response.queued", b"response.completed",
     b"response.incomplete", b"response.failed", b"response.done", b"error"}
)  # fmt: skip
BEGINNING: Final = frozenset({"response.created", "response.in_progress", "response.queued"})


class RelayedEvents(Relayed):
    """Events that say something of the output, or one that tells how the response goes."""

    __slots__ = ("count", "event", "kind")

    def __init__(
        self,
        raw: bytes,
        *,
        kind: str = "",
        event: JsonObject | None = None,
        count: int | None = 1,
        **told: Any,
    ) -> None:
        super().__init__(raw, **told)
        self.kind = kind
        """The type of an event that was read; "" for others."""
        self.event = event
        self.count = count
        """How many events they are; None: nobody has counted them, each has two line ends behind
        it."""


def split(text: bytes, seen: int = 0) -> tuple[list[bytes], bytes]:
    """The whole events in `text`, each with its end, and what is left. None ends in what was
    `seen`.
    """
    events, at = [], 0
    for match in _END.finditer(text, seen):
        events.append(text[at : match.end()])
        at = match.end()
    return events, text[at:]


def end_of_event(text: bytes, at: int, plain: bool) -> int:
    """Where the event ends that begins at `at`; -1 while it is not whole. `plain`: there is no CR
    in the text."""
    if plain:
        end = text.find(b"\n\n", at)
        return end if end < 0 else end + 2
    match = _END.search(text, at)
    return -1 if match is None else match.end()


def kind_of(event: bytes) -> bytes:
    """The type of an event: from its `event:` line, else the first in its data."""
    named = event.startswith(b"event:") or b"\nevent:" in event
    match = (_NAME if named else _TYPE).search(event)
    return b"" if match is None else match[1].strip()


def data_of(event: bytes) -> JsonObject | None:
    """What an event says; None if that is no JSON object."""
    lines = [line[5:] for line in event.splitlines() if line.startswith(b"data:")]
    try:
        read = loads_answer(b"\n".join(lines))
    except ValueError:
        return None
    return read if read.__class__ is dict else None


def is_comment(event: bytes) -> bool:
    """Whether an event has no data: comments and blank lines."""
    return b"data:" not in event
