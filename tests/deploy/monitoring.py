"""The dashboard and the alerts as they are built, and a gateway with all kinds of traffic."""

import runpy
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.fakes import (
    SSE_HEAD,
    End,
    Pause,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
)  # fmt: skip
from tests.serving import ROOT, Running, serving

DEPLOY: Final = ROOT / "config" / "deploy"


def built(folder: Path) -> dict[str, Any]:
    """What its build.py defines, run as Python runs a script: beside its own modules."""
    sys.path.insert(0, str(folder))
    try:
        return runpy.run_path(str(folder / "build.py"))
    finally:
        sys.path.remove(str(folder))


GRAFANA: Final = built(DEPLOY / "grafana")
PROMETHEUS: Final = built(DEPLOY / "prometheus")

POLICY: Final = """
version: 1
direct_models: true
server: {drain_delay: 0}
limits:
  - {on: usd, per: day, amount: 100, persona: well}
  - {on: requests, per: day, amount: 1, persona: little}
personas:
  well: {targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  told_less: {targets: [claude/claude-sonnet-5], on_failure: {retries: 0}}
  little: {targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  again: {targets: [openai/gpt-4.1], on_failure: {retries: 0}, cache: {}}
  saved: {targets: [gemini/gemini-3.5-flash, openai/gpt-4.1], on_failure: {retries: 0}}
"""
USED: Final = {
    "prompt_tokens": 20,
    "completion_tokens": 5,
    "total_tokens": 25,
    "prompt_tokens_details": {"cached_tokens": 8},
}
CLAUDE: Final = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
ASKED: Final = {"messages": [{"role": "user", "content": "hello"}]}
LOAD: Final[tuple[dict[str, Any], ...]] = (
    {"model": "well"},
    {"model": "well", "stream": True},
    {"model": "told_less", "seed": 1},
    {"model": "saved"},
    {"model": "nobody"},
    {"model": "well", "messages": []},
    {"model": "little"},
    {"model": "again"},
)
"""A JSON answer, a stream that breaks, a dropped parameter, a failover, two refusals, what a limit
allows once, and what is asked once and given again.
"""


@asynccontextmanager
async def used_gateway() -> AsyncIterator[Running]:
    """A gateway before fakes; `load` gives it traffic."""
    down = json_answer({"error": {"message": "down"}}, "503 Service Unavailable")
    with tempfile.TemporaryDirectory() as state:
        async with (
            fake_upstream(openai=_openai, claude=json_answer(CLAUDE), gemini=down) as fake,
            serving({**fake.environ(), "LLM_ROUTER_STATE_DIR": state}, POLICY) as running,
        ):
            yield running


def _openai(received: Any) -> Any:
    if received.body.get("stream"):
        half = openai_chunk({"content": "half"})
        return [SSE_HEAD, half, Pause(0.02), half, Pause(0.02), half, End()]
    return json_answer(openai_completion() | {"usage": USED})


async def load(url: str) -> None:
    """One request of each kind."""
    async with aiohttp.ClientSession() as session:
        for body in LOAD:
            async with session.post(f"{url}/v1/chat/completions", json=ASKED | body) as answer:
                await answer.read()


async def scraped(url: str) -> str:
    """The text of /metrics."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        return await answer.text()


def panel_queries() -> list[tuple[str, str]]:
    """Title and PromQL of everything that the dashboard asks, its variables set to all."""
    asked = [
        (panel.title, query)
        for row in GRAFANA["ROWS"].values()
        for panel in row
        for query, _ in panel.queries
    ] + [(name, query.removesuffix(" > 0").removesuffix(" == 0")) for name, _, query in ANNOTATED]
    return [(title, _filled(query)) for title, query in asked]


ANNOTATED: Final = GRAFANA["ANNOTATIONS"]


def _filled(query: str) -> str:
    for variable, value in (("$__rate_interval", "10s"), ("$__interval", "10s")):
        query = query.replace(variable, value)
    for variable in ("$job", "$persona", "$provider", "$target"):
        query = query.replace(variable, ".*")
    return query
