"""translators.repair: a refusal that shows a fact to be wrong is answered once with the right
one."""

from dataclasses import replace
from typing import Any

import pytest

from translators import claude, gemini, openai
from translators.capabilities import ModelRecord, Thinking
from translators.chat.request import ChatRequest
from translators.errors import FailureKind, UpstreamFailure
from translators.json_codec import dumps
from translators.repair import lacking, repair

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
        (
            'tool_choice: type "tool" and "any" are not supported for this model.',
            {"forced_tool_choice": "no"},
        ),
        ("This model does not support assistant message prefill.", {"prefill": False}),
        ("role 'system' is not supported on this model", {"mid_system": "wrap"}),
        (
            "Too many strict tools",
            {"strict_tools": False, "capabilities": frozenset({"tool_calling"})},
        ),
        (
            "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens",
            {"max_output_tokens": 8192},
        ),
        (
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`",
            {"thinking": Thinking()},
        ),
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
    assert repair(PLAIN, mended.record, refused(message)) is None, (
        "what is known already is no way out"
    )


SIGNED = ChatRequest(
    {
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": "x",
                "thinking_blocks": [1],
                "tool_calls": [
                    {"id": "a", "function": {"name": "f"}, "extra_content": {"google": {}}}
                ],
            },
        ]
    }
)


@pytest.mark.parametrize("code", ["invalid_thought_signature", "thinking_signature_invalid"])
def test_refused_signatures_are_taken_out_and_nothing_is_learned(code: str) -> None:
    failure = UpstreamFailure(
        kind=FailureKind.INVALID_REQUEST, message="m", status=400, type="t", code=code
    )
    mended = repair(SIGNED, RECORD, failure)
    assert mended is not None
    assert mended.request.messages[1] == {
        "role": "assistant",
        "content": "x",
        "tool_calls": [{"id": "a", "function": {"name": "f"}}],
    }
    assert (mended.record, mended.learned) == (RECORD, False)
    assert "thinking_blocks" in SIGNED.messages[1]
    assert repair(PLAIN, RECORD, failure) is None
    bare = {"role": "assistant", "content": "x", "thinking_blocks": [1]}
    plain = {"role": "assistant", "content": "y"}
    mixed = repair(ChatRequest({"messages": [*PLAIN.messages, plain, bare]}), RECORD, failure)
    assert mixed is not None
    assert mixed.request.messages[1:] == [plain, {"role": "assistant", "content": "x"}]


SEVERAL = ChatRequest({"messages": PLAIN.messages, "n": 3})
ABLE = replace(RECORD, capabilities=RECORD.capabilities | {"multiple_choices"})


def gemini_refusal(message: str) -> UpstreamFailure:
    return gemini.parse_error(
        400, {}, dumps({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}})
    )


def openai_refusal(message: str) -> UpstreamFailure:
    return openai.parse_error(
        400, {}, dumps({"error": {"message": message, "type": "invalid_request_error"}})
    )


@pytest.mark.parametrize(
    "failure",
    [
        gemini_refusal("Multiple candidates is not enabled for this model"),
        gemini_refusal("Only one candidate can be specified in the current model"),
        gemini_refusal(
            "Unable to submit request because candidateCount must be 1 but the entered value was 3."
        ),
        gemini_refusal(
            "Unable to submit request because it has a candidateCount value of 3 but the supported"
            " range is from 1 to 2"
        ),
        openai_refusal("'n' : number must be at most 1"),
        openai_refusal("Invalid n value (currently only n = 1 is supported)"),
        openai_refusal(
            "Unsupported value: 'n' does not support 3 with this model. Only the default (1) value"
            " is supported."
        ),
        openai_refusal("n > 1 is not supported by this server."),
        openai_refusal("Only one completion choice is allowed"),
        openai_refusal("Parameter n must be 1"),
    ],
    ids=lambda failure: failure.message[:30],
)
def test_a_model_that_gives_one_answer_is_known_from_then_on(failure: UpstreamFailure) -> None:
    mended = repair(SEVERAL, ABLE, failure)
    assert mended is not None
    assert (mended.request, mended.record.capabilities, mended.learned) == (
        SEVERAL,
        RECORD.capabilities,
        True,
    )
    assert repair(PLAIN, ABLE, failure) is None, (
        "who asked for one answer was not refused for asking for several"
    )
    assert repair(SEVERAL, RECORD, failure) is None


@pytest.mark.parametrize(
    "failure",
    [
        openai_refusal("n must be 1 when using greedy sampling, got 3."),
        openai_refusal("top_n must be 1"),
        openai_refusal("The value of 'n' must be an integer."),
        gemini_refusal("Penalty is not enabled for this model"),
        gemini_refusal(
            "Unable to submit request because it has a topK value of 3 but the supported range is"
            " from 1 to 2"
        ),
    ],
    ids=lambda failure: failure.message[:30],
)
def test_other_refusals_say_nothing_of_several_answers(failure: UpstreamFailure) -> None:
    assert repair(SEVERAL, ABLE, failure) is None


def test_refused_schemas_are_written_in_the_newest_drafts_words() -> None:
    failure = UpstreamFailure(
        kind=FailureKind.INVALID_REQUEST,
        message="m",
        status=400,
        type="t",
        code="invalid_function_parameters",
    )
    older = {
        "type": "object",
        "properties": {"a": {"type": "number", "minimum": 0, "exclusiveMinimum": True}},
    }
    newer = {"type": "object", "properties": {"a": {"type": "number", "exclusiveMinimum": 0}}}

    def asked(schema: Any) -> ChatRequest:
        tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
        form = {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}
        bare = [{"type": "web_search"}, {"type": "function", "function": {"name": "g"}}]
        functions = [{"name": "h", "parameters": schema}]
        return ChatRequest(
            {
                "messages": [],
                "tools": [tool, *bare],
                "functions": functions,
                "response_format": form,
            }
        )

    request = asked(older)
    mended = repair(request, RECORD, failure)
    assert mended is not None
    assert (mended.request, mended.record, mended.learned) == (asked(newer), RECORD, False)
    assert request == asked(older)
    assert repair(asked(newer), RECORD, failure) is None
    assert repair(PLAIN, RECORD, failure) is None


def test_other_refusals_have_no_repair() -> None:
    assert repair(SIGNED, RECORD, refused("messages.0: something else")) is None


def of_compatible(message: str, status: int = 400, **error: Any) -> UpstreamFailure:
    """The refusal of a server that speaks OpenAI's API."""
    return openai.parse_error(status, {}, dumps({"error": {"message": message, **error}}))


EFFORTFUL = replace(RECORD, thinking=Thinking(kind="effort", levels=("minimal", "low", "high")))


@pytest.mark.parametrize(
    ("body", "failure", "facts"),
    [
        (
            {},
            of_compatible("m", code="unsupported_parameter", param="seed"),
            {"unsupported": frozenset({"seed"})},
        ),
        ({}, of_compatible("Unknown parameter: 'user'."), {"unsupported": frozenset({"user"})}),
        (
            {},
            of_compatible("Argument not supported on this model: presencePenalty"),
            {"unsupported": frozenset({"presence_penalty"})},
        ),
        (
            {},
            of_compatible('"tiny" does not support thinking'),
            {"unsupported": frozenset({"reasoning_effort"})},
        ),
        (
            {"thinking": {}},
            of_compatible('"tiny" does not support thinking'),
            {"unsupported": frozenset({"thinking"})},
        ),
        (
            {},
            of_compatible("m", code="unsupported_value", param="temperature"),
            {"unsupported": frozenset({"temperature"})},
        ),
        (
            {},
            of_compatible("tiny does not support this tool_choice"),
            {"unsupported": frozenset({"tool_choice"}), "forced_tool_choice": "no"},
        ),
        (
            {},
            of_compatible("m", code="unsupported_parameter", param="n"),
            {"capabilities": frozenset({"json_schema", "tool_calling"})},
        ),
        (
            {},
            of_compatible("m", code="unsupported_parameter", param="max_completion_tokens"),
            {"max_tokens_parameter": "max_tokens"},
        ),
        (
            {},
            of_compatible(
                "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model."
                " Supported values are: 'high' and 'low'."
            ),
            {"thinking": Thinking(kind="effort", levels=("low", "high"))},
        ),
        (
            {},
            of_compatible("Unsupported value: 'reasoning_effort' does not support 'minimal'."),
            {"unsupported": frozenset({"reasoning_effort"})},
        ),
        (
            {},
            of_compatible("unknown variant `developer`, expected one of `system`"),
            {"instructions_role": "system"},
        ),
        (
            {},
            of_compatible("m 'system'", code="unsupported_value", param="messages[0].role"),
            {"instructions_role": "developer"},
        ),
        (
            {"max_tokens": 9000},
            of_compatible("This model supports at most 4,096 completion tokens"),
            {"max_output_tokens": 4096},
        ),
        (
            {"max_tokens": 9000},
            of_compatible("Range of max_tokens should be [1, 4096]"),
            {"max_output_tokens": 4096},
        ),
    ],
)
def test_facts_about_compatible_models(
    body: dict[str, Any], failure: UpstreamFailure, facts: dict[str, Any]
) -> None:
    record = replace(EFFORTFUL, capabilities=EFFORTFUL.capabilities | {"multiple_choices"})
    facts = {"capabilities": record.capabilities, **facts}
    request = ChatRequest({**PLAIN.body, **body})
    mended = repair(request, record, failure)
    assert mended is not None
    assert (mended.request, mended.record, mended.learned) == (
        request,
        replace(record, **facts),
        True,
    )
    assert repair(request, mended.record, failure) is None, "what is known already is no way out"


@pytest.mark.parametrize(
    "failure",
    [
        of_compatible("m", code="unsupported_parameter", param="tools"),
        of_compatible("m", code="unsupported_parameter", param="messages[1].reasoning_content"),
        of_compatible("m", code="unknown_parameter", param="zap"),
        of_compatible(
            "m", code="unsupported_parameter", param="max_tokens"
        ),  # it is sent by its newer name
        of_compatible("m", code="unsupported_value", param="stream"),
        of_compatible("Range of max_tokens should be [1, 4096]"),  # nobody sent one
        of_compatible("Invalid value for 'temperature'", param="temperature"),
        of_compatible("System role not supported", status=500),
    ],
)
def test_what_cannot_be_left_out_has_no_repair(failure: UpstreamFailure) -> None:
    record = replace(EFFORTFUL, instructions_role="developer")
    assert repair(PLAIN, record, failure) is None


@pytest.mark.parametrize(
    ("failure", "capability"),
    [
        (of_compatible("tiny:latest does not support tools"), "tool_calling"),
        (of_compatible("m", code="unsupported_parameter", param="functions"), "tool_calling"),
        (of_compatible("tiny is not a multimodal model"), "vision"),
        (of_compatible("This response_format type is unavailable now"), "json_schema"),
        (of_compatible("m", code="unsupported_value", param="response_format"), "json_schema"),
        (of_compatible("m", code="unsupported_parameter", param="seed"), None),
        (of_compatible("m"), None),
    ],
)
def test_what_a_model_lacks(failure: UpstreamFailure, capability: str | None) -> None:
    assert lacking(failure) == capability
