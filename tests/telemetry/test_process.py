"""gateway.telemetry.process: how late the loop runs and how long collections take, as metrics."""

import asyncio
import gc
import time

from prometheus_client import CollectorRegistry

from gateway.telemetry.process import INTERVAL, ProcessMetrics


def count(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(f"{name}_count", labels) or 0.0


async def test_a_loop_that_was_held_is_seen_as_late() -> None:
    registry = CollectorRegistry()
    async with ProcessMetrics(registry).running():
        await asyncio.sleep(INTERVAL / 2)
        time.sleep(INTERVAL)  # noqa: ASYNC251 - what is measured
        await asyncio.sleep(INTERVAL / 2)
    lag = "llm_router_event_loop_lag_seconds"
    within = registry.get_sample_value(f"{lag}_bucket", {"le": "0.05"})
    assert (count(registry, lag), within) == (1, 0)
    assert (registry.get_sample_value(f"{lag}_sum") or 0.0) >= INTERVAL / 3


async def test_collections_are_counted_while_it_runs_and_no_longer() -> None:
    registry = CollectorRegistry()
    before = list(gc.callbacks)
    async with ProcessMetrics(registry).running():
        gc.collect(2)
    gc.collect(2)
    assert gc.callbacks == before
    assert count(registry, "llm_router_gc_pause_seconds", generation="2") == 1


def test_the_operating_system_s_figures_are_told() -> None:
    registry = CollectorRegistry()
    ProcessMetrics(registry)
    assert (registry.get_sample_value("process_resident_memory_bytes") or 0) > 10_000_000
