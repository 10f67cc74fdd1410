"""gateway.routing.personas: prompt, defaults and limits laid over a request."""

from typing import Any

import pytest

from gateway.config import Persona
from gateway.routing import personas
from tests.routing.worlds import targets
from translators.chat.request import ChatRequest

USER = {"role": "user", "content": "hi"}
SHAPED = Persona(
    name="shaped",
    targets=targets("a/small"),
    system_prompt="Be brief.",
    defaults={"temperature": 0.2, "max_tokens": 100, "reasoning_effort": "low"},
    caps={"max_tokens": 300, "temperature": 0.5, "reasoning_effort": "medium"},
)


def applied(
    persona: Persona, of_rule: dict[str, Any] | None = None, **body: Any
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    request, notes = personas.apply(
        persona, ChatRequest({"model": persona.name, "messages": [USER], **body}), of_rule or {}
    )
    return request.body, [(note.kind, note.param) for note in notes]


def test_the_callers_value_beats_the_default_and_the_cap_beats_both() -> None:
    body, notes = applied(SHAPED)
    assert (body["temperature"], body["max_tokens"], body["reasoning_effort"], notes) == (
        0.2,
        100,
        "low",
        [],
    )
    body, notes = applied(
        SHAPED, temperature=0.9, max_completion_tokens=1000, reasoning_effort="high"
    )
    assert (body["temperature"], body["max_completion_tokens"], body["reasoning_effort"]) == (
        0.5,
        300,
        "medium",
    )
    assert "max_tokens" not in body
    assert sorted(notes) == [
        ("changed", "max_completion_tokens"),
        ("changed", "reasoning_effort"),
        ("changed", "temperature"),
    ]


def test_a_rules_default_beats_the_personas_in_either_spelling() -> None:
    body, _ = applied(SHAPED, {"max_completion_tokens": 50, "temperature": 0.1})
    assert (body.get("max_tokens"), body["max_completion_tokens"], body["temperature"]) == (
        None,
        50,
        0.1,
    )
    body, _ = applied(SHAPED, {"max_completion_tokens": 50}, max_tokens=70)
    assert (body["max_tokens"], body.get("max_completion_tokens")) == (70, None)


def test_a_rule_is_held_to_the_caps() -> None:
    body, _ = applied(SHAPED, {"max_tokens": 5000})
    assert body["max_tokens"] == 300


def test_a_token_cap_holds_for_who_names_no_limit() -> None:
    body, notes = applied(Persona(name="p", targets=targets("a/small"), caps={"max_tokens": 300}))
    assert (body["max_completion_tokens"], notes) == (300, [])


@pytest.mark.parametrize(
    ("mode", "messages", "texts"),
    [
        ("prepend", [{"role": "system", "content": "own"}, USER], ["Be brief.", "own", "hi"]),
        ("default", [{"role": "developer", "content": "own"}, USER], ["own", "hi"]),
        ("default", [USER], ["Be brief.", "hi"]),
        ("replace", [{"role": "system", "content": "own"}, USER], ["Be brief.", "hi"]),
    ],
)
def test_how_the_system_prompt_meets_the_callers(
    mode: Any, messages: list[Any], texts: list[str]
) -> None:
    persona = Persona(
        name="p", targets=targets("a/small"), system_prompt="Be brief.", system_prompt_mode=mode
    )
    body, _ = applied(persona, messages=messages)
    assert [message["content"] for message in body["messages"]] == texts


@pytest.mark.parametrize(
    ("caps", "body", "expected"),
    [
        ({"max_tokens": 300}, {"max_tokens": -1}, 300),
        ({"max_tokens": 300}, {"max_tokens": 0}, 300),
        ({"max_completion_tokens": 300}, {"max_completion_tokens": -1}, 300),
        ({"top_k": 40}, {"top_k": -1}, 40),
        ({"top_k": 40}, {"top_k": 0}, 40),
        ({"reasoning_effort": "medium"}, {"reasoning_effort": "default"}, "medium"),
        ({"reasoning_effort": "medium"}, {"reasoning_effort": "extreme"}, "medium"),
    ],
)
def test_a_servers_own_word_for_much_is_held_too(
    caps: dict[str, Any], body: dict[str, Any], expected: Any
) -> None:
    (name,) = body
    held, notes = applied(Persona(name="p", targets=targets("a/small"), caps=caps), **body)
    assert (held[name], notes) == (expected, [("changed", name)])


@pytest.mark.parametrize(
    ("caps", "body"),
    [
        ({"temperature": 1}, {"temperature": -1}),
        ({"n": 2}, {"n": 0}),
        ({"reasoning_effort": "low"}, {"reasoning_effort": "none"}),
    ],
)
def test_what_is_little_in_every_words_is_not(caps: dict[str, Any], body: dict[str, Any]) -> None:
    (name,) = body
    held, notes = applied(Persona(name="p", targets=targets("a/small"), caps=caps), **body)
    assert (held[name], notes) == (body[name], [])
