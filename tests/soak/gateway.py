"""The gateway as `llm-router` starts it, on the loop that is named, with one more signal: SIGUSR1
writes to standard error what it holds, as JSON.
"""

import asyncio
import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from gateway.api.request import Gateway
from gateway.cli import serve
from gateway.cli.main import main
from tests.chaos.leftovers import held

TOLD: Final = "held: "
_running_gateway: Final = serve.running_gateway
REMEMBERED: Final = 50
"""Answers whose reasoning is kept: what the gateway remembers on purpose is complete after the
warm-up."""
_gateways: Final[list[Gateway]] = []


@asynccontextmanager
async def _remembered(*parts: Any, **settings: Any) -> AsyncIterator[Gateway]:
    async with _running_gateway(*parts, **settings) as gateway:
        reasoning: Any = gateway.dispatcher._attempts._reasoning
        reasoning._max_entries = REMEMBERED
        _gateways.append(gateway)
        yield gateway


def _tell(*_: Any) -> None:
    told = {
        "tasks": len(asyncio.all_tasks()),
        "bytes": _in_use(),
        "blocks": sys.getallocatedblocks(),
        **held(_gateways[0]),
    }
    print(TOLD + json.dumps(told), file=sys.stderr, flush=True)


def _in_use() -> int:
    """RSS without garbage, and without what the allocator has kept of memory that was freed."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    serve.running_gateway = _remembered
    signal.signal(signal.SIGUSR1, _tell)
    if sys.argv.pop(1) == "asyncio":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # as if it were not installed
    sys.exit(main())
