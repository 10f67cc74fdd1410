"""translators.chat.calls: ids in the form that a server takes, and calls of kinds that are a
server's own.
"""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.capabilities import ModelRecord
from translators.chat.calls import SHORT, called_in, formed
from translators.chat.request import ChatRequest
from translators.dialect import Target
from translators.errors import InvalidRequest
from translators.json_codec import loads
from translators.registry import DIALECTS

RECORD: Final = ModelRecord(context_window=100_000, max_output_tokens=10_000)
OTHERS: Final = ("claude", "gemini", "responses")
BUILTIN: Final = {
    "id": "s1",
    "type": "builtin_function",
    "function": {"name": "find", "arguments": "{}"},
}
RESULT: Final = {"role": "tool", "tool_call_id": "s1", "content": "42"}


@given(st.text(min_size=1, max_size=120))
def test_an_id_keeps_to_its_form_and_is_the_same_each_time(call_id: str) -> None:
    assert formed(call_id, "any") == call_id
    short, nine = formed(call_id, "short"), formed(call_id, "nine")
    assert len(short) <= SHORT
    assert len(nine) == 9
    assert nine.isascii()
    assert nine.isalnum()
    assert (formed(short, "short"), formed(nine, "nine")) == (short, nine)
    assert (short == call_id) is (len(call_id) <= SHORT)


@pytest.mark.parametrize("form", ["short", "nine"])
def test_ids_that_begin_alike_stay_apart(form: Any) -> None:
    made = {formed("toolu_" + "x" * 50 + str(i), form) for i in range(500)}
    assert len(made) == 500


@pytest.mark.parametrize(
    ("call", "called"),
    [
        ({"function": {"name": "f"}}, {"name": "f"}),
        ({"type": None, "function": {"name": "f"}}, {"name": "f"}),
        ({"type": "custom", "custom": {"name": "f"}}, {"name": "f"}),
        ({"type": "builtin_function", "function": {"name": "f"}}, {"name": "f"}),
        ({"type": "mcp", "mcp": {"server": "s"}}, None),
    ],
)
def test_what_a_call_calls(call: dict[str, Any], called: dict[str, Any] | None) -> None:
    assert called_in(call) == called


def built(dialect: str, call: dict[str, Any], *more: dict[str, Any]) -> Any:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        *more,
    ]
    tools = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
    request = ChatRequest({"model": "p", "messages": messages, "tools": tools})
    target = Target(
        "x", "openai" if dialect == "responses" else dialect, "https://api.example/v1", "m", RECORD
    )
    return loads(DIALECTS[dialect].build_request(request, target).body)


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_function_of_another_servers_is_a_function(dialect: str) -> None:
    own = {**BUILTIN, "type": "function"}
    assert built(dialect, BUILTIN, RESULT) == built(dialect, own, RESULT)


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("kind", ["mcp", "web_search_call", "code_interpreter"])
def test_a_call_that_names_nothing_is_refused_where_it_stands(dialect: str, kind: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        built(dialect, {"id": "s1", "type": kind, kind: {"x": 1}}, RESULT)
    assert (caught.value.param, caught.value.code) == (
        "messages[1].tool_calls[0].type",
        "unsupported_value",
    )
