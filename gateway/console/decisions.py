"""The newest requests that were routed and have ended: a listener that keeps them, and what callers
of GET /api/v1/decisions are told.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gateway.api.console_schemas import DecidedDocument, DecisionsDocument
from gateway.telemetry.events import Event, RequestEnded
from translators.errors import InvalidRequest
from translators.json_codec import loads

KEPT: Final = 1000
MOST_TOLD: Final = 200
"""In one answer."""
_LONGEST_CURSOR: Final = 4000
_NANO: Final = 1_000_000_000

Told = list[tuple[int, DecidedDocument]]
"""Decisions with their numbers, the oldest first."""
Cursor = dict[int, int]
"""By worker the number of the last decision that is known. Numbers are microseconds since 1970, and
one more than the last where that is later: they go on rising when a worker is started again."""


class Decisions:
    """A listener. `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: deque[tuple[int, RequestEnded]] = deque(maxlen=KEPT)
        self.last = 0
        """The number of the newest one."""

    def on_event(self, event: Event) -> None:
        if type(event) is RequestEnded and event.decision is not None:
            self.last = max(self.last + 1, int(self._clock() * 1e6))
            self._kept.append((self.last, event))

    def after(self, number: int) -> dict[str, Any]:
        """The newest that came after, how many more there are, and the number of the last."""
        found = []
        for kept, event in reversed(self._kept):
            if kept <= number:
                break
            found.append((kept, event))
        told = [(kept, _document(kept, event)) for kept, event in reversed(found[:MOST_TOLD])]
        return {"told": told, "left_off": max(0, len(found) - MOST_TOLD), "last": self.last}


def _document(number: int, event: RequestEnded) -> DecidedDocument:
    usage, cost, first = event.usage, event.cost_nano_usd, event.first_chunk_seconds
    assert event.decision is not None
    moment = datetime.fromtimestamp(number / 1e6, UTC)
    return {
        "id": loads(event.decision())["id"],
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request_id": event.request_id,
        "trace_id": None if event.trace is None else event.trace.context.trace_id,
        "api": event.api,
        "key": event.key_id,
        "persona": event.persona,
        "stream": event.stream,
        "status": event.status,
        "outcome": event.outcome,
        "error_code": event.error_code,
        "served": _target(event) if event.status < 400 else None,
        "attempts": [
            {
                "target": f"{a.provider}/{a.model}",
                "why": a.why,
                "outcome": a.outcome,
                "ms": round(a.seconds * 1000, 2),
                "began_ms": round(a.began * 1000, 2),
            }
            for a in event.attempts
        ],
        "dropped": list(event.dropped),
        "ms": round(event.seconds * 1000, 2),
        "first_content_ms": None if first is None else round(first * 1000, 2),
        "prompt_tokens": None if usage is None else usage.prompt,
        "completion_tokens": None if usage is None else usage.completion,
        "cost_usd": None if cost is None else cost / _NANO,
    }


def _target(event: RequestEnded) -> str | None:
    return None if event.provider is None else f"{event.provider}/{event.model}"


def read_cursor(text: str) -> Cursor:
    """From `worker-number,…`. Raises InvalidRequest."""
    cursor: Cursor = {}
    for item in filter(None, text[:_LONGEST_CURSOR].split(",")):
        worker, _, number = item.partition("-")
        if not (_is_number(worker) and _is_number(number)):
            raise InvalidRequest("'after' must be `next` of an earlier answer.", "after")
        cursor[int(worker)] = int(number)
    return cursor


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20


def merged(answers: Iterable[tuple[int, Mapping[str, Any]]], cursor: Cursor) -> DecisionsDocument:
    """What the workers told, as one; `cursor` moves on to what came last."""
    told: Told = []
    left_off = 0
    for worker, answer in answers:
        told += answer["told"]
        left_off += answer["left_off"]
        cursor[worker] = max(answer["last"], cursor.get(worker, 0))
    told.sort(key=lambda numbered: numbered[0], reverse=True)
    return {
        "decisions": [document for _, document in told[:MOST_TOLD]],
        "next": ",".join(f"{worker}-{number}" for worker, number in sorted(cursor.items())),
        "left_off": left_off + max(0, len(told) - MOST_TOLD),
    }
