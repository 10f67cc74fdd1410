"""Streams and requests over three instances behind nginx while each is restarted, and one killed:
`python -m tests.rolling_restart [--streams 200] [--rate 500]`. It needs Debian's packages
postgresql and nginx.
"""

import argparse
import asyncio
import importlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from gateway.server.file_descriptors import raise_limit
from tests.postgres import binaries, server
from tests.rolling_restart.run import Outcome, Scale, Spent, run
from tests.three_instances import NGINX, NOT_CHECKED


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--streams", type=int, default=200, help="open at any time")
    options.add_argument("--rate", type=float, default=500, help="further requests a second")
    scale = options.parse_args()
    raise_limit()
    found = binaries()
    if found is None or NGINX is None:
        print(NOT_CHECKED)
        return 1
    with tempfile.TemporaryDirectory(prefix="llm-router-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with server(directory, found) as postgres:
            url = postgres.new_database()
            scaled = Scale(scale.streams, scale.rate, 20, 0.4)
            with asyncio.Runner(loop_factory=_loop()) as runner:
                outcome = runner.run(run(directory, url, scaled))
    print(told(outcome))
    return 0 if good(outcome) else 1


def _loop() -> Any:
    """Callers and provider are to cost little beside what is tried."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    return importlib.import_module("uvloop").new_event_loop


def good(outcome: Outcome) -> bool:
    return (
        not outcome.failed
        and not outcome.silent
        and outcome.provider_cut <= outcome.killed_failed <= outcome.killed_held
    )


def told(outcome: Outcome) -> str:
    killed = outcome.killed_failed
    streams = sum(name.startswith("stream") for name in killed)
    return "\n".join(
        (
            f"answered: {outcome.answered}, {outcome.rate:.0f} a second beside the streams",
            f"failed while each instance was restarted: {outcome.failed or 0}",
            f"held by the killed instance, as nginx tells: {len(outcome.killed_held)}",
            f"being answered by the provider to it: {len(outcome.provider_cut)}",
            f"failed for their callers: {len(killed)} ({streams} streams)",
            f"of these not held by it: {len(killed - outcome.killed_held)}",
            f"not told so: {len(outcome.silent)}",
            f"exit statuses: {outcome.statuses}",
            outcome.verified,
            *([] if outcome.spent is None else [_shares(outcome.spent)]),
        )
    )


def _shares(spent: Spent) -> str:
    """What each part took of the machine."""
    parts = zip(spent._fields[1:], spent[1:], strict=True)
    told = ", ".join(f"{name} {seconds / spent.clock:.2f}" for name, seconds in parts)
    return f"cores in use on average: {told} of {os.cpu_count()}"


if __name__ == "__main__":
    sys.exit(main())
