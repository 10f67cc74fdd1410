"""Several workers are one console: figures are added up, and decisions come from all of them."""

import asyncio

import aiohttp

from tests.test_process import gateway_process


async def test_whoever_is_asked_answers_for_all() -> None:
    async with (
        gateway_process("serve", "--demo", "--workers", "2") as (_, url),
        asyncio.timeout(50),
    ):
        body = {"model": "chatbot", "messages": [{"role": "user", "content": "hi"}]}
        for _ in range(12):  # a connection each, so that both workers get some
            async with aiohttp.ClientSession(url) as http:
                async with http.post("/v1/chat/completions", json=body) as answer:
                    assert answer.status == 200
        for _ in range(4):
            async with aiohttp.ClientSession(url) as http:
                async with http.get("/api/v1/stats") as answer:
                    stats = await answer.json()
                async with http.get("/api/v1/decisions") as answer:
                    listed = await answer.json()
            assert (stats["total"]["requests"], stats["personas"]["chatbot"]["requests"]) == (
                12,
                12,
            )
            assert stats["workers"] == {"configured": 2, "listening": 2}
            assert len({decision["id"] for decision in listed["decisions"]}) == 12
            assert [part.partition("-")[0] for part in listed["next"].split(",")] == ["1", "2"]
