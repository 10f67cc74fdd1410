"""A process whose descriptors run out: callers wait or are told so, and no provider is blamed."""

import asyncio
import errno
import os
import socket
from typing import Any

import aiohttp
import pytest

from gateway.server import file_descriptors
from gateway.server.sockets import Listener
from gateway.telemetry.events import RequestEnded
from gateway.upstream import descriptors, pool
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.loops import LOOPS
from tests.serving import serving

ASKED = {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}
TO_BREAK = 40
"""Requests that would open any breaker if they were the provider's failures."""


async def ask(session: aiohttp.ClientSession, url: str, **more: Any) -> tuple[int, str | None, Any]:
    async with session.post(f"{url}/v1/chat/completions", json={**ASKED, **more}) as answer:
        return answer.status, answer.headers.get("retry-after"), await answer.json()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("stream", [False, True])
async def test_no_descriptor_for_the_provider(
    monkeypatch: pytest.MonkeyPatch, number: int, stream: bool
) -> None:
    """The caller is told that it is our fault, and the provider is asked again as soon as there are
    some.
    """

    async def refused(*_: Any, **__: Any) -> socket.socket:
        raise OSError(number, os.strerror(number))

    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        with monkeypatch.context() as without:
            without.setattr(pool, "start_connection", refused)
            told = [await ask(session, running.url, stream=stream) for _ in range(TO_BREAK)]
        served = await ask(session, running.url)
    assert {(status, wait, body["error"]["code"]) for status, wait, body in told} == {
        (503, "1", "out_of_descriptors")
    }
    assert served[0] == 200
    ended = [event for event in running.events if isinstance(event, RequestEnded)]
    outcomes = [attempt.outcome for request in ended for attempt in request.attempts]
    assert outcomes == ["out_of_descriptors"] * TO_BREAK + ["ok"]


def test_a_resolver_that_lacks_descriptors_is_seen_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that the name could not be resolved, for whatever reason."""
    error = socket.gaierror(socket.EAI_AGAIN, "try again")
    assert not descriptors.are_lacking(error)

    def refused(_: int) -> int:
        raise OSError(errno.EMFILE, "none left")

    monkeypatch.setattr(os, "dup", refused)
    assert descriptors.are_lacking(error)


class Greeting(asyncio.Protocol):
    """Says a word to whoever was let in."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(b"in")  # type: ignore[attr-defined]  # uvloop has classes of its own
        self.transport = transport


async def _let_in(callers: list[socket.socket]) -> list[socket.socket]:
    """Those of `callers` who have been greeted, within a moment. Nobody may have been hung up
    on."""
    await asyncio.sleep(0.3)
    greeted = []
    for caller in callers:
        try:
            assert caller.recv(2, socket.MSG_PEEK) == b"in"
            greeted.append(caller)
        except BlockingIOError:
            pass
    return greeted


def _caller(port: int) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", port))
    caller.setblocking(False)
    return caller


@pytest.mark.parametrize("loop", LOOPS)
def test_callers_beyond_the_descriptors_wait_until_others_leave(
    monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    async def accepting() -> None:
        free, holes = _filled()
        monkeypatch.setattr(file_descriptors, "for_callers", lambda: free + 30)
        listener = await Listener.bound(Greeting, "127.0.0.1", 0, reuse_port=False)
        callers = [
            _caller(listener.port) for _ in range(20)
        ]  # each takes two here, where both ends are
        try:
            early = await _let_in(callers)
            assert 0 < len(early) < 20
            for caller in early:
                caller.close()
            late = [caller for caller in callers if caller not in early]
            assert await _let_in(late) == late
        finally:
            for caller in callers:
                caller.close()
            listener.close()
            await asyncio.sleep(0.05)  # their ends here close
            for hole in holes:
                os.close(hole)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(accepting())


def _filled() -> tuple[int, list[int]]:
    """The number from which on all descriptors are free, and those taken to fill the holes below:
    what other tests left open must not count here.
    """
    top = max(map(int, os.listdir("/proc/self/fd")))
    holes = []
    while (taken := os.dup(0)) < top:
        holes.append(taken)
    os.close(taken)
    return taken, holes


class Lacking(socket.socket):
    """A listening socket at which no descriptor is left, for the first times."""

    refused = 0

    def accept(self) -> tuple[socket.socket, Any]:
        if self.refused < 3:
            self.refused += 1
            raise OSError(errno.EMFILE, "none left")
        return super().accept()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_caller_for_whom_no_descriptor_was_left_is_accepted_later(loop: str) -> None:
    async def accepting() -> None:
        listening = Lacking()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        listener = Listener(Greeting, [listening])
        caller = _caller(listener.port)
        try:
            assert await _let_in([caller]) == [caller]
            assert listening.refused == 3
        finally:
            caller.close()
            listener.close()
            await asyncio.sleep(0.05)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(accepting())
