"""The judge of speed: `python -m tests.bench [--peers litellm,portkey,smg] [--readme] [--quick]
[--beside DIRECTORY]`.
Linux only.

The gateway, nginx (where installed), a bare aiohttp relay and the peers ask the same fake provider.
Where there are two cores the measured systems have one for themselves. Prints a Markdown table and
writes bench-results/DATE.json; exits with 1 if the gateway failed.
"""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.growth import growths
from tests.bench.load import TooFast
from tests.bench.measuring import (
    Figure,
    Running,
    added_latency,
    bursts,
    idle_connections,
    open_streams,
    paced,
    started,
    starts,
)
from tests.bench.open_loop import open_loop
from tests.bench.peers import PEERS, install
from tests.bench.processes import PYTHON, cores, free_port, must_be_free, process, wait_ready
from tests.bench.report import Others, machine, markdown, put_into_readme, write
from tests.bench.size import directory_mb, ours_mb
from tests.bench.systems import OURS, Provider, System, gateway, nginx, relay


def peer_names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if unknown := set(names) - set(PEERS):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(sorted(unknown))} (known: {', '.join(PEERS)})"
        )
    return names


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tenth of the requests: shows that it runs, not what it costs",
    )
    parser.add_argument(
        "--peers", type=peer_names, default=[], metavar="NAMES", help=f"of {','.join(PEERS)}"
    )
    parser.add_argument(
        "--readme", action="store_true", help="put the table into tests/bench/README.md"
    )
    parser.add_argument(
        "--beside",
        type=lambda text: Path(text).resolve(),
        metavar="DIRECTORY",
        help="another checkout of this project, measured beside this one",
    )
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    result: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "quick": options.quick,
        "machine": machine(), "missing": {},
    }  # fmt: skip
    others = Others()
    with tempfile.TemporaryDirectory() as directory:
        failed = measure(
            result,
            options.peers,
            options.beside,
            Path(directory),
            0.1 if options.quick else 1.0,
        )
    result["others"] = others.share()
    table = markdown(result)
    print(f"\n{table}\n\n{write(result)}")
    if options.readme:
        put_into_readme(table)
    return 1 if failed else 0


def measure(
    result: dict[str, Any],
    peers: Iterable[str],
    beside: Path | None,
    directory: Path,
    scale: float,
) -> bool:
    """Fill `result`; True if the gateway itself failed at something."""
    provider = Provider(free_port(), free_port())
    missing: dict[str, str] = result["missing"]
    size = Figure("installed, with all dependencies", "MB", values={OURS: ours_mb()})
    fast = Figure(
        "the same with the extra `fast`, as measured here", "MB", values={OURS: ours_mb("fast")}
    )
    candidates = [
        gateway(provider, directory / "gateway"),
        nginx(provider, directory / "nginx"),
        relay(provider),
        gateway(provider, directory / "beside", checkout=beside) if beside else None,
    ]
    for name in peers:
        try:
            home = install(name)
            system = PEERS[name].system(home, directory / name, provider)
        except RuntimeError as error:
            missing[name] = str(error)
            print(f"{name} FAILED: {error}", file=sys.stderr, flush=True)
            continue
        candidates.append(system)
        size.values[system.name] = directory_mb(home / PEERS[name].packages)
    systems = {system.name: system for system in candidates if system}
    own, rest = cores()
    os.sched_setaffinity(0, rest)
    for port in (provider.port, provider.tls_port):
        must_be_free(port)
    with ExitStack() as stack:
        stack.enter_context(
            process(
                (*PYTHON, "tests.bench.upstream", str(provider.port), str(provider.tls_port)), rest
            )
        )
        wait_ready(provider.port)
        result["growth"] = growth_of(
            systems[OURS], gateway(provider, directory / "large", personas=100), own, scale
        )
        figures = [*told(figures_of(systems, provider, own, scale, missing)), size, fast]
    result["systems"] = {
        name: system.version for name, system in systems.items() if name not in missing
    }
    result["figures"] = [asdict(figure) for figure in figures]
    return OURS in missing or any(
        OURS in figure.failed and TooFast.__name__ not in figure.failed[OURS] for figure in figures
    )


def growth_of(small: System, large: System, own: set[int], scale: float) -> list[dict[str, object]]:
    with small.running(own) as (small_pid, _), large.running(own) as (large_pid, _):
        return [
            row.document()
            for row in growths(Running(small, small_pid), Running(large, large_pid), scale)
        ]


def figures_of(
    systems: dict[str, System],
    provider: Provider,
    own: set[int],
    scale: float,
    missing: dict[str, str],
) -> Iterator[Figure]:
    with ExitStack() as stack:
        running = started(systems, own, stack, missing)
        yield from bursts(running, scale)
        yield from paced(running, scale)
        yield from added_latency(running, provider.port, scale)
        yield from open_loop(running, scale)
    answering = {name: system for name, system in systems.items() if name in running}
    yield from open_streams(answering, own, scale)
    yield from idle_connections(answering, own, scale)
    yield from starts(answering, own)


def told(figures: Iterable[Figure]) -> Iterator[Figure]:
    """The same, each printed when it is there: a run takes minutes."""
    for figure in figures:
        values = ", ".join(f"{name} {value:.2f}" for name, value in figure.values.items())
        print(f"{figure.name} ({figure.unit}): {values}", file=sys.stderr, flush=True)
        yield figure


if __name__ == "__main__":
    sys.exit(main())
