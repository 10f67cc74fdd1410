"""The measurements: each takes systems and gives figures. Systems take turns, and the median of
ROUNDS counts.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from tests.bench.load import PATIENCE, Streams, idle, latencies, percentile, run
from tests.bench.processes import cpu_seconds, rss_mb
from tests.bench.systems import System
from tests.bench.works import BURSTS, INBOUND, PACED, SMALL, Way, Work

ROUNDS: Final = 3
ROUND_SECONDS: Final = 1.2
"""The longest that one round of one system lasts; slow systems do fewer requests in it."""
WARM_UP: Final = 0.02
STREAMS: Final = 40
PACED_SECONDS: Final = 2.5
RATE: Final = 50.0
FEW_STREAMS, MANY_STREAMS = 500, 2000
CHUNKS_A_SECOND: Final = 2000
"""Over all open streams, so that only their number differs."""
IDLE_CONNECTIONS: Final = 2000
DIRECT: Final = "direct"


@dataclass(slots=True)
class Figure:
    """One row: a value by system, or why there is none. `like` names the row that a system which
    cannot do this one is compared by.
    """

    name: str
    unit: str
    digits: int = 1
    values: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    like: str | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A system that runs."""

    system: System
    pid: int


def in_turn(
    names: Sequence[str],
    failed: dict[str, str],
    measure: Callable[[str], tuple[float, ...]],
    rounds: int = ROUNDS,
) -> dict[str, tuple[float, ...]]:
    """Medians of what `measure` gives, by name. A name that fails is left out from then on, and
    `failed` says why.
    """
    seen: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            if name not in failed:
                try:
                    seen[name].append(measure(name))
                except (OSError, RuntimeError, TimeoutError, EOFError, ExceptionGroup) as error:
                    failed[name] = reason(error)
                    print(f"{name} FAILED: {failed[name]}", file=sys.stderr, flush=True)
    return {
        name: tuple(map(median, zip(*rows, strict=True)))
        for name, rows in seen.items()
        if name not in failed
    }


def reason(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE:g} s"
    return f"{type(error).__name__}: {error}"[:500]


def able(running: Mapping[str, Running], work: Work) -> list[str]:
    return [name for name, one in running.items() if work.route in one.system.ways]


def bursts(running: Mapping[str, Running], scale: float) -> Iterator[Figure]:
    """CPU for each request or chunk, as fast as the system can."""
    for work in (*BURSTS, *INBOUND):
        figure = Figure(work.name, "µs CPU", like=relayed(work))

        def warm_up(name: str, work: Work = work) -> tuple[float, ...]:
            return (burst(running[name], work, WARM_UP),)

        def measure(name: str, work: Work = work) -> tuple[float, ...]:
            return (burst(running[name], work, scale),)

        in_turn(able(running, work), figure.failed, warm_up)
        yield from columns((figure,), in_turn(able(running, work), figure.failed, measure))


def burst(on: Running, work: Work, scale: float, way: Way | None = None) -> float:
    """CPU microseconds per unit."""
    before = cpu_seconds(on.pid)
    requests = max(16, int(work.requests * scale))
    done = len(
        asyncio.run(
            run(
                work,
                on.system.port,
                way or on.system.ways[work.route],
                requests,
                max(0.3, ROUND_SECONDS * scale),
            )
        )
    )
    return (cpu_seconds(on.pid) - before) / (done * work.units) * 1e6


def relayed(work: Work) -> str | None:
    """The same work without a translation."""
    if work.route == "bare":
        return SMALL.name
    kind, _, _ = work.name.partition(", ")
    name = f"{kind}, OpenAI" if work in INBOUND else _as_openai(work.name)
    return None if name == work.name else name


def _as_openai(name: str) -> str:
    return name.replace("Claude", "OpenAI").replace("Gemini", "OpenAI")


def paced(running: Mapping[str, Running], scale: float) -> Iterator[Figure]:
    """CPU for each chunk of streams at the pace of a model, all costs of the streams in it but
    their beginnings and ends.
    """
    for work in PACED:
        figure = Figure(work.name, "µs CPU", like=relayed(work))

        def measure(name: str, work: Work = work) -> tuple[float, ...]:
            return (asyncio.run(_paced(running[name], work, PACED_SECONDS * scale)),)

        yield from columns((figure,), in_turn(able(running, work), figure.failed, measure))


async def _paced(on: Running, work: Work, seconds: float) -> float:
    streams = Streams()
    try:
        await streams.open(work, on.system.port, on.system.ways[work.route], STREAMS)
        await asyncio.sleep(0.2)
        return await _chunk_cost(on, streams, seconds)
    finally:
        streams.leave()
        await asyncio.sleep(0.1)


async def _chunk_cost(on: Running, streams: Streams, seconds: float) -> float:
    cpu, chunks = cpu_seconds(on.pid), streams.chunks()
    await asyncio.sleep(seconds)
    return (cpu_seconds(on.pid) - cpu) / max(1, streams.chunks() - chunks) * 1e6


def added_latency(
    running: Mapping[str, Running], provider_port: int, scale: float
) -> Iterator[Figure]:
    """What a request takes longer than straight to the provider, at RATE requests a second."""
    p50 = Figure(f"latency added at {RATE:g} requests/s, p50", "ms", 2)
    p99 = Figure(f"latency added at {RATE:g} requests/s, p99", "ms", 2)
    requests = max(20, int(200 * scale))

    def measure(name: str) -> tuple[float, ...]:
        port, way = provider_port, Way("bench")
        if name != DIRECT:
            port, way = running[name].system.port, running[name].system.ways[SMALL.route]
        seconds = asyncio.run(latencies(SMALL, port, way, requests, RATE))
        return percentile(seconds, 0.5) * 1000, percentile(seconds, 0.99) * 1000

    seen = in_turn([DIRECT, *running], p50.failed, measure)
    direct = seen.pop(DIRECT)
    added = {name: (row[0] - direct[0], row[1] - direct[1]) for name, row in seen.items()}
    yield from columns((p50, p99), added)


def starts(systems: Mapping[str, System], core: set[int]) -> Iterator[Figure]:
    """From nothing to the first 200 of a chat request, and the memory a second later."""
    start, rss = Figure("cold start to the first 200", "s", 2), Figure("RSS idle", "MB", 0)

    def measure(name: str) -> tuple[float, ...]:
        with systems[name].running(core) as (pid, seconds):
            time.sleep(1)
            return seconds, rss_mb(pid)

    yield from columns((start, rss), in_turn(list(systems), start.failed, measure))


def open_streams(systems: Mapping[str, System], core: set[int], scale: float) -> Iterator[Figure]:
    """Memory of many, and whether a chunk costs more when more are open. One round with a fresh
    process, three windows for CPU.
    """
    few, many = (max(20, int(count * scale)) for count in (FEW_STREAMS, MANY_STREAMS))
    figures = (
        Figure(f"{many} open streams: RSS", "MB", 0),
        Figure("an open stream", "KB"),
        Figure(f"chunk, {few} streams open", "µs CPU"),
        Figure(f"chunk, {many} streams open", "µs CPU"),
        Figure(f"the same, {many} to {few} open", "ratio", 2),
    )

    def measure(name: str) -> tuple[float, ...]:
        with systems[name].running(core) as (pid, _):
            return asyncio.run(
                _streams(Running(systems[name], pid), few, many, max(0.3, 1.5 * scale))
            )

    yield from columns(figures, in_turn(list(systems), figures[0].failed, measure, rounds=1))


def idle_connections(
    systems: Mapping[str, System], core: set[int], scale: float
) -> Iterator[Figure]:
    """Memory of connections that wait for a next request. One round with a fresh process."""
    figure = Figure("an idle connection", "KB")

    def measure(name: str) -> tuple[float, ...]:
        with systems[name].running(core) as (pid, _):
            return (
                asyncio.run(
                    _idle(Running(systems[name], pid), max(20, int(IDLE_CONNECTIONS * scale)))
                ),
            )

    yield from columns((figure,), in_turn(list(systems), figure.failed, measure, rounds=1))


def columns(figures: Sequence[Figure], seen: Mapping[str, tuple[float, ...]]) -> Iterator[Figure]:
    """Figures that were measured together: of what was seen each takes its column, and all failed
    where the first did.
    """
    for column, figure in enumerate(figures):
        figure.failed = figures[0].failed
        figure.values = {name: row[column] for name, row in seen.items()}
        yield figure


async def _streams(on: Running, few: int, many: int, seconds: float) -> tuple[float, ...]:
    port, way = on.system.port, on.system.ways["openai"]
    await run(SMALL, port, way, 200, 5)
    before = rss_mb(on.pid)
    costs = []
    for count in (few, many):
        streams = Streams()
        try:
            await streams.open(
                Work("open", "openai", stream=True, every=count / CHUNKS_A_SECOND), port, way, count
            )
            await asyncio.sleep(0.5)
            costs.append(median([await _chunk_cost(on, streams, seconds) for _ in range(ROUNDS)]))
            rss = rss_mb(on.pid)
        finally:
            streams.leave()
        await asyncio.sleep(1)
    return rss, (rss - before) / many * 1024, *costs, costs[1] / costs[0]


async def _idle(on: Running, connections: int) -> float:
    port, way = on.system.port, on.system.ways["openai"]
    await run(SMALL, port, way, 200, 5)
    before = rss_mb(on.pid)
    async with idle(SMALL, port, way, connections):
        return (rss_mb(on.pid) - before) / connections * 1024


def started(
    systems: Mapping[str, System], core: set[int], stack: ExitStack, missing: dict[str, str]
) -> dict[str, Running]:
    """All systems at once, for as long as the stack is open."""
    running = {}
    for name, system in systems.items():
        try:
            pid, _ = stack.enter_context(system.running(core))
            running[name] = Running(system, pid)
        except (OSError, RuntimeError) as error:
            missing[name] = reason(error)
            print(f"{name} FAILED: {missing[name]}", file=sys.stderr, flush=True)
    return running
