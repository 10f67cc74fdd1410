"""The official SDKs and frameworks: scripts that run in the clients' own environments.

They report a line for each scenario.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.clients.installing import Environment
from tests.clients.programs import Server
from tests.clients.running import Ended, Outcome, environ_of, run

_HERE: Final = Path(__file__).parent
_PROVIDERS: Final = (
    "plain", "stream", "tools", "tools_stream", "structured", "vision", "rate_limit", "broken",
)  # fmt: skip
"""Scenarios that need nothing but a provider; the others are the gateway's: keys, names, counts."""
_OPENAIS: Final = _PROVIDERS[:-1]
"""OpenAI ends a broken answer with `response.failed`, which its own SDKs do not raise."""


@dataclass(frozen=True, slots=True)
class Script:
    """`direct`: the scenarios that are tried at the provider itself, without a gateway."""

    environment: str
    file: str
    provider: str = ""
    direct: Sequence[str] = ()


SCRIPTS: Final[Mapping[str, Script]] = {
    "anthropic-python": Script("python-sdks", "python/anthropic_sdk.py", "claude", _PROVIDERS),
    "openai-python": Script("python-sdks", "python/openai_sdk.py", "openai", _OPENAIS),
    "google-genai-python": Script(
        "python-sdks", "python/google_genai_sdk.py", "gemini", _PROVIDERS
    ),
    "langchain-anthropic": Script("python-sdks", "python/langchain_chat.py"),
    "langchain-openai": Script("langchain", "python/langchain_openai_chat.py"),
    "langchain-google-genai": Script("langchain", "python/langchain_google_chat.py"),
    "openai-agents": Script("python-sdks", "python/agents_run.py"),
    "anthropic-node": Script("node-sdks", "node/anthropic_sdk.mjs", "claude", _PROVIDERS),
    "openai-node": Script("node-sdks", "node/openai_sdk.mjs", "openai", _OPENAIS),
    "google-genai-node": Script("node-sdks", "node/google_genai_sdk.mjs", "gemini", _PROVIDERS),
}


def _command(script: Script, where: Sequence[Environment]) -> Sequence[str]:
    """Node looks for packages beside the script, so it is given a copy beside them."""
    node, own = where
    if own.programs.name == "bin":
        return (str(own.programs / "python"), str(_HERE / script.file))
    for file in (_HERE / "node").glob("*.mjs"):
        (own.home / file.name).write_bytes(file.read_bytes())
    return (str(node.programs / "node"), str(own.home / Path(script.file).name))


async def run_script(
    name: str,
    script: Script,
    server: Server,
    scenarios: Sequence[str],
    where: Sequence[Environment],
) -> list[Outcome]:
    """An outcome for each scenario that the script tried. No `scenarios`: all."""
    with tempfile.TemporaryDirectory(prefix="client-") as directory:
        home = Path(directory)
        told = {
            "BASE_URL": server.url, "KEY": server.key, "MODEL": server.model,
            "SCENARIOS": ",".join(scenarios), "OPENAI_AGENTS_DISABLE_TRACING": "1",
            "LANGSMITH_TRACING": "false", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        ended = await run(_command(script, where), home, environ_of(told, home, where))
    return outcomes(name, server.model, ended)


def outcomes(name: str, against: str, ended: Ended) -> list[Outcome]:
    """What the lines of a script say, and whether it came to its end."""
    found = []
    for line in ended.output.splitlines():
        if line.startswith("@@ "):
            told = json.loads(line[3:])
            problems = [told["problem"]] if told["problem"] else []
            found.append(Outcome(f"{name} {told['scenario']}", against, problems, told["seconds"]))
    if ended.status != 0 or not found:
        last = " ⏎ ".join(ended.errors.strip().splitlines()[-3:])[-500:]
        found.append(Outcome(name, against, [f"exit status {ended.status}: {last}"], ended.seconds))
    return found
