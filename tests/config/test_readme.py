"""config/README.md is true: every setting of the two files is named with its default, its examples
load, every variable is there.
"""

import ast
import re

import pytest
import yaml

from gateway.config import HealthCheck, Resilience, ServerSettings, Timeouts
from gateway.config.personas import Persona
from gateway.config.providers import CapabilitiesFile, Model, Provider
from gateway.config.server import PolicyFile
from tests.pages import ROOT, Form, blocks, nodes, page, rows, section, spans, words
from tests.serving import config_of
from translators.capabilities import ModelRecord

README = page("config/README.md")
POLICY, PERSONA, CAPABILITIES, PROVIDER, MODEL = (
    Form(of) for of in (PolicyFile, Persona, CapabilitiesFile, Provider, Model)
)
FACTS = Form(ModelRecord)


def first_names(heading: str) -> set[str]:
    """The names in the first column of the tables under a heading."""
    return words(" ".join(cells[0] for cells in rows(section(README, heading)).values()))


def test_every_setting_of_the_policy_is_documented() -> None:
    assert (POLICY.settings() | PERSONA.settings()) - words(
        section(README, "## persona_policy.yaml")
    ) == set()


def test_every_setting_of_the_capabilities_is_documented() -> None:
    known = CAPABILITIES.settings() | PROVIDER.settings() | MODEL.settings() | FACTS.settings()
    assert known - words(section(README, "## capabilities.yaml")) == set()


@pytest.mark.parametrize(
    ("keys", "heading"),
    [
        (POLICY.keys(), "### Top level"),
        (POLICY.keys("server"), "### server"),
        (PERSONA.keys(), "### A persona"),
        (PERSONA.keys("rules", "when"), "### Rules"),
        (PERSONA.choices("on_failure", "move_on"), "### Failures"),
        (PROVIDER.keys(), "### A provider"),
        (PROVIDER.keys("tls"), "### TLS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_has_all_keys_of_its_mapping(keys: set[str], heading: str) -> None:
    assert keys
    assert keys - first_names(heading) == set()


def test_the_tables_of_a_model_have_all_its_keys() -> None:
    keys = MODEL.keys() | FACTS.keys() | FACTS.keys("thinking") | MODEL.keys("prices")
    assert keys | {"like"} == first_names("### A model")


def numbers(cell: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", cell)]


def test_the_defaults_of_the_server_are_the_documented_ones() -> None:
    settings = ServerSettings()
    for name, cells in rows(section(README, "### server")).items():
        value = getattr(settings, name)
        if isinstance(value, int | float):
            assert numbers(cells[-1]) == [value], name
    fetch = rows(section(README, "### server"))["media_fetch"]
    assert numbers(fetch[-1]) == [settings.media_fetch.max_bytes, settings.media_fetch.timeout]


def test_the_defaults_of_resilience_are_the_documented_ones() -> None:
    for name, cells in rows(section(README, "### resilience")).items():
        holder, _, key = name.partition(".")
        assert numbers(cells[-1]) == [getattr(getattr(Resilience(), holder), key)], name


def test_the_defaults_of_a_provider_are_the_documented_ones() -> None:
    documented, clocks, check = (
        rows(section(README, "### A provider")),
        Timeouts(),
        HealthCheck(path="/models"),
    )
    for name in ("connect", "first_content", "idle", "total"):
        assert f"`{name}` {getattr(clocks, name):g}" in documented["timeouts"][1]
    assert numbers(documented["health_check"][-1]) == [check.every, check.timeout]


def test_every_value_that_may_be_chosen_is_documented() -> None:
    capabilities, features, strategies = (
        FACTS.choices("capabilities"),
        PERSONA.choices("rules", "when", "has"),
        PERSONA.choices("strategy"),
    )
    assert "vision" in capabilities <= spans(section(README, "### A model"))
    assert "images" in features <= words(section(README, "### Rules"))
    assert "balanced" in strategies <= spans(rows(section(README, "### A persona"))["strategy"][1])


def test_the_examples_load() -> None:
    persona, team, several, local, azure = blocks(README, "yaml")
    limits = config_of(team, {"OPENAI_API_KEY": "k"}).limits
    assert limits is not None
    assert [limit.name for limit in limits.teams["blue"].limits] == ["usd/day", "requests/minute"]
    shared = config_of(several, {"OPENAI_API_KEY": "k"}).limits
    assert shared is not None
    assert [limit.name for limit in shared.key_defaults.limits] == ["requests/day", "usd/day"]
    config = config_of(persona, {"OPENAI_API_KEY": "k"})
    assert [str(target) for target in config.personas["support"].targets] == [
        "openai/gpt-6-luna",
        "claude/claude-haiku-5-5",
        "gemini/gemini-3.8-flash",
    ]
    policy = "version: 1\npersonas:\n  p: {description: d, targets: [%s]}\n"
    found = config_of(policy % "local/qwen3-32b", {}, "version: 1\n" + local).providers["local"]
    assert found.available
    assert found.models["qwen3-32b"].record.max_tokens_parameter == "max_tokens"
    at_azure = config_of(
        policy % "azure/gpt-4.1", {"AZURE_OPENAI_API_KEY": "k"}, "version: 1\n" + azure
    ).providers["azure"]
    assert at_azure.available
    assert at_azure.query == "?api-version=2024-10-21"
    assert (
        at_azure.models["gpt-4.1"].base_url
        == "https://NAME.openai.azure.com/openai/deployments/gpt-4.1"
    )


def test_every_environment_variable_is_documented() -> None:
    of_code = {
        node.value
        for node in nodes()
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"LLM_ROUTER_[A-Z_]+", node.value)
    }
    providers = yaml.safe_load((ROOT / "config" / "capabilities.yaml").read_text("utf-8"))[
        "providers"
    ].values()
    of_providers = {
        provider[key]
        for provider in providers
        for key in ("key_variable", "base_url_variable")
        if provider.get(key)
    }
    documented = spans(section(README, "## Environment"))
    assert of_code | of_providers | {"HOST", "PORT"} <= documented
    assert {
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    } <= documented
