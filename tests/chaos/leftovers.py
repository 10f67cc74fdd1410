"""What is there now of tasks, file descriptors and what the gateway holds, to be compared with what
was there before.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.api.request import Gateway

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Standing:
    tasks: frozenset[str]
    descriptors: frozenset[str]


def standing() -> Standing:
    """Tasks of the running loop by name, descriptors by number and what they are: sockets have
    their inode in it.
    """
    descriptors = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            what = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the one that listed them
            continue
        if what != os.devnull:  # uvloop keeps one from its first server on
            descriptors.add(f"{number} {what}")
    tasks = {f"{task.get_name()} {task.get_coro()}" for task in asyncio.all_tasks()}
    return Standing(frozenset(tasks), frozenset(descriptors))


def held(gateway: Gateway) -> dict[str, int]:
    """What a gateway holds while it serves, and gives back: nobody but a check of that needs to
    know.
    """
    dispatcher, health = gateway.dispatcher, gateway.state.health
    pool: Any = dispatcher._attempts._client._pool
    rooms = [*dispatcher.places._rooms.values()]
    breakers = [
        *(target.breaker for target in health._targets.values()),
        *health._keys.values(),
        *health._lanes.values(),
    ]
    return {
        "requests in flight": gateway.running,
        "places taken": sum(room._taken for room in rooms),
        "requests waiting for a place": sum(room.waiting for room in rooms),
        "probes": sum(breaker._probing is not None for breaker in breakers),
        "connections to providers": len(pool._open),
        "idle connections to providers": sum(map(len, pool._idle.values())),
    }


def nothing() -> Counts:
    return {}


async def left_over(
    before: Standing, counts: Callable[[], Counts] = nothing, patience: float = 5.0
) -> list[str]:
    """What is there that was not there `before`, and every count that is not 0, after it had time
    to go: closing takes a turn or two of the loop, and a connection that is kept some more.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        now = standing()
        more = sorted((now.tasks - before.tasks) | (now.descriptors - before.descriptors))
        more += [f"{what}: {count}" for what, count in counts().items() if count]
        if not more or loop.time() > deadline:
            return more
        await asyncio.sleep(0.01)
