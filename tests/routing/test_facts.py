"""gateway.routing.facts: what a decision reads of a request beside its needs."""

from typing import Any

import pytest

from gateway.routing.facts import AnswerSchema, Caller, Facts, facts_of
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
    schema = of(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": MAP}}).schema
    assert schema is not None
    assert (schema.known, schema.open, schema.known) == (None, True, True)
    schema.forget()
    assert schema.open is True
    unknown = AnswerSchema(MAP)
    unknown.forget()
    assert unknown.open is False


@pytest.mark.parametrize("wanted", [None, {"type": "text"}, {"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "n"}}])
def test_no_schema_is_none(wanted: Any) -> None:
    assert of(response_format=wanted).schema is None
