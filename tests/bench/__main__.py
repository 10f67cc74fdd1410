"""Runs the benchmark and prints a Markdown table: `python -m tests.bench [--quick]`.

CPU is user + system time of the measured process, read from /proc, so it needs Linux. The measured process has a core of its own where
there are two. Gateway and relay take turns, three rounds each; the median counts.
"""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.load import Work, percentile, run
from tests.bench.upstream import CHUNKS

ROOT: Final = Path(__file__).parents[2]
TICKS: Final = os.sysconf("SC_CLK_TCK")
ROUNDS: Final = 3

POLICY: Final = """
version: 1
personas:
  bench-openai: {description: "benchmark", targets: [openai/gpt-4.1]}
  bench-claude: {description: "benchmark", targets: [claude/claude-sonnet-5]}
  bench-gemini: {description: "benchmark", targets: [gemini/gemini-3.5-flash]}
"""

WORKS: Final = (
    Work("1 KB JSON, OpenAI", "bench-openai"),
    Work("1 KB JSON, Claude", "bench-claude"),
    Work("1 KB JSON, Gemini", "bench-gemini"),
    Work("100 KB JSON, OpenAI", "bench-openai", large=True, requests=800),
    Work("100 KB JSON, Claude", "bench-claude", large=True, requests=800),
    Work("burst chunk, OpenAI", "bench-openai", stream=True, units=CHUNKS, requests=600),
    Work("burst chunk, Claude", "bench-claude", stream=True, units=CHUNKS, requests=400),
    Work("burst chunk, Gemini", "bench-gemini", stream=True, units=CHUNKS, requests=400),
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(arguments: list[str], core: int | None, environ: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process on a core of its own, ended with SIGTERM."""
    started = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **(environ or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if core is not None:
        os.sched_setaffinity(started.pid, {core})
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def wait_ready(port: int, path: str = "/health") -> float:
    """Seconds until the first 200."""
    started = time.perf_counter()
    while time.perf_counter() - started < 30:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
                if answer.status == 200:
                    return time.perf_counter() - started
        except urllib.error.HTTPError:
            return time.perf_counter() - started
        except OSError:
            time.sleep(0.005)
    raise RuntimeError("the server did not start")


def measure(work: Work, port: int, pid: int) -> tuple[float, float, float]:
    """CPU microseconds per unit, p50 and p99 latency in milliseconds."""
    before = cpu_seconds(pid)
    latencies = asyncio.run(run(work, port, work.requests))
    cpu = (cpu_seconds(pid) - before) / (work.requests * work.units) * 1e6
    return cpu, percentile(latencies, 0.5) * 1000, percentile(latencies, 0.99) * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests: shows that it runs, not what it costs")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    measured, other = (cores[0], cores[-1]) if len(cores) > 1 else (None, None)
    if other is not None:
        os.sched_setaffinity(0, {other})
    with ExitStack() as stack:
        upstream_port, relay_port, gateway_port = free_port(), free_port(), free_port()
        stack.enter_context(process(["-m", "tests.bench.upstream", str(upstream_port)], other))
        config = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copy(ROOT / "config" / "capabilities.yaml", config)
        (config / "persona_policy.yaml").write_text(POLICY)
        base = f"http://127.0.0.1:{upstream_port}"
        environ = {
            "LLM_ROUTER_CONFIG_DIR": str(config), "PORT": str(gateway_port), "HOST": "127.0.0.1",
            "OPENAI_BASE_URL": f"{base}/v1", "ANTHROPIC_BASE_URL": base, "GEMINI_BASE_URL": base,
            "OPENAI_API_KEY": "bench", "ANTHROPIC_API_KEY": "bench", "GEMINI_API_KEY": "bench",
        }  # fmt: skip
        gateway = stack.enter_context(process(["-m", "gateway"], measured, environ))
        start = wait_ready(gateway_port)
        relay = stack.enter_context(process(["-m", "tests.bench.relay", str(relay_port), str(upstream_port)], measured))
        wait_ready(relay_port)
        idle = rss_mb(gateway.pid)
        print(f"start to first 200: {start:.2f} s · RSS idle: {idle:.0f} MB · Python {sys.version.split()[0]} · {len(cores)} cores\n")
        print("| work | gateway, µs CPU | bare aiohttp relay, µs CPU | ratio | p50 / p99, ms |")
        print("|---|---|---|---|---|")
        for full in WORKS:
            work = replace(full, requests=max(16, full.requests // 10)) if options.quick else full
            asyncio.run(run(work, gateway_port, 16))
            asyncio.run(run(replace(work, model="bench-openai"), relay_port, 16))
            ours, bare = [], []
            for _ in range(ROUNDS):
                ours.append(measure(work, gateway_port, gateway.pid))
                bare.append(measure(work, relay_port, relay.pid)[0])
            cpu, yardstick = median(row[0] for row in ours), median(bare)
            p50, p99 = median(row[1] for row in ours), median(row[2] for row in ours)
            print(f"| {work.name} | {cpu:.1f} | {yardstick:.1f} | {cpu / max(yardstick, 0.01):.2f} | {p50:.2f} / {p99:.2f} |", flush=True)
        print(f"\nRSS after the run: {rss_mb(gateway.pid):.0f} MB")


if __name__ == "__main__":
    main()
