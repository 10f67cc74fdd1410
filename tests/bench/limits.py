"""What limits cost a request: one key with six of them, beside none.

    python -m tests.bench.limits [--beside DIRECTORY] [--admissions N] [--no-instructions]

Calls: the Python calls of one warm request over HTTP, with limits and without (tests.bench.calls).
The rest is of admission alone, in a loop without HTTP (tests/bench/admissions.py): authenticate,
estimate the prompt, reserve, settle and journal on the request's own thread, which is all that
counting in memory costs; then what brings a row into the ledger, on whichever thread. Instructions
are counted by callgrind and need no quiet machine; microseconds of CPU are those of the quietest
batch of many, of this checkout and the one beside it in turns. What the machine itself takes for a
write, a digest and an increment is told beside them.
Postgres is started by itself where it is installed; its own CPU is not counted.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tests.bench.admissions import LIMITS
from tests.bench.calls import count
from tests.bench.instructions import ENVIRON, MARKER, ROOT, total
from tests.bench.works import SMALL
from tests.postgres import binaries, server

WORK: Final = ROOT / "tests" / "bench" / "admissions.py"
TURNS: Final = 3
"""How often each checkout is timed."""
COUNTED: Final = 200
"""Admissions under callgrind."""


def measure(checkout: Path, store: str, how: str, admissions: int, *before: str) -> dict[str, Any]:
    """What tests/bench/admissions.py says of a checkout. `before`: what its command begins with."""
    told = subprocess.run(
        [*before, sys.executable, "-P", WORK, store, how, str(admissions)],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), **ENVIRON},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    found: dict[str, Any] = json.loads(told)
    return found


def timed(checkouts: list[Path], store: str, admissions: int) -> list[dict[str, float]]:
    """Microseconds of CPU, in turns."""
    turns = [
        [measure(checkout, store, "time", admissions) for checkout in checkouts]
        for _ in range(TURNS)
    ]
    return [
        {name: min(turn[name] for turn in of) for name in of[0]} for of in zip(*turns, strict=True)
    ]


def instructions(checkout: Path, store: str) -> dict[str, float]:
    """Of one admission, and of one row's booking."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "callgrind"
        calls = measure(
            checkout, store, "count", COUNTED,
            "valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no",
            f"--callgrind-out-file={out}", f"--dump-before={MARKER}",
        )  # fmt: skip
        request, booking = (total(out.with_name(f"callgrind.{n}")) / COUNTED for n in (2, 3))
    return {"calls": calls["calls"], "request": request, "booking": booking}


def stores(stack: ExitStack) -> Iterator[tuple[str, str]]:
    """The engines there are: their names, and URLs."""
    yield "SQLite", "sqlite"
    found = binaries()
    if found is None:
        print("NOT CHECKED: Postgres is not installed")
        return
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="llm-router-bench-")))
    directory.chmod(0o755)  # the server's user passes through
    running = stack.enter_context(server(directory, found))
    yield "Postgres", running.new_database()


def main() -> None:
    parser = argparse.ArgumentParser(description="What limits cost a request.")
    parser.add_argument("--beside", type=Path, help="another checkout of this project")
    parser.add_argument("--admissions", type=int, default=10_000, help="for each timing")
    parser.add_argument("--no-instructions", action="store_true", help="no callgrind")
    options = parser.parse_args()
    checkouts = [ROOT] if options.beside is None else [options.beside.resolve(), ROOT]
    plain, limited = (count(SMALL, "bare", limits).total for limits in ("", LIMITS))
    print(f"Python calls of a request over HTTP: {plain} without limits, {limited} with six")
    counts = not options.no_instructions and shutil.which("valgrind") is not None
    print(f"{'':10} {'checkout':30} {'request':>10} {'booking':>10}")
    with ExitStack() as stack:
        for name, store in stores(stack):
            for checkout, took in zip(
                checkouts, timed(checkouts, store, options.admissions), strict=True
            ):
                _show(name, checkout, "µs", took, ".1f")
                write, digest, increment = (took[name] for name in ("write", "digest", "increment"))
                print(
                    f"{'':10} the machine: {write:.2f} µs to write 300 bytes (twice a request),"
                    f" {digest:.2f} SHA-256, {increment:.2f} += 1"
                )
            for checkout in checkouts if counts else ():
                _show(name, checkout, "instructions", instructions(checkout, store), ",.0f")


def _show(store: str, checkout: Path, unit: str, found: dict[str, float], form: str) -> None:
    request, booking = (format(found[name], form) for name in ("request", "booking"))
    calls = f"{found['calls']:5} calls" if "calls" in found else ""
    print(f"{store:10} {checkout!s:30} {request:>10} {booking:>10} {unit} {calls}")


if __name__ == "__main__":
    main()
