"""Runs the soak and prints what it saw: `python -m tests.soak [--requests N] [--loop L]`. Exits
with 1 if a limit was missed. Linux only.

The gateway and the simulated providers have a process each. After every 500 requests the memory in
use is looked at (the gateway's RSS once garbage is collected and the allocator has given back what
was freed) and the RSS as it is, of its children, too; a straight line is laid through what was seen
after the warm-up, the first fifth (at least 2,000 requests), in which caches fill. RSS as it is
moves by a megabyte or two before it settles, so its line says something in long runs only; and that
of the memory in use says nothing of less than an arena of Python's allocator, which a leak of 1 KB
a request passes within 1,000 requests. What is smaller shows in the number of blocks that the
allocator has given out.

What the gateway held must be given back, twice: places, probes, requests and busy connections while
the providers still run, sockets and tasks when they are gone.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

import yaml

from tests.bench.processes import ROOT, free_port, rss_mb, wait_ready
from tests.loops import LOOPS, TAKEN
from tests.serving import clean_environ
from tests.soak.gateway import TOLD
from tests.soak.load import run
from tests.soak.works import LARGE_WORKS, POLICY

EVERY: Final = 500
LEAST: Final = 4000
"""Requests: with fewer there is no line to be seen."""
MOST_GROWTH: Final = 1.0
"""MB per 10,000 requests."""
MOST_BLOCKS: Final = 0.5
"""Blocks of Python's allocator that one request more takes: a small object is one."""
BLOCKS_THAT_VARY: Final = 4000
"""By what is on its way at the moment."""
ARENA: Final = 1.0
"""MB: Python takes its memory from the system in such pieces, so a line that rises by less shows no
growth."""
LONG: Final = 50_000
"""Requests from which on the growth of RSS is held to that, too."""
LARGE: Final = 40
"""Large answers at the end."""
PLACES: Final = {"limit": 200, "queue": 0}
"""`concurrency` of every provider: more than the callers take, fewer than the requests."""
SETTLES_WITHIN: Final = 20.0
"""Seconds after the last request until tasks and sockets are what they were."""
Points = Sequence[tuple[int, float]]
"""What was seen after so many requests."""
Row = tuple[str, str, str, bool]
"""What was looked at, what was seen, its limit, and whether that was kept."""


@contextmanager
def process(
    module: str, *arguments: str, errors: IO[bytes] | int = subprocess.DEVNULL, **environ: str
) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=clean_environ(**environ),
        stdout=subprocess.DEVNULL,
        stderr=errors,
    )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def count_once(port: int) -> None:
    """The first exact count starts the process that counts, and the gateway keeps a socket to it:
    no leak.
    """
    body = json.dumps(
        {"model": "openai", "messages": [{"role": "user", "content": "Hello!"}]}
    ).encode()
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/tokens", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:
        if json.load(answer)["exact"] is None:
            raise RuntimeError("tokens could not be counted")


def slope(points: Points) -> float:
    """Of the straight line through the points, by least squares."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum(
        (x - mean_x) ** 2 for x, _ in points
    )


def sockets(pid: int) -> int:
    count = 0
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:")
        except FileNotFoundError:
            continue
    return count


def held(pid: int, told: Path) -> dict[str, int]:
    """What the gateway answers to SIGUSR1."""
    before = told.read_text().count(TOLD)
    os.kill(pid, signal.SIGUSR1)
    while told.read_text().count(TOLD) == before or not told.read_text().endswith("\n"):
        time.sleep(0.01)
    counts: dict[str, int] = json.loads(told.read_text().rpartition(TOLD)[2].partition("\n")[0])
    return counts


def busy(counts: dict[str, int]) -> dict[str, int]:
    """Of what a gateway holds, what a request holds."""
    kept = {"tasks", "bytes", "blocks", "connections to providers", "idle connections to providers"}
    used = counts["connections to providers"] - counts["idle connections to providers"]
    return {
        **{what: count for what, count in counts.items() if what not in kept},
        "busy connections to providers": used,
    }


def in_flight(port: int) -> int:
    """The gateway's own metric."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return int(
            float(
                answer.read()
                .decode()
                .partition("\nllm_router_in_flight_requests ")[2]
                .partition("\n")[0]
            )
        )


def at_rest(look: Callable[[], int]) -> int:
    """The least that `look` gives within a second: what was asked before may not be over."""
    seen = []
    for _ in range(5):
        seen.append(look())
        time.sleep(0.2)
    return min(seen)


def settled(look: Callable[[], int], at_rest: int) -> int:
    """What `look` gives once it is `at_rest` again, or at the end of the patience."""
    deadline = time.monotonic() + SETTLES_WITHIN
    while (now := look()) > at_rest and time.monotonic() < deadline:
        time.sleep(0.2)
    return now


def configure(directory: Path) -> None:
    capabilities = yaml.safe_load((ROOT / "config" / "capabilities.yaml").read_text())
    for provider in capabilities["providers"].values():
        provider["concurrency"] = {**PLACES}
    (directory / "capabilities.yaml").write_text(yaml.safe_dump(capabilities, sort_keys=False))
    (directory / "persona_policy.yaml").write_text(POLICY)


def growth(requests: int, warm_up: int, in_use: Points, blocks: Points, rss: Points) -> list[Row]:
    """What is said of memory: MB in use, allocated blocks, and MB of RSS as it is."""
    in_mb, small, whole = (
        slope([point for point in line if point[0] >= warm_up]) for line in (in_use, blocks, rss)
    )
    in_mb, whole = in_mb * 10_000, whole * 10_000
    most = max(MOST_GROWTH, ARENA * 10_000 / (requests - warm_up))
    most_blocks = max(MOST_BLOCKS, BLOCKS_THAT_VARY / (requests - warm_up))
    long = requests >= LONG
    return [
        (
            "growth of memory in use, MB per 10,000 requests",
            f"{in_mb:.2f}",
            f"< {most:.2f}",
            in_mb < most,
        ),
        (
            "growth of allocated blocks, per request",
            f"{small:.2f}",
            f"< {most_blocks:.2f}",
            small < most_blocks,
        ),
        (
            "RSS growth, MB per 10,000 requests",
            f"{whole:.2f}",
            f"< {MOST_GROWTH:g}" if long else "",
            whole < MOST_GROWTH or not long,
        ),
        (
            "RSS after the warm-up / at the end, MB",
            f"{dict(rss)[warm_up]:.1f} / {rss[-1][1]:.1f}",
            "",
            True,
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--loop", choices=LOOPS, default=TAKEN)
    options = parser.parse_args()
    requests: int = options.requests
    if requests < LEAST:
        parser.error(f"at least {LEAST} requests are needed to see growth")
    warm_up = max(LEAST // 2, requests // 5 // EVERY * EVERY)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        configure(directory)
        upstream_port, port = free_port(), free_port()
        base = f"http://127.0.0.1:{upstream_port}"
        told = directory / "stderr"
        errors = stack.enter_context(told.open("wb"))
        environ = {
            "LLM_ROUTER_CONFIG_DIR": str(directory), "HOST": "127.0.0.1", "PORT": str(port),
            "OPENAI_API_KEY": "soak", "ANTHROPIC_API_KEY": "soak", "GEMINI_API_KEY": "soak",
            "OPENAI_BASE_URL": f"{base}/openai/v1", "ANTHROPIC_BASE_URL": f"{base}/claude",
            "GEMINI_BASE_URL": f"{base}/gemini",
        }  # fmt: skip
        gateway = stack.enter_context(
            process("tests.soak.gateway", options.loop, errors=errors, **environ)
        )
        wait_ready(port)
        time.sleep(0.5)
        count_once(port)
        tasks_before, sockets_before = (
            at_rest(lambda: held(gateway.pid, told)["tasks"]),
            at_rest(lambda: sockets(gateway.pid)),
        )
        points: list[tuple[int, float]] = []
        in_use: list[tuple[int, float]] = []
        blocks: list[tuple[int, float]] = []
        started = time.monotonic()

        def progress(done: int) -> None:
            points.append((done, rss_mb(gateway.pid)))
            now = held(gateway.pid, told)
            in_use.append((done, now["bytes"] / 1024**2))
            blocks.append((done, now["blocks"]))
            if done % (5 * EVERY) == 0:
                print(
                    f"{done:7} requests  {time.monotonic() - started:5.0f} s  {in_use[-1][1]:6.1f}"
                    " MB in use",
                    flush=True,
                )

        with process("tests.soak.upstream", str(upstream_port)):
            wait_ready(upstream_port, "/")
            tally = asyncio.run(run(f"http://127.0.0.1:{port}", requests, EVERY, progress))
            large = asyncio.run(
                run(f"http://127.0.0.1:{port}", LARGE, LARGE, lambda _: None, LARGE_WORKS)
            )
            unexpected = tally.unexpected + large.unexpected
            settled(lambda: sum(busy(held(gateway.pid, told)).values()), 0)
            held_at_rest, in_flight_at_rest = busy(held(gateway.pid, told)), in_flight(port)
        # The providers are gone, and with them the connections that the gateway had kept for its
        # next calls.
        sockets_after = settled(lambda: sockets(gateway.pid), sockets_before)
        tasks_after = settled(lambda: held(gateway.pid, told)["tasks"], tasks_before)
        log = told.read_text()
    print(f"\n{requests} requests of {len(tally.done)} kinds, {time.monotonic() - started:.0f} s\n")
    rows = (
        *growth(requests, warm_up, in_use, blocks, points),
        *(
            (f"{what}, after the last request", str(count), "0", count == 0)
            for what, count in held_at_rest.items()
        ),
        ("the metric of requests in flight", str(in_flight_at_rest), "0", in_flight_at_rest == 0),
        ("tasks at the end", str(tasks_after), str(tasks_before), tasks_after == tasks_before),
        (
            "sockets at the end",
            str(sockets_after),
            str(sockets_before),
            sockets_after == sockets_before,
        ),
        ("answers that should not be", str(unexpected.total()), "0", not unexpected),
        ("tracebacks in the log", str(log.count("Traceback")), "0", "Traceback" not in log),
    )
    print("| what | seen | limit | |\n|---|---|---|---|")
    for what, seen, limit, kept in rows:
        print(f"| {what} | {seen} | {limit} | {'ok' if kept else 'MISSED'} |")
    for what, count in unexpected.most_common(20):
        print(f"{count:6} x {what}")
    if "Traceback" in log:
        print(log[log.index("Traceback") - 500 :][:5000])
    return 0 if all(row[3] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
