"""What traces cost: a gateway without them, one whose sampler takes no request, and one that takes
all, in turn before one provider; `python -m tests.bench.traces`. With `--rate 500` requests come at
that rate (tests.bench.open_loop): what the spans' encoding does to those that come meanwhile.

CPU is that of the whole process, the SDK's threads included.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.load import percentile, run
from tests.bench.open_loop import OpenLoop
from tests.bench.processes import PYTHON, cores, cpu_seconds, free_port, process
from tests.bench.systems import Provider, System, gateway
from tests.bench.works import BURSTS, SMALL, Work

ROUNDS: Final = 7
REQUESTS: Final = 600
SECONDS: Final = 4.0
"""Of requests at a rate."""
BEHIND: Final = 10.0
"""Seconds by which these may be late."""
OFF: Final = "off"
SAMPLERS: Final = {"on, unsampled": "always_off", "on, sampled": "always_on"}
WORKS: Final = (SMALL, next(w for w in BURSTS if w.name == "burst chunk, OpenAI"))


async def _collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def collector(port: int) -> None:
    server = await asyncio.start_server(_collect, "127.0.0.1", port)
    await server.serve_forever()


@contextmanager
def _systems(directory: Path) -> Iterator[dict[str, tuple[System, int]]]:
    """By name, with their process ids."""
    ours, others = cores()
    port, tls_port, collecting = free_port(), free_port(), free_port()
    upstream = [*PYTHON, "tests.bench.upstream", str(port), str(tls_port)]
    command = [*PYTHON, "tests.bench.traces", "--collect", str(collecting)]
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collecting}"}
    with ExitStack() as stack:
        for each in (upstream, command):
            stack.enter_context(process(each, others))
        running = {}
        for number, (name, sampler) in enumerate({OFF: "", **SAMPLERS}.items()):
            system = gateway(Provider(port, tls_port), directory / str(number))
            if sampler:
                environ = {**system.environ, **told, "OTEL_TRACES_SAMPLER": sampler}
                system = replace(system, environ=environ)
            pid, _ = stack.enter_context(system.running(ours))
            running[name] = system, pid
        yield running


async def _at_a_rate(work: Work, system: System, rate: float) -> list[float]:
    asking = OpenLoop(work, system.ways[work.route], rate, int(rate * SECONDS), BEHIND)
    await asking.run(system.port)
    return asking.seconds


def _asked(system: System, pid: int, work: Work, rate: float | None) -> tuple[float, float]:
    """Microseconds of CPU a request, and the milliseconds of the slowest hundredth."""
    before = cpu_seconds(pid)
    way = system.ways[work.route]
    asking = (
        run(work, system.port, way, REQUESTS, 60.0)
        if rate is None
        else _at_a_rate(work, system, rate)
    )
    seconds = asyncio.run(asking)
    cpu = (cpu_seconds(pid) - before) / len(seconds) * 1e6
    return cpu, percentile(seconds, 0.99) * 1e3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--collect", type=int, help="be the receiver of spans at this port")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--rate", type=float, help="requests a second, answered or not")
    given = options.parse_args()
    if given.collect:
        return asyncio.run(collector(given.collect))
    with tempfile.TemporaryDirectory() as name, _systems(Path(name)) as systems:
        for work in WORKS if given.rate is None else WORKS[:1]:
            told: dict[str, list[tuple[float, float]]] = {name: [] for name in systems}
            for turn in range(given.rounds + 1):
                for name, (system, pid) in systems.items():
                    figures = _asked(system, pid, work, given.rate)
                    if turn:  # the first one warms
                        told[name].append(figures)
            off = median(cpu for cpu, _ in told[OFF])
            for name, figures in told.items():
                cpu = median(cpu for cpu, _ in figures)
                slow = median(slow for _, slow in figures)
                print(f"{work.name}, {name}: {cpu:.1f} µs ({cpu - off:+.1f}), p99 {slow:.1f} ms")


if __name__ == "__main__":
    main()
