"""translators.responses.request.build: where a request goes, and what holds for a conversation that
grows.
"""

from itertools import pairwise
from typing import Any

import pytest

from tests.translators.responses.golden import REQUESTS, build, envelope, read
from tests.translators.responses.models import record
from translators import responses
from translators.capabilities import EFFORTS, nearest_effort
from translators.chat.request import ChatRequest
from translators.dialect import Target
from translators.history.tool_results import NO_RESULT
from translators.json_codec import dumps, loads

USER = {"role": "user", "content": "hi"}


def target(base_url: str = "https://api.example/v1/", key: str = "sk-key") -> Target:
    return Target("openai", "openai", base_url, "gpt-6-astra", record("gpt-6-astra", {}), key)


def test_url_and_headers() -> None:
    upstream = responses.build_request(ChatRequest({"model": "p", "messages": [USER]}), target())
    assert upstream.url == "https://api.example/v1/responses"
    assert dict(upstream.headers) == {
        "content-type": "application/json",
        "authorization": "Bearer sk-key",
    }
    assert "sk-key" not in repr(upstream)


def test_a_server_without_a_key() -> None:
    upstream = responses.build_request(
        ChatRequest({"model": "p", "messages": [USER]}), target(key="")
    )
    assert "authorization" not in upstream.headers


@pytest.mark.parametrize("stream", [True, False])
def test_a_stream_is_asked_for_as_the_caller_does(stream: bool) -> None:
    upstream = responses.build_request(
        ChatRequest({"model": "p", "messages": [USER], "stream": stream}), target()
    )
    assert (upstream.stream, loads(upstream.body).get("stream", False)) == (stream, stream)


def longest_conversations() -> list[dict[str, Any]]:
    cases = [read(path) for path in REQUESTS]
    appended = [
        case
        for case in cases
        if "body" in case["expected"]
        and "had several results" not in str(case["expected"]["notes"])
    ]
    return [case for case in appended if len(case["request"]["messages"]) > 2]


@pytest.mark.parametrize("case", longest_conversations(), ids=range(len(longest_conversations())))
def test_a_longer_history_begins_with_the_same_items(case: dict[str, Any]) -> None:
    """The provider's prompt cache depends on it. (A call without a result is given one, a second
    one takes its place.)
    """
    messages = case["request"]["messages"]
    inputs = []
    for end in range(1, len(messages) + 1):
        cut = {**case, "request": {**case["request"], "messages": messages[:end]}}
        if all(
            NO_RESULT not in str(item.get("output")) for item in loads(build(cut).body)["input"]
        ):
            inputs.append(loads(build(cut).body)["input"])
    assert inputs
    for shorter, longer in pairwise(inputs):
        assert longer[: len(shorter)] == shorter


def test_an_answer_comes_back_as_the_items_it_was() -> None:
    """What one turn's answer shows is all that the next turn needs."""
    output = [
        {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAAA"},
        {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_1",
            "name": "f",
            "arguments": "{}",
        },
    ]
    answer = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-6-astra-2026-10-01",
        "output": output,
    }
    asked = Target("openai", "openai", "https://x/v1", "gpt-asked", record("gpt-6-astra", {}))
    message = responses.parse_response(dumps(answer), envelope({}))["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": "call_1", "content": "1"}
    body = loads(
        responses.build_request(
            ChatRequest({"model": "p", "messages": [USER, message, result]}), asked
        ).body
    )
    assert body["input"] == [
        {"type": "message", **USER},
        output[0],
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "1"},
    ]


@pytest.mark.parametrize(
    ("asked", "levels", "taken"),
    [
        ("none", ("low", "high"), "low"),
        ("medium", ("low", "high"), "low"),
        ("minimal", ("none", "low"), "low"),
        ("max", ("none",), "none"),
        ("high", (), "high"),
        ("xhigh", EFFORTS, "xhigh"),
    ],
)
def test_nearest_effort(asked: Any, levels: Any, taken: str) -> None:
    assert nearest_effort(asked, levels) == taken
