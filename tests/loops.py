"""The event loops that the gateway runs on: asyncio's own, and uvloop where it is installed, which
the gateway takes by itself then.
"""

import asyncio
import importlib
import importlib.util
from collections.abc import Callable
from typing import Final

LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": asyncio.new_event_loop
}
if importlib.util.find_spec("uvloop") is not None:
    LOOPS["uvloop"] = importlib.import_module("uvloop").new_event_loop
TAKEN: Final = list(LOOPS)[-1]
"""The one that `llm-router` takes here."""
