"""Work on big requests, away from the event loop."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

BIG: Final = 256 * 1024
"""Bytes of a request above which it is worth a thread: a hop costs a tenth of a millisecond, so much JSON takes several."""

P = ParamSpec("P")
T = TypeVar("T")


async def off_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns or raises, called in a thread: for a big request. (Small ones are not asked to come here: 0.7 µs.)"""
    return await asyncio.to_thread(function, *args, **kwargs)
