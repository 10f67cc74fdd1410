"""Error answers, by status, typed code and words."""

import json
from typing import Any

import pytest

from translators import claude
from translators.errors import FailureKind, UpstreamFailure


def failure(
    status: int,
    type_: str | None = None,
    message: str = "m",
    headers: dict[str, str] | None = None,
    **details: Any,
) -> UpstreamFailure:
    error = {"type": type_, "message": message, "details": details or None}
    return claude.parse_error(
        status,
        headers or {},
        json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode(),
    )


@pytest.mark.parametrize(
    ("status", "type_", "kind", "ours", "our_type", "code"),
    [
        (307, None, "server_error", 502, "server_error", "upstream_error"),
        (400, "invalid_request_error", "invalid_request", 400, "invalid_request_error", None),
        (
            401,
            "authentication_error",
            "authentication",
            502,
            "server_error",
            "provider_auth_failed",
        ),
        (400, "overloaded_error", "invalid_request", 400, "invalid_request_error", None),
        (422, "overloaded_error", "invalid_request", 400, "invalid_request_error", None),
        (402, "billing_error", "quota", 429, "insufficient_quota", "insufficient_quota"),
        (403, "permission_error", "permission", 502, "server_error", "provider_auth_failed"),
        (
            404,
            "not_found_error",
            "model_not_found",
            404,
            "invalid_request_error",
            "model_not_found",
        ),
        (405, None, "server_error", 502, "server_error", "upstream_error"),
        (408, None, "timeout", 504, "server_error", "upstream_timeout"),
        (409, "conflict_error", "server_error", 503, "server_error", "upstream_error"),
        (
            413,
            "request_too_large",
            "request_too_large",
            413,
            "invalid_request_error",
            "request_too_large",
        ),
        (418, None, "invalid_request", 400, "invalid_request_error", None),
        (422, "invalid_request_error", "invalid_request", 400, "invalid_request_error", None),
        (425, None, "server_error", 503, "server_error", "upstream_error"),
        (500, "api_error", "server_error", 502, "server_error", "upstream_error"),
        (502, None, "server_error", 502, "server_error", "upstream_error"),
        (503, None, "overloaded", 503, "server_error", "provider_overloaded"),
        (504, "timeout_error", "timeout", 504, "server_error", "upstream_timeout"),
        (522, None, "server_error", 502, "server_error", "upstream_error"),
        (529, "overloaded_error", "overloaded", 503, "server_error", "provider_overloaded"),
        (599, "rate_limit_error", "rate_limit", 429, "rate_limit_error", "rate_limit_exceeded"),
        (400, "weird_error", "invalid_request", 400, "invalid_request_error", "weird_error"),
        (418, "teapot_error", "invalid_request", 400, "invalid_request_error", "teapot_error"),
        (500, "weird_error", "server_error", 502, "server_error", "weird_error"),
        (401, "weird_error", "authentication", 502, "server_error", "provider_auth_failed"),
    ],
)
def test_status_and_type(
    status: int, type_: str | None, kind: str, ours: int, our_type: str, code: str | None
) -> None:
    found = failure(status, type_)
    assert (found.kind.value, found.status, found.type, found.code, found.upstream_status) == (
        kind,
        ours,
        our_type,
        code,
        status,
    )


def test_f91_429_without_retry_after_is_a_spent_limit() -> None:
    """A rate limit says when to come back; what does not say it is a spent limit, and retrying is
    of no use.
    """
    found = failure(429, "rate_limit_error")
    assert (found.kind, found.code, found.should_retry) == (
        FailureKind.QUOTA,
        "insufficient_quota",
        False,
    )


def test_429_with_retry_after_is_a_rate_limit() -> None:
    found = failure(429, "rate_limit_error", headers={"retry-after": "7"})
    assert (found.kind, found.code, found.retry_after, found.should_retry) == (
        FailureKind.RATE_LIMIT,
        "rate_limit_exceeded",
        7.0,
        None,
    )


@pytest.mark.parametrize("whose", ["enforced", "contract", "linked_organization"])
def test_429_with_retry_after_and_a_spent_limit(whose: str) -> None:
    code = f"{whose}_spend_limit_reached"
    found = failure(429, "rate_limit_error", headers={"retry-after": "7"}, error_code=code)
    assert (found.kind, found.upstream_code) == (FailureKind.QUOTA, code)


def test_429_while_the_limit_ramps_up() -> None:
    found = failure(429, "rate_limit_error", error_code="ramp_limit_exceeded")
    assert (found.kind, found.upstream_code) == (FailureKind.RATE_LIMIT, "ramp_limit_exceeded")


def test_f92_529_is_shown_as_503() -> None:
    assert failure(529, "overloaded_error").status == 503


def test_f93_413_with_html() -> None:
    """A proxy's HTML is not shown."""
    found = claude.parse_error(413, {}, b"<html><h1>413 Request Entity Too Large</h1></html>")
    assert (found.kind, found.code, found.message) == (
        FailureKind.REQUEST_TOO_LARGE,
        "request_too_large",
        "The provider answered with status 413.",
    )


@pytest.mark.parametrize(
    ("message", "kind", "status", "code", "name"),
    [
        (
            "prompt is too long: 250000 tokens > 200000 maximum",
            "context_length",
            400,
            "context_length_exceeded",
            "context_length_exceeded",
        ),
        (
            "input length and `max_tokens` exceed context limit",
            "context_length",
            400,
            "context_length_exceeded",
            "context_length_exceeded",
        ),
        (
            "The prompt exceeds the context window",
            "context_length",
            400,
            "context_length_exceeded",
            "context_length_exceeded",
        ),
        (
            "You have reached your monthly spend limit.",
            "quota",
            429,
            "insufficient_quota",
            "usage_limit_reached",
        ),
        (
            "Your credit balance is too low to access the Claude API.",
            "quota",
            429,
            "insufficient_quota",
            "credit_balance_too_low",
        ),
        (
            "You have reached your specified API usage limits.",
            "quota",
            429,
            "insufficient_quota",
            "usage_limit_reached",
        ),
        (
            "Output blocked by content filtering policy",
            "content_filter",
            400,
            "content_filter",
            "content_filter",
        ),
        (
            "messages.1.content.0: Invalid `signature` in `thinking` block.",
            "invalid_request",
            400,
            None,
            "thinking_signature_invalid",
        ),
        (
            "The block is bound to a different conversation.",
            "invalid_request",
            400,
            None,
            "thinking_signature_invalid",
        ),
        (
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`",
            "invalid_request",
            400,
            None,
            "thinking_missing",
        ),
        (
            '"thinking.type.enabled" is not supported for this model',
            "unsupported",
            400,
            None,
            "thinking_type_unsupported",
        ),
        (
            "adaptive thinking is not supported on this model",
            "unsupported",
            400,
            None,
            "thinking_type_unsupported",
        ),
        (
            "Thinking may not be enabled when tool_choice forces tool use.",
            "invalid_request",
            400,
            None,
            "thinking_with_forced_tool",
        ),
        (
            'tool_choice: type "tool" and "any" are not supported for this model.',
            "unsupported",
            400,
            None,
            "tool_choice_unsupported",
        ),
        (
            "`temperature` and `top_p` cannot both be specified for this model",
            "unsupported",
            400,
            None,
            "sampling_unsupported",
        ),
        ("top_k is deprecated for this model", "unsupported", 400, None, "sampling_unsupported"),
        (
            "role 'system' is not supported on this model",
            "unsupported",
            400,
            None,
            "system_role_unsupported",
        ),
        (
            "This model does not support assistant message prefill.",
            "unsupported",
            400,
            None,
            "prefill_unsupported",
        ),
        ("Too many strict tools", "unsupported", 400, None, "schema_too_complex"),
        ("Schema is too complex for compilation", "unsupported", 400, None, "schema_too_complex"),
        (
            "max_tokens: 200000 > 128000, which is the maximum allowed",
            "invalid_request",
            400,
            None,
            "max_tokens_too_large",
        ),
        (
            "Unexpected value(s) `x` for the `anthropic-beta` header",
            "invalid_request",
            400,
            None,
            "beta_unknown",
        ),
        (
            "image dimensions exceed the limit for many-image requests",
            "invalid_request",
            400,
            None,
            "image_too_large",
        ),
        (
            "tools.3.custom.input_schema.properties: Property keys should match pattern '^x$'",
            "unsupported",
            400,
            None,
            "tool_refused",
        ),
        (
            "output_config.format.schema.properties: Property keys should match pattern '^x$'",
            "unsupported",
            400,
            None,
            "schema_too_complex",
        ),
        (
            "tools.0.custom.name: String should have at most 128 characters",
            "unsupported",
            400,
            None,
            "tool_refused",
        ),
        ("something else", "invalid_request", 400, None, "invalid_request_error"),
    ],
)
def test_words_of_a_400(message: str, kind: str, status: int, code: str | None, name: str) -> None:
    """What only the words tell: f53, f63 and f94 among them."""
    found = failure(400, "invalid_request_error", message)
    assert (found.kind.value, found.status, found.code, found.upstream_code) == (
        kind,
        status,
        code,
        name,
    )


def test_f53_too_many_strict_tools_has_a_name_for_the_repair() -> None:
    assert (
        failure(400, "invalid_request_error", "Too many strict tools: 21").upstream_code
        == "schema_too_complex"
    )


def test_f63_bound_thinking_has_a_name_for_the_repair() -> None:
    found = failure(
        400,
        "invalid_request_error",
        "messages.3.content.0: Invalid `signature` in `thinking` block. The block is bound to a"
        " different conversation.",
    )
    assert found.upstream_code == "thinking_signature_invalid"


def test_f94_low_credit_is_no_error_of_the_caller() -> None:
    found = failure(400, "invalid_request_error", "Your credit balance is too low")
    assert (found.kind, found.status, found.should_retry) == (FailureKind.QUOTA, 429, False)


def test_words_of_a_400_do_not_count_under_another_status() -> None:
    assert failure(500, "api_error", "Too many strict tools").kind is FailureKind.SERVER_ERROR


@pytest.mark.parametrize(
    ("status", "type_", "message", "kind", "code"),
    [
        (
            500,
            "api_error",
            "prompt is too long: 9000 tokens > 8000 maximum",
            "context_length",
            "context_length_exceeded",
        ),
        (
            400,
            "invalid_request_error",
            "Your request exceeded model token limit: 8000",
            "context_length",
            "context_length_exceeded",
        ),
        (
            413,
            "request_too_large",
            "Input is too long for requested model.",
            "context_length",
            "context_length_exceeded",
        ),
        (400, "invalid_request_error", "Content Exists Risk", "content_filter", "content_filter"),
        (
            403,
            "permission_error",
            "Content violates usage guidelines.",
            "content_filter",
            "content_filter",
        ),
        (
            403,
            "permission_error",
            "This key may not use the model.",
            "permission",
            "provider_auth_failed",
        ),
        (
            500,
            "api_error",
            "error parsing tool call: raw='{', err=unexpected end",
            "model_output",
            "bad_output",
        ),
        (400, "invalid_request_error", "tiny:latest does not support tools", "unsupported", None),
    ],
)
def test_other_servers_that_speak_this_api_have_words_of_their_own(
    status: int, type_: str, message: str, kind: str, code: str | None
) -> None:
    found = failure(status, type_, message)
    assert (found.kind.value, found.code) == (kind, code)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            (
                b'{"detail":[{"type":"missing","loc":["body","messages",1,"content"],"msg":"Field'
                b' required"}]}'
            ),
            "messages[1].content: Field required",
        ),
        (b'{"message":"no such route"}', "no such route"),
        (b'{"type":"error","error":{"type":"api_error","message":"m\\u0000n"}}', "m n"),
    ],
)
def test_what_a_server_in_between_says_is_found(body: bytes, message: str) -> None:
    assert claude.parse_error(400, {}, body).message == message


def test_secrets_are_redacted() -> None:
    message = (
        "key sk-ant-api03-Ab_c and Bearer abc.def of organization"
        " 0a1b2c3d-1111-2222-3333-0123456789ab"
    )
    assert (
        failure(401, "authentication_error", message).message
        == "key [redacted] and [redacted] of organization [redacted]"
    )


def test_long_messages_are_cut() -> None:
    assert len(failure(400, "invalid_request_error", "x" * 5000).message) == 2000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b'{"error":null}',
        b'{"error":{"message":5,"type":[]}}',
        b"\xff\xfe",
        b"[" * 10_000,
    ],
)
def test_any_body_is_an_error(body: bytes) -> None:
    """Whatever stands in it, an error answer never raises."""
    found = claude.parse_error(500, {}, body)
    assert (found.kind, found.message) == (
        FailureKind.SERVER_ERROR,
        "The provider answered with status 500.",
    )


def test_an_error_that_is_only_a_string() -> None:
    assert claude.parse_error(500, {}, b'{"error":"boom"}').message == "boom"
