"""Callers who take nothing of their answer, or little: they lose their connection or their time,
and nobody else loses anything.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.telemetry.events import RequestEnded
from tests.fakes import (
    OPENAI_STREAM,
    SSE_HEAD,
    Answer,
    End,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
)
from tests.serving import Running, serving
from translators.json_codec import dumps

CAPABILITIES = {
    "dialect": "openai", "key_variable": None, "concurrency": {"limit": 1, "queue": 5, "wait": 0.2},
    "models": {"m": {"context_window": 100_000, "max_output_tokens": 10_000,
     "capabilities": ["streaming"], "cost_tier": "low"}},
}  # fmt: skip
LONG = [SSE_HEAD, *[openai_chunk({"content": "x" * 16_000})] * 300, *OPENAI_STREAM[2:], End()]
WORDY = json_answer(openai_completion("word " * 2_000_000))


@asynccontextmanager
async def running_with(
    answer: Answer, write_timeout: float, total: float
) -> AsyncIterator[Running]:
    async with fake_upstream(openai=answer) as fake:
        capabilities = {
            "version": 1,
            "providers": {"p": {**CAPABILITIES, "base_url": f"{fake.url}/openai/v1"}},
        }
        persona = {
            "description": "d",
            "targets": ["p/m"],
            "on_failure": {"retries": 0},
            "timeouts": {"total": total},
        }
        policy = {
            "version": 1,
            "server": {"drain_delay": 0, "write_timeout": write_timeout},
            "personas": {"o": persona},
        }
        async with serving(
            {}, dumps(policy).decode(), capabilities=dumps(capabilities).decode()
        ) as running:
            yield running


def asking(running: Running, stream: bool) -> socket.socket:
    """A caller who has sent its request, and whose kernel takes little for it."""
    body = dumps({"model": "o", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.connect(("127.0.0.1", running.server.port))
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type:"
        b" application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    caller.sendall(head + body)
    caller.setblocking(False)
    return caller


async def ended(running: Running) -> RequestEnded:
    async with asyncio.timeout(15):
        while True:
            for event in running.events:
                if isinstance(event, RequestEnded) and event.api == "chat":
                    return event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("write_timeout", "total"),
    [(0.4, 60.0), (60.0, 0.4)],
    ids=["by the write clock", "after its total time"],
)
async def test_one_who_takes_nothing_is_cut_and_gives_back_its_place(
    write_timeout: float, total: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.server.http_server._AFTER_TOTAL", 0.2)
    async with running_with(LONG, write_timeout, total) as running:
        caller = asking(running, True)
        event = await ended(running)
        places = running.gateway.dispatcher.places
        assert [room._taken for room in places._rooms.values()] == [0]
        assert running.gateway.running == 0
        health = running.gateway.state.health.document("p/m", running.gateway.state.now())
        caller.close()
    assert (event.outcome, event.error_code) == ("client_gone", "write_timeout")
    assert health["state"] == "closed"
    assert [attempt.outcome for attempt in event.attempts] == ["ok"]


async def test_a_whole_answer_that_is_not_taken_is_cut() -> None:
    async with running_with(WORDY, 0.3, 60.0) as running:
        caller = asking(running, False)
        await ended(running)  # it is the caller's time from here on
        async with asyncio.timeout(10):
            got = b""
            await asyncio.sleep(1.5)
            while data := await asyncio.get_running_loop().sock_recv(caller, 65_536):
                got += data
        caller.close()
    assert len(got) < 9_000_000


async def test_who_reads_slowly_gets_all_and_costs_the_provider_nothing() -> None:
    async with running_with(LONG, 5.0, 0.6) as running:
        caller, loop, got = asking(running, True), asyncio.get_running_loop(), b""
        async with asyncio.timeout(30):
            while not got.endswith(b"0\r\n\r\n"):
                data = await loop.sock_recv(caller, 40_000)
                assert data, "cut"
                got += data
                await asyncio.sleep(0.003)
        event = await ended(running)
        caller.close()
    assert b"data: [DONE]\n\n" in got[-100:]
    assert (event.outcome, [attempt.outcome for attempt in event.attempts]) == ("ok", ["ok"])
    assert event.seconds > 0.6, "the test must take longer than the provider may"
