"""gateway.config.capacity: the bound up to which no target of a persona need be looked at, and what
makes every target be looked at.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gateway.config import Condition, Persona, TargetRef
from gateway.health.unsupported_features import Lacks
from gateway.routing.gates import all_pass
from tests.routing.worlds import config, context, facts, model, persona, planned, provider
from translators.capabilities import Embedding

SMALL = model("m", window=1000, output=300, capabilities=["streaming", "tool_calling"], max_tools=4)
SEES = model(
    "m", window=3000, output=200, capabilities=["streaming", "vision"], max_input_tokens=900
)
EMBEDS = replace(SMALL.record, embedding=Embedding(dimensions=8))
WORLD = [provider("a", SMALL, region="eu"), provider("b", SEES, region="us")]
STREAMING = {"streaming": "stream"}

AT_THE_BOUND: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"size": 900}, {"size": 901}),
    ({"size": 800, "max_tokens": 200}, {"size": 801, "max_tokens": 200}),
    ({"size": 1, "max_tokens": 200}, {"size": 1, "max_tokens": 201}),
    ({"size": 1, "tools": 4}, {"size": 1, "tools": 5}),
    ({"size": 1, "needs": STREAMING}, {"size": 1, "needs": {"vision": "messages[0]"}}),
    ({"size": 1}, {"size": 1, "natives": ("container",), "spoken": "claude"}),
]


@pytest.mark.parametrize(("least", "more"), AT_THE_BOUND)
def test_what_the_least_target_can_do_is_the_bound(
    least: dict[str, Any], more: dict[str, Any]
) -> None:
    of = config(WORLD, persona("a/m", "b/m"))
    seen = context(of)
    assert all_pass(of.capacities["p"], facts(**least), seen)
    assert [c.verdict for c in planned(of, facts(**least)).candidates] == ["chosen", "eligible"]
    assert not all_pass(of.capacities["p"], facts(**more), seen)


def test_a_tokenizer_that_counts_more_lowers_the_bound() -> None:
    of = config([provider("a", replace(SMALL, token_factor=1.25))], persona("a/m"))
    asked = [facts(size=size) for size in (800, 801)]
    assert [all_pass(of.capacities["p"], each, context(of)) for each in asked] == [True, False]


class _Nothing:
    """A budget without objections."""

    def objection(self, candidate: Any, facts: Any) -> str | None:
        return None


def test_limits_look_at_each_target() -> None:
    of = config(WORLD, persona("a/m", "b/m"))
    seen = replace(context(of), budget=_Nothing())
    assert not all_pass(of.capacities["p"], facts(size=1), seen)


def test_what_a_target_turned_out_not_to_have_is_looked_at() -> None:
    of = config(WORLD, persona("a/m", "b/m"))
    lacks = Lacks()
    lacks.learn("a/m", SMALL.record, "streaming", 1000.0)
    seen = replace(context(of), lacks=lacks)
    assert not all_pass(of.capacities["p"], facts(STREAMING, size=1), seen)
    assert all_pass(of.capacities["p"], facts(size=1), seen)
    assert [c.name for c in planned(of, facts(STREAMING, size=1), seen).eligible] == ["b/m"]


@pytest.mark.parametrize(
    "of",
    [
        persona("a/m", TargetRef("b", "m", when=Condition(tokens_over=5))),
        persona("a/m", "b/m", max_price=Decimal(1)),
        persona("a/m", "b/m", max_cost_tier="low"),
        persona("a/m", "b/m", regions=frozenset({"eu"})),
        persona("a/m", "c/m"),
        persona("a/m", "d/m"),
    ],
    ids=["condition", "price", "tier", "region", "unavailable", "embeddings"],
)
def test_a_persona_whose_targets_differ_by_more_has_none(of: Persona) -> None:
    world = [
        WORLD[0],
        provider("b", replace(SEES, cost_tier="high"), region="us"),
        provider("c", SMALL, unavailable_reason="KEY is not set"),
        provider("d", replace(SMALL, record=EMBEDS)),
    ]
    assert config(world, of).capacities == {}
    assert [*config(world, persona("a/m", "b/m")).capacities] == ["p"]
