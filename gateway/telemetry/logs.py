"""One JSON line per request on standard output, written by a thread of its own: the event loop only puts a value into a queue."""

import os
import queue
import threading
import time
from datetime import UTC, datetime
from typing import Any, Final

from gateway.telemetry.events import AttemptEnded, Event, RequestEnded
from translators.jsontext import dumps

_BATCH: Final = 256
_QUEUE: Final = 10_000
"""Lines that wait at most: a reader of the log that stands still costs lines, not memory."""


class RequestLog:
    """A listener that writes RequestEnded events. `close` writes what is left."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._queue: queue.SimpleQueue[tuple[float, RequestEnded] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()
        self.lost = 0

    def listen(self, event: Event) -> None:
        if isinstance(event, RequestEnded):
            if self._queue.qsize() >= _QUEUE:
                self.lost += 1
            else:
                self._queue.put((time.time(), event))

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(timeout=2)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            ended = None in batch
            text = b"".join(line(*item) for item in batch if item is not None)
            self._write(text)

    def _write(self, text: bytes) -> None:
        try:
            while text:
                text = text[os.write(self._descriptor, text) :]
        except OSError:
            self.lost += 1  # nobody reads the log any more; requests go on


def line(when: float, event: RequestEnded) -> bytes:
    """One request as a JSON line."""
    usage = event.usage
    record: dict[str, Any] = {
        "time": datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds"),
        "event": "request",
        "request_id": event.request_id,
        "api": event.api,
        "key_id": event.key_id,
        "persona": event.persona,
        "provider": event.provider,
        "model": event.model,
        "stream": event.stream,
        "status": event.status,
        "outcome": event.outcome,
        "error_code": event.error_code,
        "finish_reason": event.finish_reason,
        "attempts": [_attempt(attempt) for attempt in event.attempts],
        "dropped": event.dropped,
        "prompt_tokens": usage.prompt if usage else None,
        "cached_tokens": usage.cached if usage else None,
        "completion_tokens": usage.completion if usage else None,
        "ms": round(event.seconds * 1000, 2),
        "upstream_ms": round(event.upstream_seconds * 1000, 2),
        "first_chunk_ms": None if event.first_chunk_seconds is None else round(event.first_chunk_seconds * 1000, 2),
    }
    return dumps({name: value for name, value in record.items() if value is not None}) + b"\n"


def _attempt(attempt: AttemptEnded) -> dict[str, Any]:
    return {"target": f"{attempt.provider}/{attempt.model}", "outcome": attempt.outcome, "ms": round(attempt.seconds * 1000, 2)}
