"""From which size on work on a request, or an answer, is done away from the event loop, and where:
in one thread, for all requests in turn.

Several would not be faster, because Python's lock lets one run at a time, and the loop would wait
for each of them in turn. Nothing else runs there: neither the files nor a name that is looked up
wait for a big body, nor it for them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

BIG: Final = 128 * 1024
"""Bytes of a request above which it is worth a thread: a hop costs a tenth of a millisecond, so
much JSON takes several."""
_THREAD: Final = ThreadPoolExecutor(1, "big-requests")


async def sized(size: int, work: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T:
    """What `work` returns or raises: done here if it is about at most BIG bytes, else in the
    thread.
    """
    return work(*args, **keywords) if size <= BIG else await off_loop(work, *args, **keywords)


async def off_loop(work: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T:
    """What `work` returns or raises, done in the thread for big requests."""
    return await asyncio.get_running_loop().run_in_executor(
        _THREAD, partial(work, *args, **keywords)
    )
