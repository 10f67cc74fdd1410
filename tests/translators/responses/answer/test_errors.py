"""translators.responses.answer.errors: an HTTP answer that is an error, by status and code."""

import pytest

from translators.errors import FailureKind
from translators.responses import parse_error
from translators.responses.answer.errors import told_failure

K = FailureKind


@pytest.mark.parametrize(
    ("status", "body", "kind", "ours", "code"),
    [
        (
            400,
            b'{"error":{"message":"m","type":"invalid_request_error","param":"input","code":"bad"}}',
            K.INVALID_REQUEST,
            400,
            "bad",
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
            b'{"error":{"message":"m","code":"invalid_prompt"}}',
            K.CONTENT_FILTER,
            400,
            "invalid_prompt",
        ),
        (
            400,
            b'{"error":{"message":"m","code":"image_content_policy_violation"}}',
            K.CONTENT_FILTER,
            400,
            "image_content_policy_violation",
        ),
        (
            400,
            b'{"error":{"message":"m","code":"image_too_large"}}',
            K.INVALID_REQUEST,
            400,
            "image_too_large",
        ),
        (
            400,
            b'{"error":{"message":"m","code":"data_residency_mismatch"}}',
            K.PERMISSION,
            502,
            "provider_auth_failed",
        ),
        (
            400,
            b'{"error":{"message":"m","code":"vector_store_timeout"}}',
            K.TIMEOUT,
            504,
            "vector_store_timeout",
        ),
        (
            401,
            b'{"error":{"message":"m","code":"invalid_api_key"}}',
            K.AUTHENTICATION,
            502,
            "provider_auth_failed",
        ),
        (
            404,
            b'{"error":{"message":"m","code":"model_not_found"}}',
            K.MODEL_NOT_FOUND,
            404,
            "model_not_found",
        ),
        (
            429,
            b'{"error":{"message":"m","type":"insufficient_quota"}}',
            K.QUOTA,
            429,
            "insufficient_quota",
        ),
        (500, b"<html>", K.SERVER_ERROR, 502, "upstream_error"),
        (503, b"", K.OVERLOADED, 503, "provider_overloaded"),
    ],
)
def test_classes(status: int, body: bytes, kind: FailureKind, ours: int, code: str) -> None:
    failure = parse_error(status, {}, body)
    assert (failure.kind, failure.status, failure.code, failure.upstream_status) == (
        kind,
        ours,
        code,
        status,
    )


@pytest.mark.parametrize(
    "code",
    [
        "invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url",
        "image_too_large", "image_too_small",
        "image_parse_error", "invalid_image_mode", "image_file_too_large",
        "unsupported_image_media_type", "empty_image_file",
        "failed_to_download_image", "image_file_not_found",
    ],
)  # fmt: skip
def test_an_image_that_it_cannot_read_is_the_requests_fault(code: str) -> None:
    """Though the response that says so failed, as one of the server's may."""
    failure = told_failure({"code": code, "message": "m"})
    assert (failure.kind, failure.status, failure.code) == (K.INVALID_REQUEST, 400, code)


@pytest.mark.parametrize(
    "code",
    [
        "invalid_prompt",
        "bio_policy",
        "misalignment_policy_violation",
        "image_content_policy_violation",
    ],
)
def test_what_was_flagged_is_filtered(code: str) -> None:
    failure = told_failure({"code": code, "message": "m"})
    assert (failure.kind, failure.status, failure.code) == (K.CONTENT_FILTER, 400, code)


def test_a_fault_of_the_server_under_any_status() -> None:
    assert (
        parse_error(400, {}, b'{"error":{"message":"m","code":"server_error"}}').kind
        is K.SERVER_ERROR
    )


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("invalid_request_error", K.INVALID_REQUEST),
        ("rate_limit_error", K.RATE_LIMIT),
        ("requests", K.RATE_LIMIT),
        ("tokens", K.RATE_LIMIT),
        ("never_heard_of", K.SERVER_ERROR),
    ],
)
def test_an_error_under_a_good_status_is_known_by_its_type(type_: str, kind: FailureKind) -> None:
    assert told_failure({"type": type_, "message": "m"}).kind is kind


def test_the_wait_that_the_headers_ask_for() -> None:
    assert parse_error(429, {"retry-after-ms": "1500"}, b"").retry_after == 1.5


def test_keys_are_taken_out_of_messages() -> None:
    assert (
        parse_error(401, {}, b'{"error":"Incorrect API key sk-abcdefghi"}').message
        == "Incorrect API key [redacted]"
    )
