"""Prints what one and several workers give when more is asked of them than they can: `python -m
tests.bench.workers [N]`. Needs Linux.

Workers, provider and load generators share the cores, and the last two take theirs: the CPU of each
is told. The gateways take turns.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.load import percentile, run
from tests.bench.processes import PYTHON, ROOT, cpu_seconds, free_port, process, wait_ready
from tests.bench.systems import Provider, gateway
from tests.bench.works import SMALL, Way
from tests.test_process import children

GENERATORS: Final = 2
ROUNDS: Final = 5
REQUESTS: Final = 4000
CONNECTIONS: Final = 32
"""Both of each generator."""
LONGEST: Final = 60.0
"""Seconds."""


def generate(port: int) -> None:
    """Prints seconds, CPU seconds, p50 and p99."""
    started = time.perf_counter()
    latencies = asyncio.run(run(SMALL, port, Way("openai"), REQUESTS, LONGEST, CONNECTIONS))
    print(
        time.perf_counter() - started,
        time.process_time(),
        percentile(latencies, 0.5),
        percentile(latencies, 0.99),
    )


def measure(port: int, gateway: list[int], upstream: int) -> list[float]:
    """Requests per second, CPU µs a request of gateway, provider and generators, the busiest
    worker's share, p50 and p99 in ms.
    """
    before = [cpu_seconds(pid) for pid in (upstream, *gateway)]
    command = [sys.executable, "-m", "tests.bench.workers", "generate", str(port)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(GENERATORS)
    ]
    told = [[*map(float, generator.communicate()[0].split())] for generator in running]
    provider, *workers = (
        cpu_seconds(pid) - then for pid, then in zip((upstream, *gateway), before, strict=True)
    )
    seconds, cpu, p50, p99 = (max(column) for column in zip(*told, strict=True))
    requests = GENERATORS * REQUESTS
    a_request = [spent / requests * 1e6 for spent in (sum(workers), provider, cpu * GENERATORS)]
    return [requests / seconds, *a_request, max(workers) / sum(workers), p50 * 1000, p99 * 1000]


def main(most: int) -> None:
    with ExitStack() as stack:
        provider, cores = Provider(free_port(), free_port()), os.sched_getaffinity(0)
        command = (*PYTHON, "tests.bench.upstream", str(provider.port), str(provider.tls_port))
        upstream = stack.enter_context(process(command, cores)).pid
        wait_ready(provider.port)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        gateways: dict[int, tuple[int, list[int]]] = {}
        for workers in (1, most):
            system = gateway(provider, directory / str(workers))
            system = replace(system, environ={**system.environ, "LLM_ROUTER_WORKERS": str(workers)})
            parent, _ = stack.enter_context(system.running(cores))
            gateways[workers] = system.port, children(parent) or [parent]
        rows: dict[int, list[list[float]]] = {workers: [] for workers in gateways}
        for _ in range(ROUNDS):
            for workers, (port, pids) in gateways.items():
                rows[workers].append(measure(port, pids, upstream))
    print(
        f"{SMALL.name}, {GENERATORS * CONNECTIONS} connections, {len(cores)} cores, medians of"
        f" {ROUNDS} rounds\n"
    )
    print(
        "| workers | requests/s | µs CPU a request: gateway | provider | generators | busiest"
        " worker | p50 / p99, ms |"
    )
    print("|---|---|---|---|---|---|---|")
    for workers, measured in rows.items():
        rate, ours, upstream_cpu, generators, share, p50, p99 = (
            median(column) for column in zip(*measured, strict=True)
        )
        print(
            f"| {workers} | {rate:.0f} | {ours:.0f} | {upstream_cpu:.0f} | {generators:.0f} |"
            f" {share:.0%} | {p50:.1f} / {p99:.1f} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"]:
        generate(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
