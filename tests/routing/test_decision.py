"""gateway.routing.decision: from a request to a plan, under the rule that holds."""

from typing import Any

import pytest

from gateway.config import Condition, Rule, TargetRef
from gateway.errors import ModelNotFound
from gateway.routing.decision import Decision, decide
from gateway.routing.facts import NOBODY, Caller
from tests.routing.worlds import config, context, model, names, persona, provider
from translators.chat.request import ChatRequest

X = provider(
    "x",
    model("small", window=1000),
    model("large", capabilities=["streaming", "tool_calling", "vision"]),
)
WORLD = config(
    [X],
    persona(
        "x/small",
        "x/large",
        system_prompt="Be brief.",
        defaults={"temperature": 0.2, "max_tokens": 100},
        caps={"max_tokens": 300},
        rules=(
            Rule(
                name="warm",
                when=Condition(header={"x-mood": frozenset({"warm"})}),
                defaults={"temperature": 0.9, "max_tokens": 900},
            ),
            Rule(
                name="strict", when=Condition(metadata={"team": frozenset({"qa"})}), params="strict"
            ),
            Rule(
                name="long",
                when=Condition(tokens_over=500),
                targets=(TargetRef("x", "large"),),
                strategy="cost",
            ),
        ),
        params="quiet",
    ),
    persona("x/small", name="plain", affinity=False),
)


def decided(
    model: str = "p",
    text: str = "hi",
    caller: Caller = NOBODY,
    tokens: int | None = None,
    **body: Any,
) -> Decision:
    request = ChatRequest(
        {"model": model, "messages": [{"role": "user", "content": text}], **body}, 100 + len(text)
    )
    return decide(WORLD, request, caller, context(WORLD), tokens)


def test_the_persona_is_laid_over_the_request_and_the_plan_made_for_the_result() -> None:
    made = decided()
    assert [message["role"] for message in made.request.messages] == ["system", "user"]
    assert (made.request.body["temperature"], made.request.max_tokens, made.params) == (
        0.2,
        100,
        "quiet",
    )
    assert (made.plan.policy.rule, names(made.plan), made.plan.facts.max_tokens) == (
        None,
        ["x/small", "x/large"],
        100,
    )


def test_a_rules_parameters_are_defaults_within_the_personas_limits() -> None:
    made = decided(caller=Caller(headers={"x-mood": "warm"}))
    assert (made.request.body["temperature"], made.request.max_tokens) == (0.9, 300)
    assert made.plan.facts.max_tokens == 300
    assert [note.param for note in made.notes] == ["max_tokens"]
    assert (
        decided(caller=Caller(headers={"x-mood": "warm"}), temperature=0.1).request.body[
            "temperature"
        ]
        == 0.1
    )


def test_a_rule_may_change_only_what_becomes_of_parameters() -> None:
    made = decided(metadata={"team": "qa"})
    assert (made.params, names(made.plan)) == ("strict", ["x/small", "x/large"])


def test_a_rule_may_change_targets_and_strategy() -> None:
    made = decided(text="many words " * 400)
    assert made.plan.policy.rule is not None
    assert (made.plan.policy.rule.name, made.plan.policy.strategy, names(made.plan)) == (
        "long",
        "cost",
        ["x/large"],
    )


def test_tokens_that_were_counted_are_believed() -> None:
    made = decided(tokens=501)
    assert made.plan.policy.rule is not None
    assert (made.plan.policy.rule.name, made.plan.facts.prompt.exact) == ("long", True)


def test_a_direct_model_has_no_policy_and_no_affinity() -> None:
    made = decided("x/small")
    assert (made.plan.persona, names(made.plan), made.params, made.plan.facts.conversation) == (
        "x/small",
        ["x/small"],
        "report",
        None,
    )
    assert made.notes == ()


def test_a_conversation_is_known_only_with_affinity() -> None:
    assert decided().plan.facts.conversation is not None
    assert decided("plain").plan.facts.conversation is None
    assert decided(caller=Caller(headers={"x-session-id": "s"})).plan.facts.settled
    assert decided(prompt_cache_key="k").plan.facts.settled
    assert not decided().plan.facts.settled


def test_one_callers_conversations_never_lead_another() -> None:
    ids = {
        decided(caller=Caller(key_id=key), prompt_cache_key="k").plan.facts.conversation
        for key in ("0a0a0a0a", "1b1b1b1b", None)
    }
    assert len(ids) == 3


def test_the_same_arguments_give_the_same_decision() -> None:
    first, second = decided(), decided()
    assert (first.plan.candidates, first.request.body) == (
        second.plan.candidates,
        second.request.body,
    )


def test_an_unknown_name() -> None:
    with pytest.raises(ModelNotFound, match="p, plain"):
        decided("nobody")
