"""A simulator as strict as the real providers, and the official SDKs at it, without retries."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types
from openai import AsyncOpenAI

from gateway.simulator import Simulator
from tests.strict.server import running


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with running() as simulator:
        yield simulator


@pytest.fixture
async def openai(sim: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=sim.base_urls["openai"], api_key="key", max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def claude(sim: Simulator) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        base_url=sim.base_urls["claude"], api_key="key", max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def gemini(sim: Simulator) -> AsyncIterator[genai.Client]:
    async with httpx2.AsyncClient() as http:
        options = types.HttpOptions(
            base_url=sim.base_urls["gemini"], api_version="v1beta", httpx_async_client=http
        )
        client = genai.Client(api_key="key", http_options=options)
        try:
            yield client
        finally:
            client.close()
