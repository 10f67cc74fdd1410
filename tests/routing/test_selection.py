"""gateway.routing: what a request needs, who can give it, in which order, and why not."""

from typing import Any

import pytest

from gateway.config import Config
from gateway.errors import ModelNotFound
from gateway.routing import personas
from gateway.routing.failover import MOVES_ON, attempts
from gateway.routing.requirements import derive
from gateway.routing.selection import Plan, plan, refusal, resolve
from tests.serving import config_of
from translators.chat.request import ChatRequest
from translators.errors import FailureKind

CAPABILITIES = """
version: 1
providers:
  a:
    dialect: openai
    base_url: http://a.example/v1
    key_variable: null
    models:
      small: {context_window: 1000, max_output_tokens: 500, capabilities: [streaming, tool_calling], cost_tier: low}
      large: {context_window: 100000, max_output_tokens: 5000, capabilities: [streaming, tool_calling, vision, pdf], cost_tier: high}
  b:
    dialect: claude
    base_url: http://b.example
    key_variable: B_KEY
    models:
      sees: {context_window: 50000, max_output_tokens: 500, capabilities: [tool_calling, vision, json_schema, streaming], cost_tier: medium}
      free: {context_window: 50000, max_output_tokens: 5000, capabilities: [tool_calling], forced_tool_choice: "no", cost_tier: medium}
"""
POLICY = """
version: 1
direct_models: true
personas:
  p: {description: d, targets: [a/small, a/large, b/sees]}
  thrifty: {description: d, targets: [a/small, b/sees], max_cost_tier: medium, requires: [streaming]}
  free_first: {description: d, targets: [b/free, a/small]}
  free_only: {description: d, targets: [b/free]}
  shaped:
    description: d
    targets: [a/small]
    system_prompt: Be brief.
    defaults: {temperature: 0.2, max_tokens: 100, reasoning_effort: low}
    caps: {max_tokens: 300, temperature: 0.5, reasoning_effort: medium}
"""
USER = {"role": "user", "content": "hi"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}


@pytest.fixture(scope="module")
def config() -> Config:
    return config_of(POLICY, {"B_KEY": "k"}, CAPABILITIES)


def planned(config: Config, model: str = "p", size: int = 100, **body: Any) -> Plan:
    request = ChatRequest({"model": model, "messages": [USER], **body}, size)
    persona, targets = resolve(config, model)
    return plan(config, persona, targets, request)


def verdicts(made: Plan) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(c.name, c.verdict, c.reasons) for c in made.candidates]


def needs(**body: Any) -> list[tuple[str, str]]:
    return [(n.capability, n.cause) for n in derive(ChatRequest({"model": "p", "messages": [USER], **body}), None)]


def file(**fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "file", "file": fields}]}]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, []),
        ({"stream": True}, [("streaming", "stream")]),
        ({"tools": [1]}, [("tool_calling", "tools")]),
        ({"functions": [1]}, [("tool_calling", "functions")]),
        ({"tools": [], "n": 1, "logprobs": False, "modalities": ["text"]}, []),
        ({"response_format": {"type": "json_schema"}}, [("json_schema", "response_format")]),
        ({"response_format": {"type": "json_object"}}, []),
        ({"n": 2}, [("multiple_choices", "n")]),
        ({"logprobs": True}, [("logprobs", "logprobs")]),
        ({"modalities": ["text", "audio"]}, [("audio_output", "modalities")]),
        ({"modalities": ["image"]}, [("image_output", "modalities")]),
        ({"web_search_options": {}}, [("web_search", "web_search_options")]),
        (
            {"messages": [USER, {"role": "user", "content": [{"type": "text", "text": "x"}, IMAGE, IMAGE]}]},
            [("vision", "messages[1].content[1]")],
        ),
        ({"messages": file(file_data="data:application/pdf;base64,AA==")}, [("pdf", "messages[0].content[0]")]),
        ({"messages": file(file_data="data:image/png;base64,AA==")}, [("vision", "messages[0].content[0]")]),
        ({"messages": file(file_data="data:text/plain;base64,AA==")}, []),
        ({"messages": file(file_data="AA==", filename="a.csv")}, []),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            [("audio_input", "messages[0].content[0]")],
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:application/pdf;base64,AA"}}]}]},
            [("pdf", "messages[0].content[0]")],
        ),
    ],
)
def test_needs_of_a_request(body: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert needs(**body) == found


def test_the_first_eligible_target_is_chosen(config: Config) -> None:
    assert verdicts(planned(config)) == [("a/small", "chosen", ()), ("a/large", "eligible", ()), ("b/sees", "eligible", ())]
    image = [{"role": "user", "content": [IMAGE]}]
    assert verdicts(planned(config, messages=image)) == [
        ("a/small", "rejected", ("missing_capability:vision",)),
        ("a/large", "chosen", ()),
        ("b/sees", "eligible", ()),
    ]


def test_cost_tier_and_persona_requirements(config: Config) -> None:
    made = planned(config, "thrifty")
    assert [(n.capability, n.cause) for n in made.requirements] == [("streaming", "persona")]
    assert verdicts(made) == [("a/small", "chosen", ()), ("b/sees", "eligible", ())]


def test_a_prompt_goes_only_where_it_fits(config: Config) -> None:
    """Small requests are proven to fit by their size; larger ones are estimated, once."""
    assert planned(config).estimated_tokens is None
    long = [{"role": "user", "content": "many words " * 2000}]
    made = planned(config, size=30_000, messages=long, max_tokens=400)
    assert made.estimated_tokens is not None
    assert [v for _, v, _ in verdicts(made)] == ["rejected", "chosen", "eligible"]
    assert made.candidates[0].reasons[0].startswith("context_overflow: needs ")


def test_a_missing_key_is_an_unavailable_target() -> None:
    config = config_of(POLICY, {}, CAPABILITIES)
    made = planned(config, "free_only")
    assert verdicts(made) == [("b/free", "rejected", ("unavailable: B_KEY is not set",))]
    error = refusal(made)
    assert (error.status, error.code) == (503, "no_available_target")


def test_a_forced_tool_prefers_models_that_can_be_forced(config: Config) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    for choice in (
        "required",
        {"type": "function", "function": {"name": "f"}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "required"}},
    ):
        made = planned(config, "free_first", tools=tools, tool_choice=choice)
        assert verdicts(made) == [("b/free", "rejected", ("cannot_force_tools",)), ("a/small", "chosen", ())]
    assert verdicts(planned(config, "free_only", tools=tools, tool_choice="required")) == [("b/free", "chosen", ())]
    assert verdicts(planned(config, "free_first", tools=tools, tool_choice="auto"))[0] == ("b/free", "chosen", ())


def test_refusals_name_the_field(config: Config) -> None:
    error = refusal(planned(config, "thrifty", n=9))
    assert (error.status, error.param, error.code) == (400, "n", "no_eligible_target")
    assert "a/small: missing_capability:multiple_choices" in error.message


def test_names(config: Config) -> None:
    assert resolve(config, "a/small")[0] is None
    for name in ("nobody", "a/none", "none/small", "a", ""):
        with pytest.raises(ModelNotFound, match="thrifty"):
            resolve(config, name)
    closed = config_of(POLICY.replace("direct_models: true", "direct_models: false"), {}, CAPABILITIES)
    with pytest.raises(ModelNotFound):
        resolve(closed, "a/small")


def shaped(config: Config, **body: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    request, notes = personas.apply(config.personas["shaped"], ChatRequest({"model": "shaped", "messages": [USER], **body}))
    return request.body, [(note.kind, note.param) for note in notes]


def test_the_callers_value_beats_the_default_and_the_cap_beats_both(config: Config) -> None:
    body, notes = shaped(config)
    assert (body["temperature"], body["max_tokens"], body["reasoning_effort"], notes) == (0.2, 100, "low", [])
    body, notes = shaped(config, temperature=0.9, max_completion_tokens=1000, reasoning_effort="high")
    assert (body["temperature"], body["max_completion_tokens"], body["reasoning_effort"]) == (0.5, 300, "medium")
    assert "max_tokens" not in body
    assert sorted(notes) == [("changed", "max_completion_tokens"), ("changed", "reasoning_effort"), ("changed", "temperature")]


def test_a_token_cap_holds_for_who_names_no_limit() -> None:
    policy = "version: 1\npersonas:\n  p: {description: d, targets: [a/small], caps: {max_tokens: 300}}\n"
    persona = config_of(policy, {}, CAPABILITIES).personas["p"]
    request, notes = personas.apply(persona, ChatRequest({"model": "p", "messages": [USER]}))
    assert (request.max_tokens, notes) == (300, ())


@pytest.mark.parametrize(
    ("mode", "messages", "roles"),
    [
        ("prepend", [{"role": "system", "content": "own"}, USER], ["Be brief.", "own", "hi"]),
        ("default", [{"role": "developer", "content": "own"}, USER], ["own", "hi"]),
        ("default", [USER], ["Be brief.", "hi"]),
        ("replace", [{"role": "system", "content": "own"}, USER], ["Be brief.", "hi"]),
    ],
)
def test_how_the_system_prompt_meets_the_callers(mode: str, messages: list[Any], roles: list[str]) -> None:
    policy = f"version: 1\npersonas:\n  p: {{description: d, targets: [a/small], system_prompt: Be brief., system_prompt_mode: {mode}}}\n"
    persona = config_of(policy, {}, CAPABILITIES).personas["p"]
    request, _ = personas.apply(persona, ChatRequest({"model": "p", "messages": messages}))
    assert [m["content"] for m in request.messages] == roles


def tried(config: Config, *kinds: FailureKind | None) -> list[str]:
    """The targets attempted when every attempt ends as told."""
    steps = attempts(planned(config).eligible)
    names = [next(steps).candidate.name]
    for kind in kinds:
        try:
            names.append(steps.send(kind).candidate.name)
        except StopIteration:
            return [*names, "end"]
    return names


def test_failover_order(config: Config) -> None:
    assert tried(config, FailureKind.CONNECT, FailureKind.RATE_LIMIT, FailureKind.OVERLOADED) == ["a/small", "a/large", "b/sees", "end"]
    assert tried(config, FailureKind.INVALID_REQUEST) == ["a/small", "end"]
    assert tried(config, None, None) == ["a/small", "a/large", "b/sees"]


def test_an_overflow_moves_only_to_a_larger_window(config: Config) -> None:
    assert tried(config, FailureKind.CONNECT, FailureKind.CONTEXT_LENGTH) == ["a/small", "a/large", "end"]


def test_every_failure_has_its_rule() -> None:
    assert set(MOVES_ON) == set(FailureKind)
