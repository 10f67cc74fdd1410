"""translators.openai.request.tools: names that servers refuse get aliases, and what is empty says
nothing.
"""

from typing import Any, Final

import pytest

from translators.capabilities import ModelRecord
from translators.chat.request import ChatRequest
from translators.chat.tool_names import sanitised_name
from translators.dialect import PLAIN, AnswerShape, Target
from translators.errors import InvalidRequest
from translators.json_codec import loads
from translators.openai import build_request

RELAY: Final = ModelRecord(context_window=128_000, max_output_tokens=16_384)
OPENAI: Final = ModelRecord(
    context_window=128_000, max_output_tokens=16_384, message_fields=frozenset(), ranges="openai"
)
USER: Final = {"role": "user", "content": "hi"}
LONG: Final = "mcp__calendar__" + "x" * 70
NAMES: Final = ["bad name!", LONG, "größe", "a.b"]


def built(
    record: ModelRecord = OPENAI, **fields: Any
) -> tuple[dict[str, Any], list[tuple[str, str]], AnswerShape]:
    request = ChatRequest({"model": "p", "messages": [USER], **fields})
    upstream = build_request(request, Target("o", "openai", "https://api.example/v1", "m", record))
    return (
        loads(upstream.body),
        [(note.kind, note.param) for note in upstream.notes],
        upstream.shape,
    )


def function(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object"}},
        **more,
    }


@pytest.mark.parametrize("record", [OPENAI, RELAY])
def test_plain_names_are_relayed(record: ModelRecord) -> None:
    tools = [function("look"), {"type": "custom", "custom": {"name": "run-it_2"}}]
    choice = {"type": "function", "function": {"name": "look"}}
    body, notes, shape = built(record, tools=tools, tool_choice=choice)
    assert (body["tools"], body["tool_choice"], notes) == (tools, choice, [])
    assert shape == AnswerShape(declared_tools=frozenset({"look", "run-it_2"}))


@pytest.mark.parametrize("record", [OPENAI, RELAY])
@pytest.mark.parametrize("name", NAMES)
def test_other_names_are_sent_under_an_alias_everywhere(record: ModelRecord, name: str) -> None:
    alias = sanitised_name(name)
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    history = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": name, "content": ""},
    ]
    allowed = {"mode": "auto", "tools": [{"type": "function", "function": {"name": name}}]}
    body, notes, shape = built(
        record,
        messages=history,
        tools=[function("look"), function(name)],
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
    )
    assert [tool["function"]["name"] for tool in body["tools"]] == ["look", alias]
    assert body["tool_choice"]["allowed_tools"]["tools"] == [
        {"type": "function", "function": {"name": alias}}
    ]
    assert (
        body["messages"][1]["tool_calls"][0]["function"]["name"],
        body["messages"][2]["name"],
    ) == (alias, alias)
    assert (notes, shape.tool_names, shape.declared_tools) == (
        [],
        {alias: name},
        frozenset({"look", name}),
    )


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (
            {"type": "function", "function": {"name": LONG}},
            {"type": "function", "function": {"name": sanitised_name(LONG)}},
        ),
        ("required", "required"),
        (
            {"type": "tool", "name": LONG},
            {"type": "function", "function": {"name": sanitised_name(LONG)}},
        ),
        (
            {"type": "function", "name": LONG},
            {"type": "function", "function": {"name": sanitised_name(LONG)}},
        ),
    ],
)
def test_a_choice_names_the_alias(choice: Any, sent: Any) -> None:
    assert built(tools=[function(LONG)], tool_choice=choice)[0]["tool_choice"] == sent


def test_a_choice_in_a_servers_own_form_keeps_it() -> None:
    body, *_ = built(RELAY, tools=[function(LONG)], tool_choice={"type": "tool", "name": LONG})
    assert body["tool_choice"] == {"type": "tool", "name": sanitised_name(LONG)}


def test_custom_tools_and_functions_of_old() -> None:
    body, _, shape = built(
        tools=[{"type": "custom", "custom": {"name": "run it"}}],
        tool_choice={"type": "custom", "custom": {"name": "run it"}},
    )
    alias = sanitised_name("run it")
    assert (body["tools"], body["tool_choice"]) == (
        [{"type": "custom", "custom": {"name": alias}}],
        {"type": "custom", "custom": {"name": alias}},
    )
    assert shape.tool_names == {alias: "run it"}
    history = [
        USER,
        {
            "role": "assistant",
            "content": None,
            "function_call": {"name": "run it", "arguments": ""},
        },
        {"role": "function", "name": "run it", "content": "1"},
    ]
    body, _, shape = built(
        messages=history, functions=[{"name": "run it"}], function_call={"name": "run it"}
    )
    assert (body["functions"], body["function_call"], shape.tool_names) == (
        [{"name": alias}],
        {"name": alias},
        {alias: "run it"},
    )
    assert (body["messages"][1]["function_call"], body["messages"][2]["name"]) == (
        {"name": alias, "arguments": "{}"},
        alias,
    )


def test_a_name_that_only_the_history_knows_is_sent_under_an_alias_too() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "gone name!", "arguments": "{}"}}
    history = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
    ]
    assert built(messages=history)[0]["messages"][1]["tool_calls"][0]["function"][
        "name"
    ] == sanitised_name("gone name!")


def test_a_servers_own_tools_keep_their_names() -> None:
    tools = [{"type": "builtin_function", "function": {"name": "$find"}}, function("bad name!")]
    body, *_ = built(RELAY, tools=tools)
    assert body["tools"] == [tools[0], function(sanitised_name("bad name!"))]


def test_openai_is_not_asked_for_another_servers_tools() -> None:
    with pytest.raises(InvalidRequest) as caught:
        built(tools=[function("f"), {"type": "builtin_function", "function": {"name": "$find"}}])
    assert (caught.value.param, caught.value.code) == ("tools[1].type", "unsupported_value")


def test_a_tool_of_a_new_kind_is_relayed_to_everybody() -> None:
    tools = [{"type": "new_kind", "settings": {"x": 1}}]
    assert built(tools=tools)[0]["tools"] == built(RELAY, tools=tools)[0]["tools"] == tools


@pytest.mark.parametrize("record", [OPENAI, RELAY])
@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []},
        {"functions": []},
        {"tools": [], "functions": []},
        {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True},
    ],
)
def test_no_tools_are_no_tools(record: ModelRecord, fields: dict[str, Any]) -> None:
    assert built(record, **fields) == ({"model": "m", "messages": [USER]}, [], PLAIN)


def test_an_empty_list_beside_another_that_is_not() -> None:
    assert built(tools=[], functions=[{"name": "f"}])[0]["functions"] == [{"name": "f"}]
    assert "tools" not in built(tools=[], functions=[{"name": "f"}])[0]
    assert "functions" not in built(tools=[function("f")], functions=[])[0]


def test_a_choice_without_tools_means_something_to_servers_with_tools_of_their_own() -> None:
    assert built(tool_choice="none")[0] == {"model": "m", "messages": [USER]}
    assert built(RELAY, tool_choice="none")[0] == {
        "model": "m",
        "messages": [USER],
        "tool_choice": "none",
    }


def test_what_openai_does_not_know_of_tools_is_told() -> None:
    marked = function(
        "f", cache_control={"type": "ephemeral"}, defer_loading=True, input_examples=[]
    )
    body, notes, _ = built(tools=[marked, function("g")])
    assert body["tools"] == [function("f"), function("g")]
    assert notes == [("dropped", "tools.cache_control"), ("dropped", "tools.defer_loading")]
    assert built(RELAY, tools=[marked])[:2] == (
        {"model": "m", "messages": [USER], "tools": [marked]},
        [],
    )
