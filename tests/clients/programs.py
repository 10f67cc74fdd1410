"""The command-line clients: how each is told where the gateway is, and given its job.

They run headless, in an empty home.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.clients.task import prompt


@dataclass(frozen=True, slots=True)
class Server:
    """What a client is told: a base URL without a path, a key, and the name of a model."""

    url: str
    key: str
    model: str


@dataclass(frozen=True, slots=True)
class Program:
    """A client. `files` stand in its home; `dialect` is what it speaks.

    `like` is what the personas are called by before their own name: the client knows a model
    of that name, and treats them as it.
    """

    environment: str
    dialect: str
    command: Callable[[Server, Path], Sequence[str]]
    environ: Callable[[Server], Mapping[str, str]]
    files: Callable[[Server], Mapping[str, str]]
    like: str = ""
    direct: bool = True
    """Whether it is tried at a provider of its own dialect, too."""
    leaves: str = ""
    """A file in its home that it writes only if it understood what it asked beside its job."""


def _claude_command(_: Server, directory: Path) -> Sequence[str]:
    return ("claude", "-p", prompt(directory), "--allowedTools", "Bash,Read,Write,Edit")


def _claude_environ(server: Server) -> Mapping[str, str]:
    return {
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_AUTH_TOKEN": server.key,
        "ANTHROPIC_MODEL": server.model,
        "ANTHROPIC_SMALL_FAST_MODEL": server.model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }


def _codex_command(server: Server, directory: Path) -> Sequence[str]:
    quiet = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
    return ("codex", "exec", *quiet, "-m", server.model, prompt(directory))


def _codex_config(server: Server) -> Mapping[str, str]:
    lines = (
        'model_provider = "llm_router"',
        "model_context_window = 128000",
        "check_for_update_on_startup = false",
        "[analytics]",
        "enabled = false",
        "[model_providers.llm_router]",
        'name = "LLM Router"',
        f'base_url = "{server.url}/v1"',
        'env_key = "LLM_ROUTER_KEY"',
        'wire_api = "responses"',
    )
    return {".codex/config.toml": "\n".join(lines) + "\n"}


def _codex_config_with_command(server: Server) -> Mapping[str, str]:
    """With the key from a command: then it asks for a list of models."""
    ((file, config),) = _codex_config(server).items()
    own = config.replace('env_key = "LLM_ROUTER_KEY"\n', "")
    auth = f'[model_providers.llm_router.auth]\ncommand = "echo"\nargs = ["{server.key}"]\n'
    return {file: own + auth}


def _gemini_command(server: Server, directory: Path) -> Sequence[str]:
    return ("gemini", "-m", server.model, "--yolo", "-p", prompt(directory))


def _gemini_environ(server: Server) -> Mapping[str, str]:
    return {
        "GOOGLE_GEMINI_BASE_URL": server.url,
        "GEMINI_API_KEY": server.key,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }


def _gemini_settings(_: Server) -> Mapping[str, str]:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False},
    }
    return {".gemini/settings.json": json.dumps(settings)}


def _codex(like: str) -> Program:
    """Codex has other tools for models that it knows by the beginning of their names."""
    return Program(
        environment="codex",
        dialect="responses",
        command=_codex_command,
        environ=lambda server: {"LLM_ROUTER_KEY": server.key},
        files=_codex_config,
        like=like,
    )


PROGRAMS: Final[Mapping[str, Program]] = {
    "claude-code": Program(
        environment="claude-code",
        dialect="claude",
        command=_claude_command,
        environ=_claude_environ,
        files=lambda _: {},
    ),
    "codex": _codex(""),
    "codex-custom-tools": _codex("gpt-5.5-"),
    "codex-code-mode": _codex("gpt-5.6-sol-"),
    "codex-key-by-command": replace(
        _codex(""),
        files=_codex_config_with_command,
        direct=False,
        leaves=".codex/models_cache.json",
    ),
    "gemini-cli": Program(
        environment="gemini-cli",
        dialect="gemini",
        command=_gemini_command,
        environ=_gemini_environ,
        files=_gemini_settings,
    ),
}
LIKES: Final = sorted({program.like for program in PROGRAMS.values()})
