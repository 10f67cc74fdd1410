"""Runs every fault of providers and of the store of limits, writes TABLE.md, and exits with 1 if
anything was not as specified or was left over: `python -m tests.chaos`.

On the loop that the gateway takes by itself, or on the one of `--loop`; `make test` runs the same
faults on asyncio's. `-k WORD …` runs only the faults whose titles hold one of the words, and writes
nothing.
"""

import argparse
import asyncio
import sys
from contextlib import nullcontext
from time import perf_counter

from tests.chaos.faults import FAULTS
from tests.chaos.run import run
from tests.chaos.store_faults import AWAY_LONG, LONG, STORE_FAULTS, StoreFault
from tests.chaos.store_run import CUT, Kept, run_store
from tests.chaos.table import PAGE, Score, page
from tests.loops import LOOPS, TAKEN
from tests.postgres import NOT_CHECKED, Server, running_server


async def main(words: list[str], cut: float, server: Server | None) -> int:
    """`server`: for faults of a Postgres."""
    faulty, tried = await _stores(words, cut, server)
    worse, others = await _providers(words, whole=not faulty)
    return 1 if faulty + worse or not tried + others else 0


def _of_stores(words: list[str]) -> list[StoreFault]:
    return [f for f in STORE_FAULTS if not words or any(word in f.title for word in words)]


async def _stores(words: list[str], cut: float, server: Server | None) -> tuple[int, int]:
    """How many faults of the store were not as specified, and how many there were."""
    chosen, faulty = _of_stores(words), 0
    for fault in chosen:
        if server is None and fault.store == "postgres":
            print(f"{NOT_CHECKED}: {fault.title}")
            faulty += 1
            continue
        faulty += not await _store(fault, server, cut)
    return faulty, len(chosen)


async def _store(fault: StoreFault, server: Server | None, cut: float) -> bool:
    """Whether it was as specified."""
    began = perf_counter()
    result = await run_store(fault, server, cut)
    expected = AWAY_LONG if fault.under_load and cut > LONG else fault.seen
    well = (result.seen, result.kept, result.failed) == (expected, Kept(), 0)
    before, away = (f"{seconds * 1000:.0f}" for seconds in result.took)
    print(
        f"{'as specified' if well else result}  {perf_counter() - began:5.1f} s  {fault.title}"
        f" (slowest request: {before} ms before, {away} ms while it was away)",
        flush=True,
    )
    return well


async def _providers(words: list[str], *, whole: bool) -> tuple[int, int]:
    """The same of faults of providers. `whole`: a whole run writes the page."""
    started = perf_counter()
    scores: dict[str, Score] = {}
    faulty = 0
    chosen = [fault for fault in FAULTS if not words or any(word in fault.title for word in words)]
    for fault in chosen:
        began = perf_counter()
        results, left = await run(fault)
        passed = [result for result in results if result.as_specified]
        scores[fault.title] = (len(passed), len(results))
        faulty += len(results) - len(passed) + len(left)
        print(
            f"{len(passed):3} / {len(results):2}  {perf_counter() - began:5.1f} s  {fault.title}",
            flush=True,
        )
        for result in results:
            if not result.as_specified:
                print(f"          {result}")
        for what in left:
            print(f"          left over: {what}")
    passed_all, total = (sum(score[i] for score in scores.values()) for i in (0, 1))
    print(f"{passed_all} of {total} cases as specified, {perf_counter() - started:.0f} s")
    if chosen == FAULTS and whole:
        PAGE.write_text(page(scores), "utf-8")
        print(f"written: {PAGE.name}")
    return faulty, len(chosen)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--loop", choices=LOOPS, default=TAKEN)
    parser.add_argument(
        "-k",
        metavar="WORD",
        nargs="+",
        default=[],
        help="only faults whose titles hold one of these",
    )
    parser.add_argument(
        "--cut",
        type=float,
        default=CUT,
        metavar="SECONDS",
        help="how long the store of limits is cut off under load",
    )
    return parser.parse_args()


if __name__ == "__main__":
    asked = options()
    with (
        running_server() if _of_stores(asked.k) else nullcontext() as postgres,
        asyncio.Runner(loop_factory=LOOPS[asked.loop]) as runner,
    ):
        sys.exit(runner.run(main(asked.k, asked.cut, postgres)))
