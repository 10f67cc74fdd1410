"""gateway.routing.facts: what a decision reads of a request beside its needs."""

from typing import Any

import pytest

from gateway.routing.facts import Caller, Facts, facts_of
from translators.chat.request import ChatRequest

FUNCTION = {"name": "f"}
TOOL = {"type": "function", "function": FUNCTION}
MAP = {"type": "object", "additionalProperties": {"type": "string"}}


def of(**body: Any) -> Facts:
    return facts_of(ChatRequest({"model": "p", "messages": [{"role": "user", "content": "hi"}], **body}), None, Caller())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, False),
        ({"tools": [TOOL], "tool_choice": "auto"}, False),
        ({"tools": [TOOL], "tool_choice": "none"}, False),
        ({"tools": [TOOL], "tool_choice": "required"}, True),
        ({"tools": [TOOL], "tool_choice": TOOL}, True),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}}, False),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOL]}}}, True),
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


@pytest.mark.parametrize("wanted", [None, {"type": "text"}, {"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "n"}}])
def test_no_schema_is_none(wanted: Any) -> None:
    assert of(response_format=wanted).schema is None
