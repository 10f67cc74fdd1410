"""The documented shape of each parameter and the check of it say the same."""

from typing import Any, Final

import pytest
from openapi_schema_validator import OAS31Validator

from translators.chat.parameter_schemas import CHECKED, MESSAGE, SCHEMAS
from translators.chat.parameters import PARAMETERS
from translators.chat.request import parse
from translators.errors import InvalidRequest

SAMPLES: Final[list[Any]] = [
    True, False, 0, 1, -1, 1.0, 1.5, "", "x", [], ["x"], [1], [["x"]], [{}],
    [{"type": "function"}], {}, {"a": "x"}, {"a": 1}, {"a": {}},
    {"name": "x"}, {"name": 1}, {"type": "text"}, {"type": 1}, {"type": "json_object"},
    {"include_usage": True},
    [{"type": "function", "function": {"name": "f"}}], [{"type": "function",
     "function": {"name": ""}}],
    [{"type": "function", "function": {"name": "f", "description": 1}}], [{"type": "function",
     "function": {"name": "f", "strict": "no"}}],
    [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"},
     "description": None, "strict": True}}],
    [{"type": "function", "function": {"name": "f", "parameters": []}}], [{"type": "custom",
     "custom": {"name": "c"}}],
    [{"type": "web_search"}], [{"name": "f"}], [{"name": ""}], [{"name": "f", "parameters": None}],
    [{"name": "f", "parameters": "x"}],
]  # fmt: skip
DEEPER: Final = {"tools"}
"""Whose check looks further than the schema: a tool has what its type says."""


def documented(name: str, value: Any) -> bool:
    return OAS31Validator(SCHEMAS[name]).is_valid(value)


def checked(name: str, value: Any) -> bool:
    try:
        PARAMETERS[name](value, name)
    except InvalidRequest:
        return False
    return True


def test_every_parameter_that_is_checked_is_documented() -> None:
    assert CHECKED.keys() == {"messages", *PARAMETERS}


@pytest.mark.parametrize("name", PARAMETERS)
def test_what_the_document_refuses_is_refused(name: str) -> None:
    assert [
        value for value in SAMPLES if checked(name, value) and not documented(name, value)
    ] == []


@pytest.mark.parametrize("name", sorted(PARAMETERS.keys() - DEEPER))
def test_what_is_refused_the_document_refuses(name: str) -> None:
    assert [
        value for value in SAMPLES if documented(name, value) and not checked(name, value)
    ] == []


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_document_takes_something_and_refuses_something(name: str) -> None:
    assert {documented(name, value) for value in SAMPLES} == {True, False}


@pytest.mark.parametrize(
    ("message", "taken"),
    [
        ({"role": "user", "content": "x", "name": "ann"}, True),
        ({"role": "user", "content": [{"type": "text", "text": "x"}]}, True),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f"}}],
            },
            True,
        ),
        (
            {
                "role": "assistant",
                "content": "x",
                "tool_calls": None,
                "function_call": None,
                "refusal": None,
            },
            True,
        ),
        (
            {
                "role": "assistant",
                "content": "x",
                "function_call": {"name": "f", "arguments": "{}"},
            },
            True,
        ),
        ({"content": "x"}, False),
        ({"role": "robot", "content": "x"}, False),
        ({"role": "user", "content": 1}, False),
        ({"role": "user", "content": [{"text": "x"}]}, False),
        ({"role": "assistant", "content": "x", "tool_calls": {}}, False),
        (
            {
                "role": "assistant",
                "content": "x",
                "tool_calls": [{"type": "function", "function": {}}],
            },
            False,
        ),
        ({"role": "assistant", "content": "x", "function_call": {}}, False),
    ],
)
def test_messages_are_documented_as_they_are_checked(message: dict[str, Any], taken: bool) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}, message]}
    assert OAS31Validator(MESSAGE).is_valid(message) == taken
    if taken:
        assert parse(body).messages[1] == message
    else:
        with pytest.raises(InvalidRequest):
            parse(body)
