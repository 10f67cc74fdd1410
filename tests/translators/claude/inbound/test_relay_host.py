"""Hosts that only look like Claude: betas and members that they do not take are cut and told."""

from dataclasses import replace
from typing import Any

import pytest

from tests.translators.claude.inbound.golden import target_of
from translators.claude.inbound import read_request
from translators.dialect import RelayLimits
from translators.dialect.inbound import Call, Overlay
from translators.json_codec import dumps, loads

BETAS = "context-management-2025-06-27, mcp-client-2025-11-20,new-2027"
BODY: dict[str, Any] = {
    "model": "p",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "hi"}],
    "context_management": {"edits": []},
    "novel": {"a": 1},
}


def relayed(
    limits: RelayLimits | None, body: dict[str, Any]
) -> tuple[Any, dict[str, str], list[str]]:
    text = dumps(body)
    call = Call({"Anthropic-Beta": BETAS}, text=text, size=1)
    read = read_request(loads(text), call)
    target = replace(target_of("claude"), limits=limits)
    built = read.origin.relay(Overlay()).build_request(read.request, target)
    notes = [f"{note.kind} {note.param}" for note in built.notes]
    return loads(built.body), dict(built.headers), notes


@pytest.mark.parametrize("limits", [None, RelayLimits()])
def test_without_limits_everything_is_sent(limits: RelayLimits | None) -> None:
    body, headers, notes = relayed(limits, BODY)
    assert {**BODY, "model": body["model"]} == body
    assert (headers["anthropic-beta"], notes) == (BETAS, [])


def test_betas_that_a_host_does_not_take_go_with_their_fields() -> None:
    limits = RelayLimits(frozenset({"mcp-client-2025-11-20"}))
    body, headers, notes = relayed(limits, BODY)
    assert headers["anthropic-beta"] == "mcp-client-2025-11-20"
    assert "context_management" not in body
    assert body["novel"] == {"a": 1}
    assert notes == [
        "dropped anthropic-beta.context-management-2025-06-27",
        "dropped anthropic-beta.new-2027",
        "dropped context_management",
    ]


def test_no_betas_is_no_header() -> None:
    assert "anthropic-beta" not in relayed(RelayLimits(frozenset()), BODY)[1]


def test_without_extras_only_the_plain_api_is_sent() -> None:
    tool: dict[str, Any] = {"name": "a", "input_schema": {"type": "object"}}
    later = {**tool, "name": "b", "defer_loading": True, "input_examples": [{}]}
    unused = {**later, "name": "c"}
    call = {"type": "tool_use", "id": "t1", "name": "a", "input": {}}
    reference = {"type": "tool_reference", "tool_name": "b"}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [reference]}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    given = {**BODY, "messages": messages, "tools": [tool, later, unused]}
    body, headers, notes = relayed(RelayLimits(extras=False), given)
    assert headers["anthropic-beta"] == BETAS
    assert list(body) == ["model", "max_tokens", "messages", "tools"]
    assert body["tools"] == [tool, {**tool, "name": "b"}]
    said = {"type": "text", "text": "The tool b is loaded and can be called now."}
    assert body["messages"][2]["content"][0]["content"] == [said]
    assert set(notes) == {
        "dropped context_management",
        "dropped novel",
        "dropped tools.defer_loading",
        "dropped tools.input_examples",
    }
