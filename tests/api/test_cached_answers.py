"""The same request is given the same answer, where its persona says so."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import pytest

from gateway.api.auth import read as read_access
from tests.fakes import (
    OPENAI_STREAM,
    Answer,
    FakeUpstream,
    InTurn,
    fake_upstream,
    json_answer,
    openai_completion,
    sse,
)
from tests.serving import Running, serving
from translators.json_codec import loads

POLICY: Final = """
version: 1
server: {drain_delay: 0, watch: 0}
personas:
  p: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, cache: {}}
  with_tools: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, cache: {tools: true}}
  plain: {targets: [openai/gpt-4.1], on_failure: {retries: 0}}
"""
HI: Final = [{"role": "user", "content": "hi"}]


class Got:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def cache(self) -> str | None:
        return self.headers.get("x-llm-router-cache")


class Cached:
    def __init__(
        self, running: Running, fake: FakeUpstream, session: aiohttp.ClientSession
    ) -> None:
        self.running, self.fake, self.session = running, fake, session

    async def ask(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> Got:
        url = self.running.url + path
        async with self.session.post(url, json=body, headers=headers) as answer:
            return Got(answer.status, answer.headers, await answer.read())

    async def chat(self, headers: Mapping[str, str] | None = None, **more: Any) -> Got:
        body = {"model": "p", "messages": HI, **more}
        return await self.ask("/v1/chat/completions", body, headers)


@asynccontextmanager
async def cached(
    answer: Answer | None = None, policy: str = POLICY, keys: str = "", **answers: Answer
) -> AsyncIterator[Cached]:
    steps = answer if answer is not None else json_answer(openai_completion())
    access = read_access({"LLM_ROUTER_API_KEYS": keys})
    async with (
        fake_upstream(**{"openai": steps, **answers}) as fake,
        serving(fake.environ(), policy, access=access) as running,
        aiohttp.ClientSession() as session,
    ):
        yield Cached(running, fake, session)


async def test_the_second_request_is_given_the_first_ones_answer() -> None:
    async with cached() as it:
        first, second = await it.chat(), await it.chat()
        other = await it.chat(model="plain")
    assert (first.cache, second.cache, other.cache) == ("miss", "hit; age=0", None)
    assert first.body == second.body
    assert len(it.fake.received) == 2
    assert second.headers["x-llm-router-attempts"] == "0"


async def test_stream() -> None:
    async with cached(sse(*OPENAI_STREAM)) as it:
        first, second = await it.chat(stream=True), await it.chat(stream=True)
        whole = await it.chat()
    print(first.body.decode(), second.body.decode(), whole.body)
    assert (first.cache, second.cache) == ("miss", "hit; age=0")
    assert first.body == second.body
    assert whole.cache == "hit; age=0"
    assert len(it.fake.received) == 1
