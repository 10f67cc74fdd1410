"""The gateway as `llm-router` starts it, on the loop that is named, with one more signal: SIGUSR1 writes the number of its tasks to
standard error.
"""

import asyncio
import signal
import sys
from typing import Any, Final

from gateway.cli.main import main

TOLD: Final = "tasks:"


def _tell(*_: Any) -> None:
    print(TOLD, len(asyncio.all_tasks()), file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _tell)
    if sys.argv.pop(1) == "asyncio":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # as if it were not installed
    sys.exit(main())
