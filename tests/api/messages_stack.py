"""A gateway in front of the simulator, and the official Anthropic SDK in front of the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from anthropic import AsyncAnthropic

from gateway.app import running_gateway
from gateway.server.listener import listening
from gateway.simulator import Simulator
from tests.serving import Running, files_of
from tests.strict import server as strict

POLICY: Final = """
version: 1
direct_models: true
server: {keep_alive_interval: 15, drain_delay: 0}
personas:
  on_chat: {description: Chat, targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  on_responses: {description: Responses, targets: [openai/gpt-5.6], on_failure: {retries: 0}}
  on_claude: {description: Claude, targets: [claude/claude-sonnet-5], on_failure: {retries: 0}}
  on_gemini: {description: Gemini, targets: [gemini/gemini-3.5-flash], on_failure: {retries: 0}}
  claude_first:
    description: Claude, then others
    targets: [claude/claude-sonnet-5, openai/gpt-4.1]
    on_failure: {retries: 0}
  claude_last:
    description: others, then Claude
    targets: [openai/gpt-4.1, claude/claude-sonnet-5]
    on_failure: {retries: 0}
"""
PERSONAS: Final = ("on_chat", "on_responses", "on_claude", "on_gemini")


@dataclass(slots=True)
class Stack:
    """All three."""

    simulator: Simulator
    running: Running
    client: AsyncAnthropic


@asynccontextmanager
async def messages_stack(policy: str = POLICY) -> AsyncIterator[Stack]:
    """Ready to be asked."""
    with files_of(policy, {}) as real:
        async with strict.running() as sim:
            files = replace(real, simulator=sim.base_urls)
            events: list[Any] = []
            async with (
                running_gateway(
                    files.load(), files, simulated=True, listeners=[events.append]
                ) as gateway,
                listening(gateway, "127.0.0.1", 0) as server,
            ):
                url = f"http://127.0.0.1:{server.port}"
                running = Running(url, gateway, server, events, files)
                async with AsyncAnthropic(base_url=url, api_key="unused", max_retries=0) as client:
                    yield Stack(sim, running, client)
