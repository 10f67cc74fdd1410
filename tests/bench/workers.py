"""Prints what one and several workers give when more is asked of them than they can: `python -m tests.bench.workers [N]`. Needs Linux.

Workers, provider and load generators share the cores, and the last two take theirs: the CPU of each is told. The gateways take turns.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.__main__ import POLICY, ROOT, cpu_seconds, free_port, process, wait_ready
from tests.bench.load import Work, percentile, run
from tests.test_process import children

GENERATORS: Final = 2
ROUNDS: Final = 5
WORK: Final = Work("1 KB JSON, OpenAI", "bench-openai", requests=4000, connections=32)
"""Of each generator."""


def generate(port: int) -> None:
    """Prints seconds, CPU seconds, p50 and p99."""
    started = time.perf_counter()
    latencies = asyncio.run(run(WORK, port, WORK.requests))
    print(time.perf_counter() - started, time.process_time(), percentile(latencies, 0.5), percentile(latencies, 0.99))


def measure(port: int, gateway: list[int], upstream: int) -> list[float]:
    """Requests per second, CPU µs a request of gateway, provider and generators, the busiest worker's share, p50 and p99 in ms."""
    before = [cpu_seconds(pid) for pid in (upstream, *gateway)]
    command = [sys.executable, "-m", "tests.bench.workers", "generate", str(port)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(GENERATORS)]
    told = [[*map(float, generator.communicate()[0].split())] for generator in running]
    provider, *workers = (cpu_seconds(pid) - then for pid, then in zip((upstream, *gateway), before, strict=True))
    seconds, cpu, p50, p99 = (max(column) for column in zip(*told, strict=True))
    requests = GENERATORS * WORK.requests
    a_request = [spent / requests * 1e6 for spent in (sum(workers), provider, cpu * GENERATORS)]
    return [requests / seconds, *a_request, max(workers) / sum(workers), p50 * 1000, p99 * 1000]


def main(most: int) -> None:
    with ExitStack() as stack:
        upstream_port = free_port()
        upstream = stack.enter_context(process(["-m", "tests.bench.upstream", str(upstream_port)], None)).pid
        config = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copy(ROOT / "config" / "capabilities.yaml", config)
        (config / "persona_policy.yaml").write_text(POLICY)
        gateways: dict[int, tuple[int, list[int]]] = {}
        for workers in (1, most):
            port = free_port()
            environ = {
                "LLM_ROUTER_CONFIG_DIR": str(config), "PORT": str(port), "LLM_ROUTER_WORKERS": str(workers),
                "OPENAI_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1", "OPENAI_API_KEY": "bench",
            }  # fmt: skip
            parent = stack.enter_context(process(["-m", "gateway"], None, environ)).pid
            wait_ready(port)
            gateways[workers] = port, children(parent) or [parent]
        rows: dict[int, list[list[float]]] = {workers: [] for workers in gateways}
        for _ in range(ROUNDS):
            for workers, (port, pids) in gateways.items():
                rows[workers].append(measure(port, pids, upstream))
    print(f"{WORK.name}, {GENERATORS * WORK.connections} connections, {len(os.sched_getaffinity(0))} cores, medians of {ROUNDS} rounds\n")
    print("| workers | requests/s | µs CPU a request: gateway | provider | generators | busiest worker | p50 / p99, ms |")
    print("|---|---|---|---|---|---|---|")
    for workers, measured in rows.items():
        rate, ours, provider, generators, share, p50, p99 = (median(column) for column in zip(*measured, strict=True))
        print(f"| {workers} | {rate:.0f} | {ours:.0f} | {provider:.0f} | {generators:.0f} | {share:.0%} | {p50:.1f} / {p99:.1f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"]:
        generate(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
