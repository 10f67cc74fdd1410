"""Policies of all kinds: the same when written again, and whatever stands in one is taken or
told."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import hypothesis.strategies as st
from hypothesis import event, given, settings

from gateway.config import (
    ALWAYS,
    NO_OVERRIDES,
    Balance,
    Condition,
    Feature,
    Persona,
    Rule,
    StrategyName,
    TargetRef,
    TimeoutOverrides,
)
from gateway.config.conditions import DAYS
from gateway.config.personas import DEFAULT_BALANCE, FAILURE_CLASSES
from tests.config.samples import ABLE, complaints, loaded


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
            "move_on": [
                name for name, kinds in FAILURE_CLASSES.items() if failure.move_on.issuperset(kinds)
            ],
            "retries": failure.retries,
            "max_attempts": failure.max_attempts,
        },
        "resume": persona.resume,
        "timeouts": written_clocks(persona.timeouts),
    }
    if persona.balance != DEFAULT_BALANCE:
        document["balance"] = written_balance(persona.balance)
    if failure.retries:
        document["on_failure"]["backoff"] = {
            "initial": failure.backoff.initial,
            "max": failure.backoff.max,
        }
    if hedge is not None:
        after = (
            f"{hedge.seconds * 1000:g}ms"
            if hedge.seconds is not None
            else f"p{round((hedge.quantile or 0) * 100)}"
        )
        document["hedge"] = {"after": after, "max_extra": hedge.max_extra}
    if persona.cache is not None:
        document["cache"] = asdict(persona.cache)
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
    if target.timeouts != NO_OVERRIDES:
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


def written_when(when: Condition) -> dict[str, Any]:
    bounds = {
        name: bound
        for name, bound in (("over", when.tokens_over), ("under", when.tokens_under))
        if bound is not None
    }
    document = {
        "input_tokens": bounds,
        "has": sorted(when.features),
        "metadata": {name: sorted(values) for name, values in when.metadata.items()},
        "header": {name: sorted(values) for name, values in when.header.items()},
        "key": sorted(when.key),
    }
    if when.time is not None:
        before = {} if when.time.before is None else {"before": f"{when.time.before:%H:%M}"}
        document["time"] = {
            "after": f"{when.time.after:%H:%M}",
            **before,
            "days": [DAYS[day] for day in sorted(when.time.days)],
        }
    return {name: value for name, value in document.items() if value}


def written_clocks(clocks: TimeoutOverrides) -> dict[str, float]:
    found = {
        "connect": clocks.connect,
        "first_content": clocks.first_content,
        "idle": clocks.idle,
        "total": clocks.total,
    }
    return {name: limit for name, limit in found.items() if limit is not None}


def written_balance(balance: Balance) -> dict[str, float]:
    return {"cost": balance.cost, "latency": balance.latency, "tier": balance.tier}


def optional(
    required: Mapping[str, st.SearchStrategy[Any]], **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
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
    time=st.sampled_from(
        [
            {"after": "09:00"},
            {"before": "12:30", "days": ["mon"]},
            {"after": "22:00", "before": "06:00"},
        ]
    ),
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
    hedge=optional(
        {"after": st.sampled_from(["p50", "p95", "800ms", "0.9s"])},
        max_extra=st.sampled_from(["5%", "12.5 %", 0.5, 1]),
    ),
    resume=st.booleans(),
    cache=optional(
        {},
        ttl=st.sampled_from([1, 60, 86400]),
        max_bytes=st.integers(65536, 10**10),
        tools=st.booleans(),
        scope=st.sampled_from(["team", "key"]),
        persist=st.booleans(),
    ),
    max_price=st.sampled_from([0.001, 0.25, 3]),
    regions=st.just(["eu", "us"]),
    timeouts=clocks_of_a_target | st.just({"total": 60}),
)


@settings(deadline=None)
@given(personas)
def test_a_policy_that_loads_says_the_same_when_it_is_written_again(
    document: dict[str, Any],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        policy = json.dumps({"version": 1, "personas": {"p": document}})
        if complaints(path, policy, ABLE):
            event("refused")
            return
        event("loaded")
        first = loaded(path, policy, ABLE)
        again = loaded(
            path, json.dumps({"version": 1, "personas": {"p": written(first.personas["p"])}}), ABLE
        )
    assert again.personas == first.personas


junk = st.sampled_from(
    [
        None,
        True,
        5,
        -1,
        1e9,
        "",
        "x",
        "a/one",
        [],
        [None],
        ["x"],
        {},
        {"x": 1},
        {"when": {}},
        [[]],
        [{}],
    ]
)


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """A persona with something odd in one place, at any depth."""
    document = draw(personas)
    node: Any = document
    while True:
        step = (
            draw(st.sampled_from(sorted(node)))
            if isinstance(node, dict)
            else draw(st.integers(0, len(node) - 1))
        )
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
        told = complaints(
            Path(directory), json.dumps({"version": 1, "personas": {"p": document}}), ABLE
        )
    event("refused" if told else "loaded")
    assert all(line.startswith("persona_policy.yaml:") and ": personas.p" in line for line in told)
    assert len(set(told)) == len(told)
