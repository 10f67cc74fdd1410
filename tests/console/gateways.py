"""Gateways with a console: one that is open to everybody, with the simulator behind it, and one
with a door.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp

from gateway import simulator
from gateway.api.auth import read, read_admin
from tests.serving import Running, serving

ADMIN_KEY: Final = "operators-key"
PERSONAS: Final = """
personas:
  first: {description: "d", targets: [openai/gpt-4.1, claude/claude-sonnet-5], on_failure: {retries: 0}}
  "<img src=x onerror=alert(1)>": {description: "<b>bold</b>", targets: [gemini/gemini-3.5-flash]}
"""  # noqa: E501


def policy(console: str = "{}") -> str:
    return (
        f"version: 1\nserver: {{drain_delay: 0, drain_grace: 0, console: {console}}}\n{PERSONAS}"
    ).replace('"<img src=x onerror=alert(1)>"', "img_src")


class World(NamedTuple):
    running: Running
    http: aiohttp.ClientSession

    async def chat(self, text: str, model: str = "first", **more: Any) -> int:
        """The status of one chat request."""
        message = {"role": "user", "content": text}
        body = {"model": model, "messages": [message], **more}
        async with self.http.post("/v1/chat/completions", json=body) as answer:
            await answer.read()
            return answer.status


@asynccontextmanager
async def console(
    settings: str = "{}", *, opened: bool = False, keys: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """The simulator behind a gateway whose `server.console` is `settings`."""
    environ = {"LLM_ROUTER_ADMIN_KEY": ADMIN_KEY, **(keys or {})}
    async with simulator.running() as providers:
        named = {"openai": "OPENAI", "claude": "ANTHROPIC", "gemini": "GEMINI"}
        at = {f"{named[name]}_BASE_URL": url for name, url in providers.base_urls.items()}
        given = {f"{name}_API_KEY": "k" for name in named.values()}
        async with (
            serving(
                {**at, **given},
                policy(settings),
                access=read(environ),
                admin=read_admin(environ),
                simulated=opened,
                open_console=opened,
            ) as running,
            aiohttp.ClientSession(running.url) as http,
        ):
            yield World(running, http)
