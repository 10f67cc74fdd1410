"""config/examples: what is there loads as it stands, by itself and beside the shipped files."""

import re
from pathlib import Path
from typing import Final

import pytest

from gateway.config import Config
from tests.config.samples import loaded
from tests.serving import ROOT

EXAMPLES: Final = sorted((ROOT / "config" / "examples").glob("*.yaml"))
NAMED: Final = [
    "vllm",
    "ollama",
    "sglang",
    "llamacpp",
    "deepseek",
    "openrouter",
    "groq",
    "mistral",
    "xai",
    "zai",
    "moonshot",
    "fireworks",
    "azure",
    "azure-v1",
]
POLICY: Final = (
    "version: 1\ndirect_models: true\npersonas:\n  p: {description: d, targets:"
    " [vllm/openai/gpt-oss-120b]}\n"
)
COMPATIBLE: Final = (ROOT / "config" / "examples" / "compatible.yaml").read_text("utf-8")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return loaded(tmp_path, POLICY, COMPATIBLE)


def test_there_is_an_example_of_compatible_servers() -> None:
    assert [path.name for path in EXAMPLES] == ["compatible.yaml"]


def test_it_has_the_servers_that_are_asked_for_most(config: Config) -> None:
    assert list(config.providers) == NAMED
    assert {provider.dialect for provider in config.providers.values()} == {"openai"}


def test_a_provider_without_its_key_is_unavailable_and_nothing_worse(config: Config) -> None:
    available = {name for name, provider in config.providers.items() if provider.available}
    assert available == {"ollama", "sglang", "llamacpp"}


def test_every_provider_can_be_moved(config: Config, tmp_path: Path) -> None:
    variables = re.findall(r"base_url_variable: (\S+)", COMPATIBLE)
    assert len(set(variables)) == len(config.providers)
    moved = loaded(
        tmp_path, POLICY, COMPATIBLE, dict.fromkeys(variables, "http://127.0.0.1:1/moved")
    )
    assert {provider.base_url for provider in moved.providers.values()} == {
        "http://127.0.0.1:1/moved"
    }


def test_azure_is_reached_both_ways(config: Config) -> None:
    azure, newer = config.providers["azure"], config.providers["azure-v1"]
    assert (
        azure.models["gpt-4.1"].base_url
        == "https://NAME.openai.azure.com/openai/deployments/gpt-4.1"
    )
    assert (azure.query, azure.key_header and azure.key_header.name) == (
        "?api-version=2024-10-21",
        "api-key",
    )
    assert (newer.base_url, newer.query, newer.models["gpt-4.1"].base_url) == (
        "https://NAME.openai.azure.com/openai/v1",
        "",
        None,
    )


def test_no_price_is_made_up(config: Config) -> None:
    assert [
        m.id for provider in config.providers.values() for m in provider.models.values() if m.prices
    ] == []


def test_it_is_not_shipped_as_what_holds() -> None:
    """The package takes the two files by name."""
    assert "examples" not in (ROOT / "pyproject.toml").read_text("utf-8")
