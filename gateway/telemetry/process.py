"""How the process itself is: how late its event loop runs, how long collections of garbage hold it,
and what the operating system says of it.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.process_collector import ProcessCollector

from gateway.telemetry.counters import FastCollector

INTERVAL: Final = 0.25
"""Seconds between two looks at the event loop's lateness."""
_LAG: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_PAUSE: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)


class ProcessMetrics:
    """Measured while `running()` is open; `process_*` are read from /proc at each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        fast = FastCollector()
        self._lag = fast.histogram(
            "llm_router_event_loop_lag_seconds",
            "How late the event loop ran a timer, looked at four times a second.",
            [],
            _LAG,
        )
        self._pause = fast.histogram(
            "llm_router_gc_pause_seconds",
            "Time that a collection of garbage held the process.",
            ["generation"],
            _PAUSE,
        )
        self._seen_lag = self._lag.series()
        self._pauses = tuple(self._pause.series(str(n)) for n in range(len(gc.get_threshold())))
        self._began = 0.0
        registry.register(fast)
        ProcessCollector(registry=registry)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Measure until it is left."""
        sampler = asyncio.create_task(self._sample())
        gc.callbacks.append(self._on_collection)
        try:
            yield
        finally:
            gc.callbacks.remove(self._on_collection)
            sampler.cancel()
            await asyncio.gather(sampler, return_exceptions=True)

    async def _sample(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due = now() + INTERVAL
            await asyncio.sleep(INTERVAL)
            self._lag.observe(self._seen_lag, max(0.0, now() - due))

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        elif self._began:
            pauses = self._pauses[info["generation"]]
            self._pause.observe(pauses, time.perf_counter() - self._began)
            self._began = 0.0
