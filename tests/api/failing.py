"""Gateways whose targets one/m, two/m and three/m are at a fake provider, and what their callers
see.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from gateway.telemetry.events import RequestEnded
from tests.fakes import (
    Answer,
    FakeUpstream,
    Step,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
    sse,
)
from tests.serving import Running, serving
from translators.json_codec import dumps, loads

MODES: Final = ("json", "stream")
BROKEN: Final = json_answer({"error": {"message": "boom"}}, "500 Internal Server Error")


def said(text: str, mode: str = "json") -> list[Step]:
    """A whole answer in either mode."""
    return (
        sse(*chunks_of(text), b"data: [DONE]\n\n")
        if mode == "stream"
        else json_answer(openai_completion(text))
    )


def chunks_of(*texts: str, finish: str | None = "stop") -> list[bytes]:
    """The events of a stream without its end mark; without its finish too if that is None."""
    events = [
        openai_chunk({"role": "assistant", "content": ""}),
        *(openai_chunk({"content": text}) for text in texts),
    ]
    return [*events, openai_chunk({}, finish)] if finish is not None else events


async def until(true: Callable[[], bool]) -> None:
    """Wait for something inside the gateway that tells no event."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


@dataclass(slots=True)
class Reply:
    """What a caller got."""

    status: int
    headers: dict[str, str]
    text: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        return [loads(line[6:]) for line in self.text.split(b"\n\n") if line.startswith(b"data: {")]

    @property
    def document(self) -> dict[str, Any]:
        """The JSON answer, or a stream's last event."""
        return (
            self.events[-1]
            if self.headers["content-type"].startswith("text/event-stream")
            else loads(self.text)
        )

    @property
    def code(self) -> str:
        code: str = self.document["error"]["code"]
        return code

    @property
    def content(self) -> str:
        if not self.headers["content-type"].startswith("text/event-stream"):
            text: str = self.document["choices"][0]["message"]["content"]
            return text
        return "".join(
            choice["delta"].get("content") or ""
            for event in self.events
            for choice in event.get("choices", ())
        )


@dataclass(slots=True)
class World:
    """A gateway and the provider behind it."""

    running: Running
    fake: FakeUpstream

    async def ask(
        self, mode: str = "json", headers: Mapping[str, str] | None = None, **body: Any
    ) -> Reply:
        return await self._post(
            "/v1/chat/completions", {"model": "p", **_asked(mode), **body}, headers
        )

    async def native(self, mode: str = "json", **body: Any) -> Reply:
        return await self._post("/api/v1/chat", {"persona": "p", **_asked(mode), **body}, None)

    async def check(self, path: str, **body: Any) -> Reply:
        """Ask a route that asks no provider."""
        return await self._post(path, {"persona": "p", **_asked("json"), **body}, None)

    async def _post(
        self, path: str, body: dict[str, Any], headers: Mapping[str, str] | None
    ) -> Reply:
        async with (
            aiohttp.ClientSession(read_bufsize=2**20) as session,
            session.post(f"{self.running.url}{path}", json=body, headers=headers) as answer,
        ):
            return Reply(
                answer.status,
                {name.lower(): value for name, value in answer.headers.items()},
                await answer.read(),
            )

    def asked(self) -> list[str]:
        """Which targets were called, in order."""
        return [received.path.split("/")[1] for received in self.fake.received]

    async def waiting(self, count: int) -> None:
        """Wait until so many requests wait for a place."""
        places = self.running.gateway.dispatcher.places
        await until(lambda: sum(waiting for _, waiting in places.waiting()) == count)

    async def calls(self, count: int) -> None:
        """Wait until so many calls have arrived."""
        while len(self.fake.received) < count:
            self.fake.arrived.clear()
            await asyncio.wait_for(self.fake.arrived.wait(), 20)

    async def set_aside(self, name: str) -> None:
        """Wait until a target's breaker is open."""
        state = self.running.gateway.state
        await until(lambda: state.health.document(f"{name}/m", state.now())["state"] == "open")

    async def attempts(self, request: int = -1) -> list[tuple[str, str, str]]:
        """Target, reason and outcome of each attempt of a request that is over."""
        await until(lambda: bool(self.ended()))
        return [(a.provider, a.why, a.outcome) for a in self.ended()[request].attempts]

    def ended(self) -> list[RequestEnded]:
        return [event for event in self.running.events if isinstance(event, RequestEnded)]

    def time_passes(self, seconds: float) -> None:
        """For health and affinity, not for what is waited for."""
        now = self.running.gateway.state.now
        self.running.gateway.state.now = lambda: now() + seconds  # type: ignore[method-assign]

    def key(self, number: int, provider: str = "one") -> dict[str, Any]:
        """What is known of a key."""
        gateway = self.running.gateway
        of = gateway.config.providers[provider]
        return gateway.state.health.key_document(of, of.keys[number], gateway.state.now())


def _asked(mode: str) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": "hi"}],
        **({"stream": True} if mode == "stream" else {}),
    }


def target(url: str, **fields: Any) -> dict[str, Any]:
    """A provider's row with one model `m`; `model` has fields of the model's row."""
    row = {
        "context_window": 100_000,
        "max_output_tokens": 10_000,
        "capabilities": ["streaming", "tool_calling", "json_schema"],
        "cost_tier": "low",
        **fields.pop("model", {}),
    }
    key = {} if "keys" in fields else {"key_variable": None}
    return {"dialect": "openai", "base_url": url, **key, **fields, "models": {"m": row}}


@asynccontextmanager
async def world(
    persona: Mapping[str, Any] | None = None,
    targets: Mapping[str, Mapping[str, Any]] | None = None,
    environ: Mapping[str, str] | None = None,
    policy: Mapping[str, Any] | None = None,
    urls: Mapping[str, str] | None = None,
    **answers: Answer,
) -> AsyncIterator[World]:
    """A persona `p` over the targets that have answers, in their order; what is given is laid over
    the rows of the files.
    """
    async with fake_upstream(**answers) as fake:
        rows = {
            name: target(
                (urls or {}).get(name, f"{fake.url}/{name}/v1"), **(targets or {}).get(name, {})
            )
            for name in answers
        }
        of = {
            "description": "d",
            "targets": [f"{name}/m" for name in answers],
            "on_failure": {"retries": 0},
            **(persona or {}),
        }
        files = {
            "version": 1,
            "personas": {"p": of},
            "server": {"drain_delay": 0},
            **(policy or {}),
        }
        capabilities = dumps({"version": 1, "providers": rows}).decode()
        async with serving(
            environ or {}, dumps(files).decode(), capabilities=capabilities
        ) as running:
            yield World(running, fake)
