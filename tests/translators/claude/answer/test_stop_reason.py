"""Why Claude stopped: every reason, with a call and without one."""

from typing import Any

import pytest

from tests.translators.claude.golden import envelope
from translators import claude
from translators.json_codec import dumps

TEXT: dict[str, Any] = {"type": "text", "text": "Hi"}
CALL: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "g", "input": {}}


@pytest.mark.parametrize(
    ("reason", "alone", "with_a_call"),
    [
        ("end_turn", "stop", "stop"),
        ("stop_sequence", "stop", "stop"),
        ("max_tokens", "length", "length"),
        ("model_context_window_exceeded", "length", "length"),
        ("tool_use", "stop", "tool_calls"),
        ("pause_turn", "stop", "stop"),
        ("refusal", "content_filter", "content_filter"),
        ("compaction", "stop", "stop"),
        ("never_heard_of", "stop", "tool_calls"),
        (None, "stop", "tool_calls"),
    ],
)
def test_finish_reasons(reason: str | None, alone: str, with_a_call: str) -> None:
    """Only a reason that says nothing of the end leaves it to the call."""
    for blocks, expected in (([TEXT], alone), ([TEXT, CALL], with_a_call)):
        message = {"type": "message", "id": "msg_1", "content": blocks, "stop_reason": reason}
        completion = claude.parse_response(dumps(message), envelope({}))
        assert completion["choices"][0]["finish_reason"] == expected


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ("standard", "default"),
        ("priority", "priority"),
        ("batch", "default"),
        ("never_heard_of", None),
        (None, None),
    ],
)
def test_service_tiers(told: str | None, tier: str | None) -> None:
    message = {
        "type": "message",
        "id": "msg_1",
        "content": [TEXT],
        "stop_reason": "end_turn",
        "usage": {"service_tier": told},
    }
    assert claude.parse_response(dumps(message), envelope({})).get("service_tier") == tier
