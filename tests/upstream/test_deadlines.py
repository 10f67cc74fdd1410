"""gateway.upstream.deadlines: what is due is looked at in time, and nobody is blamed for the time
in which the loop was held.
"""

import asyncio
import time

from gateway.upstream.deadlines import DeadlineTimer


class Thing:
    def __init__(self, every: float) -> None:
        self.every = every
        self.looked: list[float] = []

    def check(self, now: float) -> float:
        self.looked.append(now)
        return now + self.every


async def test_everything_is_looked_at_when_the_first_is_due_and_what_was_removed_no_more() -> None:
    loop, watch = asyncio.get_running_loop(), DeadlineTimer()
    soon, late = Thing(10.0), Thing(10.0)
    began = loop.time()
    watch.add(late, began + 10.0)
    watch.add(soon, began + 0.05)
    await asyncio.sleep(0.2)
    assert len(soon.looked) == len(late.looked) == 1
    assert soon.looked[0] >= began + 0.05
    watch.remove(late)
    watch.remove(late)
    watch.add(Thing(10.0), loop.time() + 0.05)
    await asyncio.sleep(0.2)
    assert (len(soon.looked), len(late.looked)) == (2, 1)
    watch.close()


async def test_a_loop_that_was_held_is_patient() -> None:
    """What arrived meanwhile is read before anybody is found to have been silent."""
    loop, watch, thing = asyncio.get_running_loop(), DeadlineTimer(), Thing(10.0)
    watch.add(thing, loop.time() + 0.05)
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - it is held on purpose
    released = loop.time()
    await asyncio.sleep(1.0)
    assert len(thing.looked) == 1
    assert thing.looked[0] - released >= 0.2
    watch.close()
