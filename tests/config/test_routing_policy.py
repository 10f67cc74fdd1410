"""Routing policies that load: each key's value, and what holds where nothing is said."""

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from gateway.config import (
    ALWAYS,
    Balance,
    BreakerSettings,
    Concurrency,
    Condition,
    Hedge,
    OnFailure,
    Persona,
    Resilience,
    RetryBudget,
    Rule,
    TargetRef,
    TimeoutOverrides,
    TimeWindow,
)
from gateway.config.personas import FAILURE_CLASSES, MOVES_ON
from tests.config.samples import ABLE, CAPABILITIES, POLICY, complaints, loaded, replaced
from translators.errors import FailureKind

FULL: Final = """\
version: 1
resilience:
  breaker: {window: 60, min_calls: 5, failure_rate: 0.25, open_for: 5, longest_open: 120, ramp: 0}
  retry_budget: {ratio: 0.2, reserve: 3}
personas:
  full:
    targets:
      - {target: a/one, weight: 3, when: {has: [images]}, timeouts: {connect: 2, first_content: 20, idle: 30}}
      - a/two
    strategy: weighted
    affinity: false
    rules:
      - name: long-night
        when:
          input_tokens: {over: 1000, under: 50000}
          has: [tools, history]
          metadata: {team: [blue, red], tier: gold}
          header: {X-Team: a}
          key: [0a1b2c3d, "12345678"]
          time: {after: "22:00", before: "06:00", days: [fri, sat]}
        targets: [b/three, {target: a/one, timeouts: {idle: 9}}]
        strategy: balanced
        balance: {cost: 2, tier: 0.5}
        params: {temperature: 0.1}
      - {name: strict, when: {key: deadbeef}, params: strict}
      - {name: rest, when: {}, strategy: latency}
    on_failure: {move_on: [connect, context_overflow], retries: 0, max_attempts: 3}
    timeouts: {connect: 1, first_content: 10, idle: 15, total: 60}
    hedge: {after: 800ms, max_extra: 10%}
    resume: true
    max_price: 0.25
    regions: [eu, us]
"""  # noqa: E501


def persona_of(text: str, path: Path, capabilities: str = ABLE) -> Persona:
    return loaded(path, f"version: 1\npersonas: {{p: {text}}}", capabilities).personas["p"]


def test_everything_as_written(tmp_path: Path) -> None:
    config = loaded(tmp_path, FULL, ABLE)
    assert config.resilience == Resilience(
        breaker=BreakerSettings(
            window=60, min_calls=5, failure_rate=0.25, open_for=5, longest_open=120, ramp=0
        ),
        retry_budget=RetryBudget(ratio=0.2, reserve=3),
    )
    persona = config.personas["full"]
    assert persona.targets == (
        TargetRef(
            "a",
            "one",
            3,
            Condition(features=frozenset({"images"})),
            TimeoutOverrides(connect=2, first_content=20, idle=30),
        ),
        TargetRef("a", "two"),
    )
    assert (persona.strategy, persona.affinity, persona.resume) == ("weighted", False, True)
    assert persona.rules == (
        Rule(
            name="long-night",
            when=Condition(
                tokens_over=1000,
                tokens_under=50000,
                features=frozenset({"tools", "history"}),
                metadata={"team": frozenset({"blue", "red"}), "tier": frozenset({"gold"})},
                header={"x-team": frozenset({"a"})},
                key=frozenset({"0a1b2c3d", "12345678"}),
                time=TimeWindow(after=time(22), before=time(6), days=frozenset({4, 5})),
            ),
            targets=(
                TargetRef("b", "three"),
                TargetRef("a", "one", timeouts=TimeoutOverrides(idle=9)),
            ),
            strategy="balanced",
            balance=Balance(cost=2, latency=0, tier=0.5),
            defaults={"temperature": 0.1},
        ),
        Rule(name="strict", when=Condition(key=frozenset({"deadbeef"})), params="strict"),
        Rule(name="rest", when=ALWAYS, strategy="latency"),
    )
    moves_on = frozenset(
        {FailureKind.CONNECT, FailureKind.CONTEXT_LENGTH, FailureKind.REQUEST_TOO_LARGE}
    )
    assert persona.on_failure == OnFailure(move_on=moves_on, retries=0, max_attempts=3)
    assert persona.timeouts == TimeoutOverrides(connect=1, first_content=10, idle=15, total=60)
    assert persona.hedge == Hedge(seconds=0.8, max_extra=0.1)
    assert (persona.max_price, persona.regions) == (Decimal("0.25"), {"eu", "us"})


def test_where_nothing_is_said(tmp_path: Path) -> None:
    persona = persona_of("{targets: [a/one]}", tmp_path)
    assert persona == Persona(name="p", targets=(TargetRef("a", "one"),))
    assert (persona.strategy, persona.affinity, persona.rules, persona.hedge) == (
        "priority",
        True,
        (),
        None,
    )
    assert persona.on_failure.move_on == MOVES_ON
    assert set(FailureKind) - MOVES_ON == {FailureKind.CONTENT_FILTER, FailureKind.INVALID_REQUEST}
    assert loaded(tmp_path).resilience == Resilience()


@pytest.mark.parametrize(("name", "kinds"), FAILURE_CLASSES.items(), ids=FAILURE_CLASSES)
def test_every_class_of_failures_can_be_named(
    tmp_path: Path, name: str, kinds: tuple[FailureKind, ...]
) -> None:
    assert persona_of(
        f"{{targets: [a/one], on_failure: {{move_on: [{name}]}}}}", tmp_path
    ).on_failure.move_on == set(kinds)


@pytest.mark.parametrize(
    ("text", "hedge"),
    [
        ("{after: p50}", Hedge(quantile=0.5)),
        ("{after: p99, max_extra: 100%}", Hedge(quantile=0.99, max_extra=1)),
        ("{after: 1.5s, max_extra: 2.5 %}", Hedge(seconds=1.5, max_extra=0.025)),
        ("{after: 20ms, max_extra: 1}", Hedge(seconds=0.02, max_extra=1)),
        ("{after: 3s, max_extra: 0.05}", Hedge(seconds=3)),
    ],
)
def test_when_a_second_target_is_asked(tmp_path: Path, text: str, hedge: Hedge) -> None:
    assert persona_of(f"{{targets: [a/one, a/two], hedge: {text}}}", tmp_path).hedge == hedge


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ('{after: "09:00"}', TimeWindow(after=time(9))),
        ("{before: 17:30}", TimeWindow(before=time(17, 30))),
        ("{days: [mon, sun]}", TimeWindow(days=frozenset({0, 6}))),
    ],
)
def test_windows(tmp_path: Path, text: str, window: TimeWindow) -> None:
    persona = persona_of(
        f"{{targets: [a/one], rules: [{{name: r, when: {{time: {text}}}, strategy: cost}}]}}",
        tmp_path,
    )
    assert persona.rules[0].when == Condition(time=window)


@pytest.mark.parametrize(
    "text",
    [
        (
            "{targets: [{target: a/one, weight: 2}, a/two], rules: [{name: r, when: {has: [tools]},"
            " strategy: weighted}]}"
        ),
        (
            "{targets: [a/one], balance: {cost: 1}, rules: [{name: r, when: {has: [tools]},"
            " strategy: balanced}]}"
        ),
        (
            "{targets: [a/one], strategy: balanced, rules: [{name: r, when: {has: [tools]},"
            " balance: {latency: 1}}]}"
        ),
        (
            "{targets: [a/one], hedge: {after: p95}, rules: [{name: r, when: {has: [tools]},"
            " targets: [a/one, a/two]}]}"
        ),
        (
            "{targets: [{target: a/one, when: {has: [tools]}}, {target: a/two, when: {time: {after:"
            " '00:00'}}}]}"
        ),
        (
            "{targets: [a/one], rules: [{name: r, when: {has: [files, reasoning, history]},"
            " strategy: cost}]}"
        ),
    ],
)
def test_what_has_an_effect_is_taken(tmp_path: Path, text: str) -> None:
    persona_of(text, tmp_path)


def test_a_target_outside_the_regions_is_told(tmp_path: Path) -> None:
    policy = "version: 1\npersonas: {p: {targets: [a/one, a/two], regions: [eu]}}"
    assert complaints(tmp_path, policy, ABLE) == [
        "persona_policy.yaml:2: personas.p.targets[1]: 'a/two' can never serve this persona: its"
        " region 'us' is not among 'regions'"
    ]


def test_a_target_without_region_is_in_none(tmp_path: Path) -> None:
    policy = "version: 1\npersonas: {p: {targets: [a/one, b/three], regions: [eu]}}"
    assert complaints(
        tmp_path, policy, replaced(ABLE, "b.example/v1, region: us", "b.example/v1")
    ) == [
        "persona_policy.yaml:2: personas.p.targets[1]: 'b/three' can never serve this persona: it"
        " has no region, and 'regions' asks for one"
    ]


def test_a_mistake_in_a_rule_does_not_hide_others(tmp_path: Path) -> None:
    rules = "[{name: r, when: {has: [tols]}, targets: [a/on]}, {name: s, whn: {}}]"
    assert [
        line.partition(": unknown")[0]
        for line in complaints(
            tmp_path, f"version: 1\npersonas: {{p: {{targets: [a/one], rules: {rules}}}}}", ABLE
        )
    ] == [
        "persona_policy.yaml:2: personas.p.rules[0].when.has[0]",
        "persona_policy.yaml:2: personas.p.rules[1].when: is required",
        "persona_policy.yaml:2: personas.p.rules[1].whn",
        "persona_policy.yaml:2: personas.p.rules[0].targets[0]",
    ]


def test_several_keys(tmp_path: Path) -> None:
    capabilities = replaced(
        CAPABILITIES, "key_variable: CLAUDE_KEY", "keys: [ONE, {variable: TWO, weight: 3}, THREE]"
    )
    provider = loaded(tmp_path, POLICY, capabilities, {"TWO": "two", "THREE": "three"}).providers[
        "claude"
    ]
    assert [(key.variable, key.secret.get_secret_value(), key.weight) for key in provider.keys] == [
        ("TWO", "two", 3),
        ("THREE", "three", 1),
    ]
    assert (provider.key_variables, provider.available) == (("ONE", "TWO", "THREE"), True)
    without = loaded(tmp_path, POLICY, capabilities, {"TWO": "a\nb"}).providers["claude"]
    assert (without.keys, without.unavailable_reason) == (
        (),
        "ONE is not set, TWO holds characters that no key has, THREE is not set",
    )


def test_regions_and_concurrency(tmp_path: Path) -> None:
    capabilities = replaced(
        CAPABILITIES, "media_urls: pass", "region: eu\n    concurrency: {limit: 20}"
    )
    capabilities = replaced(
        capabilities, "dear: {", "dear: {region: us, concurrency: {limit: 5, queue: 0, wait: 1}, "
    )
    provider = loaded(tmp_path, capabilities=capabilities).providers["claude"]
    assert (provider.region, provider.concurrency) == (
        "eu",
        Concurrency(limit=20, queue=100, wait=10),
    )
    assert (provider.models["dear"].region, provider.models["dear"].concurrency) == (
        "us",
        Concurrency(limit=5, queue=0, wait=1),
    )
    assert (provider.models["big"].region, provider.models["big"].concurrency) == (None, None)


def test_a_models_limit_above_its_providers_is_told(tmp_path: Path) -> None:
    capabilities = replaced(CAPABILITIES, "media_urls: pass", "concurrency: {limit: 5}")
    assert complaints(
        tmp_path, capabilities=replaced(capabilities, "dear: {", "dear: {concurrency: {limit: 6}, ")
    ) == [
        "capabilities.yaml:28: providers.claude.models.dear.concurrency.limit: has no effect: all"
        " models of the provider together are sent 5 at a time"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "targets: [{target: a/one, weight: null}]",
        (
            "targets: [a/one], balance: null, hedge: null, regions: null, max_price: null,"
            " system_prompt: null, params: null"
        ),
        "targets: [a/one], on_failure: {move_on: null}",
    ],
)
def test_null_is_as_good_as_nothing(tmp_path: Path, text: str) -> None:
    assert persona_of(f"{{{text}}}", tmp_path) == persona_of("{targets: [a/one]}", tmp_path)


@pytest.mark.parametrize(
    ("when", "message"),
    [("input_tokens: {over: null}", "needs 'over'"), ("time: {days: null}", "needs 'after'")],
)
def test_a_condition_of_nulls_says_nothing(tmp_path: Path, when: str, message: str) -> None:
    policy = (
        f"version: 1\npersonas: {{p: {{targets: [a/one], rules: [{{name: r, when: {{{when}}},"
        " strategy: cost}]}}"
    )
    (told,) = complaints(tmp_path, policy, ABLE)
    assert message in told
