"""The gateway as `llm-router` starts it, on the loop that is named, with one more signal: SIGUSR1 writes to standard error what it holds,
as JSON.
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

from gateway import processes
from gateway.api.context import Gateway
from gateway.cli import main
from tests.chaos.leftovers import held

TOLD: Final = "held: "
_running_gateway: Final = processes.running_gateway
_gateways: Final[list[Gateway]] = []


@asynccontextmanager
async def _remembered(*parts: Any, **settings: Any) -> AsyncIterator[Gateway]:
    async with _running_gateway(*parts, **settings) as gateway:
        _gateways.append(gateway)
        yield gateway


def _tell(*_: Any) -> None:
    print(TOLD + json.dumps({"tasks": len(asyncio.all_tasks()), "bytes": _in_use(), **held(_gateways[0])}), file=sys.stderr, flush=True)


def _in_use() -> int:
    """RSS without garbage, and without what the allocator has kept of memory that was freed."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    processes.running_gateway = _remembered
    signal.signal(signal.SIGUSR1, _tell)
    if sys.argv.pop(1) == "asyncio":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # as if it were not installed
    sys.exit(main())
