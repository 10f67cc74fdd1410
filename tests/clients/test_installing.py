"""tests.clients.installing: exact versions, and a reason for what is missing."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients import installing
from tests.clients.installing import (
    Environment,
    NotInstalled,
    cache,
    install,
    package_json,
    versions,
)
from tests.clients.programs import PROGRAMS
from tests.clients.sdks import SCRIPTS

EXACT = re.compile(r"\d+(\.\d+)+").fullmatch


def test_every_version_is_exact() -> None:
    packages = [
        (name, version)
        for table in versions().values()
        for kind in ("npm", "python")
        for name, version in table.get(kind, {}).items()
    ]
    assert [name for name, version in packages if EXACT(version) is None] == []


def test_every_client_has_an_environment() -> None:
    used = {program.environment for program in PROGRAMS.values()}
    used |= {script.environment for script in SCRIPTS.values()}
    assert used | {"node"} == set(versions())


def test_every_script_is_there() -> None:
    here = Path(installing.__file__).parent
    assert [s.file for s in SCRIPTS.values() if not (here / s.file).is_file()] == []


def test_only_named_packages_may_run_install_scripts() -> None:
    table = {"npm": {"a": "1.0", "b": "2.0"}, "scripts": ["b"]}
    assert json.loads(package_json(table)) == {
        "private": True,
        "dependencies": {"a": "1.0", "b": "2.0"},
        "allowScripts": {"b": True},
    }


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """What would have been run, in an empty cache."""
    run: list[list[str]] = []

    def record(command: list[str], **_: Any) -> None:
        run.append(list(command))

    monkeypatch.setenv("LLM_ROUTER_CLIENTS", str(tmp_path / "cache"))
    monkeypatch.setattr(subprocess, "run", record)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return run


def test_what_is_there_is_not_installed_again(commands: list[list[str]]) -> None:
    first, again = install("node"), install("node")
    assert first == again == Environment("node", cache() / "node", versions()["node"]["npm"])
    assert len(commands) == 1


def test_another_version_is_installed_anew(commands: list[list[str]]) -> None:
    install("node")
    (cache() / "node.installed").write_text("{}", "utf-8")
    install("node")
    assert len(commands) == 2


def test_python_packages_get_a_virtual_environment(commands: list[list[str]]) -> None:
    home = cache() / "python-sdks"
    assert install("python-sdks").home == home
    (venv, pip) = commands
    assert venv[1:] == ["-m", "venv", str(home)]
    assert pip[0] == str(home / "bin" / "pip")
    assert [*versions()["python-sdks"]["python"]] == [p.partition("==")[0] for p in pip[4:]]


@pytest.mark.usefixtures("commands")
def test_a_failed_installation_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **_: Any) -> None:
        raise subprocess.CalledProcessError(
            1, command, stderr="npm error code E404\nnpm error gone"
        )

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(NotInstalled, match="npm ended with 1: npm error gone"):
        install("node")
    assert not (cache() / "node.installed").exists()


@pytest.mark.usefixtures("commands")
def test_without_npm_there_are_no_node_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(NotInstalled, match="npm is missing"):
        install("codex")
