"""gateway.upstream.response: what one read gives, and how much waits."""

import asyncio

from gateway.upstream.deadlines import DeadlineTimer
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import HIGH_WATER, Limit, UpstreamResponse

PIECE = 16 * 1024


class Carried:
    """A connection that only notes whether it is to pause."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.watch = DeadlineTimer()
        self.paused = False

    def abort(self) -> None: ...

    def pause(self, paused: bool) -> None:
        self.paused = paused


async def test_much_that_has_come_is_given_in_parts_and_taken_again_when_little_is_left() -> None:
    """While one part is translated and written, several copies of it are in memory: of all that had
    come they would be megabytes.
    """
    carrier = Carried()
    response = UpstreamResponse(carrier, 10.0, Limit(10.0, TOTAL_CLOCK))
    response.start(200, {})
    for number in range(20):
        response.feed(bytes([number]) * PIECE)
    assert carrier.paused
    parts = [await response.read_some()]
    assert len(parts[0]) <= HIGH_WATER
    assert carrier.paused
    while carrier.paused:
        parts.append(await response.read_some())
    response.feed(b"last")
    response.end()
    while part := await response.read_some():
        parts.append(part)
    assert b"".join(parts) == b"".join(bytes([number]) * PIECE for number in range(20)) + b"last"
    assert max(map(len, parts)) <= HIGH_WATER
    carrier.watch.close()
