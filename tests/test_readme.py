"""The README is true: its examples run as written, its configuration loads, its routes and metrics are the served ones."""

import asyncio
import re
import shutil
import sys
from pathlib import Path

import pytest

from gateway.api.routes import ROUTES
from gateway.telemetry.metrics import Metrics
from tests.serving import ROOT, config_of
from tests.test_process import gateway_process

README = (ROOT / "README.md").read_text("utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_the_python_example_runs_as_written() -> None:
    (example,) = blocks("python")
    async with gateway_process("--demo") as (_, url):
        output = await run(sys.executable, "-c", example.replace("http://127.0.0.1:8001", url))
    assert "Write a haiku about routers." in output
    assert "Hello!" in output


@pytest.mark.parametrize(
    "example", [block for block in blocks("sh") if "curl" in block], ids=lambda block: block.split("8001")[1][:30].strip()
)
async def test_the_curl_examples_run_as_written(example: str) -> None:
    assert shutil.which("curl"), "curl is needed to test the README"
    async with gateway_process("--demo") as (_, url):
        output = await run("bash", "-c", "set -o pipefail; " + example.replace("http://127.0.0.1:8001", url))
    assert "Hello!" in output or "x-llm-router-provider: openai" in output


def test_the_configuration_examples_load() -> None:
    persona, provider = blocks("yaml")
    config = config_of(persona, {"OPENAI_API_KEY": "k"})
    assert [str(target) for target in config.personas["support"].targets] == [
        "openai/gpt-6-luna",
        "claude/claude-haiku-5-5",
        "gemini/gemini-3.8-flash",
    ]
    policy = "version: 1\npersonas:\n  p: {description: d, targets: [local/qwen3-32b]}\n"
    local = config_of(policy, {}, "version: 1\n" + provider).providers["local"]
    assert local.available
    assert local.models["qwen3-32b"].record.max_tokens_parameter == "max_tokens"


def test_every_served_route_is_documented() -> None:
    section = README.partition("## Routes")[2].partition("### Headers")[0]
    for route in ROUTES:
        path = route.path.replace("{id:.+}", "{id}")
        assert path in section, path


def test_every_metric_is_documented() -> None:
    metrics = Metrics([], [], [])
    section = README.partition("**Metrics**")[2].partition("**Logs**")[0]
    for family in metrics.registry.collect():
        name = family.name.removeprefix("llm_router_")
        assert f"`{name}`" in section or f"`{name}_total`" in section, name


def test_every_environment_variable_is_documented() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "gateway").rglob("*.py"))
    for name in set(re.findall(r'"(LLM_ROUTER_[A-Z_]+)"', sources)):
        assert f"`{name}`" in README, name


def test_no_machine_and_no_foreign_place_is_named() -> None:
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / "config").rglob("*.yaml"),
        *(ROOT / "gateway").rglob("*.py"),
        *(ROOT / "translators").rglob("*.py"),
    ]:
        text = path.read_text("utf-8")
        assert not re.search(r"/(work|home|root)/", text), path
        assert not re.search(r"\bshared/", text), path


def test_the_changelog_speaks_of_the_next_release() -> None:
    assert "## Unreleased" in CHANGELOG


def test_the_version_is_one() -> None:
    version = re.search(r'^version = "(.*)"', Path(ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    from_source = re.search(r'VERSION: Final = "(.*)"', (ROOT / "gateway/api/request.py").read_text("utf-8"))
    assert version is not None
    assert from_source is not None
    assert version[1] == from_source[1]
