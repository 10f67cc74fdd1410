"""URLs that the gateway fetches for a provider: a whole gateway, with the guard that it is started
with.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from gateway.upstream.media import MediaFetcher
from tests.fakes import FakeUpstream, fake_upstream
from tests.serving import Running, serving
from translators.chat.request import ChatRequest


@dataclass(slots=True)
class Inner:
    """A service of this machine that callers must not reach."""

    port: int = 0
    connections: int = 0

    async def serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


@asynccontextmanager
async def inner_service() -> AsyncIterator[Inner]:
    """Listens on all of the machine's own addresses, of both kinds where it has both."""
    inner = Inner()
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        inner.port = probe.getsockname()[1]
    server = await asyncio.start_server(inner.serve, None, inner.port)
    async with server:
        yield inner


async def ask(running: Running, url: str) -> tuple[int, str]:
    """Status and code of the answer to a prompt with an image."""
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    body: dict[str, Any] = {"model": "on_gemini", "messages": [{"role": "user", "content": parts}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        return answer.status, (await answer.json())["error"]["code"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "localhost",
        "0x7f.0.0.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ],
)
async def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    fake: FakeUpstream
    async with (
        inner_service() as inner,
        fake_upstream() as fake,
        serving(fake.environ()) as running,
    ):
        assert await ask(running, f"https://{host}:{inner.port}/x.png") == (
            400,
            "invalid_image_url",
        )
        assert (inner.connections, fake.received) == (0, [])


async def test_what_is_fetched_counts_as_a_body_until_the_request_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: list[int] = []

    async def fetched(
        _: MediaFetcher, request: ChatRequest, seconds: float, hold: Callable[[int], None]
    ) -> ChatRequest:
        hold(1000)
        held.append(running.gateway.bodies.held)
        hold(running.gateway.reloader.config.server.max_bodies_bytes)
        raise AssertionError

    monkeypatch.setattr(MediaFetcher, "inlined", fetched)
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        assert await ask(running, "https://images.example/x.png") == (503, "too_many_bodies")
        assert (held, running.gateway.bodies.held, fake.received) == ([1000], 0, [])
