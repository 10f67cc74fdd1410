"""gateway.http.response: an answer of megabytes goes out a piece in each turn of the loop, and
nothing comes between its pieces.
"""

import asyncio
from typing import Any, cast

import pytest
from aiohttp import HttpVersion11, web

from gateway.http.response import AT_ONCE, Response, Stream

LONG = b"x" * (5 * AT_ONCE + 1)


class Caller:
    """The transport and the writer of a caller who takes everything at once."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.transport = self.writer = self.protocol = self
        self.writing_paused = False
        self.version, self.method, self.keep_alive = HttpVersion11, "POST", True

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    async def drain(self) -> None:
        """There is room."""


async def turns_of(work: Any) -> int:
    """In how many turns of the loop `work` is done."""
    task = asyncio.ensure_future(work)
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await task
    return turns


def begun(answer: Any) -> Caller:
    caller = Caller()
    answer.begin(cast(web.BaseRequest, caller))
    return caller


async def test_a_whole_answer_in_turns() -> None:
    answer = Response(LONG)
    caller = begun(answer)
    assert await turns_of(answer.write_eof()) > len(LONG) // AT_ONCE
    head, *pieces = caller.writes
    assert head.endswith(b"\r\n\r\n")
    assert b"".join(pieces) == LONG
    assert max(map(len, pieces)) == AT_ONCE


async def test_a_long_event_is_one_chunk_in_turns() -> None:
    answer = Stream({})
    caller = begun(answer)
    assert await turns_of(answer.write(LONG)) > len(LONG) // AT_ONCE
    await answer.write_eof(LONG)
    assert max(map(len, caller.writes)) <= AT_ONCE
    body = b"".join(caller.writes).partition(b"\r\n\r\n")[2]
    chunk = b"%x\r\n%b\r\n" % (len(LONG), LONG)
    assert body == chunk + chunk + b"0\r\n\r\n"


async def test_nothing_comes_into_a_long_event() -> None:
    """A comment of the keep-alive clock, or the last event of an answer that was cut there."""
    answer = Stream({})
    caller = begun(answer)
    task = asyncio.ensure_future(answer.write(LONG))
    await asyncio.sleep(0)
    for write in (answer.write, answer.write_eof):
        with pytest.raises(ConnectionResetError):
            await write(b": comment\n\n")
    await task
    assert b"comment" not in b"".join(caller.writes)
