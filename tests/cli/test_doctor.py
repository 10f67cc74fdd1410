"""`llm-router doctor`: what keeps a gateway from serving on this machine, a line each."""

import base64
import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest

from gateway.cli import doctor
from gateway.cli.diagnosis import Finding
from gateway.cli.doctor import examined
from gateway.cli.main import main
from tests.serving import POLICY, ROOT, config_of

NOW = 1_790_000_000.0


async def found(environ: Mapping[str, str], policy: str = POLICY) -> dict[str, Finding]:
    told = await examined(config_of(policy, environ), environ, NOW)
    return {finding.about: finding for finding in told}


async def test_a_persona_without_a_provider_that_has_a_key_is_bad() -> None:
    told = await found({"OPENAI_API_KEY": "sk-canary"})
    assert told["key of openai"] == Finding("ok", "key of openai", "OPENAI_API_KEY")
    assert told["key of claude"].level == "look"
    assert told["persona on_claude"].level == "bad"
    assert "persona all" not in told
    assert "canary" not in str(told)


async def test_a_store_that_cannot_be_opened_is_bad(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"OPENAI_API_KEY": "k", "LLM_ROUTER_STATE_DIR": str(tmp_path / "file")}
    sqlite = POLICY.replace("server: {", "server: {responses_store: sqlite, ")
    assert (await found(environ, sqlite))["store of responses"].level == "bad"
    environ["LLM_ROUTER_STATE_DIR"] = str(tmp_path)
    told = (await found(environ, sqlite))["store of responses"]
    assert told == Finding("ok", "store of responses", "sqlite")


class File(metadata.PackagePath):
    """An installed file whose digest was recorded."""

    def locate(self) -> Path:
        return Path(self)


def installed(path: Path, content: bytes) -> File:
    path.write_bytes(content)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    file = File(path)
    file.hash = metadata.FileHash(f"sha256={digest}")
    return file


async def test_an_installed_file_that_was_changed_or_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [installed(tmp_path / name, name.encode()) for name in ("same", "changed", "gone")]
    monkeypatch.setattr(doctor, "_installed_files", lambda: files[:1])
    assert (await found({}))["installed files"].level == "ok"
    (tmp_path / "changed").write_bytes(b"other")
    (tmp_path / "gone").unlink()
    monkeypatch.setattr(doctor, "_installed_files", lambda: files)
    told = (await found({}))["installed files"]
    assert told.level == "bad"
    assert ("changed" in told.told, "gone" in told.told, "same" in told.told) == (True, True, False)


@pytest.mark.parametrize(("kernel", "level"), [(0, "ok"), (5, "look")])
async def test_a_clock_that_nothing_keeps_right_is_worth_a_look(
    kernel: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_installed_files", list)
    monkeypatch.setattr(doctor, "_kernel_says", lambda: kernel)
    assert (await found({}))["clock"].level == level


async def test_a_clock_from_before_the_installation_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = installed(tmp_path / "new", b"x")
    monkeypatch.setattr(doctor, "_installed_files", lambda: [file])
    config = config_of(POLICY, {})
    told = await examined(config, {}, (tmp_path / "new").stat().st_mtime - 60)
    assert [finding.level for finding in told if finding.about == "clock"] == ["bad"]


def test_the_command_fails_where_something_is_bad(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    command = ["doctor", "--config", str(ROOT / "config")]
    assert main(command) == 1
    assert "bad   persona chatbot: none of its providers has a key" in capsys.readouterr().out
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert main(command) == 0
    assert "canary" not in capsys.readouterr().out
