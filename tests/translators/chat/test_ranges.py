"""translators.chat.ranges: values out of OpenAI's ranges and vocabularies, told by the target that
does not take them and by no other.
"""

from typing import Any, Final

import pytest

from tests.serving import config_of
from translators.capabilities import ModelRecord, Thinking
from translators.chat.ranges import RANGED, RANGES, within_ranges
from translators.chat.request import ChatRequest, parse
from translators.dialect import Target
from translators.errors import InvalidRequest
from translators.json_codec import loads
from translators.registry import DIALECTS

CONFIG: Final = config_of(
    "version: 1\npersonas:\n  p: {description: d, targets: [openai/gpt-4.1]}\n", {}
)
STRICT: Final = {
    "openai": "gpt-4.1",
    "responses": "gpt-6-sol",
    "claude": "claude-sonnet-4-6",
    "gemini": "gemini-2.5-flash",
}
RELAY: Final = ModelRecord(
    context_window=100_000,
    max_output_tokens=8000,
    thinking=Thinking(kind="effort", levels=("none", "low", "high"), switch_off="omit"),
)
USER: Final = {"role": "user", "content": "hi"}
TOOLS: Final = [{"type": "function", "function": {"name": "f"}}]


def target(dialect: str) -> Target:
    if dialect == "relay":
        return Target("local", "openai", "http://local.example/v1", "m", RELAY)
    provider = "openai" if dialect == "responses" else dialect
    return Target(
        provider,
        provider,
        "https://api.example/v1",
        "m",
        CONFIG.providers[provider].models[STRICT[dialect]].record,
    )


def asked(**fields: Any) -> ChatRequest:
    return parse({"model": "p", "messages": [USER], **fields})


def built(dialect: str, **fields: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    upstream = DIALECTS["openai" if dialect == "relay" else dialect].build_request(
        asked(**fields), target(dialect)
    )
    return loads(upstream.body), [(note.kind, note.param) for note in upstream.notes]


OUT_OF_RANGE: Final[list[tuple[dict[str, Any], str, str, str]]] = [
    (
        {"temperature": 2.1},
        "temperature",
        "decimal_above_max_value",
        "Invalid 'temperature': expected a value <= 2, but got 2.1 instead.",
    ),
    (
        {"temperature": -1},
        "temperature",
        "integer_below_min_value",
        "Invalid 'temperature': expected a value >= 0, but got -1 instead.",
    ),
    (
        {"top_p": 7},
        "top_p",
        "integer_above_max_value",
        "Invalid 'top_p': expected a value <= 1, but got 7 instead.",
    ),
    (
        {"top_k": -2},
        "top_k",
        "integer_below_min_value",
        "Invalid 'top_k': expected a value >= 0, but got -2 instead.",
    ),
    (
        {"presence_penalty": 3},
        "presence_penalty",
        "integer_above_max_value",
        "Invalid 'presence_penalty': expected a value <= 2, but got 3 instead.",
    ),
    (
        {"max_tokens": 0},
        "max_tokens",
        "integer_below_min_value",
        "Invalid 'max_tokens': expected a value >= 1, but got 0 instead.",
    ),
    (
        {"max_completion_tokens": -5.0},
        "max_completion_tokens",
        "integer_below_min_value",
        "Invalid 'max_completion_tokens': expected a value >= 1, but got -5 instead.",
    ),
    (
        {"n": 0},
        "n",
        "integer_below_min_value",
        "Invalid 'n': expected a value >= 1, but got 0 instead.",
    ),
    (
        {"n": 10**9},
        "n",
        "integer_above_max_value",
        "Invalid 'n': expected a value <= 128, but got 1000000000 instead.",
    ),
    (
        {"seed": 2**63},
        "seed",
        "integer_above_max_value",
        f"Invalid 'seed': expected a value <= 9.22337e+18, but got {2**63} instead.",
    ),
    (
        {"logprobs": True, "top_logprobs": 21},
        "top_logprobs",
        "integer_above_max_value",
        "Invalid 'top_logprobs': expected a value <= 20, but got 21 instead.",
    ),
    (
        {"tools": TOOLS, "tool_choice": "maybe"},
        "tool_choice",
        "invalid_value",
        "Invalid value: 'maybe'. Supported values are: 'none', 'auto', 'required'.",
    ),
    (
        {"tools": TOOLS, "tool_choice": {"type": "x"}},
        "tool_choice.type",
        "invalid_value",
        "Invalid value: 'x'. Supported values are: 'function', 'custom', 'allowed_tools'.",
    ),
    (
        {"functions": [{"name": "f"}], "function_call": "x"},
        "function_call",
        "invalid_value",
        "Invalid value: 'x'. Supported values are: 'none', 'auto'.",
    ),
    (
        {"response_format": {"type": "xml"}},
        "response_format.type",
        "invalid_value",
        "Invalid value: 'xml'. Supported values are: 'text', 'json_object', 'json_schema'.",
    ),
    (
        {"reasoning_effort": "extreme"},
        "reasoning_effort",
        "invalid_value",
        (
            "Invalid value: 'extreme'. Supported values are: 'none', 'minimal', 'low', 'medium',"
            " 'high', 'xhigh', 'max'."
        ),
    ),
    (
        {"verbosity": "chatty"},
        "verbosity",
        "invalid_value",
        "Invalid value: 'chatty'. Supported values are: 'low', 'medium', 'high'.",
    ),
    (
        {"metadata": {str(i): "" for i in range(17)}},
        "metadata",
        "object_above_max_properties",
        "Invalid 'metadata': at most 16 pairs, but got 17.",
    ),
]


@pytest.mark.parametrize("dialect", STRICT)
@pytest.mark.parametrize(
    ("fields", "param", "code", "message"), OUT_OF_RANGE, ids=range(len(OUT_OF_RANGE))
)
def test_a_value_out_of_range_is_refused_by_the_target(
    dialect: str, fields: dict[str, Any], param: str, code: str, message: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        built(dialect, **fields)
    assert (caught.value.param, caught.value.code, caught.value.status, caught.value.message) == (
        param,
        code,
        400,
        message,
    )


@pytest.mark.parametrize(
    ("fields", "param", "code", "message"), OUT_OF_RANGE, ids=range(len(OUT_OF_RANGE))
)
def test_a_server_with_ranges_of_its_own_gets_it_as_it_came(
    fields: dict[str, Any], param: str, code: str, message: str
) -> None:
    body, notes = built("relay", **fields)
    sent = {
        "max_completion_tokens" if name == "max_tokens" else name: value
        for name, value in fields.items()
    }
    assert ({name: body[name] for name in sent}, notes) == (sent, [])


@pytest.mark.parametrize(("dialect", "most"), [("openai", 4), ("responses", 4), ("gemini", 5)])
def test_how_many_stop_sequences_are_taken(dialect: str, most: int) -> None:
    assert built(dialect, stop=["x"] * most)[0]
    with pytest.raises(InvalidRequest) as caught:
        built(dialect, stop=["x"] * (most + 1))
    assert (caught.value.param, caught.value.code) == ("stop", "array_above_max_length")
    assert (
        caught.value.message
        == f"Invalid 'stop': array too long. Expected an array with maximum length {most}, but got"
        f" {most + 1} instead."
    )


def test_claude_and_other_servers_take_more_of_them() -> None:
    many = [f"stop {i}" for i in range(16)]
    assert built("claude", stop=many)[0]["stop_sequences"] == many
    assert built("relay", stop=many)[0]["stop"] == many


def test_no_more_are_looked_for_by_the_gateway_itself() -> None:
    """Each of them costs something in every chunk."""
    record = ModelRecord(
        context_window=1000, max_output_tokens=1000, unsupported=frozenset({"stop"})
    )
    with pytest.raises(InvalidRequest, match="array too long"):
        DIALECTS["openai"].build_request(
            asked(stop=["x"] * 5), Target("local", "openai", "http://a", "m", record)
        )


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("dialect", STRICT)
def test_minus_one_is_no_limit(dialect: str, name: str) -> None:
    body, notes = built(dialect, **{name: -1})
    assert (body, notes) == (built(dialect)[0], [("emulated", name)])


def test_a_server_that_takes_minus_one_gets_it() -> None:
    assert built("relay", max_tokens=-1) == ({**built("relay")[0], "max_completion_tokens": -1}, [])


@pytest.mark.parametrize("dialect", STRICT)
@pytest.mark.parametrize("fields", [{"reasoning_effort": "default"}, {"top_k": -1}])
def test_what_says_nothing_is_left_out(dialect: str, fields: dict[str, Any]) -> None:
    assert built(dialect, **fields) == built(dialect)


def test_to_another_server_it_says_something() -> None:
    body, notes = built("relay", reasoning_effort="default", top_k=-1, min_p=0.1)
    assert (body["reasoning_effort"], body["top_k"], body["min_p"], notes) == (
        "default",
        -1,
        0.1,
        [],
    )


@pytest.mark.parametrize("dialect", STRICT)
def test_any_tool_is_a_required_one(dialect: str) -> None:
    assert built(dialect, tools=TOOLS, tool_choice="any") == built(
        dialect, tools=TOOLS, tool_choice="required"
    )
    assert built("relay", tools=TOOLS, tool_choice="any")[0]["tool_choice"] == "any"


def test_what_is_in_range_is_the_same_object() -> None:
    body = {
        "temperature": 2,
        "top_p": 0,
        "n": 128,
        "seed": -(2**63),
        "stop": ["a"] * 4,
        "verbosity": "low",
        "zap": -1,
        "seedling": None,
    }
    assert within_ranges(body) is body
    assert frozenset(RANGES) - {"max_tokens", "max_completion_tokens"} == RANGED


@pytest.mark.parametrize(("limits", "limit"), [
    ({"max_tokens": 5}, 5), ({"max_tokens": -1}, None), ({"max_tokens": 0}, None),
    ({"max_completion_tokens": -1, "max_tokens": 5}, None),
    ({"max_completion_tokens": 7, "max_tokens": -1}, 7), ({}, None),
])  # fmt: skip
def test_what_limits_the_answer(limits: dict[str, int], limit: int | None) -> None:
    assert asked(**limits).max_tokens == limit
