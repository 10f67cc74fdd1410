"""What a model at OpenAI's own hosts is known to take, unless its row says otherwise."""

from pathlib import Path
from typing import Any, Final

import pytest

from gateway.revisions.load import load
from tests.config.samples import loaded
from translators.capabilities import ModelRecord

CAPABILITIES: Final = """\
version: 1
families:
  base: {context_window: 8000, max_output_tokens: 2000, cost_tier: low}
  thoughtful: {like: base, message_fields: [reasoning_content]}
providers:
  there:
    dialect: DIALECT
    base_url: URL
    base_url_variable: THERE_URL
    models:
      plain: {like: base}
      open: {like: base, message_fields: null, ranges: relay, call_id_form: any, max_tools: null, media_in_tool_results: true}
      kin: {like: thoughtful}
"""  # noqa: E501
POLICY: Final = "version: 1\npersonas:\n  p: {description: d, targets: [there/plain]}\n"
OPENAIS: Final = {
    "message_fields": frozenset(), "ranges": "openai", "call_id_form": "short", "max_tools": 128,
    "media_in_tool_results": False,
}  # fmt: skip
ANYBODYS: Final = {
    "message_fields": None,
    "ranges": "relay",
    "call_id_form": "any",
    "max_tools": None,
    "media_in_tool_results": True,
}


def facts(record: ModelRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in OPENAIS}


def read(
    directory: Path, url: str, dialect: str = "openai", **environ: str
) -> dict[str, dict[str, Any]]:
    capabilities = CAPABILITIES.replace("URL\n    base", f"{url}\n    base").replace(
        "DIALECT", dialect
    )
    models = loaded(directory, POLICY, capabilities, environ).providers["there"].models
    return {name: facts(model.record) for name, model in models.items()}


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://eu.api.openai.com/v1",
        "https://API.OpenAI.com/v1",
        "https://mine.openai.azure.com/openai/v1",
        "https://mine.cognitiveservices.azure.com/openai/v1",
        "https://mine.services.ai.azure.com/openai/v1",
        "https://mine.openai.azure.us/openai/v1",
    ],
)
def test_openais_own_hosts(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, url) == {
        "plain": OPENAIS,
        "open": ANYBODYS,
        "kin": {**OPENAIS, "message_fields": frozenset({"reasoning_content"})},
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "https://openrouter.ai/api/v1",
        "https://api.openai.com.example.org/v1",
        "https://notapi.openai.com/v1",
        "https://example.org/api.openai.com",
        "https://azure.com/v1",
    ],
)
def test_everybody_elses(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, url)["plain"] == ANYBODYS


def test_the_host_is_the_one_that_is_asked(tmp_path: Path) -> None:
    """The environment may send the requests elsewhere."""
    assert (
        read(tmp_path, "https://api.openai.com/v1", THERE_URL="http://127.0.0.1:8000/v1")["plain"]
        == ANYBODYS
    )
    assert (
        read(tmp_path, "http://127.0.0.1:8000/v1", THERE_URL="https://api.openai.com/v1")["plain"]
        == OPENAIS
    )


def test_other_dialects_have_no_such_host(tmp_path: Path) -> None:
    assert (
        read(tmp_path, "https://mine.services.ai.azure.com/anthropic", "claude")["plain"]
        == ANYBODYS
    )


def test_every_shipped_model_of_openai_is_openais_wherever_it_is_asked() -> None:
    """Its family says so: a proxy in front of OpenAI is no other API."""
    config = load(
        Path(__file__).parents[2] / "config", {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    )
    assert {
        name: facts(model.record) for name, model in config.providers["openai"].models.items()
    } == dict.fromkeys(config.providers["openai"].models, OPENAIS)
