"""Other gateways, installed by name from their package registries into a cache: `make bench
PEERS=litellm,portkey,smg`.

Each is configured as little as it takes, and no more is logged than its defaults without debugging.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.bench.processes import ROOT, free_port
from tests.bench.systems import Provider, System
from tests.bench.works import Route, Way

CACHE: Final = ROOT / ".bench-cache"
INSTALLS_WITHIN: Final = 600
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Peer:
    """`packages` is where its code and all that it depends on lie, below its directory in the
    cache.
    """

    install: Callable[[Path], Sequence[Sequence[str]]]
    packages: str
    system: Callable[[Path, Path, Provider], System]


def _pip(package: str) -> Callable[[Path], Sequence[Sequence[str]]]:
    def commands(home: Path) -> Sequence[Sequence[str]]:
        return (sys.executable, "-m", "venv", str(home)), (
            f"{home}/bin/pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            package,
        )

    return commands


def _npm(package: str) -> Callable[[Path], Sequence[Sequence[str]]]:
    return lambda home: (
        ("npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", package),
    )


def _pip_version(home: Path, package: str) -> str:
    found = subprocess.run(
        [f"{home}/bin/pip", "show", package], capture_output=True, text=True, check=True
    ).stdout
    return next(line.split()[1] for line in found.splitlines() if line.startswith("Version:"))


def _litellm(home: Path, directory: Path, provider: Provider) -> System:
    targets: dict[Route, tuple[str, str]] = {
        "openai": ("openai/bench", f"{provider.plain}/v1"),
        "tls": ("openai/bench", f"{provider.tls}/v1"),
        "claude": ("anthropic/claude-sonnet-4-5", provider.plain),
        "gemini": ("gemini/gemini-2.5-flash", f"{provider.plain}/v1beta/models/gemini-2.5-flash"),
    }
    models = [
        {
            "model_name": route,
            "litellm_params": {"model": model, "api_base": base, "api_key": "bench"},
        }
        for route, (model, base) in targets.items()
    ]
    directory.mkdir(parents=True)
    config = directory / "litellm.yaml"
    config.write_text(yaml.safe_dump({"model_list": models}))
    port = free_port()
    command = (
        f"{home}/bin/litellm",
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    )
    environ = {
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        "LITELLM_LOCAL_MODEL_COST_MAP": "true",
    }
    return System(
        "LiteLLM",
        _pip_version(home, "litellm"),
        command,
        port,
        {route: Way(route) for route in targets},
        environ,
    )


def _portkey(home: Path, directory: Path, provider: Provider) -> System:
    # 1.15.2 on Node 20 answers 500 to streams of OpenAI and Claude: it writes to the provider's
    # headers, which are immutable.
    package = home / "node_modules" / "@portkey-ai" / "gateway"
    found = json.loads((package / "package.json").read_text())["version"]
    port = free_port()

    def way(name: str, base: str) -> Way:
        headers: Mapping[str, str] = {
            "Authorization": "Bearer bench",
            "x-portkey-provider": name,
            "x-portkey-custom-host": base,
        }
        return Way("bench", headers=headers)

    ways: dict[Route, Way] = {
        "openai": way("openai", f"{provider.plain}/v1"),
        "tls": way("openai", f"{provider.tls}/v1"),
        "claude": way("anthropic", f"{provider.plain}/v1"),
        "gemini": way("google", provider.plain),
    }
    return System(
        "Portkey",
        found,
        ("node", str(package / "build" / "start-server.js"), "--headless", f"--port={port}"),
        port,
        ways,
    )


def _smg(home: Path, directory: Path, provider: Provider) -> System:
    port = free_port()
    command = (
        f"{home}/bin/smg", "launch", "--backend", "openai", "--worker-urls", provider.plain,
        "--host", "127.0.0.1", "--port", str(port),
        "--prometheus-port", str(free_port()), "--log-level", "warn",
    )  # fmt: skip
    return System("smg", _pip_version(home, "smg"), command, port, {"openai": Way("bench")})


PEERS: Final = {
    "litellm": Peer(_pip("litellm[proxy]"), "lib", _litellm),
    "portkey": Peer(_npm("@portkey-ai/gateway"), "node_modules", _portkey),
    "smg": Peer(_pip("smg"), "lib", _smg),
}


def install(name: str) -> Path:
    """Where it is installed, now or already; RuntimeError says why it cannot be."""
    home, done = CACHE / name, CACHE / f"{name}.installed"
    if done.exists():
        return home
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True)
    print(f"installing {name} …", file=sys.stderr, flush=True)
    try:
        for command in PEERS[name].install(home):
            subprocess.run(
                command,
                check=True,
                timeout=INSTALLS_WITHIN,
                capture_output=True,
                text=True,
                cwd=home,
            )
    except subprocess.CalledProcessError as error:
        raise RuntimeError(
            f"{' '.join(error.cmd)} ended with {error.returncode}: {error.stderr[-500:]}"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(str(error)) from error
    done.touch()
    return home
