"""What reading a request keeps, mends and refuses, where a golden case does not show it by
itself."""

from typing import Any

import pytest

from translators.claude.inbound.request import read
from translators.claude.inbound.tools import is_strict
from translators.errors import InvalidRequest

SEARCH = {"type": "web_search_20250305", "name": "web_search"}
TICK = {"name": "tick", "input_schema": {"type": "object"}}


def body(**more: Any) -> dict[str, Any]:
    return {
        "model": "asked",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "x"}],
        **more,
    }


def hub(**more: Any) -> Any:
    return read(body(**more), {}, 0).request.body


@pytest.mark.parametrize("tools", [[SEARCH], [SEARCH, TICK]])
def test_a_choice_of_the_search_itself_is_no_choice_of_a_function(tools: Any) -> None:
    assert "tool_choice" not in hub(tools=tools, tool_choice={"type": "tool", "name": "web_search"})


def test_a_choice_of_a_tool_that_is_not_loaded_is_told() -> None:
    tools = [TICK, {**TICK, "name": "tock", "defer_loading": True}]
    found = read(body(tools=tools, tool_choice={"type": "tool", "name": "tock"}), {}, 0)
    assert "tool_choice" not in found.request.body
    assert [(note.kind, note.param) for note in found.notes] == [("dropped", "tool_choice")]


def test_nulls_are_absences() -> None:
    names = (
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "metadata",
        "temperature",
        "stop_sequences",
        "mcp_servers",
    )
    assert hub(**dict.fromkeys(names)) == hub()


def test_the_callers_document_is_not_changed() -> None:
    blocks: Any = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]
    given = body(system=blocks, messages=[{"role": "user", "content": blocks}], tools=[TICK])
    before = repr(given)
    read(given, {}, 0)
    assert repr(given) == before


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": "x"}, "messages"),
        ({"messages": [1]}, "messages.0"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages.0.content.0"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
            "messages.0.content.0.source",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
            "messages.0.content.0.tool_use_id",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a"}]}]},
            "messages.0.content.0.name",
        ),
        ({"system": 1}, "system"),
        ({"tools": {}}, "tools"),
        ({"tools": [1]}, "tools.0"),
        ({"tools": [{"name": 1}]}, "tools.0.custom.name"),
        ({"tools": [{"name": "t", "input_schema": {"type": 5}}]}, "tools.0.custom.input_schema"),
        ({"tools": [TICK], "tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tools": [TICK], "tool_choice": {"type": "tool", "name": "tock"}}, "tool_choice"),
        ({"tools": [TICK], "tool_choice": {"type": "tool", "name": "web_search"}}, "tool_choice"),
        ({"temperature": "warm"}, "temperature"),
        ({"thinking": "yes"}, "thinking"),
        ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens"),
        ({"output_config": {"effort": "some"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"stop_sequences": [1]}, "stop_sequences"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(more: Any, path: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read(body(**more), {}, 0)
    assert (error.value.param or "").startswith(path)


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        (
            {
                "type": "object",
                "properties": {"a": {}},
                "required": ["a"],
                "additionalProperties": False,
            },
            True,
        ),
        (
            {
                "type": "object",
                "properties": {"a": {}},
                "required": [],
                "additionalProperties": False,
            },
            False,
        ),
        ({"type": "object", "properties": {}}, False),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "object"}},
                "required": ["a"],
                "additionalProperties": False,
            },
            False,
        ),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"$defs": {"x": {"type": "object"}}, "type": "string"}, False),
        ({"type": "string"}, True),
    ],
)
def test_a_schema_is_strict_if_nothing_in_it_is_optional(schema: Any, strict: bool) -> None:
    assert is_strict(schema) == strict


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(1024, "minimal"), (2048, "low"), (9000, "medium"), (16_000, "high"), (31_999, "xhigh")],
)
def test_a_budget_is_an_effort(budget: int, effort: str) -> None:
    assert hub(thinking={"type": "enabled", "budget_tokens": budget})["reasoning_effort"] == effort
