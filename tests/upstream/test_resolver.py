"""gateway.upstream.resolver: addresses outlive the name server that told them, for a time, and
nobody waits for it long.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from gateway.upstream import resolver
from gateway.upstream.resolver import Names

FAILS = socket.gaierror(socket.EAI_AGAIN, "try again")
GONE = socket.gaierror(socket.EAI_NONAME, "no such name")
FIRST, SECOND = [("first",)], [("second",)]


class Server:
    """A name server, and the loop's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.answer: Any = FIRST
        self.asked = 0
        self._ahead = 0.0
        clock: Callable[[], float] = loop.time
        monkeypatch.setattr(loop, "getaddrinfo", self._getaddrinfo)
        monkeypatch.setattr(loop, "time", lambda: clock() + self._ahead)
        monkeypatch.setattr(resolver, "PATIENCE", 0.02)
        self.names = Names()

    def wait(self, seconds: float) -> None:
        self._ahead += seconds

    async def _getaddrinfo(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def get(self) -> Any:
        return await self.names.addresses("up.test", 443)


async def test_many_who_ask_at_once_wait_for_one_answer_and_it_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(monkeypatch)
    assert await asyncio.gather(*(server.get() for _ in range(5))) == [FIRST] * 5
    server.wait(resolver.FRESH - 1)
    assert (await server.get(), server.asked) == (FIRST, 1)
    server.answer = SECOND
    server.wait(2)
    assert (await server.get(), server.asked) == (SECOND, 2)


@pytest.mark.parametrize("answer", [FAILS, None], ids=["it fails", "it is silent"])
async def test_a_known_address_outlives_its_name_server(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    server = Server(monkeypatch)
    await server.get()
    server.answer = answer
    server.wait(resolver.FRESH + 1)
    assert await asyncio.gather(*(server.get() for _ in range(5))) == [FIRST] * 5
    assert (await server.get(), server.asked) == (FIRST, 2)
    server.names.close()
    await asyncio.sleep(0)
    server.answer = SECOND
    server.wait(resolver.AGAIN + resolver.PATIENCE + 1)
    assert await server.get() == SECOND
    server.names.close()


async def test_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    await server.get()
    server.answer = FAILS
    server.wait(resolver.FRESH + resolver.STALE + 1)
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await server.get()


async def test_a_name_that_is_gone_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    await server.get()
    server.answer = GONE
    server.wait(resolver.FRESH + 1)
    with pytest.raises(socket.gaierror):
        await server.get()


async def test_a_name_that_was_never_known(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    server.answer = FAILS
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await server.get()
    server.answer = FIRST
    assert (await server.get(), server.asked) == (FIRST, 3)
