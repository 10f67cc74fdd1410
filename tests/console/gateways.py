"""Gateways with a console: one that is open to everybody, with the simulator behind it, and one
with a door.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from gateway import simulator
from gateway.api.auth import read, read_admin
from tests.serving import Running, serving

ADMIN_KEY: Final = "operators-key"
OPERATOR: Final = {"authorization": f"Bearer {ADMIN_KEY}"}
PERSONAS: Final = """
personas:
  first: {description: "d", targets: [openai/gpt-4.1, claude/claude-sonnet-5], on_failure: {retries: 0}}
  "<img src=x onerror=alert(1)>": {description: "<b>bold</b>", targets: [gemini/gemini-3.5-flash]}
"""  # noqa: E501


def policy(console: str = "{}", limits: str = "") -> str:
    server = f"{{drain_delay: 0, drain_grace: 0, console: {console}}}"
    return f"version: 1\nserver: {server}\n{limits}\n{PERSONAS}".replace(
        '"<img src=x onerror=alert(1)>"', "img_src"
    )


class World(NamedTuple):
    running: Running
    http: aiohttp.ClientSession

    async def chat(
        self,
        text: str,
        model: str = "first",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> int:
        """The status of one chat request."""
        message = {"role": "user", "content": text}
        body = {"model": model, "messages": [message], **more}
        async with self.http.post("/v1/chat/completions", json=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def new_key(self, name: str, **more: Any) -> str:
        """The id of a key that is made."""
        body = {"name": name, **more}
        async with self.http.post("/api/v1/keys", json=body, headers=OPERATOR) as answer:
            made = await answer.json()
        return str(made["id"])

    async def limits_of(self, key_id: str) -> list[dict[str, Any]]:
        """Those of a key itself."""
        async with self.http.get(f"/api/v1/keys/{key_id}", headers=OPERATOR) as answer:
            return list((await answer.json())["limits"])

    async def audit(self) -> list[dict[str, Any]]:
        """Its rows."""
        async with self.http.get("/api/v1/audit", headers=OPERATOR) as answer:
            return list((await answer.json())["rows"])

    async def booked(self) -> None:
        """All that has ended stands in the ledger."""
        assert self.running.gateway.admission is not None
        await self.running.gateway.admission.queue.book()


@asynccontextmanager
async def console(
    settings: str = "{}",
    *,
    opened: bool = False,
    keys: Mapping[str, str] | None = None,
    limits: str = "",
    state: Path | None = None,
) -> AsyncIterator[World]:
    """The simulator behind a gateway whose `server.console` is `settings`. `limits`: sections of
    persona_policy.yaml; they are counted in `state`.
    """
    environ = {"LLM_ROUTER_ADMIN_KEY": ADMIN_KEY, **(keys or {})}
    async with simulator.running() as providers:
        named = {"openai": "OPENAI", "claude": "ANTHROPIC", "gemini": "GEMINI"}
        at = {f"{named[name]}_BASE_URL": url for name, url in providers.base_urls.items()}
        given = {f"{name}_API_KEY": "k" for name in named.values()}
        async with (
            serving(
                {**at, **given, "LLM_ROUTER_STATE_DIR": str(state or "")},
                policy(settings, limits),
                access=read(environ),
                admin=read_admin(environ),
                simulated=opened,
                open_console=opened,
            ) as running,
            aiohttp.ClientSession(running.url) as http,
        ):
            yield World(running, http)
