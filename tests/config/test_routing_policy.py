"""Routing policies that load: each key's value, what holds where nothing is said, and the same policy written again."""

import json
import tempfile
from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import event, given, settings

from gateway.config import (
    ALWAYS,
    NO_CLOCKS,
    Balance,
    BreakerSettings,
    Clocks,
    Concurrency,
    Hedge,
    OnFailure,
    Persona,
    Resilience,
    RetryBudget,
    Rule,
    StrategyName,
    TargetRef,
    TimeWindow,
    When,
)
from gateway.config.persona_rows import DAYS, FailureClass
from gateway.config.schema import Feature
from gateway.config.values import FAILURE_CLASSES, MOVES_ON
from tests.config.samples import CAPABILITIES, POLICY, complaints, loaded, replaced
from translators.errors import FailureKind

ABLE: Final = """\
version: 1
families:
  able:
    context_window: 100000
    max_output_tokens: 5000
    capabilities: [streaming, tool_calling, vision, audio_input, video, json_schema, web_search]
    cost_tier: low
    prices: [{valid_from: 2026-01-01, input: 1, output: 2}]
providers:
  a: {dialect: openai, base_url: http://a.example/v1, region: eu, models: {one: {like: able}, two: {like: able, region: us}}}
  b: {dialect: openai, base_url: http://b.example/v1, region: us, models: {three: {like: able}}}
"""
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
"""


def persona_of(text: str, path: Path, capabilities: str = ABLE) -> Persona:
    return loaded(path, f"version: 1\npersonas: {{p: {text}}}", capabilities).personas["p"]


def test_everything_as_written(tmp_path: Path) -> None:
    config = loaded(tmp_path, FULL, ABLE)
    assert config.resilience == Resilience(
        breaker=BreakerSettings(window=60, min_calls=5, failure_rate=0.25, open_for=5, longest_open=120, ramp=0),
        retry_budget=RetryBudget(ratio=0.2, reserve=3),
    )
    persona = config.personas["full"]
    assert persona.targets == (
        TargetRef("a", "one", 3, When(has=frozenset({"images"})), Clocks(connect=2, first_content=20, idle=30)),
        TargetRef("a", "two"),
    )
    assert (persona.strategy, persona.affinity, persona.resume) == ("weighted", False, True)
    assert persona.rules == (
        Rule(
            name="long-night",
            when=When(
                over=1000,
                under=50000,
                has=frozenset({"tools", "history"}),
                metadata={"team": frozenset({"blue", "red"}), "tier": frozenset({"gold"})},
                header={"x-team": frozenset({"a"})},
                key=frozenset({"0a1b2c3d", "12345678"}),
                time=TimeWindow(after=time(22), before=time(6), days=frozenset({4, 5})),
            ),
            targets=(TargetRef("b", "three"), TargetRef("a", "one", timeouts=Clocks(idle=9))),
            strategy="balanced",
            balance=Balance(cost=2, latency=0, tier=0.5),
            defaults={"temperature": 0.1},
        ),
        Rule(name="strict", when=When(key=frozenset({"deadbeef"})), params="strict"),
        Rule(name="rest", when=ALWAYS, strategy="latency"),
    )
    moves_on = frozenset({FailureKind.CONNECT, FailureKind.CONTEXT_LENGTH, FailureKind.REQUEST_TOO_LARGE})
    assert persona.on_failure == OnFailure(move_on=moves_on, retries=0, max_attempts=3)
    assert persona.timeouts == Clocks(connect=1, first_content=10, idle=15, total=60)
    assert persona.hedge == Hedge(seconds=0.8, max_extra=0.1)
    assert (persona.max_price, persona.regions) == (Decimal("0.25"), {"eu", "us"})


def test_where_nothing_is_said(tmp_path: Path) -> None:
    persona = persona_of("{targets: [a/one]}", tmp_path)
    assert persona == Persona(name="p", targets=(TargetRef("a", "one"),))
    assert (persona.strategy, persona.affinity, persona.rules, persona.hedge) == ("priority", True, (), None)
    assert persona.on_failure.move_on == MOVES_ON
    assert set(FailureKind) - MOVES_ON == {FailureKind.CONTENT_FILTER, FailureKind.INVALID_REQUEST}
    assert loaded(tmp_path).resilience == Resilience()


def test_every_class_of_failures_can_be_named() -> None:
    assert set(get_args(FailureClass)) == FAILURE_CLASSES.keys()


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
    persona = persona_of(f"{{targets: [a/one], rules: [{{name: r, when: {{time: {text}}}, strategy: cost}}]}}", tmp_path)
    assert persona.rules[0].when == When(time=window)


@pytest.mark.parametrize(
    "text",
    [
        "{targets: [{target: a/one, weight: 2}, a/two], rules: [{name: r, when: {has: [tools]}, strategy: weighted}]}",
        "{targets: [a/one], balance: {cost: 1}, rules: [{name: r, when: {has: [tools]}, strategy: balanced}]}",
        "{targets: [a/one], strategy: balanced, rules: [{name: r, when: {has: [tools]}, balance: {latency: 1}}]}",
        "{targets: [a/one], hedge: {after: p95}, rules: [{name: r, when: {has: [tools]}, targets: [a/one, a/two]}]}",
        "{targets: [{target: a/one, when: {has: [tools]}}, {target: a/two, when: {time: {after: '00:00'}}}]}",
        "{targets: [a/one], rules: [{name: r, when: {has: [files, reasoning, history]}, strategy: cost}]}",
    ],
)
def test_what_has_an_effect_is_taken(tmp_path: Path, text: str) -> None:
    persona_of(text, tmp_path)


def test_a_target_outside_the_regions_is_told(tmp_path: Path) -> None:
    policy = "version: 1\npersonas: {p: {targets: [a/one, a/two], regions: [eu]}}"
    assert complaints(tmp_path, policy, ABLE) == [
        "persona_policy.yaml:2: personas.p.targets[1]: 'a/two' can never serve this persona: its region 'us' is not among 'regions'"
    ]


def test_a_target_without_region_is_in_none(tmp_path: Path) -> None:
    policy = "version: 1\npersonas: {p: {targets: [a/one, b/three], regions: [eu]}}"
    assert complaints(tmp_path, policy, replaced(ABLE, "b.example/v1, region: us", "b.example/v1")) == [
        "persona_policy.yaml:2: personas.p.targets[1]: 'b/three' can never serve this persona: it has no region, and 'regions' asks for one"
    ]


def test_a_mistake_in_a_rule_does_not_hide_others(tmp_path: Path) -> None:
    rules = "[{name: r, when: {has: [tols]}, targets: [a/on]}, {name: s, whn: {}}]"
    assert [
        line.partition(": unknown")[0]
        for line in complaints(tmp_path, f"version: 1\npersonas: {{p: {{targets: [a/one], rules: {rules}}}}}", ABLE)
    ] == [
        "persona_policy.yaml:2: personas.p.rules[0].when.has[0]",
        "persona_policy.yaml:2: personas.p.rules[1].when: is required",
        "persona_policy.yaml:2: personas.p.rules[1].whn",
        "persona_policy.yaml:2: personas.p.rules[0].targets[0]",
    ]


def test_several_keys(tmp_path: Path) -> None:
    capabilities = replaced(CAPABILITIES, "key_variable: CLAUDE_KEY", "keys: [ONE, {variable: TWO, weight: 3}, THREE]")
    provider = loaded(tmp_path, POLICY, capabilities, {"TWO": "two", "THREE": "three"}).providers["claude"]
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
    capabilities = replaced(CAPABILITIES, "media_urls: pass", "region: eu\n    concurrency: {limit: 20}")
    capabilities = replaced(capabilities, "dear: {", "dear: {region: us, concurrency: {limit: 5, queue: 0, wait: 1}, ")
    provider = loaded(tmp_path, capabilities=capabilities).providers["claude"]
    assert (provider.region, provider.concurrency) == ("eu", Concurrency(limit=20, queue=100, wait=10))
    assert (provider.models["dear"].region, provider.models["dear"].concurrency) == ("us", Concurrency(limit=5, queue=0, wait=1))
    assert (provider.models["big"].region, provider.models["big"].concurrency) == (None, None)


def test_a_models_limit_above_its_providers_is_told(tmp_path: Path) -> None:
    capabilities = replaced(CAPABILITIES, "media_urls: pass", "concurrency: {limit: 5}")
    assert complaints(tmp_path, capabilities=replaced(capabilities, "dear: {", "dear: {concurrency: {limit: 6}, ")) == [
        "capabilities.yaml:28: providers.claude.models.dear.concurrency.limit: has no effect: all models of the provider together "
        "are sent 5 at a time"
    ]


def written(persona: Persona) -> dict[str, Any]:
    """The persona as it could stand in the file."""
    hedge = persona.hedge
    failure = persona.on_failure
    document = {
        "targets": list(map(written_target, persona.targets)),
        "strategy": persona.strategy,
        "affinity": persona.affinity,
        "rules": list(map(written_rule, persona.rules)),
        "on_failure": {
            "move_on": [name for name, kinds in FAILURE_CLASSES.items() if failure.move_on.issuperset(kinds)],
            "retries": failure.retries,
            "max_attempts": failure.max_attempts,
        },
        "resume": persona.resume,
        "timeouts": written_clocks(persona.timeouts),
    }
    if persona.balance != Balance():
        document["balance"] = written_balance(persona.balance)
    if failure.retries:
        document["on_failure"]["backoff"] = {"initial": failure.backoff, "max": failure.longest_backoff}
    if hedge is not None:
        after = f"{hedge.seconds * 1000:g}ms" if hedge.seconds is not None else f"p{round((hedge.quantile or 0) * 100)}"
        document["hedge"] = {"after": after, "max_extra": hedge.max_extra}
    if persona.max_price is not None:
        document["max_price"] = float(persona.max_price)
    if persona.regions:
        document["regions"] = sorted(persona.regions)
    return document


def written_target(target: TargetRef) -> Any:
    document: dict[str, Any] = {"target": str(target)}
    if target.weight != 1:
        document["weight"] = target.weight
    if target.when != ALWAYS:
        document["when"] = written_when(target.when)
    if target.timeouts != NO_CLOCKS:
        document["timeouts"] = written_clocks(target.timeouts)
    return document if len(document) > 1 else str(target)


def written_rule(rule: Rule) -> dict[str, Any]:
    document: dict[str, Any] = {"name": rule.name, "when": written_when(rule.when)}
    if rule.targets is not None:
        document["targets"] = list(map(written_target, rule.targets))
    if rule.strategy is not None:
        document["strategy"] = rule.strategy
    if rule.balance is not None:
        document["balance"] = written_balance(rule.balance)
    if rule.defaults or rule.params:
        document["params"] = dict(rule.defaults) or rule.params
    return document


def written_when(when: When) -> dict[str, Any]:
    bounds = {name: bound for name, bound in (("over", when.over), ("under", when.under)) if bound is not None}
    document = {
        "input_tokens": bounds,
        "has": sorted(when.has),
        "metadata": {name: sorted(values) for name, values in when.metadata.items()},
        "header": {name: sorted(values) for name, values in when.header.items()},
        "key": sorted(when.key),
    }
    if when.time is not None:
        before = {} if when.time.before is None else {"before": f"{when.time.before:%H:%M}"}
        document["time"] = {"after": f"{when.time.after:%H:%M}", **before, "days": [DAYS[day] for day in sorted(when.time.days)]}
    return {name: value for name, value in document.items() if value}


def written_clocks(clocks: Clocks) -> dict[str, float]:
    found = {"connect": clocks.connect, "first_content": clocks.first_content, "idle": clocks.idle, "total": clocks.total}
    return {name: limit for name, limit in found.items() if limit is not None}


def written_balance(balance: Balance) -> dict[str, float]:
    return {"cost": balance.cost, "latency": balance.latency, "tier": balance.tier}


def optional(required: Mapping[str, st.SearchStrategy[Any]], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict(required), optional=more)


seconds = st.sampled_from([1, 2.5, 30])
one_or_more = st.sampled_from(["x", ["x"], ["x", "y"]])
clocks_of_a_target = optional({}, connect=seconds, first_content=seconds, idle=seconds)
conditions = optional(
    {},
    input_tokens=st.sampled_from([{"over": 100}, {"under": 5000}, {"over": 100, "under": 5000}]),
    has=st.lists(st.sampled_from(get_args(Feature)), min_size=1, max_size=2),
    metadata=st.dictionaries(st.sampled_from(["team", "no"]), one_or_more, min_size=1),
    header=st.dictionaries(st.sampled_from(["X-Team", "x-tier"]), one_or_more, min_size=1),
    key=st.sampled_from(["0a1b2c3d", ["12345678", "0a1b2c3d"]]),
    time=st.sampled_from([{"after": "09:00"}, {"before": "12:30", "days": ["mon"]}, {"after": "22:00", "before": "06:00"}]),
)
balances = st.sampled_from([{"cost": 1}, {"cost": 2, "latency": 1}, {"tier": 0.5}])
targets = st.lists(
    st.sampled_from(["a/one", "a/two", "b/three"])
    | optional(
        {"target": st.sampled_from(["a/one", "a/two", "b/three"])},
        weight=st.sampled_from([0.5, 3]),
        when=conditions,
        timeouts=clocks_of_a_target,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda item: item["target"] if isinstance(item, dict) else item,
)
strategies = st.sampled_from(get_args(StrategyName))
rules = st.lists(
    optional(
        {"name": st.sampled_from(["r", "s", "t"]), "when": conditions, "strategy": strategies},
        targets=targets,
        params=st.sampled_from(["strict", "quiet", {"temperature": 0.5}]),
    ),
    max_size=3,
    unique_by=lambda rule: rule["name"],
)
personas = optional(
    {"targets": targets, "strategy": st.just("weighted") | strategies},
    affinity=st.booleans(),
    rules=rules,
    on_failure=optional(
        {},
        move_on=st.lists(st.sampled_from(sorted(FAILURE_CLASSES)), max_size=3),
        retries=st.integers(0, 5),
        max_attempts=st.integers(1, 50),
    ),
    hedge=optional({"after": st.sampled_from(["p50", "p95", "800ms", "0.9s"])}, max_extra=st.sampled_from(["5%", "12.5 %", 0.5, 1])),
    resume=st.booleans(),
    max_price=st.sampled_from([0.001, 0.25, 3]),
    regions=st.just(["eu", "us"]),
    timeouts=clocks_of_a_target | st.just({"total": 60}),
)


@settings(deadline=None)
@given(personas)
def test_a_policy_that_loads_says_the_same_when_it_is_written_again(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        policy = json.dumps({"version": 1, "personas": {"p": document}})
        if complaints(path, policy, ABLE):
            event("refused")
            return
        event("loaded")
        first = loaded(path, policy, ABLE)
        again = loaded(path, json.dumps({"version": 1, "personas": {"p": written(first.personas["p"])}}), ABLE)
    assert again.personas == first.personas


junk = st.sampled_from([None, True, 5, -1, 1e9, "", "x", "a/one", [], [None], ["x"], {}, {"x": 1}, {"when": {}}, [[]], [{}]])


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """A persona with something odd in one place, at any depth."""
    document = draw(personas)
    node: Any = document
    while True:
        step = draw(st.sampled_from(sorted(node))) if isinstance(node, dict) else draw(st.integers(0, len(node) - 1))
        if isinstance(node[step], dict | list) and node[step] and draw(st.integers(0, 2)):
            node[step] = node[step].copy()
            node = node[step]
            continue
        node[step] = draw(junk)
        return document


@settings(deadline=None)
@given(spoiled())
def test_whatever_stands_there_is_taken_or_told_with_its_line(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        told = complaints(Path(directory), json.dumps({"version": 1, "personas": {"p": document}}), ABLE)
    event("refused" if told else "loaded")
    assert all(line.startswith("persona_policy.yaml:") and ": personas.p" in line for line in told)
    assert len(set(told)) == len(told)
