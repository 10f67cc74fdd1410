"""translators.responses.errors: an HTTP answer that is an error, by status and code."""

import pytest

from translators.errors import FailureKind
from translators.responses import parse_error

K = FailureKind


@pytest.mark.parametrize(
    ("status", "body", "kind", "ours", "code"),
    [
        (400, b'{"error":{"message":"m","type":"invalid_request_error","param":"input","code":"bad"}}', K.INVALID_REQUEST, 400, "bad"),
        (400, b'{"error":{"message":"m","code":"context_length_exceeded"}}', K.CONTEXT_LENGTH, 400, "context_length_exceeded"),
        (400, b'{"error":{"message":"m","code":"invalid_prompt"}}', K.CONTENT_FILTER, 400, "invalid_prompt"),
        (
            400,
            b'{"error":{"message":"m","code":"image_content_policy_violation"}}',
            K.CONTENT_FILTER,
            400,
            "image_content_policy_violation",
        ),
        (400, b'{"error":{"message":"m","code":"image_too_large"}}', K.INVALID_REQUEST, 400, "image_too_large"),
        (400, b'{"error":{"message":"m","code":"data_residency_mismatch"}}', K.PERMISSION, 502, "provider_auth_failed"),
        (400, b'{"error":{"message":"m","code":"vector_store_timeout"}}', K.TIMEOUT, 504, "vector_store_timeout"),
        (401, b'{"error":{"message":"m","code":"invalid_api_key"}}', K.AUTHENTICATION, 502, "provider_auth_failed"),
        (404, b'{"error":{"message":"m","code":"model_not_found"}}', K.MODEL_NOT_FOUND, 404, "model_not_found"),
        (429, b'{"error":{"message":"m","type":"insufficient_quota"}}', K.QUOTA, 429, "insufficient_quota"),
        (500, b"<html>", K.SERVER_ERROR, 502, "upstream_error"),
        (503, b"", K.OVERLOADED, 503, "provider_overloaded"),
    ],
)
def test_classes(status: int, body: bytes, kind: FailureKind, ours: int, code: str) -> None:
    failure = parse_error(status, {}, body)
    assert (failure.kind, failure.status, failure.code, failure.upstream_status) == (kind, ours, code, status)


def test_the_wait_that_the_headers_ask_for() -> None:
    assert parse_error(429, {"retry-after-ms": "1500"}, b"").retry_after == 1.5


def test_keys_are_taken_out_of_messages() -> None:
    assert parse_error(401, {}, b'{"error":"Incorrect API key sk-abcdefghi"}').message == "Incorrect API key [redacted]"
