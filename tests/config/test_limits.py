"""What persona_policy.yaml may say of limits, and what is wrong with the rest."""

from collections.abc import Mapping

import pytest

from gateway.app import memory_of
from gateway.cli.check import limit_advice
from gateway.config import ConfigError
from gateway.config.limits import duration, limit_documents, read_limits
from tests.serving import POLICY, config_of

ALL = """
limits:
  - {on: usd, per: month, amount: 2000.5}
  - {on: requests, per: minute, amount: 60, persona: all, each: user}
teams: {blue: {limits: [{on: usd, per: day, amount: 50, fit: true}], personas: [all]}}
keys: {0a1b2c3d: {team: blue, limits: [{on: concurrency, amount: 4}]}}
key_defaults: {limits: [{on: tokens, per: hour, amount: 1000, when_reached: warn}], expires_in: 90d}
store:
  url: "sqlite:/tmp/limits.sqlite"
  when_down: {limits: open, budgets: open}
  ledger: {keep: 90d}
"""


def test_without_a_section_there_are_none() -> None:
    assert config_of(POLICY, {}).limits is None


def test_everything_that_can_be_said_is_read() -> None:
    policy = config_of(POLICY + ALL, {}).limits
    assert policy is not None
    assert [(limit.name, limit.most) for limit in policy.limits] == [
        ("usd/month", 2_000_500_000_000), ("requests/minute", 60),
    ]  # fmt: skip
    assert policy.limits[1].each == "user"
    assert policy.teams["blue"].personas == {"all"}
    assert policy.teams["blue"].limits[0].fit
    assert policy.keys["0a1b2c3d"].limits[0].name == "concurrency"
    assert policy.key_defaults.expires_in == 90 * 86_400
    assert (policy.store.when_down.limits, policy.store.when_down.budgets) == ("open", "open")
    assert policy.store.ledger.keep == 90 * 86_400


def test_a_limit_is_written_as_it_was_read() -> None:
    said = [
        {"on": "usd", "per": "day", "amount": 0.1, "timezone": "Europe/Berlin", "fit": True},
        {"on": "requests", "per": "hour", "amount": 5.0, "each": "user", "when_reached": "warn"},
    ]
    assert limit_documents(read_limits(said)) == said


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("limits: [{on: usd, amount: 1}]", "limits[0]: 'per' is required"),
        ("store: {ledger: {keep: 30d}}", "store.ledger.keep: must be 31d or longer"),
        ("store: {ledger: {keep: long}}", "store.ledger.keep: must be a time like"),
        ("limits: [{on: concurrency, per: day, amount: 1}]", "limits[0]: 'per' has no effect"),
        (
            "limits: [{on: requests, per: day, amount: 1, timezone: Mars/Olympus}]",
            "limits[0]: 'timezone' must be the name of a time zone that this machine knows",
        ),
        ("limits: [{on: usd, per: day, amount: 1, timezone: /etc}]", "'timezone' must be the name"),
        ("limits: [{on: usd, per: hour, amount: 1, timezone: UTC}]", "'timezone' has no effect"),
        ("limits: [{on: requests, per: day, amount: 1.5}]", "must be a whole number of requests"),
        ("limits: [{on: usd, per: day, amount: 0}]", "limits[0].amount: must be greater than 0"),
        ("limits: [{on: money, per: day, amount: 1}]", "limits[0].on: unknown value 'money'"),
        ("limits: [{on: requests, per: day, amount: 1, fit: true}]", "'fit' has no effect"),
        ("limits: [{on: usd, per: day, amount: 1, persona: al}]", "unknown persona 'al' (did you"),
        ("teams: {blue: {personas: [al]}}", "teams.blue.personas: unknown persona 'al'"),
        ("keys: {0a1b2c3d: {team: blu}}\nteams: {blue: {}}", "unknown team 'blu' (did you mean"),
        (
            "limits: [{on: usd, per: day, amount: 1}, {on: usd, per: day, amount: 2}]",
            "limits[1]: usd/day stands in the list twice",
        ),
        (
            "limits: [{on: usd, per: minute, amount: 1}, {on: usd, per: hour, amount: 60}]",
            "limits[1]: can never be reached: usd/minute allows less",
        ),
        (
            "key_defaults: {limits: [{on: usd, per: day, amount: 1, each: key}]}",
            "each: has no effect",
        ),
        ("key_defaults: {expires_in: soon}", "must be a time like 30m, 12h or 90d, not 'soon'"),
        (
            "store: {when_down: {keys: refuse, keys_max_age: 2h}}",
            "store.when_down: 'keys_max_age' has no effect with keys: refuse",
        ),
        ("store: {when_down: {keys_max_age: 1}}", "store.when_down.keys_max_age: must be text"),
        ("store: {url: 'mysql://x'}", "store.url: must be sqlite: and a path, or postgresql://"),
        ("store: {url: 'postgresql://u:secret@x/y'}", "store.url: must be sqlite: and a path"),
        ("store: {url: 'postgresql://x/y?password=z'}", "LLM_ROUTER_STORE_URL"),
    ],
    ids=lambda text: text[:50],
)
def test_what_cannot_hold_is_told_with_its_place(said: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config_of(f"{POLICY}\n{said}\n", {})
    assert message in str(refused.value)


def test_a_window_that_shorter_ones_can_fill_is_fine() -> None:
    said = (
        "limits: [{on: requests, per: minute, amount: 2}, {on: requests, per: hour, amount: 100}]"
    )
    assert config_of(f"{POLICY}\n{said}\n", {}).limits is not None


def test_a_budget_without_any_price_is_refused() -> None:
    text = """
version: 1
providers:
  own:
    dialect: openai
    base_url: http://127.0.0.1:1/v1
    models: {m: {context_window: 1000, max_output_tokens: 100, cost_tier: low}}
"""
    policy = "version: 1\npersonas: {p: {description: d, targets: [own/m]}}\n"
    limits = "limits: [{on: usd, per: day, amount: 1}]\n"
    with pytest.raises(ConfigError, match="no target that it holds for has a price"):
        config_of(policy + limits, {}, text)


def test_a_budget_that_a_persona_never_fits_is_worth_a_look() -> None:
    limits = "limits: [{on: usd, per: day, amount: 0.01}, {on: requests, per: day, amount: 9}]"
    config = config_of(f"{POLICY}\n{limits}\n", {})
    lines = list(limit_advice(config, memory_of(config).view()))
    assert len(lines) == 4
    assert lines[0] == (
        "limits: usd/day never has room for a request of on_openai without max_tokens: it may cost"
        " 0.2621 USD. Cap the persona's max_tokens, or say fit: true"
    )


TIMES: Mapping[str, int] = {"30m": 1800, "12h": 43_200, "90d": 7_776_000}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_a_number_and_a_unit(text: str) -> None:
    assert duration(text) == TIMES[text]


def test_a_key_opens_no_models_that_nobody_may_name_directly() -> None:
    closed = POLICY.replace("direct_models: true", "direct_models: false")
    with pytest.raises(ConfigError) as refused:
        config_of(f"{closed}\nkeys: {{0a1b2c3d: {{direct_models: true}}}}\n", {})
    assert "keys.0a1b2c3d.direct_models: has no effect" in str(refused.value)
