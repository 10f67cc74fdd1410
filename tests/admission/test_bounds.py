"""The most that a request may use: never less than what it can cost by the price list."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.accounting.cost import Extras, most_cost
from gateway.admission.amounts import INPUT, OUTPUT, USD
from gateway.admission.bounds import Ask, Bound, Offers, ask_of, bound_of, offer_of
from gateway.app import memory_of
from gateway.routing.decision import decide
from gateway.routing.facts import NOBODY, Prompt
from tests.admission.instances import DAY, model_of
from tests.serving import POLICY, config_of
from translators.chat.request import parse

CONFIG = config_of(POLICY, {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"})
CLAUDE = "claude/claude-sonnet-5"


def test_the_dearest_rates_that_may_hold_are_taken() -> None:
    """2 USD a million read, 4 where an hour's cache may be written; 10 written; 1.1 times in the
    US; a search 0.01 USD.
    """
    model = model_of(CLAUDE)
    assert most_cost(model, 1000, 100, DAY, Extras()) == 3_000_000 * 11 // 10
    assert most_cost(model, 1000, 100, DAY, Extras(caches=True)) == 5_000_000 * 11 // 10
    assert most_cost(model, 1000, 100, DAY, Extras(fees=10)) == 3_300_000 + 10 * 10_000_000


def test_a_tier_that_a_prompt_may_reach_is_reckoned_with() -> None:
    model = model_of("openai/gpt-6-luna")
    assert most_cost(model, 272_000, 10, DAY, Extras()) == 272_000 * 100 + 10 * 500
    assert most_cost(model, 272_001, 10, DAY, Extras()) == 272_001 * 200 + 10 * 750


def bound(persona: str, **more: Any) -> Bound:
    body = {"model": persona, "messages": [{"role": "user", "content": "hi there"}], **more}
    request = parse(body, len(str(body)))
    context = memory_of(CONFIG).view()
    plan = decide(CONFIG, request, NOBODY, context).plan
    target = plan.eligible[0]
    every = Offers().bounds(request, plan, context.learned, DAY)
    asked = bound_of(offer_of(target.model, DAY), plan.facts, ask_of(request, plan.facts), 1.0)
    assert every[target.name] == asked
    return asked


def test_an_answer_is_as_long_as_it_may_be() -> None:
    assert bound("on_openai").needs[OUTPUT] == 32_768
    assert bound("on_openai", max_tokens=50).needs[OUTPUT] == 50
    assert bound("on_openai", max_tokens=50, n=3).needs[OUTPUT] == 150


def test_a_prompt_is_paid_for_as_often_as_it_is_sent() -> None:
    """A model that gives one answer is asked three times."""
    once, thrice = bound("on_claude"), bound("on_claude", n=3)
    assert thrice.needs[INPUT] == 3 * once.needs[INPUT]
    assert bound("on_openai", n=3).needs[INPUT] == bound("on_openai").needs[INPUT]


def test_a_mark_for_the_cache_makes_the_prompt_dearer() -> None:
    part = {"type": "text", "text": "hi there", "cache_control": {"type": "ephemeral"}}
    plain = bound("on_claude", max_tokens=1)
    marked = bound("on_claude", max_tokens=1, messages=[{"role": "user", "content": [part]}])
    assert marked.needs[USD] > plain.needs[USD] * 1.5


@pytest.mark.parametrize("tier", ["priority", "flex"])
def test_what_is_not_sold_at_the_list_has_no_price(tier: str) -> None:
    assert not bound("on_openai", service_tier=tier).priced


@pytest.mark.parametrize("tokens", [0, 1000, 99_999, 272_000, 900_000])
@pytest.mark.parametrize("marked", [False, True])
def test_a_plain_request_is_bounded_without_a_look_at_the_price_list_as_with_one(
    tokens: int, marked: bool
) -> None:
    """At every model that is shipped."""
    request = parse({"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}, 99)
    plan = decide(CONFIG, request, NOBODY, memory_of(CONFIG).view()).plan
    facts, ask = replace(plan.facts, prompt=Prompt(None, 1, tokens)), Ask(True, Extras(marked))
    models = [model for provider in CONFIG.providers.values() for model in provider.models.values()]
    assert len(models) > 20
    for offer in [offer_of(model, DAY) for model in models]:
        assert bound_of(offer, facts, None, 1.0, marked) == bound_of(offer, facts, ask, 1.0)
