"""A guard against slower code that is no timed test: instructions counted by valgrind, held against
those on record.

    python -m tests.bench.instructions [--record] [--repeat N] [--file FILE]

The replay (tests.bench.replay) runs once under callgrind, after a first round that warms the
interpreter up. Each section of it begins and ends with a marker at which callgrind writes down what
it has counted and starts from nothing, so start-up and set-up are in no section.

Counts say something only beside counts by the same interpreter, JSON library and valgrind. Where
these differ, or the yardstick does because they are other builds, nothing is compared: record the
state before the change to a FILE of your own, then compare with that.

Exit status: 0 within the band, 1 over it or a section without a record, 2 nothing could be
compared.
"""

import argparse
import gc
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydantic_core

from tests.bench.inbound_replay import inbound_sections
from tests.bench.replay import YARDSTICK, sections

ROOT: Final = Path(__file__).parents[2]
RECORD: Final = Path(__file__).with_name("instructions.json")
BAND: Final = 0.05
SAME_BUILD: Final = 0.02
"""How far the yardstick may be off. The same build costs the same within half a percent, another
one tens of percent more or less."""
MARKER: Final = "getppid"
"""A function of the C library that nothing else calls."""

ENVIRON: Final = {
    "PYTHONHASHSEED": "0",
    # Copied by `rep movsb`, 100 KB would count as 100,000 instructions or as some thousand,
    # depending on where they lie in memory.
    "GLIBC_TUNABLES": (
        f"glibc.cpu.x86_rep_movsb_threshold={10**9}:glibc.cpu.x86_rep_stosb_threshold={10**9}"
    ),
}

Counts = Mapping[str, int]
"""Instructions for one time, by section."""


class NotComparable(Exception):
    """Why these counts say nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """A section on record and now; None where it is missing."""

    name: str
    before: int | None
    now: int | None

    @property
    def verdict(self) -> str:
        """Empty within the band."""
        if self.before is None:
            return "NOT ON RECORD"
        if self.now is None:
            return "GONE"
        if self.now > self.before * (1 + BAND):
            return "TOO MUCH"
        return "less" if self.now < self.before * (1 - BAND) else ""

    def __str__(self) -> str:
        before, now = ("–" if count is None else f"{count:,}" for count in (self.before, self.now))
        change = f"{self.now / self.before - 1:+.1%}" if self.before and self.now else ""
        return f"{self.name:32} {before:>12} {now:>12} {change:>8}  {self.verdict}"


def compare(before: Counts, now: Counts) -> list[Change]:
    """Every section of either, in the order of the replay. Raises NotComparable where another build
    was counted.
    """
    if abs(now[YARDSTICK] / before[YARDSTICK] - 1) > SAME_BUILD:
        raise NotComparable(
            f"the yardstick costs {now[YARDSTICK]:,} instructions here, {before[YARDSTICK]:,} on"
            " record: another build"
        )
    return [
        Change(name, before.get(name), now.get(name)) for name in dict.fromkeys([*now, *before])
    ]


def counted_with(valgrind: str) -> dict[str, str]:
    """What counts depend on beside our code."""
    python = f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"
    return {
        "python": python,
        "pydantic_core": pydantic_core.__version__,
        "valgrind": valgrind,
        "machine": platform.machine(),
    }


def valgrind_version() -> str:
    if shutil.which("valgrind") is None:
        raise NotComparable("valgrind is not installed (apt install valgrind)")
    told = subprocess.run(
        ["valgrind", "--version"], check=True, capture_output=True, text=True
    ).stdout
    return told.strip().removeprefix("valgrind-")


def count() -> dict[str, int]:
    """Run the replay under callgrind."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "callgrind"
        command = [
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            f"--callgrind-out-file={out}",
            f"--dump-before={MARKER}",
        ]
        environ = {"PATH": os.environ["PATH"], **ENVIRON}
        replay = [sys.executable, "-m", "tests.bench.instructions", "--replay"]
        told = subprocess.run(
            [*command, *replay],
            cwd=ROOT,
            env=environ,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        done: dict[str, int] = json.loads(told)
        # The dump at the first marker holds what came before it, the one at the next holds the
        # first section, and so on.
        totals = [total(out.with_name(f"callgrind.{n}")) for n in range(2, len(done) + 2)]
    return {
        name: round(total / times)
        for (name, times), total in zip(done.items(), totals, strict=True)
    }


def total(dump: Path) -> int:
    """Instructions in one of callgrind's files."""
    with dump.open() as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("summary:"))


def replay() -> dict[str, int]:
    """Do all that is counted, and say how often each section was done."""
    listed = [*sections(), *inbound_sections()]
    for section in listed:
        for _ in range(section.times):
            section.work()
    gc.collect()
    gc.disable()  # when it runs depends on everything that was allocated before
    os.getppid()
    for section in listed:
        work = section.work
        for _ in range(section.times):
            work()
        os.getppid()
    return {section.name: section.times for section in listed}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--record", action="store_true", help="write the counts down instead of comparing them"
    )
    parser.add_argument(
        "--repeat", type=int, default=1, help="count so often and show how far the counts differ"
    )
    parser.add_argument("--file", type=Path, default=RECORD, help="the record")
    parser.add_argument("--replay", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replay:
        print(json.dumps(replay()))
        return 0
    try:
        tools = counted_with(valgrind_version())
        recorded = None if options.record else _recorded(options.file, tools)
        runs = [count() for _ in range(options.repeat)]
        _show_spread(runs)
        if recorded is not None:
            return _report(compare(recorded, runs[0]))
    except NotComparable as why:
        print(f"NOTHING WAS COMPARED: {why}.", file=sys.stderr)
        print(
            "Record the state before your change with --record --file FILE, then compare with"
            " --file FILE.",
            file=sys.stderr,
        )
        return 2
    options.file.write_text(
        json.dumps({"counted_with": tools, "instructions": runs[0]}, indent=1) + "\n", "utf-8"
    )
    print(f"{len(runs[0])} sections recorded in {options.file}")
    return 0


def _recorded(file: Path, tools: Mapping[str, str]) -> dict[str, int]:
    if not file.exists():
        raise NotComparable(f"there is no record {file}")
    record: dict[str, Any] = json.loads(file.read_text("utf-8"))
    if record["counted_with"] != tools:
        was, here = (
            ", ".join(f"{name} {value}" for name, value in of.items())
            for of in (record["counted_with"], tools)
        )
        raise NotComparable(f"the record was counted with {was}; here are {here}")
    counts: dict[str, int] = record["instructions"]
    return counts


def _show_spread(runs: Sequence[Counts]) -> None:
    if len(runs) > 1:
        spread = {
            name: max(run[name] for run in runs) / min(run[name] for run in runs) - 1
            for name in runs[0]
        }
        worst = max(spread, key=lambda name: spread[name])
        print(f"{len(runs)} runs differ by at most {spread[worst]:.3%} ({worst})\n")


def _report(changes: Sequence[Change]) -> int:
    print(f"{'instructions for one time':32} {'on record':>12} {'now':>12}")
    for change in changes:
        print(change)
    verdicts = [change.verdict for change in changes]
    if "less" in verdicts or "GONE" in verdicts:
        print(
            f"\nSome sections cost over {BAND:.0%} less, or are gone: record again, so that they"
            " stay so (make instructions-record)."
        )
    bad = [change.name for change in changes if change.verdict in ("TOO MUCH", "NOT ON RECORD")]
    if bad:
        print(f"\nFAILED: over {BAND:.0%} more than on record, or not on record: {'; '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
