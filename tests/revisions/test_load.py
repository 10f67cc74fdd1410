"""From two files and an environment to one value: keys, base URLs, directories, inheritance,
revisions, many problems at once.
"""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.config import ConfigError, MediaFetch, ServerSettings, TargetRef, Timeouts
from gateway.revisions.load import find_directory, load, simulated_by
from tests.config.samples import CAPABILITIES, POLICY, complaints, loaded, replaced
from translators.capabilities import ModelRecord, Thinking

SECRET = "sk-ant-canary-4711"


def test_a_persona_as_written(tmp_path: Path) -> None:
    persona = loaded(tmp_path).personas["helper"]
    assert persona.description == "Helps."
    assert (persona.system_prompt, persona.system_prompt_mode) == ("Be brief.", "prepend")
    assert (dict(persona.defaults), dict(persona.caps)) == (
        {"max_tokens": 1000, "temperature": 0.5},
        {"max_tokens": 4000},
    )
    assert persona.requires == {"streaming"}
    assert persona.targets == (TargetRef("claude", "big"), TargetRef("local", "small"))
    assert (persona.max_cost_tier, persona.params) == ("medium", "report")


def test_a_persona_that_says_only_its_targets(tmp_path: Path) -> None:
    persona = loaded(tmp_path, "version: 1\npersonas: {p: {targets: [local/small]}}").personas["p"]
    assert (persona.description, persona.system_prompt, persona.system_prompt_mode) == (
        "",
        None,
        "prepend",
    )
    assert (dict(persona.defaults), dict(persona.caps), persona.requires) == ({}, {}, frozenset())
    assert (persona.max_cost_tier, persona.params) == (None, None)


def test_the_servers_defaults(tmp_path: Path) -> None:
    config = loaded(tmp_path, "version: 1\npersonas: {p: {targets: [local/small]}}")
    assert config.server == ServerSettings(
        max_body_bytes=33554432, body_timeout=30, keep_alive_interval=15, drain_delay=0.5,
        drain_grace=30,
        media_fetch=MediaFetch(max_bytes=20971520, timeout=10),
    )  # fmt: skip
    assert (config.direct_models, config.params) == (False, "report")


@pytest.mark.parametrize(
    ("line", "params"),
    [
        ("strict_params: true", "strict"),
        ("params: quiet", "quiet"),
        ("strict_params: false", "report"),
    ],
)
def test_what_becomes_of_parameters_that_cannot_be_told(
    tmp_path: Path, line: str, params: str
) -> None:
    assert (
        loaded(tmp_path, replaced(POLICY, "version: 1\n", f"version: 1\n{line}\n")).params == params
    )


def test_a_provider_as_written(tmp_path: Path) -> None:
    provider = loaded(tmp_path).providers["claude"]
    assert (provider.name, provider.dialect, provider.base_url) == (
        "claude",
        "claude",
        "https://api.example.com",
    )
    assert (provider.media_urls, dict(provider.headers)) == ("pass", {"x-team": "blue"})
    assert provider.timeouts == Timeouts(connect=10, first_content=600, idle=60, total=900)


@pytest.mark.parametrize(
    ("dialect", "media_urls"), [("openai", "pass"), ("claude", "pass"), ("gemini", "fetch")]
)
def test_image_urls_are_fetched_for_gemini_only(
    tmp_path: Path, dialect: str, media_urls: str
) -> None:
    config = loaded(
        tmp_path, capabilities=replaced(CAPABILITIES, "dialect: openai", f"dialect: {dialect}")
    )
    assert config.providers["local"].media_urls == media_urls


def test_a_model_takes_over_what_it_does_not_say(tmp_path: Path) -> None:
    model = loaded(tmp_path).providers["claude"].models["dear"]
    assert model.record == ModelRecord(
        context_window=8000, max_output_tokens=2000, capabilities=frozenset({"streaming",
         "tool_calling", "reasoning"}),
        thinking=Thinking(kind="adaptive", levels=("low", "high"), default="high"),
    )  # fmt: skip
    assert model.cost_tier == "high"
    assert len(model.prices) == 2


def test_thinking_is_laid_over_key_by_key(tmp_path: Path) -> None:
    capabilities = replaced(
        CAPABILITIES, "dear: {like: big,", "dear: {like: big, thinking: {default: low},"
    )
    thinking = (
        loaded(tmp_path, capabilities=capabilities)
        .providers["claude"]
        .models["dear"]
        .record.thinking
    )
    assert thinking == Thinking(kind="adaptive", levels=("low", "high"), default="low")


def test_a_mistake_in_an_overlaid_key_is_told_where_it_is_written(tmp_path: Path) -> None:
    capabilities = replaced(
        CAPABILITIES, "dear: {like: big,", "dear: {like: big, thinking: {default: hihg},"
    )
    assert complaints(tmp_path, capabilities=capabilities) == [
        "capabilities.yaml:28: providers.claude.models.dear.thinking.default: unknown value 'hihg' "
        "(did you mean 'high'? known: high, low, max, medium, minimal, none, xhigh)"
    ]


@pytest.mark.parametrize(
    ("dear", "line", "place"),
    [
        ("thinking: {levels: []}", 11, "families.thinker.thinking: needs 'levels'"),
        ("thinking: 5", 28, "providers.claude.models.dear.thinking: must be a mapping"),
        (
            "thinking: {default: max}",
            28,
            "providers.claude.models.dear.thinking.default: 'max' is not among",
        ),
    ],
    ids=["the whole", "no mapping", "one key"],
)
def test_what_is_wrong_with_thinking_is_told_at_one_of_its_rows(
    tmp_path: Path, dear: str, line: int, place: str
) -> None:
    """As a whole it is told where it begins, a key where it is written."""
    told = complaints(
        tmp_path,
        capabilities=replaced(CAPABILITIES, "dear: {like: big,", f"dear: {{like: big, {dear},"),
    )
    assert told[0].startswith(f"capabilities.yaml:{line}: {place}")


def test_prices_are_exact_and_hold_from_their_day_on(tmp_path: Path) -> None:
    model = loaded(tmp_path).providers["claude"].models["big"]
    held = [
        model.price_at(day)
        for day in (
            date(2025, 12, 31),
            date(2026, 1, 1),
            date(2026, 5, 31),
            date(2026, 6, 1),
            date(2030, 1, 1),
        )
    ]
    assert [price and price.input for price in held] == [
        None,
        Decimal(1),
        Decimal(1),
        Decimal("1.25"),
        Decimal("1.25"),
    ]
    assert held[4] is not None
    assert [(tier.above_prompt_tokens, tier.output) for tier in held[4].tiers] == [
        (500, Decimal(4))
    ]


def test_a_fraction_in_a_price_stays_decimal(tmp_path: Path) -> None:
    capabilities = replaced(CAPABILITIES, "input: 1.25,", "input: 0.1,")
    price = loaded(tmp_path, capabilities=capabilities).providers["claude"].models["big"].prices[1]
    assert price.input == Decimal("0.1")


def test_the_key_comes_from_its_variable(tmp_path: Path) -> None:
    provider = loaded(tmp_path, environ={"CLAUDE_KEY": f" {SECRET}\n"}).providers["claude"]
    assert [(key.variable, key.secret.get_secret_value(), key.weight) for key in provider.keys] == [
        ("CLAUDE_KEY", SECRET, 1.0)
    ]
    assert (provider.available, provider.unavailable_reason) == (True, None)


@pytest.mark.parametrize("environ", [{}, {"CLAUDE_KEY": ""}, {"CLAUDE_KEY": "  "}])
def test_a_provider_without_key_is_unavailable_not_wrong(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    provider = loaded(tmp_path, environ=environ).providers["claude"]
    assert provider.keys == ()
    assert (provider.available, provider.unavailable_reason) == (False, "CLAUDE_KEY is not set")


def test_a_key_that_no_header_can_carry_counts_as_none(tmp_path: Path) -> None:
    provider = loaded(tmp_path, environ={"CLAUDE_KEY": "two\nlines"}).providers["claude"]
    assert provider.keys == ()
    assert provider.unavailable_reason == "CLAUDE_KEY holds characters that no key has"


def test_a_provider_that_needs_no_key_is_available(tmp_path: Path) -> None:
    provider = loaded(tmp_path).providers["local"]
    assert (provider.keys, provider.key_variables, provider.available) == ((), (), True)


def test_secrets_are_in_no_text(tmp_path: Path) -> None:
    config = loaded(tmp_path, environ={"CLAUDE_KEY": SECRET})
    assert SECRET not in f"{config!r} {config} {config.providers['claude']!r}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("key_variable: CLAUDE_KEY", f"key_variable: {SECRET}"),
        ("media_urls: pass", f"api_key: {SECRET}"),
        ("media_urls: pass", f"media_urls: {SECRET}"),
        ("{x-team: blue}", f"{{Authorization: Bearer {SECRET}}}"),
        ("{x-team: blue}", f'{{x-team: "{SECRET}\\n"}}'),
        ("{x-team: blue}", f"{{x-team: [{SECRET}]}}"),
        ("https://api.example.com", f"https://user:{SECRET}@api.example.com"),
        ("https://api.example.com", f"https://api.example.com?key={SECRET}"),
        ("https://api.example.com", f"api.example.com?key={SECRET}"),
        ("{idle: 60}", SECRET),
    ],
)
def test_secrets_in_the_wrong_place_are_not_repeated(tmp_path: Path, old: str, new: str) -> None:
    told = complaints(tmp_path, capabilities=replaced(CAPABILITIES, old, new))
    assert told
    assert SECRET not in "\n".join(told)


def test_the_environment_overrides_the_base_url(tmp_path: Path) -> None:
    config = loaded(tmp_path, environ={"CLAUDE_URL": "http://127.0.0.1:9000/claude/"})
    assert config.providers["claude"].base_url == "http://127.0.0.1:9000/claude"
    assert config.providers["local"].base_url == "http://127.0.0.1:8000/v1"


def test_an_empty_override_is_none(tmp_path: Path) -> None:
    assert (
        loaded(tmp_path, environ={"CLAUDE_URL": " "}).providers["claude"].base_url
        == "https://api.example.com"
    )


def test_a_bad_override_is_told_without_its_value(tmp_path: Path) -> None:
    assert complaints(tmp_path, environ={"CLAUDE_URL": "ftp://hidden"}) == [
        "capabilities.yaml:16: providers.claude.base_url_variable: the URL in the environment"
        " variable CLAUDE_URL must be an http or https URL"
    ]


def test_every_problem_of_both_files_is_told_at_once_in_their_order(tmp_path: Path) -> None:
    policy = replaced(
        replaced(POLICY, "claude/big", "claud/big"), "body_timeout: 30", "body_timeout: 0"
    )
    capabilities = replaced(
        replaced(CAPABILITIES, "{idle: 60}", "{idle: no}"),
        "small: {like: base}",
        "small: {like: base, prefill: 1}",
    )
    assert complaints(tmp_path, policy, capabilities) == [
        "capabilities.yaml:20: providers.claude.timeouts.idle: must be a number, not 'no'",
        "capabilities.yaml:33: providers.local.models.small.prefill: must be true or false, not 1",
        "persona_policy.yaml:3: server.body_timeout: must be greater than 0, not 0",
        (
            "persona_policy.yaml:15: personas.helper.targets[0]: unknown provider 'claud' (did you"
            " mean 'claude'? known: claude, local)"
        ),
    ]


def test_a_broken_model_does_not_make_its_targets_unknown(tmp_path: Path) -> None:
    capabilities = replaced(
        CAPABILITIES, "small: {like: base}", "small: {like: base, sampling: odd}"
    )
    assert [line.split(":")[0] for line in complaints(tmp_path, capabilities=capabilities)] == [
        "capabilities.yaml"
    ]


def test_an_unreadable_file_is_told_once(tmp_path: Path) -> None:
    assert complaints(tmp_path, capabilities="version: [\n") == [
        "capabilities.yaml:2: is not YAML: did not find expected node content",
    ]


def test_missing_files_are_told_with_their_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "absent", {})
    assert str(caught.value).splitlines() == [
        f"{name}: cannot be read from {tmp_path / 'absent'} (No such file or directory)"
        for name in ("capabilities.yaml", "persona_policy.yaml")
    ]


def test_a_problem_has_its_parts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, replaced(POLICY, "- claude/big", "- claude"))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.path) == (
        "persona_policy.yaml",
        15,
        "personas.helper.targets[0]",
    )


def test_the_revision_changes_with_either_file_only(tmp_path: Path) -> None:
    revision = loaded(tmp_path).revision
    assert len(revision) == 12
    assert loaded(tmp_path, environ={"CLAUDE_KEY": "k"}).revision == revision
    assert loaded(tmp_path, POLICY + "# more\n").revision != revision
    assert loaded(tmp_path, capabilities=CAPABILITIES + "# more\n").revision != revision


def test_what_comes_out_cannot_be_changed(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    with pytest.raises(TypeError):
        config.personas["helper"].defaults["max_tokens"] = 5  # type: ignore[index]
    with pytest.raises(AttributeError):
        config.direct_models = True  # type: ignore[misc]


@pytest.mark.parametrize("key", ["over", "<over>", '"\\0over"'])
def test_what_is_worked_out_cannot_be_written(tmp_path: Path, key: str) -> None:
    (told,) = complaints(
        tmp_path, replaced(POLICY, "- claude/big", f"- {{target: claude/big, when: {{{key}: 5}}}}")
    )
    assert "unknown key" in told


@pytest.mark.parametrize(
    "key",
    ["name", "query", "key_variables", "key_header", "link", "redactor", "unavailable_reason"],
)
def test_nor_can_what_the_environment_adds(tmp_path: Path, key: str) -> None:
    (told,) = complaints(
        tmp_path, capabilities=replaced(CAPABILITIES, "media_urls: pass", f"{key}: x")
    )
    assert f"providers.claude.{key}: unknown key {key!r}" in told


def test_simulated_providers_are_all_available_at_their_dialects_url(tmp_path: Path) -> None:
    config = simulated_by(
        loaded(tmp_path),
        {"claude": "http://sim/claude", "openai": "http://sim/v1", "gemini": "http://sim/gemini"},
    )
    assert {p.name: (p.base_url, p.available) for p in config.providers.values()} == {
        "claude": ("http://sim/claude", True),
        "local": ("http://sim/v1", True),
    }
    assert all(
        [key.secret.get_secret_value() for key in p.keys] == ["simulated"]
        for p in config.providers.values()
    )
    assert {p.name: p.key_variables for p in config.providers.values()} == {
        "claude": ("CLAUDE_KEY",),
        "local": (),
    }


def test_the_directory_of_the_environment_wins(tmp_path: Path) -> None:
    assert find_directory({"LLM_ROUTER_CONFIG_DIR": str(tmp_path)}) == tmp_path


def test_the_checkout_has_its_own_directory() -> None:
    assert find_directory({"LLM_ROUTER_CONFIG_DIR": ""}) == Path(__file__).parents[2] / "config"


def test_the_installed_package_carries_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "gateway" / "_data" / "config"
    installed.mkdir(parents=True)
    monkeypatch.setattr(
        sys.modules["gateway.revisions.load"], "files", lambda _package: tmp_path / "gateway"
    )
    assert find_directory({}) == installed
