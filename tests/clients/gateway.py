"""A gateway in a process of its own, with a persona for each dialect of providers."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.bench.processes import free_port, wait_ready
from tests.clients.programs import LIKES
from tests.serving import ROOT, clean_environ

KEY: Final = "caller-key"
_STOPS_WITHIN: Final = 20
"""Seconds."""
PERSONAS: Final[Mapping[str, str]] = {
    "on_claude": "claude/claude-sonnet-5",
    "on_openai": "openai/gpt-4.1",
    "on_responses": "responses/gpt-5.6-sol",
    "on_gemini": "gemini/gemini-3.5-flash",
}
"""What clients name as their model, and who answers."""
EMBEDDINGS: Final = "embeddings"
"""What clients name where they ask for embeddings."""
_EMBEDS: Final = "openai/text-embedding-3-small"
_RESPONSES: Final = """
  responses:
    dialect: openai
    responses: native
    base_url: https://api.openai.com/v1
    base_url_variable: OPENAI_BASE_URL
    key_variable: OPENAI_API_KEY
    models:
      gpt-5.6-sol: {like: gpt-5.6-family, responses: always, cost_tier: medium}
"""
"""A provider that is asked by /v1/responses alone, put at the end of the shipped file."""


def policy() -> str:
    lines = ["version: 1", "server: {drain_delay: 0}", "personas:"]
    for like in LIKES:
        for name, target in PERSONAS.items():
            lines.append(f"  {like}{name}: {{description: {target}, targets: [{target}]}}")
    lines.append(f"  {EMBEDDINGS}: {{description: vectors, targets: [{_EMBEDS}]}}")
    return "\n".join(lines) + "\n"


def capabilities() -> str:
    shipped = (ROOT / "config" / "capabilities.yaml").read_text("utf-8")
    return shipped.rstrip("\n") + "\n" + _RESPONSES


@asynccontextmanager
async def gateway(environ: Mapping[str, str]) -> AsyncIterator[str]:
    """Its base URL. `environ` says where the providers are."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="gateway-") as directory:
        config = Path(directory)
        (config / "persona_policy.yaml").write_text(policy(), "utf-8")
        (config / "capabilities.yaml").write_text(capabilities(), "utf-8")
        with (config / "log").open("wb") as log:
            where = ("--config", str(config), "--port", str(port))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", "serve", *where, cwd=ROOT, stdout=log, stderr=log,
                env=clean_environ(**environ, LLM_ROUTER_API_KEYS=KEY),
            )  # fmt: skip
        try:
            await asyncio.to_thread(wait_ready, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), _STOPS_WITHIN)
