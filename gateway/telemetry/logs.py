"""One JSON line per request on standard output: the event loop keeps the value, a thread makes and writes the lines, ten times a second."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from gateway.telemetry.events import AttemptEnded, Event, RequestEnded
from translators.jsontext import dumps

INTERVAL: Final = 0.1
"""Seconds a line waits at most. Waking a thread for every request would cost more than the line."""
CAPACITY: Final = 10_000
"""Lines that wait at most: a reader of the log that stands still costs lines, not memory."""


class RequestLog:
    """A listener that writes RequestEnded events; made inside a running loop. `close` writes what is left."""

    def __init__(self, descriptor: int = 1) -> None:
        self.lost = 0
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, RequestEnded]] = []
        self._writer = ThreadPoolExecutor(1, "request-log")
        self._timer: asyncio.TimerHandle | None = None

    def listen(self, event: Event) -> None:
        if isinstance(event, RequestEnded):
            if len(self._waiting) >= CAPACITY:
                self.lost += 1
                return
            self._waiting.append((time.time(), event))
            if self._timer is None:
                self._timer = self._loop.call_later(INTERVAL, self._flush)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        self._writer.shutdown()

    def _flush(self) -> None:
        self._timer = None
        batch, self._waiting = self._waiting, []
        if batch:
            self._writer.submit(self._write, batch)

    def _write(self, batch: list[tuple[float, RequestEnded]]) -> None:
        text = b"".join(line(*item) for item in batch)
        try:
            while text:
                text = text[os.write(self._descriptor, text) :]
        except OSError:
            self.lost += len(batch)  # nobody reads the log any more; requests go on


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
