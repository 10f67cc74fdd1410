"""translators.repair: a refusal that shows a fact to be wrong is answered once with the right one."""

from dataclasses import replace
from typing import Any

import pytest

from translators import claude
from translators.chat.request import ChatRequest
from translators.dialect import ModelRecord, Thinking
from translators.errors import FailureKind, UpstreamFailure
from translators.jsontext import dumps
from translators.repair import repair

RECORD = ModelRecord(
    context_window=200_000,
    max_output_tokens=64_000,
    capabilities=frozenset({"json_schema", "tool_calling"}),
    thinking=Thinking(kind="adaptive"),
    prefill=True,
    mid_system="native",
)
PLAIN = ChatRequest({"messages": [{"role": "user", "content": "hi"}]})


def refused(message: str) -> UpstreamFailure:
    """Claude's refusal in these words."""
    body = dumps({"type": "error", "error": {"type": "invalid_request_error", "message": message}})
    return claude.parse_error(400, {}, body)


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ("`temperature` is deprecated for this model.", {"sampling": "refused"}),
        ('tool_choice: type "tool" and "any" are not supported for this model.', {"forced_tool_choice": "no"}),
        ("This model does not support assistant message prefill.", {"prefill": False}),
        ("role 'system' is not supported on this model", {"mid_system": "wrap"}),
        ("Too many strict tools", {"strict_tools": False, "capabilities": frozenset({"tool_calling"})}),
        ("max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens", {"max_output_tokens": 8192}),
        ("Expected `thinking` or `redacted_thinking`, but found `tool_use`", {"thinking": Thinking()}),
        ("adaptive thinking is not supported on this model", {"thinking": Thinking()}),
        ("Thinking may not be enabled when tool_choice forces tool use.", {"thinking": Thinking()}),
    ],
)
def test_a_fact_is_learned(message: str, facts: dict[str, Any]) -> None:
    mended = repair(PLAIN, RECORD, refused(message))
    assert mended is not None
    assert (mended.request, mended.record, mended.learned) == (
        PLAIN,
        replace(RECORD, **facts),
        not message.startswith(("Too many", "Expected", "Thinking may not")),
    )
    assert repair(PLAIN, mended.record, refused(message)) is None, "what is known already is no way out"


SIGNED = ChatRequest(
    {
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": "x",
                "thinking_blocks": [1],
                "tool_calls": [{"id": "a", "function": {"name": "f"}, "extra_content": {"google": {}}}],
            },
        ]
    }
)


@pytest.mark.parametrize("code", ["invalid_thought_signature", "thinking_signature_invalid"])
def test_refused_signatures_are_taken_out_and_nothing_is_learned(code: str) -> None:
    failure = UpstreamFailure(kind=FailureKind.INVALID_REQUEST, message="m", status=400, type="t", code=code)
    mended = repair(SIGNED, RECORD, failure)
    assert mended is not None
    assert mended.request.messages[1] == {"role": "assistant", "content": "x", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}
    assert (mended.record, mended.learned) == (RECORD, False)
    assert "thinking_blocks" in SIGNED.messages[1]
    assert repair(PLAIN, RECORD, failure) is None
    bare = {"role": "assistant", "content": "x", "thinking_blocks": [1]}
    plain = {"role": "assistant", "content": "y"}
    mixed = repair(ChatRequest({"messages": [*PLAIN.messages, plain, bare]}), RECORD, failure)
    assert mixed is not None
    assert mixed.request.messages[1:] == [plain, {"role": "assistant", "content": "x"}]


def test_other_refusals_have_no_repair() -> None:
    assert repair(SIGNED, RECORD, refused("messages.0: something else")) is None
