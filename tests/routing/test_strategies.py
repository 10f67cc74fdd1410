"""gateway.routing.strategies: the order among targets that can all serve a request."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounting.cost import expected_cost
from gateway.accounting.observed import Learned
from gateway.config import Balance, Config, TargetRef
from gateway.health.targets import TargetHealth
from gateway.routing.state import RoutingContext
from tests.routing.worlds import (
    MOMENT,
    config,
    context,
    facts,
    model,
    names,
    persona,
    planned,
    provider,
)

DRAWS = 20_000


def world(
    strategy: Any = "priority",
    prices: Any = ((1, 2), (3, 4), (5, 6)),
    weights: Any = (1, 1, 1),
    **fields: Any,
) -> Config:
    """Three targets x/0, x/1, x/2."""
    models = [
        model(str(i), price=price, tier=("low", "medium", "high")[i])
        for i, price in enumerate(prices)
    ]
    refs = [TargetRef("x", str(i), weight) for i, weight in enumerate(weights)]
    return config([provider("x", *models)], persona(*refs, strategy=strategy, **fields))


def test_priority_is_the_order_as_written() -> None:
    made = planned(world(), facts())
    assert [(c.name, c.score) for c in made.eligible] == [("x/0", 0), ("x/1", 1), ("x/2", 2)]


def test_weights_converge_by_the_dice() -> None:
    of = world("weighted", weights=(6, 3, 1))
    random = Random(7).random
    asked, seen = facts(), context(of, random=random)
    first = Counter(names(planned(of, asked, seen))[0] for _ in range(DRAWS))
    for name, share in (("x/0", 0.6), ("x/1", 0.3), ("x/2", 0.1)):
        assert abs(first[name] / DRAWS - share) < 0.015


def test_weights_converge_by_conversation() -> None:
    of = world("weighted", weights=(6, 3, 1))
    seen = context(of)
    first = Counter(
        names(planned(of, facts(conversation=f"{i:x}", settled=True), seen))[0]
        for i in range(DRAWS)
    )
    for name, share in (("x/0", 0.6), ("x/1", 0.3), ("x/2", 0.1)):
        assert abs(first[name] / DRAWS - share) < 0.015


def test_a_weight_that_is_small_comes_after_one_that_is_large_on_failover_too() -> None:
    """The order behind the first is drawn by the weights as well."""
    of = world("weighted", weights=(1, 98, 1))
    random = Random(3).random
    second = Counter(
        names(planned(of, facts(), context(of, random=random)))[1] for _ in range(2000)
    )
    assert 900 < second["x/0"] < 1100


@pytest.mark.parametrize("random", [0.0, 1 - 2**-53])
@pytest.mark.parametrize("strategy", ["priority", "weighted", "cost", "latency", "balanced"])
def test_the_dice_may_show_their_extremes(strategy: str, random: float) -> None:
    of = world(strategy, weights=(1, 2, 3))
    assert sorted(names(planned(of, facts(), context(of, random=lambda: random)))) == [
        "x/0",
        "x/1",
        "x/2",
    ]


def test_the_cheapest_for_this_request() -> None:
    """A long prompt is cheapest where reading is, a long answer where writing is."""
    of = world("cost", prices=((1, 20), (5, 5), None))
    reads = planned(of, facts(tokens=50_000, max_tokens=100))
    writes = planned(of, facts(tokens=100, max_tokens=500))
    assert names(reads) == ["x/0", "x/1", "x/2"]
    assert names(writes) == ["x/1", "x/0", "x/2"]
    assert [(c.cost, c.score) for c in reads.eligible] == [
        (52_000_000, 0.052),
        (250_500_000, 0.2505),
        (None, 1e9),
    ]


def test_what_was_learned_of_answers_counts() -> None:
    """A target that reads most of the prompt from its cache is the cheaper one."""
    of, learned = world("cost", prices=((2, 2), (2.2, 2), (9, 9))), Learned()
    assert names(planned(of, facts(tokens=10_000), context(of, learned=learned)))[0] == "x/0"
    for _ in range(50):
        learned.observe("p", "x/0", None, {"prompt_tokens": 1000, "completion_tokens": 5000})
        learned.observe("p", "x/1", None, {"prompt_tokens": 1000, "completion_tokens": 10})
    assert names(planned(of, facts(tokens=10_000), context(of, learned=learned)))[0] == "x/1"


prices = st.none() | st.tuples(
    st.sampled_from([0.1, 1, 2.5, 15]), st.sampled_from([0.4, 2, 10, 75])
)


@given(
    st.lists(prices, min_size=3, max_size=3),
    st.integers(1, 90_000),
    st.none() | st.integers(1, 9_000),
    st.integers(1, 4),
    st.booleans(),
)
def test_cost_never_picks_a_dearer_eligible_target(
    listed: list[tuple[float, float] | None],
    tokens: int,
    limit: int | None,
    answers: int,
    settled: bool,
) -> None:
    """Without affinity, or in a first turn; by the price list and nothing else."""
    of = world("cost", prices=listed, affinity=False)
    asked = facts(
        tokens=tokens,
        max_tokens=limit,
        answers=answers,
        conversation="c" if settled else None,
        settled=settled,
    )
    made = planned(of, asked)
    models = of.providers["x"].models
    output = min(500, limit or 500) * answers
    costs = {f"x/{i}": expected_cost(models[i], tokens, 0.0, output, MOMENT.date()) for i in models}
    known = [cost for cost in costs.values() if cost is not None]
    order = [costs[name] for name in names(made)]
    assert order == sorted(known) + [None] * (3 - len(known))


def fast(of: Config, *seconds: float | None) -> RoutingContext:
    """A context in which each target has been seen to take so long."""
    book = TargetHealth(of)
    for i, took in enumerate(seconds):
        if took is not None:
            book.latency(f"x/{i}").observe(True, took, 1000.0)
            book.latency(f"x/{i}").observe(False, took, 1000.0)
    return context(of, book=book)


def test_of_two_the_faster_one() -> None:
    of = config([provider("x", model("0"), model("1"))], persona("x/0", "x/1", strategy="latency"))
    for random in (0.0, 0.3, 0.99):
        seen = fast(of, 2.0, 1.0)
        made = planned(
            of,
            facts(stream=True),
            RoutingContext(
                seen.now,
                seen.moment,
                lambda random=random: random,
                seen.health,
                seen.affinity,
                seen.learned,
            ),
        )
        assert [(c.name, c.score) for c in made.eligible] == [("x/1", 1.0), ("x/0", 2.0)]


def test_of_many_the_faster_of_two_drawn() -> None:
    """The slowest never wins a draw, the fastest wins most."""
    of = world("latency")
    seen = fast(of, 3.0, 1.0, 2.0)
    random = Random(5).random
    drawn = RoutingContext(seen.now, seen.moment, random, seen.health, seen.affinity, seen.learned)
    first = Counter(names(planned(of, facts(), drawn))[0] for _ in range(3000))
    assert first["x/0"] == 0
    assert 1900 < first["x/1"] < 2100


def test_what_was_never_seen_is_tried() -> None:
    of = world("latency")
    made = planned(of, facts(), fast(of, 1.0, None, 2.0))
    assert made.eligible[0].name in ("x/1", "x/0")
    assert {c.name: c.score for c in made.eligible}["x/1"] == 0.0


def test_a_stream_takes_its_first_content_and_its_tokens() -> None:
    of = config([provider("x", model("0"), model("1"))], persona("x/0", "x/1", strategy="latency"))
    seen = fast(of, 1.0, 0.1)
    seen.health.latency("x/0").observe_rate(1000, 1.0, 1000.0)
    seen.health.latency("x/1").observe_rate(100, 1.0, 1000.0)
    scores = {c.name: c.score for c in planned(of, facts(stream=True), seen).eligible}
    assert scores == {"x/0": pytest.approx(1.5), "x/1": pytest.approx(5.1)}
    scores = {
        c.name: c.score for c in planned(of, facts(stream=True, max_tokens=10), seen).eligible
    }
    assert scores == {"x/0": pytest.approx(1.01), "x/1": pytest.approx(0.2)}


@pytest.mark.parametrize(
    ("balance", "order"),
    [
        (Balance(cost=1, latency=0, tier=0), ["x/0", "x/1", "x/2"]),
        (Balance(cost=0, latency=1, tier=0), ["x/2", "x/1", "x/0"]),
        (Balance(cost=0, latency=0, tier=1), ["x/0", "x/1", "x/2"]),
        (Balance(cost=1, latency=9, tier=0), ["x/2", "x/1", "x/0"]),
    ],
)
def test_a_balance_of_cost_time_and_tier(balance: Balance, order: list[str]) -> None:
    of = world("balanced", balance=balance)
    made = planned(of, facts(), fast(of, 3.0, 2.0, 1.0))
    assert names(made) == order
    assert all(c.score is not None and 0 <= c.score <= 1 for c in made.eligible)


def test_balanced_knows_nothing_bad_of_what_it_has_not_seen_but_fears_unknown_prices() -> None:
    of = world(
        "balanced", prices=((1, 1), None, (1, 1)), balance=Balance(cost=1, latency=1, tier=0)
    )
    scores = {c.name: c.score for c in planned(of, facts(), fast(of, 1.0, 1.0, None)).eligible}
    assert scores == {"x/0": 1.0, "x/1": 1.0, "x/2": 0.5}
