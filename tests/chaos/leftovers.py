"""What is there now of tasks and file descriptors, to be compared with what was there before."""

import asyncio
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    tasks: frozenset[str]
    descriptors: frozenset[str]


def standing() -> Standing:
    """Tasks of the running loop by name, descriptors by number and what they are: sockets have their inode in it."""
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


async def left_over(before: Standing, patience: float = 5.0) -> list[str]:
    """What is there that was not there `before`, after it had time to go: closing takes a turn or two of the loop."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        now = standing()
        more = sorted((now.tasks - before.tasks) | (now.descriptors - before.descriptors))
        if not more or loop.time() > deadline:
            return more
        await asyncio.sleep(0.01)
