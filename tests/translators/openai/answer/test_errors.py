"""translators.openai.answer.errors and response: every shape of error, every class."""

import pytest

from translators.dialect import AnswerShape, Envelope
from translators.errors import FailureKind
from translators.openai import parse_error

K = FailureKind
ENVELOPE = Envelope(
    id="chatcmpl-ours",
    created=1,
    model="asked",
    call_id="call_u",
    shape=AnswerShape(declared_tools=frozenset({"f"})),
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "ours", "code"),
    [
        (
            400,
            b'{"error":{"message":"m","type":"invalid_request_error","param":"x","code":"bad"}}',
            K.INVALID_REQUEST,
            400,
            "bad",
        ),
        (
            400,
            b'{"error":{"message":"maximum context length is 8192"}}',
            K.CONTEXT_LENGTH,
            400,
            "context_length_exceeded",
        ),
        (
            400,
            b'{"error":{"message":"m","code":"context_length_exceeded"}}',
            K.CONTEXT_LENGTH,
            400,
            "context_length_exceeded",
        ),
        (
            400,
            b'{"error":{"message":"m","code":"content_filter"}}',
            K.CONTENT_FILTER,
            400,
            "content_filter",
        ),
        (
            401,
            b'{"error":{"message":"Incorrect API key sk-abcdefghi","code":"invalid_api_key"}}',
            K.AUTHENTICATION,
            502,
            "provider_auth_failed",
        ),
        (402, b"", K.QUOTA, 429, "insufficient_quota"),
        (403, b'{"error":"no"}', K.PERMISSION, 502, "provider_auth_failed"),
        (
            404,
            b'{"error":{"message":"m","code":"model_not_found"}}',
            K.MODEL_NOT_FOUND,
            404,
            "model_not_found",
        ),
        (413, b"<html>", K.REQUEST_TOO_LARGE, 413, "request_too_large"),
        (422, b'{"error":{"message":"m"}}', K.INVALID_REQUEST, 400, None),
        (
            429,
            b'{"error":{"message":"m","code":"rate_limit_exceeded"}}',
            K.RATE_LIMIT,
            429,
            "rate_limit_exceeded",
        ),
        (
            429,
            b'{"error":{"message":"m","type":"insufficient_quota"}}',
            K.QUOTA,
            429,
            "insufficient_quota",
        ),
        (500, b'[{"error":{"message":"listed"}}]', K.SERVER_ERROR, 502, "upstream_error"),
        (502, b"bad gateway", K.SERVER_ERROR, 502, "upstream_error"),
        (
            503,
            b'{"error":{"message":"m","code":"server_is_overloaded"}}',
            K.OVERLOADED,
            503,
            "provider_overloaded",
        ),
        (504, b"", K.TIMEOUT, 504, "upstream_timeout"),
        (529, b"", K.OVERLOADED, 503, "provider_overloaded"),
        (599, b"", K.SERVER_ERROR, 502, "upstream_error"),
        (307, b"", K.SERVER_ERROR, 502, "upstream_error"),
        (405, b"", K.SERVER_ERROR, 502, "upstream_error"),
    ],
)
def test_classes(status: int, body: bytes, kind: FailureKind, ours: int, code: str | None) -> None:
    failure = parse_error(status, {}, body)
    assert (failure.kind, failure.status, failure.code, failure.upstream_status) == (
        kind,
        ours,
        code,
        status,
    )
    assert "sk-abc" not in failure.message


@pytest.mark.parametrize(
    ("code", "kind", "ours", "type_", "shown"),
    [
        ("context_length_exceeded", K.CONTEXT_LENGTH, 400, "invalid_request_error", None),
        (
            "string_above_max_length",
            K.CONTEXT_LENGTH,
            400,
            "invalid_request_error",
            "context_length_exceeded",
        ),
        ("model_not_found", K.MODEL_NOT_FOUND, 404, "invalid_request_error", None),
        ("invalid_api_key", K.AUTHENTICATION, 502, "server_error", "provider_auth_failed"),
        ("insufficient_quota", K.QUOTA, 429, "insufficient_quota", None),
        ("billing_hard_limit_reached", K.QUOTA, 429, "insufficient_quota", "insufficient_quota"),
        ("rate_limit_exceeded", K.RATE_LIMIT, 429, "rate_limit_error", None),
        ("content_filter", K.CONTENT_FILTER, 400, "invalid_request_error", None),
        (
            "content_policy_violation",
            K.CONTENT_FILTER,
            400,
            "invalid_request_error",
            "content_filter",
        ),
        ("server_is_overloaded", K.OVERLOADED, 503, "server_error", "provider_overloaded"),
        ("slow_down", K.OVERLOADED, 503, "server_error", "provider_overloaded"),
    ],
)
def test_a_code_counts_more_than_the_status(
    code: str, kind: FailureKind, ours: int, type_: str, shown: str | None
) -> None:
    failure = parse_error(418, {}, b'{"error":{"message":"m","code":"%s"}}' % code.encode())
    assert (failure.kind, failure.status, failure.type, failure.code) == (
        kind,
        ours,
        type_,
        shown or code,
    )
    assert (failure.should_retry, failure.upstream_code) == (
        False if kind is K.QUOTA else None,
        code,
    )


@pytest.mark.parametrize(
    ("status", "kind", "ours", "type_", "code"),
    [
        (401, K.AUTHENTICATION, 502, "server_error", "provider_auth_failed"),
        (402, K.QUOTA, 429, "insufficient_quota", "insufficient_quota"),
        (403, K.PERMISSION, 502, "server_error", "provider_auth_failed"),
        (404, K.MODEL_NOT_FOUND, 404, "invalid_request_error", "model_not_found"),
        (408, K.TIMEOUT, 504, "server_error", "upstream_timeout"),
        (409, K.SERVER_ERROR, 503, "server_error", "upstream_error"),
        (413, K.REQUEST_TOO_LARGE, 413, "invalid_request_error", "request_too_large"),
        (418, K.INVALID_REQUEST, 400, "invalid_request_error", None),
        (425, K.SERVER_ERROR, 503, "server_error", "upstream_error"),
        (429, K.RATE_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded"),
        (500, K.SERVER_ERROR, 502, "server_error", "upstream_error"),
        (503, K.OVERLOADED, 503, "server_error", "provider_overloaded"),
        (504, K.TIMEOUT, 504, "server_error", "upstream_timeout"),
        (529, K.OVERLOADED, 503, "server_error", "provider_overloaded"),
    ],
)
def test_a_status_without_a_code(
    status: int, kind: FailureKind, ours: int, type_: str, code: str | None
) -> None:
    failure = parse_error(status, {}, b'{"error":{"message":"m"}}')
    assert (failure.kind, failure.status, failure.type, failure.code) == (kind, ours, type_, code)


@pytest.mark.parametrize(
    "words",
    [
        "maximum context length is 8",
        "beyond the context window",
        "Context length reached",
        "too many tokens",
    ],
)
def test_a_context_that_is_full_in_words(words: str) -> None:
    assert (
        parse_error(400, {}, b'{"error":{"message":"%s"}}' % words.encode()).code
        == "context_length_exceeded"
    )


def test_keys_are_taken_out_of_messages() -> None:
    assert (
        parse_error(401, {}, b'{"error":"sk-abcdefghi, Bearer a.b-c!"}').message
        == "[redacted], [redacted]"
    )


def test_message_param_and_type_of_a_callers_error_pass() -> None:
    failure = parse_error(
        400, {}, b'{"error":{"message":"m","type":"special","param":"x","code":"c"}}'
    )
    assert (failure.message, failure.type, failure.param) == ("m", "special", "x")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:10 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            10.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "9999999"}, 86400.0),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_error(429, headers, b"").retry_after == seconds
