"""A conversation that grows by turns: what was sent of it stands at the beginning of what is sent
later, byte by byte, in every dialect.

The histories have all the flaws that clients make: one id in several turns, results out of order,
twice, too late, missing, without a call.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving import config_of
from translators.chat.request import parse
from translators.dialect import Target
from translators.history.tool_results import NO_RESULT
from translators.json_codec import dumps, loads
from translators.registry import DIALECTS

Message = dict[str, Any]
Turn = list[Message]
"""What the assistant says, and what stands behind it until it speaks again."""

MODELS = {
    "claude": ("claude", "claude-sonnet-5"),
    "gemini": ("gemini", "gemini-3.5-flash"),
    "gemini without ids": ("gemini", "gemini-2.5-flash"),
    "openai": ("openai", "gpt-4.1"),
    "relay": ("openai", "gpt-4.1"),
    "responses": ("responses", "gpt-6-astra"),
}
CONFIG = config_of("version: 1\npersonas:\n  p: {description: d, targets: [openai/gpt-4.1]}\n", {})
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}}},
    }
    for name in ("f", "g")
]
USER = {"role": "user", "content": "Hi"}


def body_of(name: str, messages: list[Message]) -> dict[str, Any]:
    dialect, model = MODELS[name]
    provider = "openai" if dialect == "responses" else dialect
    record = CONFIG.providers[provider].models[model].record
    if name == "relay":
        record = type(record)(
            context_window=record.context_window, max_output_tokens=record.max_output_tokens
        )
    target = Target(provider, dialect, "https://provider.example", model, record, "key")
    request = parse({"model": "p", "messages": messages, "tools": TOOLS}, 0)
    body: dict[str, Any] = loads(DIALECTS[dialect].build_request(request, target).body)
    return body


def history_of(name: str, messages: list[Message]) -> bytes:
    """The messages as they are sent, up to the brackets behind the last one."""
    body = body_of(name, messages)
    key = {"claude": "messages", "openai": "messages", "gemini": "contents", "responses": "input"}[
        MODELS[name][0]
    ]
    return dumps(body[key]).rstrip(b"]}")


IDS = st.sampled_from(["a", "b", "a_2", "c d", ""])


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    """One turn: it ends with the user, or with a result of its last calls."""
    said: Turn = []
    for _ in range(draw(st.integers(1, 2))):
        calls = [call(id, draw(st.sampled_from("fg"))) for id in draw(st.lists(IDS, max_size=3))]
        said.append(
            {
                "role": "assistant",
                "content": draw(st.sampled_from(["So.", ""])) or None,
                "tool_calls": calls,
            }
            if calls
            else YES
        )
    asked = [one["id"] for message in said for one in message.get("tool_calls", ())]
    answers = (
        draw(st.permutations(asked)) if draw(st.booleans()) else draw(st.lists(IDS, max_size=4))
    )
    behind = [result(id, draw(st.sampled_from("12"))) for id in answers]
    if draw(st.booleans()):
        behind.insert(draw(st.integers(0, len(behind))), {"role": "user", "content": "Wait."})
    last = [one["id"] for one in said[-1].get("tool_calls", ())]
    if not behind or (behind[-1]["role"] == "tool" and behind[-1]["tool_call_id"] not in last):
        behind.append({"role": "user", "content": "So?"})
    return said + behind


@st.composite
def turns_of_functions(draw: st.DrawFn) -> Turn:
    """The same with the older `function_call`, whose results name no id."""
    names = draw(st.lists(st.sampled_from("fg"), min_size=1, max_size=2))
    said = [
        {"role": "assistant", "content": None, "function_call": {"name": name, "arguments": "{}"}}
        for name in names
    ]
    results = [
        {"role": "function", "name": name, "content": "1"}
        for name in draw(st.lists(st.sampled_from("fgx"), max_size=3))
    ]
    return [*said, *results, {"role": "user", "content": "So?"}]


def call(id: str, name: str) -> Message:
    return {
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": json.dumps({"of": id})},
    }


def result(id: str, content: str) -> Message:
    return {"role": "tool", "tool_call_id": id, "content": content}


YES: Message = {"role": "assistant", "content": "Yes."}
HISTORIES = st.lists(turns() | turns() | turns_of_functions(), min_size=2, max_size=4)


@pytest.mark.parametrize("name", MODELS)
@given(history=HISTORIES)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_was_sent_stays_as_it_was(name: str, history: list[Turn]) -> None:
    messages, sent = [USER], b""
    for turn in history:
        messages = messages + turn
        now = history_of(name, messages)
        assert now.startswith(sent)
        sent = now


@pytest.mark.parametrize("name", MODELS)
def test_a_result_that_comes_too_late_is_told_where_it_stands(name: str) -> None:
    """The call was answered with an error when it was sent, and stays so."""
    asked = {"role": "assistant", "content": None, "tool_calls": [call("a", "f"), call("b", "f")]}
    first = [USER, asked, result("b", "2"), {"role": "user", "content": "So?"}]
    whole = [*first, YES, result("a", "late"), {"role": "user", "content": "And now?"}]
    shorter, longer = history_of(name, first), history_of(name, whole)
    assert longer.startswith(shorter)
    assert NO_RESULT.encode() in shorter
    assert b"Tool result for a: late" in longer[len(shorter) :]


@pytest.mark.parametrize(
    ("name", "order"), [("claude", "abc"), ("gemini", "abc"), ("responses", "cab")]
)
def test_results_of_a_turn_stand_in_the_order_of_its_calls(name: str, order: str) -> None:
    """The Responses API takes them in any order: there they stand as they came."""
    asked = {
        "role": "assistant",
        "content": None,
        "tool_calls": [call(id, "f") for id in ("a", "b", "c")],
    }
    results = [result(id, f"of {id}") for id in ("c", "a", "b")]
    for messages in (
        [USER, asked, *results],
        [USER, asked, results[0], {"role": "user", "content": "Wait."}, *results[1:]],
    ):
        sent = history_of(name, messages)
        assert sorted((b"of a", b"of b", b"of c"), key=sent.index) == [
            f"of {id}".encode() for id in order
        ]


@pytest.mark.parametrize("name", MODELS)
def test_a_message_may_call_in_both_ways(name: str) -> None:
    """By `tool_calls` and by the older `function_call`: each has its own result, also where another
    one is missing later.
    """
    both = {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("a", "f")],
        "function_call": {"name": "f", "arguments": "{}"},
    }
    first = [
        USER,
        both,
        result("a", "of a"),
        {"role": "function", "name": "f", "content": "of f"},
        {"role": "user", "content": "So?"},
    ]
    later = [
        *first,
        {"role": "assistant", "content": None, "tool_calls": [call("a", "f")]},
        {"role": "user", "content": "And?"},
    ]
    sent = history_of(name, first)
    assert sent.index(b"of a") < sent.index(b"of f")
    assert NO_RESULT.encode() not in sent
    assert history_of(name, later).startswith(sent)
