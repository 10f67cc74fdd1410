"""Several workers are one console: figures are added up, and decisions come from all of them."""

import asyncio
from typing import Any

import aiohttp

from tests.test_process import gateway_process


async def ask(url: str, path: str, body: Any = None) -> Any:
    """By a connection of its own, so that any of the workers may be asked."""
    method = "GET" if body is None else "POST"
    async with (
        aiohttp.ClientSession(url) as http,
        http.request(method, path, json=body) as answer,
    ):
        assert answer.status == 200
        return await answer.json()


async def test_whoever_is_asked_answers_for_all() -> None:
    async with (
        gateway_process("serve", "--demo", "--workers", "2") as (_, url),
        asyncio.timeout(50),
    ):
        for _ in range(12):
            body = {"model": "chatbot", "messages": [{"role": "user", "content": "hi"}]}
            await ask(url, "/v1/chat/completions", body)
        for _ in range(4):
            stats, listed = await ask(url, "/api/v1/stats"), await ask(url, "/api/v1/decisions")
            assert stats["total"]["requests"] == stats["personas"]["chatbot"]["requests"] == 12
            assert stats["workers"] == {"configured": 2, "listening": 2}
            assert len({decision["id"] for decision in listed["decisions"]}) == 12
            assert [part.partition("-")[0] for part in listed["next"].split(",")] == ["1", "2"]
