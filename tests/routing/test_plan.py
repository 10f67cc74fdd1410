"""gateway.routing.plan and gates: who can serve a request and why not; no plan breaks a gate, no
refusal is without a reason.
"""

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.accounting.cost import expected_cost
from gateway.config import ALWAYS, Condition, Config, Model, Persona, Provider, Rule, TargetRef
from gateway.config.schema import derive
from gateway.errors import ModelNotFound
from gateway.health.targets import TargetHealth
from gateway.routing.affinity import Affinity
from gateway.routing.candidates import Candidate
from gateway.routing.facts import Facts, Prompt
from gateway.routing.plan import Plan, plan_document, refusal, resolve
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
from translators.errors import FailureKind

A = provider(
    "a",
    model("small", window=1000, output=500, capabilities=["streaming", "tool_calling"]),
    model(
        "large",
        window=100_000,
        output=5000,
        capabilities=["streaming", "tool_calling", "vision", "pdf"],
        tier="high",
    ),
    keys=0,
)
B = provider(
    "b",
    model(
        "sees",
        window=50_000,
        output=500,
        capabilities=["tool_calling", "vision", "json_schema", "streaming"],
        tier="medium",
    ),
    model(
        "free",
        window=50_000,
        output=5000,
        capabilities=["tool_calling"],
        forced_tool_choice="no",
        tier="medium",
    ),
)
WORLD = config(
    [A, B],
    persona("a/small", "a/large", "b/sees"),
    persona(
        "a/small",
        "b/sees",
        name="thrifty",
        max_cost_tier="medium",
        requires=frozenset({"streaming"}),
    ),
    persona("b/free", "a/small", name="free_first"),
    persona("b/free", name="free_only"),
)
IMAGE = {"vision": "messages[0].content[0]"}


def verdicts(made: Plan) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(c.name, c.verdict, c.reasons) for c in made.candidates]


def test_the_first_that_can_is_chosen() -> None:
    assert verdicts(planned(WORLD, facts())) == [
        ("a/small", "chosen", ()),
        ("a/large", "eligible", ()),
        ("b/sees", "eligible", ()),
    ]
    assert verdicts(planned(WORLD, facts(IMAGE))) == [
        ("a/large", "chosen", ()),
        ("b/sees", "eligible", ()),
        ("a/small", "rejected", ("missing_capability:vision",)),
    ]


def test_a_cost_tier_is_a_ceiling() -> None:
    of = config([A, B], persona("a/large", "b/sees", "a/small", max_cost_tier="low"))
    assert verdicts(planned(of, facts())) == [
        ("a/small", "chosen", ()),
        ("a/large", "rejected", ("over_cost_tier: high > low",)),
        ("b/sees", "rejected", ("over_cost_tier: medium > low",)),
    ]


def test_a_region_is_a_fence_and_an_unknown_one_outside() -> None:
    here, there = (
        provider(
            "here",
            model(
                "m",
            ),
            model("n"),
            region="eu",
        ),
        provider("there", model("m")),
    )
    here = replace(
        here, models={"m": here.models["m"], "n": replace(here.models["n"], region="us")}
    )
    of = config([here, there], persona("here/n", "there/m", "here/m", regions=frozenset({"eu"})))
    assert verdicts(planned(of, facts())) == [
        ("here/m", "chosen", ()),
        ("here/n", "rejected", ("outside_region: us is not eu",)),
        ("there/m", "rejected", ("outside_region: unknown is not eu",)),
    ]


def test_a_price_is_a_ceiling_for_this_request() -> None:
    x = provider(
        "x",
        model("dear", price=(10, 10)),
        model("cheap", price=(1, 1)),
        model("unknown", price=None),
    )
    of = config([x], persona("x/dear", "x/unknown", "x/cheap", max_price=Decimal("0.01")))
    assert verdicts(planned(of, facts(tokens=1500))) == [
        ("x/cheap", "chosen", ()),
        ("x/dear", "rejected", ("over_max_price: 0.02 > 0.01 USD",)),
        ("x/unknown", "rejected", ("over_max_price: its price is not known",)),
    ]
    assert names(planned(of, facts(tokens=100, max_tokens=10))) == ["x/dear", "x/cheap"]


def test_a_condition_of_a_target() -> None:
    of = config(
        [A, B],
        persona(TargetRef("b", "sees", when=Condition(features=frozenset({"images"}))), "a/large"),
    )
    assert names(planned(of, facts(IMAGE, features=["images"]))) == ["b/sees", "a/large"]
    assert verdicts(planned(of, facts())) == [
        ("a/large", "chosen", ()),
        ("b/sees", "rejected", ("condition: has",)),
    ]


def test_a_prompt_goes_only_where_it_fits() -> None:
    made = planned(WORLD, facts(tokens=601, max_tokens=400))
    assert verdicts(made)[-1] == ("a/small", "rejected", ("context_overflow: needs 1001 > 1000",))
    assert verdicts(planned(WORLD, facts(tokens=600, max_tokens=400)))[0] == (
        "a/small",
        "chosen",
        (),
    )


def test_a_small_request_fits_by_its_bytes_alone() -> None:
    asked = facts(tokens=None, size=100)  # type: ignore[arg-type]
    planned(WORLD, asked)
    assert asked.prompt.known is None


def test_the_prompts_own_limit_and_the_models_own_tokens() -> None:
    x = provider("x", replace(model("m", window=1000, max_input_tokens=500), token_factor=1.5))
    of = config([x], persona("x/m"))
    assert verdicts(planned(of, facts(tokens=334)))[0] == (
        "x/m",
        "rejected",
        ("context_overflow: needs 501 > 500",),
    )
    assert names(planned(of, facts(tokens=333))) == ["x/m"]


@pytest.mark.parametrize(
    ("tokens", "near"), [(800, False), (850, True), (990, True), (1150, True), (1200, False)]
)
def test_an_estimate_near_a_limit_asks_to_be_counted(tokens: int, near: bool) -> None:
    of = config([provider("x", model("m", window=1000))], persona("x/m"))
    asked = facts(tokens=tokens)
    assert planned(of, asked).near_limit is near
    exact = replace(asked, prompt=Prompt(None, 10**9, tokens, True))
    assert not planned(of, exact).near_limit


def test_who_answers_shortly_is_asked_only_if_nobody_can_answer_long() -> None:
    made = planned(WORLD, facts(max_tokens=600))
    assert verdicts(made) == [
        ("a/large", "chosen", ()),
        ("a/small", "rejected", ("max_output: needs 600 > 500",)),
        ("b/sees", "rejected", ("max_output: needs 600 > 500",)),
    ]
    assert len(planned(WORLD, facts(max_tokens=6000)).eligible) == 3


def test_a_forced_tool_prefers_models_that_can_be_forced() -> None:
    tools = {"tool_calling": "tools"}
    made = planned(WORLD, facts(tools, forces_tool=True), name="free_first")
    assert verdicts(made) == [
        ("a/small", "chosen", ()),
        ("b/free", "rejected", ("cannot_force_tools",)),
    ]
    assert names(planned(WORLD, facts(tools, forces_tool=True), name="free_only")) == ["b/free"]
    assert names(planned(WORLD, facts(tools), name="free_first")) == ["b/free", "a/small"]


MAP = {"type": "object", "additionalProperties": {"type": "string"}}
HELD = {"json_schema": "response_format"}
ABLE = ["streaming", "tool_calling", "json_schema"]
SCHEMAS = config(
    [
        provider(
            "a",
            model("closed", capabilities=ABLE, open_schemas=False),
            model("apart", capabilities=ABLE, tools_with_json=False),
        ),
        provider("b", model("any", capabilities=ABLE), model("none")),
    ],
    persona("a/closed", "b/any", "a/apart", "b/none"),
    persona("a/closed", "b/none", name="told_only"),
)


def schema_facts(schema: dict[str, Any], **fields: Any) -> Facts:
    return facts(HELD, schema=schema, **fields)


def test_a_schema_is_asked_first_of_those_that_can_be_held_to_it() -> None:
    """The others are asked behind them: what they answer is checked."""
    made = planned(SCHEMAS, schema_facts(MAP))
    assert verdicts(made) == [
        ("b/any", "chosen", ()),
        ("a/apart", "eligible", ()),
        ("a/closed", "eligible", ("schema_in_words",)),
        ("b/none", "rejected", ("missing_capability:json_schema",)),
    ]
    assert plan_document(made)["targets"][2]["reasons"] == ["schema_in_words"]


def test_a_schema_beside_tools_likewise() -> None:
    made = planned(SCHEMAS, schema_facts({"type": "integer"}, features=["tools"]))
    assert names(made) == ["a/closed", "b/any", "a/apart"]
    assert made.eligible[2].reasons == ("schema_in_words",)


def test_who_alone_could_serve_is_no_second_choice() -> None:
    made = planned(SCHEMAS, schema_facts(MAP), name="told_only")
    assert verdicts(made) == [
        ("a/closed", "chosen", ()),
        ("b/none", "rejected", ("missing_capability:json_schema",)),
    ]


@pytest.mark.parametrize("fields", [{"schema": None}, {"schema": MAP, "forces_tool": True}])
def test_without_a_schema_and_where_the_answer_is_a_call_nobody_looks(
    fields: dict[str, Any],
) -> None:
    assert names(planned(SCHEMAS, facts(HELD, **fields)))[0] == "a/closed"


def test_a_schema_is_looked_into_only_where_it_matters() -> None:
    asked = [schema_facts(MAP), schema_facts(MAP, forces_tool=True), schema_facts(MAP)]
    for of, name in zip(asked, ("told_only", "p", "p"), strict=True):
        planned(SCHEMAS, of, name=name)
    assert [of.open_schema for of in asked] == [None, None, True]


def test_a_pin_gives_way_to_who_can_be_held_to_the_schema() -> None:
    affinity = Affinity()
    affinity.remember("c", "a/closed", "", 1000.0)
    seen = context(SCHEMAS, affinity=affinity)
    pinned = {"conversation": "c", "settled": True}
    made = planned(SCHEMAS, schema_facts(MAP, **pinned), seen)
    assert (made.eligible[0].name, made.pinned) == ("b/any", None)
    made = planned(SCHEMAS, schema_facts({"type": "string"}, **pinned), seen)
    assert (made.eligible[0].name, made.pinned) == ("a/closed", "a/closed")


def test_several_answers_are_asked_for_one_by_one_up_to_a_bound() -> None:
    assert len(planned(WORLD, facts({"multiple_choices": "n"}, answers=8)).eligible) == 3
    made = planned(WORLD, facts({"multiple_choices": "n"}, answers=9))
    assert {c.reasons for c in made.candidates} == {("missing_capability:multiple_choices",)}
    of = config([A, B], persona("a/small", fan_out=False))
    assert not planned(of, facts({"multiple_choices": "n"}, answers=2)).eligible


def test_a_rule_chooses_other_targets() -> None:
    rule = Rule(
        name="images",
        when=Condition(features=frozenset({"images"})),
        targets=(TargetRef("b", "sees"),),
        strategy="cost",
    )
    of = config([A, B], persona("a/large", rules=(rule,)))
    made = planned(of, facts(IMAGE, features=["images"]))
    assert (names(made), made.policy.rule, made.policy.strategy) == (["b/sees"], rule, "cost")
    assert names(planned(of, facts())) == ["a/large"]


def failed(book: TargetHealth, target: str, times: int = 10, now: float = 1000.0) -> None:
    for _ in range(times):
        leave = book.admit(target[0], target, "KEY_1" if target[0] == "b" else "", now)
        assert leave is not None
        book.failed(leave, FailureKind.SERVER_ERROR, None, now)


def test_what_fails_is_set_aside_and_says_for_how_long() -> None:
    book = TargetHealth(WORLD)
    failed(book, "a/small")
    made = planned(WORLD, facts(), context(WORLD, book=book, now=1002.0))
    assert verdicts(made)[-1] == ("a/small", "rejected", ("cooldown: 8 s (server_error)",))
    assert made.retry_in == 8.0
    assert planned(WORLD, facts(IMAGE), context(WORLD, book=book, now=1002.0)).retry_in is None, (
        "it could not serve this one anyway"
    )


def test_what_comes_back_gets_a_part_of_its_requests() -> None:
    book = TargetHealth(WORLD)
    failed(book, "a/small")
    leave = book.admit("a", "a/small", "", 1010.0)
    assert leave is not None
    book.began(leave, True, 0.1, 1010.0)
    random = Random(2).random
    first = [
        names(planned(WORLD, facts(), context(WORLD, book=book, now=1013.0, random=random)))[0]
        for _ in range(2000)
    ]
    assert 540 < first.count("a/small") < 660
    assert set(first) == {"a/small", "a/large"}


def test_weights_and_a_comeback_are_not_counted_twice() -> None:
    """A target that comes back at half its share gets half of its weight, not a quarter."""
    of = config([A, B], persona("a/small", "a/large", strategy="weighted"))
    book = TargetHealth(of)
    failed(book, "a/small")
    leave = book.admit("a", "a/small", "", 1010.0)
    assert leave is not None
    book.began(leave, True, 0.1, 1010.0)
    random = Random(2).random
    first = [
        names(planned(of, facts(), context(of, book=book, now=1015.0, random=random)))[0]
        for _ in range(3000)
    ]
    assert 930 < first.count("a/small") < 1070


def test_where_only_rate_limits_are_in_the_way_it_is_429() -> None:
    of = config([A], persona("a/small", "a/large"))
    book = TargetHealth(of)
    for target in ("a/small", "a/large"):
        for _ in range(10):
            leave = book.admit("a", target, "", 1000.0)
            if leave is not None:
                book.failed(leave, FailureKind.RATE_LIMIT, 30.0, 1000.0)
    error = refusal(planned(of, facts(), context(of, book=book)))
    assert (error.status, error.type, error.code) == (
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
    )
    assert error.headers == {"retry-after": "30"}


def test_a_missing_key_and_a_cooldown_are_503_with_the_soonest_moment() -> None:
    gone = replace(B, unavailable_reason="B_KEY is not set")
    of = config([A, gone], persona("b/free"), persona("a/small", "a/large", name="busy"))
    error = refusal(planned(of, facts()))
    assert (error.status, error.code, error.headers) == (503, "no_available_target", {})
    book = TargetHealth(of)
    failed(book, "a/small", now=995.0)
    failed(book, "a/large")
    error = refusal(planned(of, facts(), context(of, book=book), name="busy"))
    assert (error.status, error.headers) == (503, {"retry-after": "5"})
    assert (
        "a/small: cooldown: 5 s (server_error); a/large: cooldown: 10 s (server_error)"
        in error.message
    )


def test_refusals_name_the_field() -> None:
    error = refusal(
        planned(
            WORLD,
            facts({"multiple_choices": "n", "logprobs": "logprobs"}, answers=9),
            name="thrifty",
        )
    )
    assert (error.status, error.param, error.code) == (400, "n", "no_eligible_target")
    assert (
        "a/small: missing_capability:multiple_choices, missing_capability:logprobs" in error.message
    )
    error = refusal(planned(WORLD, facts(tokens=200_000)))
    assert (error.status, error.param, error.code) == (400, "messages", "context_length_exceeded")


def test_more_tools_than_a_target_takes() -> None:
    few, many = (
        model("few", capabilities=["tool_calling"], max_tools=3),
        model("many", capabilities=["tool_calling"], max_tools=128),
    )
    of = config(
        [provider("x", few, many, model("any", capabilities=["tool_calling"]))],
        persona("x/few", "x/many"),
        persona("x/any", name="q"),
    )
    assert names(planned(of, facts(tools=3))) == ["x/few", "x/many"]
    assert verdicts(planned(of, facts(tools=4))) == [
        ("x/many", "chosen", ()),
        ("x/few", "rejected", ("too_many_tools: 4 > 3",)),
    ]
    error = refusal(planned(of, facts({"tool_calling": "tools"}, tools=150)))
    assert (error.status, error.param, error.code) == (400, "tools", "no_eligible_target")
    assert "x/few: too_many_tools: 150 > 3; x/many: too_many_tools: 150 > 128" in error.message
    assert names(planned(of, facts(tools=10**6), name="q")) == ["x/any"]


def test_names_of_models() -> None:
    assert resolve(WORLD, "a/small") == TargetRef("a", "small")
    assert resolve(WORLD, "p") is WORLD.personas["p"]
    for name in ("nobody", "a/none", "none/small", "a", ""):
        with pytest.raises(ModelNotFound, match="free_first, free_only, p, thrifty"):
            resolve(WORLD, name)
    with pytest.raises(ModelNotFound):
        resolve(replace(WORLD, direct_models=False), "a/small")


def test_the_plan_as_a_document() -> None:
    document = plan_document(planned(WORLD, facts(IMAGE, conversation="c")))
    assert document["requirements"] == [{"capability": "vision", "cause": "messages[0].content[0]"}]
    assert (
        document["persona"],
        document["rule"],
        document["strategy"],
        document["conversation"],
    ) == ("p", None, "priority", "c")
    assert document["targets"][0] == {
        "provider": "a", "model": "large", "verdict": "chosen", "reasons": [], "score": 0,
        "prompt_tokens": 100, "expected_cost_usd": None,
    }  # fmt: skip
    assert document["targets"][-1]["reasons"] == ["missing_capability:vision"]


# What follows holds any plan against an oracle of its own, written from gateway/routing/README.md
# and not from the code.

CAPABILITIES = ["streaming", "tool_calling", "vision", "multiple_choices"]
TIERS = ["low", "medium", "high"]

models = st.builds(
    lambda window, output, capabilities, tier, price, region, factor, forced, open_schemas: replace(
        model(
            "m",
            window=window,
            output=output,
            capabilities=capabilities,
            tier=tier,
            price=price,
            forced_tool_choice=forced,
            open_schemas=open_schemas,
        ),
        region=region,
        token_factor=factor,
    ),
    st.sampled_from([500, 1000, 5000]),
    st.sampled_from([100, 400]),
    st.sets(st.sampled_from(CAPABILITIES)),
    st.sampled_from(TIERS),
    st.none() | st.sampled_from([(1, 2), (10, 30)]),
    st.sampled_from([None, "eu", "us"]),
    st.sampled_from([0.9, 1.0, 1.3]),
    st.sampled_from(["yes", "no"]),
    st.booleans(),
)
whens = st.sampled_from(
    [
        ALWAYS,
        ALWAYS,
        ALWAYS,
        Condition(tokens_over=400),
        Condition(tokens_under=400),
        Condition(features=frozenset({"images"})),
        Condition(key=frozenset({"0a0a0a0a"})),
    ]
)
personas = st.fixed_dictionaries(
    {},
    optional={
        "max_cost_tier": st.sampled_from(TIERS),
        "max_price": st.sampled_from([Decimal("0.001"), Decimal("0.005")]),
        "regions": st.sampled_from([frozenset({"eu"}), frozenset({"eu", "us"})]),
        "fan_out": st.booleans(),
        "strategy": st.sampled_from(["priority", "weighted", "cost", "latency", "balanced"]),
        "affinity": st.booleans(),
    },
)
requests = st.builds(
    lambda needs, tokens, known, limit, answers, forced, images, pinned, schema: facts(
        {need: need for need in sorted(needs)},
        tokens=tokens,
        size=10**9 if known else tokens,
        max_tokens=limit,
        answers=answers if "multiple_choices" in needs else 1,
        forces_tool=forced and "tool_calling" in needs,
        features=["images"] if images else [],
        conversation="c" if pinned else None,
        settled=pinned,
        schema=None if schema is None else {},
        open_schema=schema,
    ),
    st.sets(st.sampled_from(CAPABILITIES)),
    st.sampled_from([1, 399, 401, 600, 900, 4000]),
    st.booleans(),
    st.none() | st.sampled_from([50, 101, 500]),
    st.integers(2, 9),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.booleans(),
)


def may(
    of: Persona, ref: TargetRef, where: Provider, what: Model, asked: Facts, cooling: bool
) -> bool:
    """Whether a target passes every gate that no preference softens."""
    tokens = int(asked.prompt.tokens * what.token_factor)
    needs = {need.capability for need in asked.requirements}
    if asked.answers <= 8 and of.fan_out:
        needs.discard("multiple_choices")
    output = min(500, asked.max_tokens or 500) * asked.answers
    cost = expected_cost(what, tokens, 0.0, output, MOMENT.date())
    return all(
        (
            needs <= what.record.capabilities,
            tokens + min(asked.max_tokens or 0, what.record.max_output_tokens)
            <= what.record.context_window,
            of.max_cost_tier is None
            or TIERS.index(what.cost_tier) <= TIERS.index(of.max_cost_tier),
            not of.regions or (what.region or where.region) in of.regions,
            of.max_price is None or (cost is not None and cost <= of.max_price * 10**9),
            where.unavailable_reason is None,
            not cooling,
            ref.when.tokens_over is None or asked.prompt.tokens > ref.when.tokens_over,
            ref.when.tokens_under is None or asked.prompt.tokens < ref.when.tokens_under,
            ref.when.features <= asked.features,
            not ref.when.key,
        )
    )


@settings(max_examples=400, deadline=None)
@given(
    offered=st.lists(
        st.tuples(models, whens, st.booleans(), st.booleans()), min_size=1, max_size=5
    ),
    fields=personas,
    asked=requests,
    random=st.floats(0, 1, exclude_max=True),
    pin=st.integers(0, 4),
)
def test_no_plan_breaks_a_gate_and_none_is_refused_that_could_be_served(
    offered: list[tuple[Model, Condition, bool, bool]],
    fields: dict[str, Any],
    asked: Facts,
    random: float,
    pin: int,
) -> None:
    providers = [
        provider(
            f"p{i}", what, region="us", unavailable_reason=None if available else "KEY is not set"
        )
        for i, (what, _, available, _) in enumerate(offered)
    ]
    refs = [TargetRef(f"p{i}", "m", 1.0 + i, when) for i, (_, when, _, _) in enumerate(offered)]
    of: Config = config(providers, persona(*refs, **fields))
    book, affinity = TargetHealth(of), Affinity()
    for where, (_, _, _, cooling) in zip(providers, offered, strict=True):
        for _ in range(10 if cooling else 0):
            leave = book.admit(where.name, f"{where.name}/m", "KEY_1", 1000.0)
            assert leave is not None
            book.failed(leave, FailureKind.QUOTA, None, 1000.0)
    affinity.remember("c", f"p{pin}/m", "", 1000.0)
    seen = context(of, random=lambda: random, book=book, affinity=affinity)
    made = planned(of, asked, seen)
    held = replace(of)
    derive(held, capacities={})
    assert plan_document(made) == plan_document(planned(held, asked, seen)), (
        "as if each target had been looked at"
    )

    passing = {
        str(ref)
        for ref, where, (what, _, _, cooling) in zip(refs, providers, offered, strict=True)
        if may(of.personas["p"], ref, where, what, asked, cooling)
    }
    eligible = {c.name for c in made.eligible}
    assert {c.name for c in made.candidates} == {str(ref) for ref in refs}, (
        "every target is in the plan, once"
    )
    assert eligible <= passing, "no gate is broken"
    assert bool(eligible) == bool(passing), "what could be served is"
    for candidate in made.candidates:
        deferred = candidate.reasons == ("schema_in_words",)
        assert (candidate.verdict == "rejected") == (bool(candidate.reasons) and not deferred), (
            "every refusal has its reason"
        )
    for name in passing - eligible:
        assert preferred_over(name, made), "only a better one takes its place"
    if made.eligible:
        assert [c.verdict for c in made.eligible] == ["chosen"] + ["eligible"] * (len(eligible) - 1)
        behind = [bool(c.reasons) for c in made.eligible]
        assert behind == sorted(behind), "who can be held to the schema comes first"
        assert not behind[0]
        if asked.settled and f"p{pin}/m" in eligible and not any(behind):
            assert made.pinned == made.eligible[0].name == f"p{pin}/m"
    else:
        error = refusal(made)
        assert all(name in error.message for name in (str(ref) for ref in refs))
        temporary = [
            all(r.startswith(("unavailable", "no_usable_key", "cooldown")) for r in c.reasons)
            for c in made.candidates
        ]
        assert error.status == (503 if any(temporary) else 400)


def preferred_over(name: str, made: Plan) -> bool:
    """Whether a target that passes was left out only because another serves the request in full."""
    left_out: Candidate = next(c for c in made.candidates if c.name == name)
    return all(
        reason == "cannot_force_tools" or reason.startswith("max_output: ")
        for reason in left_out.reasons
    )
