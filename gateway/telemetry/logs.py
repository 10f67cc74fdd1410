"""One JSON line per request on standard output: the event loop keeps the value, a thread makes and writes the lines, ten times a second."""

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from gateway.telemetry.events import AttemptEnded, Event, RequestEnded
from translators.jsontext import dumps

INTERVAL: Final = 0.1
"""Seconds a line waits at most. Waking a thread for every request would cost more than the line."""
CAPACITY: Final = 10_000
"""Lines that wait at most: a reader of the log that stands still costs lines, not memory."""


class RequestLog:
    """A listener that writes RequestEnded events; made inside a running loop. `close` writes what is left."""

    def __init__(self, descriptor: int = 1, lock: int | None = None) -> None:
        """`lock` is a descriptor of a file that all processes lock which write there: a full pipe takes a batch in pieces."""
        self.lost = 0
        self._lock = lock
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
            with _locked(self._lock):
                while text:
                    text = text[os.write(self._descriptor, text) :]
        except OSError:
            self.lost += len(batch)  # nobody reads the log any more; requests go on


@contextmanager
def _locked(lock: int | None) -> Iterator[None]:
    if lock is None:
        yield
        return
    fcntl.lockf(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(lock, fcntl.LOCK_UN)


def line(when: float, event: RequestEnded) -> bytes:
    """One request as a JSON line; what is not known is left out."""
    record: dict[str, Any] = {
        "time": f"{_second(int(when))}.{int(when % 1 * 1000):03}Z",
        "event": "request",
        "request_id": event.request_id,
        "api": event.api,
        "stream": event.stream,
        "status": event.status,
        "outcome": event.outcome,
        "attempts": [_attempt(attempt) for attempt in event.attempts],
        "ms": round(event.seconds * 1000, 2),
        "upstream_ms": round(event.upstream_seconds * 1000, 2),
        "key_id": event.key_id,
        "persona": event.persona,
        "provider": event.provider,
        "model": event.model,
        "error_code": event.error_code,
        "finish_reason": event.finish_reason,
    }
    for name in _OPTIONAL:
        if record[name] is None:
            del record[name]
    if event.first_chunk_seconds is not None:
        record["first_chunk_ms"] = round(event.first_chunk_seconds * 1000, 2)
    if (usage := event.usage) is not None:
        record["prompt_tokens"], record["cached_tokens"], record["completion_tokens"], record["reasoning_tokens"] = usage
    if event.cost_nano_usd is not None:
        record["cost_usd"] = event.cost_nano_usd / 1e9
    if event.dropped:
        record["dropped"] = event.dropped
    if event.resumed:
        record["resumed"] = event.resumed
    if event.decision is not None:
        record["decision"] = event.decision()
    return dumps(record) + b"\n"


def _attempt(attempt: AttemptEnded) -> dict[str, Any]:
    shown = {"target": f"{attempt.provider}/{attempt.model}", "outcome": attempt.outcome, "ms": round(attempt.seconds * 1000, 2)}
    return shown if attempt.why == "first" else {**shown, "why": attempt.why}


_OPTIONAL: Final = ("key_id", "persona", "provider", "model", "error_code", "finish_reason")


@lru_cache(maxsize=2)
def _second(when: int) -> str:
    """A time to the second: many lines share it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
