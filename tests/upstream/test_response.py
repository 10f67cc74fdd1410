"""gateway.upstream.response: what one read gives, and how much waits."""

import asyncio

import pytest

from gateway.upstream.deadlines import DeadlineTimer
from gateway.upstream.failures import CUT, TOTAL_CLOCK
from gateway.upstream.response import HIGH_WATER, Limit, UpstreamResponse
from translators.errors import UpstreamError

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


async def test_an_answer_that_is_whole_and_not_long_is_given_at_once() -> None:
    """Nothing more will come for it: in parts it would be written to its caller in parts."""
    carrier = Carried()
    response = UpstreamResponse(carrier, 10.0, Limit(10.0, TOTAL_CLOCK))
    response.start(200, {})
    for number in range(HIGH_WATER // PIECE):
        response.feed(bytes([number]) * PIECE)
    response.end()
    assert len(await response.read_some()) == HIGH_WATER
    assert await response.read_some() == b""
    carrier.watch.close()


def arrive(response: UpstreamResponse, data: bytes) -> None:
    response.arrived([data])


async def test_a_listener_takes_what_arrives_and_nobody_is_woken_up() -> None:
    carrier = Carried()
    response = UpstreamResponse(carrier, 10.0, Limit(10.0, TOTAL_CLOCK))
    response.start(200, {})
    heard: list[bytes] = []

    def listener(data: bytes) -> bool:
        heard.append(data)
        return data != b"wake"

    waiting = asyncio.ensure_future(response.listened(listener))
    await asyncio.sleep(0)
    arrive(response, b"a")
    response.heard()  # bytes that brought no body
    arrive(response, b"b")
    assert heard == [b"a", b"b"]  # in that turn of the loop
    await asyncio.sleep(0)
    assert not waiting.done()
    arrive(response, b"wake")
    arrive(response, b"later")  # before the task that is woken up has run
    await waiting
    assert heard == [b"a", b"b", b"wake"]
    assert await response.read_some() == b"later"
    assert response.received == len(b"abwakelater")
    response.close()
    carrier.watch.close()


async def test_what_is_here_much_compressed_or_over_is_no_listeners() -> None:
    carrier = Carried()
    for headers, data in ({}, b"x" * HIGH_WATER), ({"content-encoding": "gzip"}, b"x"):
        response = UpstreamResponse(carrier, 10.0, Limit(10.0, TOTAL_CLOCK))
        response.start(200, headers)
        waiting = asyncio.ensure_future(response.listened(lambda _: pytest.fail("it was told")))
        await asyncio.sleep(0)
        arrive(response, data)
        await waiting
        response.close()
    response = UpstreamResponse(carrier, 10.0, Limit(10.0, TOTAL_CLOCK))
    response.start(200, {})
    arrive(response, b"here")
    await response.listened(lambda _: pytest.fail("it was told"))
    assert await response.read_some() == b"here"
    waiting = asyncio.ensure_future(response.listened(lambda _: pytest.fail("it was told")))
    await asyncio.sleep(0)
    response.feed(b"last")
    response.end()
    await waiting
    assert await response.read_some() == b"last"
    assert await response.read_some() == b""
    carrier.watch.close()


async def test_a_failure_wakes_up_whoever_listens() -> None:
    carrier = Carried()
    response = UpstreamResponse(carrier, 10.0, Limit(10.0, TOTAL_CLOCK))
    response.start(200, {})
    waiting = asyncio.ensure_future(response.listened(lambda _: True))
    await asyncio.sleep(0)
    response.fail(CUT)
    await waiting
    with pytest.raises(UpstreamError):
        await response.read_some()
    carrier.watch.close()
