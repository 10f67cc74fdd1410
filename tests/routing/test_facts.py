"""gateway.routing.facts: what a decision reads of a request beside its needs."""

from typing import Any

import pytest

from gateway.routing.facts import MOST_ANSWERS, Caller, Facts, facts_of
from translators.chat.request import ChatRequest

FUNCTION = {"name": "f"}
TOOL = {"type": "function", "function": FUNCTION}
MAP = {"type": "object", "additionalProperties": {"type": "string"}}


def of(**body: Any) -> Facts:
    return facts_of(
        ChatRequest({"model": "p", "messages": [{"role": "user", "content": "hi"}], **body}),
        None,
        Caller(),
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, False),
        ({"tools": [TOOL], "tool_choice": "auto"}, False),
        ({"tools": [TOOL], "tool_choice": "none"}, False),
        ({"tools": [TOOL], "tool_choice": "required"}, True),
        ({"tools": [TOOL], "tool_choice": TOOL}, True),
        (
            {
                "tools": [TOOL],
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [TOOL]},
                },
            },
            False,
        ),
        (
            {
                "tools": [TOOL],
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [TOOL]},
                },
            },
            True,
        ),
        ({"tools": [TOOL], "tool_choice": "any"}, True),
        ({"tools": [TOOL], "tool_choice": {"type": "any"}}, True),
        ({"tools": [TOOL], "tool_choice": {"type": "auto"}}, False),
        ({"functions": [FUNCTION], "function_call": "auto"}, False),
        ({"functions": [FUNCTION], "function_call": FUNCTION}, True),
    ],
)
def test_whether_a_call_is_demanded(body: dict[str, Any], expected: bool) -> None:
    assert of(**body).forces_tool is expected


def test_a_schema_is_looked_into_once_and_forgotten() -> None:
    asked = of(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": MAP}})
    assert (asked.schema, asked.open_schema) == (MAP, None)
    assert asked.holds_open_schema() is True
    asked.forget({}, {})
    assert (asked.schema, asked.open_schema, asked.holds_open_schema()) == (None, True, True)
    assert of().holds_open_schema() is False


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "n"}},
    ],
)
def test_no_schema_is_none(wanted: Any) -> None:
    assert of(response_format=wanted).schema is None


@pytest.mark.parametrize(
    ("n", "answers"),
    [(None, 1), (1, 1), (0, 1), (-1, 1), (-(10**30), 1), (5, 5), (3.0, 3), (10**9, MOST_ANSWERS)],
)
def test_a_number_of_answers_is_reckoned_with_as_far_as_it_is_believable(
    n: Any, answers: int
) -> None:
    assert of(n=n).answers == answers


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": -1}, None),
        ({"max_completion_tokens": 0}, None),
        ({"max_tokens": -(10**300)}, None),
        ({}, None),
    ],
)
def test_what_is_no_limit_is_none(body: dict[str, Any], expected: int | None) -> None:
    assert of(**body).max_tokens == expected


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({}, 0),
        ({"tools": []}, 0),
        ({"tools": [TOOL, TOOL]}, 2),
        ({"functions": [FUNCTION]}, 1),
        ({"tools": [], "functions": [FUNCTION]}, 1),
    ],
)
def test_tools_are_counted(body: dict[str, Any], count: int) -> None:
    assert of(**body).tools == count
