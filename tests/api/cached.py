"""A gateway whose personas have a cache, on a real socket."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp

from gateway.api.auth import Access
from gateway.api.auth import read as read_access
from gateway.api.cached_answers import CachedAnswers
from gateway.telemetry.events import RequestEnded
from tests.fakes import Answer, FakeUpstream, fake_upstream, json_answer, openai_completion
from tests.serving import Running, serving
from translators.json_codec import loads

POLICY: Final = """
version: 1
server: {drain_delay: 0, watch: 0}
aliases: {other-name: p}
personas:
  p: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, timeouts: {total: 5}, cache: {}}
  q: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, cache: {}}
  with-tools: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, cache: {tools: true}}
  small: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, cache: {max_bytes: 65536}}
  plain: {targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  on_claude: {targets: [claude/claude-sonnet-5], on_failure: {retries: 0}, cache: {}}
  on_gemini: {targets: [gemini/gemini-3.5-flash], on_failure: {retries: 0}, cache: {}}
  ruled:
    targets: [openai/gpt-4.1]
    cache: {}
    rules:
      - {name: r, when: {header: {x-team: a}, metadata: {kind: x}}, params: {temperature: 0.5}}
"""
HI: Final = [{"role": "user", "content": "hi"}]


class Got(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def cache(self) -> str | None:
        return self.headers.get("x-llm-router-cache")


class Cached:
    """What a test does with it."""

    def __init__(
        self, running: Running, fake: FakeUpstream, session: aiohttp.ClientSession
    ) -> None:
        self.running = running
        self.fake = fake
        self.session = session
        answers = running.gateway.cache
        assert isinstance(answers, CachedAnswers)
        self.cache = answers.cache

    @property
    def asked(self) -> int:
        """Requests that reached a provider."""
        return len(self.fake.received)

    async def ask(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Got:
        url = self.running.url + path
        async with self.session.post(url, json=body, headers=headers) as answer:
            return Got(answer.status, answer.headers, await answer.read())

    async def chat(self, headers: Mapping[str, str] | None = None, **more: Any) -> Got:
        body = {"model": "p", "messages": HI, **more}
        return await self.ask("/v1/chat/completions", body, headers)

    async def get(self, path: str) -> Any:
        async with self.session.get(self.running.url + path) as answer:
            return loads(await answer.read())

    def ends(self) -> list[RequestEnded]:
        return [event for event in self.running.events if isinstance(event, RequestEnded)]

    async def metrics(self, persona: str = "p") -> dict[str, int]:
        """What the counter says of a persona, by result."""
        async with self.session.get(f"{self.running.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        named = f'llm_router_response_cache_total{{persona="{persona}",result="'
        found = [line.removeprefix(named) for line in lines if line.startswith(named)]
        return {
            result: int(float(count))
            for result, _, count in (each.partition('"} ') for each in found)
        }

    async def change(self, policy: str) -> None:
        """Another policy holds."""
        (self.running.files.directory / "persona_policy.yaml").write_text(policy)
        reloaded = await self.running.gateway.reloader.reload("request")
        assert reloaded.result == "changed"


@asynccontextmanager
async def cached(
    answer: Answer | None = None,
    policy: str = POLICY,
    keys: str = "",
    *,
    access: Access | None = None,
    environ: Mapping[str, str] | None = None,
    fake: FakeUpstream | None = None,
    capabilities: str | None = None,
    **answers: Answer,
) -> AsyncIterator[Cached]:
    """`fake`: a provider that is there already."""
    steps = answer if answer is not None else json_answer(openai_completion())
    async with AsyncExitStack() as stack:
        if fake is None:
            fake = await stack.enter_async_context(fake_upstream(**{"openai": steps, **answers}))
        running = await stack.enter_async_context(
            serving(
                {**fake.environ(), **(environ or {})},
                policy,
                access=access or read_access({"LLM_ROUTER_API_KEYS": keys}),
                capabilities=capabilities,
            )
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Cached(running, fake, session)
