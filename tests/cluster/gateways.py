"""Gateways that share a store, all of them in this process, against one provider."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from gateway.api.auth import Access, Admin
from gateway.cluster.service import Cluster
from tests.fakes import FakeUpstream
from tests.serving import Running, serving

STATE_KEY: Final = "a-state-key-that-is-long-enough-to-be-one"
POLICY: Final = """
version: 1
store: {}
server: {drain_delay: 0}
personas:
  both:
    description: two targets
    targets: [openai/gpt-4.1, claude/claude-sonnet-5]
    on_failure: {retries: 0}
  thinker: {description: Claude, targets: [claude/claude-sonnet-5]}
  thinker2: {description: Gemini, targets: [gemini/gemini-3.8-flash]}
"""


def environ_of(directory: Path, url: str | None, key: str | None = STATE_KEY) -> dict[str, str]:
    """`url`: of a Postgres; None: a file in `directory`."""
    environ = {"LLM_ROUTER_STATE_DIR": str(directory)}
    if url is not None:
        environ["LLM_ROUTER_STORE_URL"] = url
    if key is not None:
        environ["LLM_ROUTER_STATE_KEY"] = key
    return environ


@asynccontextmanager
async def gateways(
    fake: FakeUpstream,
    *environs: Mapping[str, str],
    policy: str = POLICY,
    access: Access | None = None,
    admin: Admin | None = None,
) -> AsyncIterator[list[Running]]:
    """One for each environment."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                serving({**fake.environ(), **environ}, policy, access=access, admin=admin)
            )
            for environ in environs
        ]


def cluster_of(running: Running) -> Cluster:
    """What the gateway shares."""
    found = running.gateway.cluster
    assert found is not None
    return found


async def ask(running: Running, path: str, body: Mapping[str, Any], **headers: str) -> Any:
    """The answer's document, with its status under `status_code`."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}{path}", json=body, headers=headers) as answer,
    ):
        return {**(await answer.json()), "status_code": answer.status}


async def until(condition: Any, patience: float = 10.0) -> None:
    """Wait until it holds; what instances tell each other takes a moment."""
    for _ in range(int(patience / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    assert condition()


async def get(running: Running, path: str) -> bytes:
    """What is there."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{running.url}{path}") as answer,
    ):
        return await answer.read()


async def delete(running: Running, path: str, **headers: str) -> int:
    """The answer's status."""
    async with (
        aiohttp.ClientSession() as session,
        session.delete(f"{running.url}{path}", headers=headers) as answer,
    ):
        return answer.status
