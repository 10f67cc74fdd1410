"""A whole gateway on a real socket, configured by a test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.api.auth import Access, Admin
from gateway.api.request import Gateway
from gateway.app import running_gateway
from gateway.config import Config
from gateway.revisions.load import ConfigFiles
from gateway.server.listener import Server, listening
from gateway.telemetry.events import Event

ROOT = Path(__file__).parents[1]

POLICY = """
version: 1
direct_models: true
server: {keep_alive_interval: 15, drain_delay: 0}
personas:
  on_openai: {description: OpenAI only, targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  on_claude: {description: Claude only, targets: [claude/claude-sonnet-5], on_failure: {retries: 0}}
  on_gemini: {description: Gemini only, targets: [gemini/gemini-3.5-flash], on_failure: {retries: 0}}
  all:
    description: all three
    targets: [openai/gpt-4.1, claude/claude-sonnet-5, gemini/gemini-3.5-flash]
    on_failure: {retries: 0}
"""  # noqa: E501


@dataclass(slots=True)
class Running:
    """A gateway that listens, and the events it told."""

    url: str
    gateway: Gateway
    server: Server
    events: list[Event]
    files: ConfigFiles


@contextmanager
def files_of(
    policy: str, environ: Mapping[str, str], capabilities: str | None = None
) -> Iterator[ConfigFiles]:
    """A directory with a policy text and the shipped capabilities, or a text of its own."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        (path / "persona_policy.yaml").write_text(policy, "utf-8")
        if capabilities is None:
            shutil.copy(ROOT / "config" / "capabilities.yaml", path)
        else:
            (path / "capabilities.yaml").write_text(capabilities, "utf-8")
        yield ConfigFiles(path, environ)


def config_of(policy: str, environ: Mapping[str, str], capabilities: str | None = None) -> Config:
    """The configuration of these texts."""
    with files_of(policy, environ, capabilities) as files:
        return files.load()


@asynccontextmanager
async def serving(
    environ: Mapping[str, str],
    policy: str = POLICY,
    *,
    capabilities: str | None = None,
    access: Access | None = None,
    admin: Admin | None = None,
    simulated: bool = False,
    open_console: bool = False,
    allow_cold: bool = False,
    tracing: Any = None,
) -> AsyncIterator[Running]:
    events: list[Event] = []
    with files_of(policy, environ, capabilities) as files:
        async with (
            running_gateway(
                files.load(),
                files,
                access,
                admin,
                simulated=simulated,
                listeners=[events.append],
                open_console=open_console,
                allow_cold=allow_cold,
                tracing=tracing,
            ) as gateway,
            listening(gateway, "127.0.0.1", 0) as server,
        ):
            yield Running(f"http://127.0.0.1:{server.port}", gateway, server, events, files)


def clean_environ(**more: str) -> dict[str, str]:
    """The process's environment without anything that configures a gateway, and `more`."""
    names: Sequence[str] = ("_API_KEY", "_BASE_URL", "_API_KEYS", "_ADMIN_KEY", "_PROXY", "_proxy")
    others = ("PORT", "HOST", "LLM_ROUTER_CONFIG_DIR", "LLM_ROUTER_WORKERS")
    kept = {k: v for k, v in os.environ.items() if not k.endswith(tuple(names)) and k not in others}
    return {**kept, **more}
