"""A gateway with limits on a real socket, its store in a directory of the test's."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from gateway.api.auth import read, read_admin
from gateway.store import ledger
from gateway.store.engine import STORE_URL, open_store
from gateway.store.limits_rows import LedgerRow
from tests.fakes import Answer, FakeUpstream, fake_upstream, json_answer, openai_completion
from tests.serving import ROOT, Running, serving
from translators.json_codec import loads

ADMIN: Final = {"authorization": "Bearer operator"}
PERSONAS: Final = """
personas:
  p: {description: d, targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  q: {description: d, targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  both:
    description: dear, then cheap
    targets: [claude/claude-sonnet-5, openai/gpt-6-luna]
    on_failure: {retries: 0}
"""
TRANSLATED: Final = (
    (ROOT / "config" / "capabilities.yaml").read_text().replace("    responses: native\n", "", 1)
)
"""Responses are translated, so that one fake answer serves every API."""
HI: Final = [{"role": "user", "content": "hi"}]


class Got(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: Any


class Limited:
    """What a test does with it."""

    def __init__(
        self,
        running: Running,
        fake: FakeUpstream,
        session: aiohttp.ClientSession,
        state: Path,
        store: str = "sqlite:",
    ) -> None:
        self.running = running
        self.fake = fake
        self.session = session
        self.state = state
        self.store = store
        assert running.gateway.admission is not None
        self.admission = running.gateway.admission

    async def ask(
        self,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Got:
        url = f"{self.running.url}{path}"
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            data = await answer.read()
            json = "json" in answer.headers.get("content-type", "")
            lower = {name.lower(): value for name, value in answer.headers.items()}
            return Got(answer.status, lower, loads(data) if json else data)

    async def chat(self, model: str = "p", key: str | None = None, **more: Any) -> Got:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        body = {"model": model, "messages": HI, **more}
        return await self.ask("/v1/chat/completions", body, headers)

    async def new_key(self, **body: Any) -> tuple[str, str]:
        """Its id and the key itself."""
        made = await self.ask("/api/v1/keys", {"name": "n", **body}, ADMIN)
        assert made.status == 201, made.body
        return made.body["id"], made.body["key"]

    async def rows(self) -> list[LedgerRow]:
        """The ledger, with all that has ended."""
        await self.admission.queue.book()
        return await asyncio.to_thread(read_rows, self.state, self.store)


def read_rows(state: Path, store: str = "sqlite:") -> list[LedgerRow]:
    database = open_store(store, state)
    try:
        assert ledger.differences(database) == []
        return ledger.rows(database, most=100_000)
    finally:
        database.close()


@asynccontextmanager
async def limited(
    state: Path,
    limits: str,
    answer: Answer | None = None,
    *,
    keys: str = "",
    store: str | None = None,
    personas: str = PERSONAS,
    allow_cold: bool = False,
    **answers: Answer,
) -> AsyncIterator[Limited]:
    """`limits`: sections of persona_policy.yaml. `keys`: callers' keys of the environment.
    `store`: the URL of one that is not in `state`.
    """
    policy = f"version: 1\nserver: {{drain_delay: 0, watch: 0}}\n{limits}\n{personas}"
    access = read({"LLM_ROUTER_API_KEYS": keys})
    admin = read_admin({"LLM_ROUTER_ADMIN_KEY": "operator"})
    steps = answer if answer is not None else json_answer(openai_completion())
    async with (
        fake_upstream(**{"openai": steps, **answers}) as fake,
        serving(
            {**fake.environ(), "LLM_ROUTER_STATE_DIR": str(state), STORE_URL: store or ""},
            policy, access=access, admin=admin, capabilities=TRANSLATED, allow_cold=allow_cold,
        ) as running,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):  # fmt: skip
        yield Limited(running, fake, session, state, store or "sqlite:")
