"""Runs every fault, writes TABLE.md, and exits with 1 if anything was not as specified or was left over: `python -m tests.chaos`.

On the loop that the gateway takes by itself, or on the one of `--loop`; `make test` runs the same faults on asyncio's.
"""

import argparse
import asyncio
import sys
from time import perf_counter

from tests.chaos.faults import FAULTS
from tests.chaos.run import run
from tests.chaos.table import PAGE, Score, page, title
from tests.loops import LOOPS, TAKEN


async def main() -> int:
    started = perf_counter()
    scores: dict[str, Score] = {}
    faulty = 0
    for fault in FAULTS:
        results, left = await run(fault)
        passed = [result for result in results if result.as_specified]
        scores[title(fault)] = (len(passed), len(results))
        faulty += len(results) - len(passed) + len(left)
        print(f"{len(passed):3} / {len(results):2}  {title(fault)}", flush=True)
        for result in results:
            if not result.as_specified:
                print(f"          {result}")
        for what in left:
            print(f"          left over: {what}")
    PAGE.write_text(page(scores), "utf-8")
    passed_all, total = (sum(score[i] for score in scores.values()) for i in (0, 1))
    print(f"{passed_all} of {total} cases as specified, {perf_counter() - started:.0f} s; written: {PAGE.name}")
    return 1 if faulty else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--loop", choices=LOOPS, default=TAKEN)
    with asyncio.Runner(loop_factory=LOOPS[parser.parse_args().loop]) as runner:
        sys.exit(runner.run(main()))
