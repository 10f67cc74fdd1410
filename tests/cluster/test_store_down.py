"""A store that is slow, hangs, resets or is away while instances share: no request waits, none
fails, and afterwards all of it works again.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.cluster.states import MOST_READS
from tests.api.test_reasoning_back import USER, claude_calls
from tests.cluster.gateways import ask, cluster_of, environ_of, gateways, get, until
from tests.cluster.test_states import CHAT, TEXT, results, turn, written
from tests.fakes import FakeUpstream, Received, Step, fake_upstream
from tests.postgres import Server
from tests.serving import Running
from tests.tcp_proxy import Mode, TcpProxy, tcp_proxy

LATE: Final = 'llm_router_store_states_total{kind="reasoning",outcome="late"} '
UP: Final = "llm_router_store_shared_up "


@asynccontextmanager
async def behind(
    server: Server, url: str, directory: Path, fake: FakeUpstream
) -> AsyncIterator[tuple[TcpProxy, Running, Running]]:
    """Two gateways; the second one's store is behind a proxy."""
    async with tcp_proxy(server.port) as proxy:
        environs = (
            environ_of(directory / "first", url),
            environ_of(directory / "second", url.replace(f":{server.port}/", f":{proxy.port}/")),
        )
        async with gateways(fake, *environs) as (first, second):
            yield proxy, first, second


def answering() -> Callable[[Received], list[Step]]:
    """A call of a tool, each with another id, then a text."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")

    def answer(received: Received) -> list[Step]:
        if len(received.body["messages"]) > 1:
            return TEXT
        (step,) = claude_calls("json")
        assert isinstance(step, bytes)
        return [step.replace(b"toolu_1", b"toolu_" + next(letters).encode())]

    return answer


@pytest.mark.parametrize("mode", ["hang", "slow", "reset", "refuse"])
async def test_no_request_waits_or_fails(
    mode: Mode, postgres_server: Server, postgres_url: str, tmp_path: Path
) -> None:
    """Each of ten conversations that begin elsewhere goes on here without what was kept for it: the
    thought is lost, and told. When the store is back, it is found again.
    """
    async with (
        fake_upstream(claude=answering()) as fake,
        behind(postgres_server, postgres_url, tmp_path, fake) as (proxy, first, second),
    ):
        asked = [await ask(first, CHAT, turn("thinker")) for _ in range(10)]
        await written(first)
        await proxy.become(mode)
        for each in asked:
            answer = await ask(second, CHAT, turn("thinker", *results(each)))
            assert answer["status_code"] == 200
            assert answer["choices"][0]["message"]["content"] == "Fine."
        assert await told(second, LATE) == "10.0"  # none was waited for
        body = {"model": "thinker", "input": "more", "previous_response_id": "resp_none"}
        assert (await ask(second, "/v1/responses", body))["status_code"] == 400
        await ask(second, CHAT, turn("thinker"))  # it is kept until the store is back
        await proxy.become("pass")
        states = cluster_of(second).states
        assert states is not None
        await until(lambda: len(states) == 0)
        await until(lambda: not cluster_of(second)._thread.down)
        await asyncio.sleep(1.1)  # nobody reads for a second
        last = await ask(first, CHAT, turn("thinker"))
        await written(first)
        assert "SIG" not in str(fake.received[-1].body)
        for _ in range(10):  # this machine may be busy, and what is late is no fault
            await ask(second, CHAT, turn("thinker", *results(last)))
            if "SIG" in str(fake.received[-1].body):
                break
            await asyncio.sleep(1.1)
        assert "SIG" in str(fake.received[-1].body)


async def test_it_is_told_that_the_store_is_away(
    postgres_server: Server, postgres_url: str, tmp_path: Path
) -> None:
    async with (
        fake_upstream(claude=TEXT) as fake,
        behind(postgres_server, postgres_url, tmp_path, fake) as (proxy, _, second),
    ):
        assert await told(second, UP) == "1.0"
        await proxy.become("refuse")
        await until(lambda: cluster_of(second)._thread.down)
        assert await told(second, UP) == "0.0"
        assert (await ask(second, CHAT, chat()))["status_code"] == 200


def chat() -> dict[str, Any]:
    return {"model": "thinker", "messages": [USER]}


async def told(running: Running, metric: str) -> str:
    """The value of a metric."""
    lines = (await get(running, "/metrics")).decode().splitlines()
    return next(line.removeprefix(metric) for line in lines if line.startswith(metric))


async def test_a_read_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody asks again for a second, nor more than a few at a time before."""
    async with (
        fake_upstream(claude=TEXT) as fake,
        gateways(fake, environ_of(tmp_path, None)) as (only,),
    ):
        cluster = cluster_of(only)
        states, over = cluster.states, threading.Event()
        assert states is not None
        stuck = asyncio.ensure_future(cluster._thread.call(lambda _: over.wait()))
        finds = [states.find("pin", [(str(n),)], 0.02) for n in range(2 * MOST_READS)]
        assert await asyncio.gather(*finds) == [None] * (2 * MOST_READS)
        assert states._reads == MOST_READS
        assert await states.find("pin", [("again",)], 0.02) is None
        over.set()
        await stuck
        await until(lambda: states._reads == 0)
