"""One JSON line per request on standard output: the event loop keeps the value, a thread makes and
writes the lines, ten times a second.
"""

import asyncio
import fcntl
import logging
import math
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from queue import SimpleQueue
from threading import Thread
from typing import Final

from gateway.telemetry.events import Event, RequestEnded, Why
from translators.json_codec import dumps_str

INTERVAL: Final = 0.1
"""Seconds a line waits at most. Waking a thread for every request would cost more than the line."""
CAPACITY: Final = 10_000
"""Lines that wait at most: a reader of the log that stands still costs lines, not memory."""
_PATIENCE: Final = 2.0
"""Seconds that the end of the process waits for the last lines."""
_TELL_EVERY: Final = 60.0
"""Seconds between two warnings that lines are lost."""
_log: Final = logging.getLogger("llm_router")


class RequestLog:
    """A listener that writes RequestEnded events; made inside a running loop. `close` writes what
    is left.

    At most CAPACITY lines wait, those that the thread holds included. It is a daemon: it may stand
    in a write that never ends.
    """

    def __init__(self, descriptor: int = 1, lock: int | None = None) -> None:
        """`lock` is a descriptor of a file that all processes lock which write there: a full pipe
        takes a batch in pieces.
        """
        self._lost_here = self._lost_there = 0
        self._lock = lock
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, RequestEnded]] = []
        self._handed = self._done = 0
        """Lines that the thread was given, and those of them that it has done with; each is counted
        by one thread only."""
        self._batches: SimpleQueue[list[tuple[float, RequestEnded]]] = SimpleQueue()
        self._writer = Thread(target=self._write_all, name="request-log", daemon=True)
        self._writer.start()
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = -math.inf

    @property
    def lost(self) -> int:
        """Lines that were dropped."""
        return self._lost_here + self._lost_there

    def on_event(self, event: Event) -> None:
        if type(event) is RequestEnded:
            if len(self._waiting) >= CAPACITY - (self._handed - self._done):
                self._lost_here += 1
            else:
                self._waiting.append((time.time(), event))
            if self._timer is None:
                self._timer = self._loop.call_later(INTERVAL, self._flush)

    def close(self) -> None:
        """Write what is left, if it can be written soon."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        self._batches.put([])
        self._writer.join(_PATIENCE)

    def _flush(self) -> None:
        self._timer = None
        batch, self._waiting = self._waiting, []
        if batch:
            self._handed += len(batch)
            self._batches.put(batch)
        now = self._loop.time()
        if self.lost and now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            _log.warning(
                "%d lines of the request log were lost so far: nobody reads it, or it cannot be"
                " written",
                self.lost,
            )

    def _write_all(self) -> None:
        while batch := self._batches.get():
            self._write(batch)
            self._done += len(batch)

    def _write(self, batch: list[tuple[float, RequestEnded]]) -> None:
        text = b"".join(line(*item) for item in batch)
        try:
            with _locked(self._lock):
                while text:
                    text = text[os.write(self._descriptor, text) :]
        except OSError:
            self._lost_there += len(batch)  # nobody reads the log any more; requests go on


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
    """One request as a JSON line; what is not known is left out.

    Written by hand, and what many lines share is kept as text: that takes 49,000 instructions, a
    dict of some 30 values and its JSON took 83,000, of the million that a small request costs.
    """
    (
        request_id, api, key_id, persona, provider, model, stream, status, outcome, error_code,
        attempts, dropped, usage, finish_reason,
        seconds, upstream_seconds, first_chunk_seconds, decision, resumed, cost_nano_usd,
        estimated, trace, cache, _, _,
    ) = event  # fmt: skip
    tried = ",".join([_attempt(*attempt[:6]) for attempt in attempts])
    text = (
        f'{{"time":"{_second(int(when))}{_MILLISECONDS[int(when % 1 * 1000)]}"'
        f',"event":"request","request_id":{quoted(request_id)}'
        f'{_ended(api, stream, status, outcome)},"attempts":[{tried}]'
        f',"ms":{seconds * 1000:.2f},"upstream_ms":{upstream_seconds * 1000:.2f}'
        f"{_routed(key_id, persona, provider, model)}"
    )
    if error_code is not None:
        text += f',"error_code":{dumps_str(error_code)}'
    if finish_reason is not None:  # a provider may send anything
        write = quoted if finish_reason.__class__ is str else dumps_str
        text += f',"finish_reason":{write(finish_reason)}'
    if first_chunk_seconds is not None:
        text += f',"first_chunk_ms":{first_chunk_seconds * 1000:.2f}'
    if usage is not None:
        prompt, cached, completion, reasoning, _ = usage
        text += (
            f',"prompt_tokens":{prompt},"cached_tokens":{cached}'
            f',"completion_tokens":{completion},"reasoning_tokens":{reasoning}'
        )
    if estimated:
        text += ',"estimated":true'
    if cost_nano_usd is not None:
        text += f',"cost_usd":{cost_nano_usd / 1e9:.9f}'
    if cache is not None:
        text += f',"cache":"{cache}"'
    if dropped:
        text += f',"dropped":{dumps_str(dropped)}'
    if resumed:
        text += f',"resumed":{resumed}'
    if trace is not None:
        text += f',"trace_id":"{trace.context.trace_id}"'
    if decision is not None:
        text += f',"decision":{decision()}'
    if not text.isascii() or "\x7f" in text:  # some readers see the end of a line in some of them
        text = _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return f"{text}}}\n".encode()


def _attempt(
    provider: str, model: str, outcome: str, seconds: float, status: int | None, why: Why
) -> str:
    end = "}" if why == "first" else f',"why":"{why}"}}'
    return f"{_attempted(provider, model, outcome)}{seconds * 1000:.2f}{end}"


@lru_cache(maxsize=1024)
def _attempted(provider: str, model: str, outcome: str) -> str:
    return f'{{"target":{quoted(f"{provider}/{model}")},"outcome":{quoted(outcome)},"ms":'


@lru_cache(maxsize=1024)
def _ended(api: str, stream: bool, status: int, outcome: str) -> str:
    streams = "true" if stream else "false"
    return f',"api":{quoted(api)},"stream":{streams},"status":{status},"outcome":{quoted(outcome)}'


@lru_cache(maxsize=1024)
def _routed(
    key_id: str | None, persona: str | None, provider: str | None, model: str | None
) -> str:
    named = {"key_id": key_id, "persona": persona, "provider": provider, "model": model}
    return "".join(
        f',"{name}":{quoted(value)}' for name, value in named.items() if value is not None
    )


_INVISIBLE: Final = re.compile("[\x7f-\x9f\u2028\u2029]")
"""Control characters and line ends that JSON allows in a string."""
_MILLISECONDS: Final = tuple(f".{number:03}Z" for number in range(1000))


@lru_cache(maxsize=2)
def _second(when: int) -> str:
    """A time to the second: many lines share it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
