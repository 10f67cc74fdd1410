"""translators.chat.reasoning: a persona's limits hold whichever way reasoning is asked for."""

from copy import deepcopy
from typing import Any

import pytest

from gateway.config import Persona
from gateway.routing import personas
from gateway.routing.plan import resolve
from tests.serving import config_of
from translators.chat.request import ChatRequest

POLICY = """
version: 1
personas:
  medium: {description: d, targets: [openai/gpt-4.1], caps: {reasoning_effort: medium}}
  high: {description: d, targets: [openai/gpt-4.1], caps: {reasoning_effort: high}}
  none: {description: d, targets: [openai/gpt-4.1], caps: {reasoning_effort: none}}
  short: {description: d, targets: [openai/gpt-4.1], caps: {max_tokens: 5000}}
  both: {description: d, targets: [openai/gpt-4.1], caps: {reasoning_effort: medium, max_completion_tokens: 5000}}
  warm: {description: d, targets: [openai/gpt-4.1], caps: {temperature: 1}}
"""  # noqa: E501
CONFIG = config_of(POLICY, {})


def config(**fields: Any) -> dict[str, Any]:
    return {"google": {"thinking_config": fields}}


def thinking(**fields: Any) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", **fields}}


ADAPTIVE = {"thinking": {"type": "adaptive"}}
OFF = {"thinking": {"type": "disabled"}}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "medium",
        thinking(budget_tokens=30000),
        thinking(budget_tokens=10000),
        ["thinking.budget_tokens"],
    ),
    ("medium", thinking(budget_tokens=9000), thinking(budget_tokens=9000), []),
    ("medium", ADAPTIVE, {**ADAPTIVE, "reasoning_effort": "medium"}, ["thinking"]),
    (
        "medium",
        {**ADAPTIVE, "reasoning_effort": "low"},
        {**ADAPTIVE, "reasoning_effort": "low"},
        [],
    ),
    (
        "medium",
        {**ADAPTIVE, "reasoning_effort": "max"},
        {**ADAPTIVE, "reasoning_effort": "medium"},
        ["reasoning_effort"],
    ),
    ("medium", OFF, OFF, []),
    (
        "medium",
        {"thinking": {"type": "between_tools"}},
        {"thinking": {"type": "between_tools"}},
        [],
    ),
    ("high", ADAPTIVE, ADAPTIVE, []),
    (
        "medium",
        {"reasoning": {"effort": "max", "exclude": True}},
        {"reasoning": {"effort": "medium", "exclude": True}},
        ["reasoning.effort"],
    ),
    ("medium", {"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low"}}, []),
    (
        "medium",
        {"reasoning": {"max_tokens": 30000}},
        {"reasoning": {"max_tokens": 10000}},
        ["reasoning.max_tokens"],
    ),
    (
        "medium",
        {"reasoning": {"max_tokens": -1}},
        {"reasoning": {"max_tokens": 10000}},
        ["reasoning.max_tokens"],
    ),
    (
        "medium",
        {"reasoning": {"effort": "extreme"}},
        {"reasoning": {"effort": "medium"}},
        ["reasoning.effort"],
    ),
    (
        "medium",
        thinking(budget_tokens=-1),
        thinking(budget_tokens=10000),
        ["thinking.budget_tokens"],
    ),
    (
        "medium",
        {"reasoning": {"enabled": True}},
        {"reasoning": {"enabled": True, "effort": "medium"}},
        ["reasoning.effort"],
    ),
    ("high", {"reasoning": {"enabled": True}}, {"reasoning": {"enabled": True}}, []),
    ("medium", {"reasoning": {"enabled": False}}, {"reasoning": {"enabled": False}}, []),
    ("medium", {"reasoning": {}}, {"reasoning": {}}, []),
    (
        "medium",
        config(thinking_budget=30000),
        config(thinking_budget=10000),
        ["google.thinking_config.thinking_budget"],
    ),
    (
        "medium",
        config(thinking_budget=-1),
        config(thinking_budget=10000),
        ["google.thinking_config.thinking_budget"],
    ),
    (
        "medium",
        config(thinking_level="HIGH"),
        config(thinking_level="medium"),
        ["google.thinking_config.thinking_level"],
    ),
    ("medium", config(thinking_level="low"), config(thinking_level="low"), []),
    (
        "medium",
        {"extra_body": config(thinking_budget=30000)},
        {"extra_body": config(thinking_budget=10000)},
        ["extra_body.google.thinking_config.thinking_budget"],
    ),
    (
        "medium",
        {"google": {"labels": {}}, "extra_body": {"x": 1}},
        {"google": {"labels": {}}, "extra_body": {"x": 1}},
        [],
    ),
    ("none", ADAPTIVE, {"reasoning_effort": "none"}, ["thinking"]),
    ("none", {"reasoning": {"effort": "low"}}, {"reasoning_effort": "none"}, ["reasoning"]),
    (
        "none",
        config(thinking_budget=5),
        {"google": {}, "reasoning_effort": "none"},
        ["google.thinking_config"],
    ),
    ("none", {}, {}, []),
    ("warm", ADAPTIVE, ADAPTIVE, []),
]
SHORT = {"max_completion_tokens": 5000}


@pytest.mark.parametrize(("persona", "asked", "sent", "changed"), CASES)
def test_every_form_is_held_to_the_effort(
    persona: str, asked: dict[str, Any], sent: dict[str, Any], changed: list[str]
) -> None:
    assert applied(persona, asked) == (sent, changed)


@pytest.mark.parametrize("persona", ["short", "both"])
def test_budgets_are_held_to_the_limit_of_the_answer(persona: str) -> None:
    """The lower of both limits counts."""
    assert applied(persona, thinking(budget_tokens=9000)) == (
        {**thinking(budget_tokens=5000), **SHORT},
        ["thinking.budget_tokens"],
    )
    reasoning = {"reasoning": {"max_tokens": 9000}}
    assert applied(persona, reasoning) == (
        {"reasoning": {"max_tokens": 5000}, **SHORT},
        ["reasoning.max_tokens"],
    )
    assert applied("short", config(thinking_budget=-1)) == (
        {**config(thinking_budget=-1), **SHORT},
        [],
    )
    assert applied("short", {"reasoning": {"effort": "max"}}) == (
        {"reasoning": {"effort": "max"}, **SHORT},
        [],
    )


def applied(persona: str, fields: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What of a request's fields is sent, and which are told to be changed; the request itself
    stays as it is.
    """
    body = {"model": persona, "messages": [{"role": "user", "content": "hi"}], **fields}
    before = deepcopy(body)
    found = resolve(CONFIG, persona)
    assert isinstance(found, Persona)
    request, notes = personas.apply(found, ChatRequest(body))
    assert body == before
    return {k: v for k, v in request.body.items() if k not in ("model", "messages")}, [
        note.param for note in notes
    ]
