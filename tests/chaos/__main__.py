"""Runs every fault, writes TABLE.md, and exits with 1 if anything was not as specified or was left
over: `python -m tests.chaos`.

On the loop that the gateway takes by itself, or on the one of `--loop`; `make test` runs the same
faults on asyncio's. `-k WORD …` runs only the faults whose titles hold one of the words, and writes
nothing.
"""

import argparse
import asyncio
import sys
from time import perf_counter

from tests.chaos.faults import FAULTS
from tests.chaos.run import run
from tests.chaos.table import PAGE, Score, page
from tests.loops import LOOPS, TAKEN


async def main(words: list[str]) -> int:
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
    if chosen == FAULTS:
        PAGE.write_text(page(scores), "utf-8")
        print(f"written: {PAGE.name}")
    return 1 if faulty or not chosen else 0


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
    return parser.parse_args()


if __name__ == "__main__":
    asked = options()
    with asyncio.Runner(loop_factory=LOOPS[asked.loop]) as runner:
        sys.exit(runner.run(main(asked.k)))
