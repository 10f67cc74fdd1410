"""Clients installed by name from their package registries into a cache outside the repository."""

import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

VERSIONS: Final = Path(__file__).with_name("versions.toml")
_INSTALLS_WITHIN: Final = 600
"""Seconds."""


class NotInstalled(Exception):
    """The reason why a client cannot be had."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a table of versions.toml is installed."""

    name: str
    home: Path
    packages: Mapping[str, str]

    @property
    def programs(self) -> Path:
        """The directory of its commands."""
        modules = self.home / "node_modules" / ".bin"
        return modules if modules.exists() else self.home / "bin"


def cache() -> Path:
    """LLM_ROUTER_CLIENTS, or a directory of the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("LLM_ROUTER_CLIENTS") or Path(base) / "llm-router-clients")


def versions() -> dict[str, dict[str, Any]]:
    return tomllib.loads(VERSIONS.read_text("utf-8"))


def package_json(table: Mapping[str, Any]) -> str:
    """npm's description of a table."""
    allowed = dict.fromkeys(table.get("scripts", ()), True)
    document = {"private": True, "dependencies": table["npm"], "allowScripts": allowed}
    return json.dumps(document, indent=1)


def install(name: str) -> Environment:
    """The environment, made now or already there with these versions. Raises NotInstalled."""
    table = versions()[name]
    home, stamp = cache() / name, cache() / f"{name}.installed"
    packages = {**table.get("npm", {}), **table.get("python", {})}
    wanted = json.dumps(table, sort_keys=True)
    if not (stamp.exists() and home.exists() and stamp.read_text("utf-8") == wanted):
        stamp.unlink(missing_ok=True)
        _make(name, table, home)
        stamp.write_text(wanted, "utf-8")
    return Environment(name, home, packages)


def _make(name: str, table: Mapping[str, Any], home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    began = time.monotonic()
    print(f"installing {name} …", file=sys.stderr, flush=True)
    if "npm" in table:
        _npm(name, table, home)
    else:
        _pip(table, home)
    print(f"installed {name} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _npm(name: str, table: Mapping[str, Any], home: Path) -> None:
    if shutil.which("npm") is None:
        raise NotInstalled("npm is missing")
    (home / "package.json").write_text(package_json(table), "utf-8")
    environ = dict(os.environ)
    if name != "node":
        environ["PATH"] = path_of(install("node"))
    _run(("npm", "install", "--no-audit", "--no-fund", "--loglevel=error"), home, environ)


def _pip(table: Mapping[str, Any], home: Path) -> None:
    _run((sys.executable, "-m", "venv", str(home)), home, os.environ)
    packages = [f"{package}=={version}" for package, version in table["python"].items()]
    pip = (str(home / "bin" / "pip"), "install", "-q", "--disable-pip-version-check")
    _run((*pip, *packages), home, os.environ)


def _run(command: Sequence[str], home: Path, environ: Mapping[str, str]) -> None:
    try:
        subprocess.run(
            command, check=True, timeout=_INSTALLS_WITHIN, capture_output=True, text=True,
            cwd=home, env=environ,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["without a word"]
        raise NotInstalled(f"{command[0]} ended with {error.returncode}: {lines[-1]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from error


def path_of(*environments: Environment) -> str:
    """A PATH with the commands of the environments first."""
    first = [str(environment.programs) for environment in environments]
    return os.pathsep.join([*first, os.environ.get("PATH", os.defpath)])
