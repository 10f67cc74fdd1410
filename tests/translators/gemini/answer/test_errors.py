"""Error answers, by status, typed details and words."""

from typing import Any

import pytest

from translators.errors import FailureKind, UpstreamFailure
from translators.gemini import parse_error
from translators.json_codec import dumps

K = FailureKind
RPC = "type.googleapis.com/google.rpc."
QUOTA_WORDS = "You exceeded your current quota, please check your plan and billing details."


def failure(
    status: int,
    message: str = "m",
    *details: Any,
    word: str | None = None,
    headers: dict[str, str] | None = None,
) -> UpstreamFailure:
    error: dict[str, Any] = {"code": status, "message": message, "details": list(details)}
    if word:
        error["status"] = word
    return parse_error(status, headers or {}, dumps({"error": error}))


def info(reason: str) -> dict[str, Any]:
    return {"@type": RPC + "ErrorInfo", "reason": reason}


def retry(delay: Any) -> dict[str, Any]:
    return {"@type": RPC + "RetryInfo", "retryDelay": delay}


def quota(quota_id: str) -> dict[str, Any]:
    return {"@type": RPC + "QuotaFailure", "violations": [7, {"quotaId": quota_id}]}


@pytest.mark.parametrize(("status", "message", "kind", "ours", "code"), [
    pytest.param(400, "API key not valid. Please pass a valid API key.", K.AUTHENTICATION, 502,
     "provider_auth_failed", id="f103_key"),
    pytest.param(400, "API key expired. Renew it.", K.AUTHENTICATION, 502, "provider_auth_failed",
     id="key_expired"),
    pytest.param(400,
     "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
     K.CONTEXT_LENGTH, 400,
                 "context_length_exceeded", id="f105_context"),
    pytest.param(400, "input token count of 9 exceeds 8", K.CONTEXT_LENGTH, 400,
     "context_length_exceeded", id="context_by_its_count"),
    pytest.param(400, "over the maximum number of tokens allowed", K.CONTEXT_LENGTH, 400,
     "context_length_exceeded",
                 id="context_by_its_limit"),
    pytest.param(400, "Thinking level MINIMAL is wrong here", K.UNSUPPORTED, 400,
     "unsupported_parameter", id="level"),
    pytest.param(400, "response_mime_type is unsupported", K.UNSUPPORTED, 400,
     "unsupported_parameter", id="unsupported"),
    pytest.param(400, "Function call is missing a thought_signature in functionCall parts.",
     K.INVALID_REQUEST, 400,
                 "invalid_thought_signature", id="signature"),
    pytest.param(400, "Corrupted thought signature.", K.INVALID_REQUEST, 400,
     "invalid_thought_signature", id="corrupt_signature"),
    pytest.param(400, "Base64 decoding failed for \"x\"", K.INVALID_REQUEST, 400,
     "invalid_thought_signature", id="mangled_signature"),
    pytest.param(400, "Multiple candidates is not enabled for this model", K.UNSUPPORTED, 400,
                 "unsupported_parameter", id="candidates"),
    pytest.param(400, "Logprobs is not enabled for models/gemini-2.5-pro", K.UNSUPPORTED, 400,
     "unsupported_parameter", id="logprobs"),
    pytest.param(400, "Penalty is not enabled for this model", K.UNSUPPORTED, 400,
     "unsupported_parameter", id="penalty"),
    pytest.param(400, "Budget 0 is invalid. This model only works in thinking mode.",
     K.UNSUPPORTED, 400,
                 "unsupported_parameter", id="budget"),
    pytest.param(400, 'Invalid JSON payload received. Unknown name "foo": Cannot find field.',
     K.UNSUPPORTED, 400,
                 "unsupported_parameter", id="unknown_name"),
    pytest.param(400, "User location is not supported for the API use.", K.PERMISSION, 502,
     "provider_auth_failed", id="region"),
    pytest.param(400, "Free tier is over. Please enable billing.", K.QUOTA, 429,
     "insufficient_quota", id="billing"),
    pytest.param(400, "Please use a valid role: user, model.", K.INVALID_REQUEST, 400, None,
     id="other"),
    pytest.param(400,
     "* GenerateContentRequest.tools[2].function_declarations[0].name: Invalid function name.",
     K.UNSUPPORTED, 400, None,
                 id="tool_name"),
    pytest.param(500, "Input is too long for requested model.", K.CONTEXT_LENGTH, 400,
     "context_length_exceeded", id="others_context"),
    pytest.param(400, "Your prompt was flagged by our moderation.", K.CONTENT_FILTER, 400,
     "content_filter", id="others_filter"),
    pytest.param(500, "Failed to parse tool call", K.MODEL_OUTPUT, 502, "bad_output",
     id="others_output"),
    pytest.param(401, "m", K.AUTHENTICATION, 502, "provider_auth_failed", id="unauthenticated"),
    pytest.param(403, "m", K.PERMISSION, 502, "provider_auth_failed", id="permission"),
    pytest.param(404, "models/x is not found", K.MODEL_NOT_FOUND, 404, "model_not_found",
     id="model"),
    pytest.param(404, "Not found: cache content metadata 8754364356910645200.", K.INVALID_REQUEST,
     404, None, id="expired_cache"),
    pytest.param(403, "CachedContent not found (or permission denied)", K.INVALID_REQUEST, 404,
     None, id="foreign_cache"),
    pytest.param(403, "You do not have permission to access the File ab1 or it may not exist.",
     K.INVALID_REQUEST, 404, None,
                 id="expired_file"),
    pytest.param(405, "m", K.SERVER_ERROR, 502, "upstream_error", id="method"),
    pytest.param(408, "m", K.TIMEOUT, 504, "upstream_timeout", id="timeout"),
    pytest.param(413, "m", K.REQUEST_TOO_LARGE, 413, "request_too_large", id="too_large"),
    pytest.param(429, "Resource has been exhausted (e.g. check quota).", K.RATE_LIMIT, 429,
     "rate_limit_exceeded", id="rate"),
    pytest.param(429, QUOTA_WORDS, K.QUOTA, 429, "insufficient_quota", id="quota"),
    pytest.param(499, "m", K.TIMEOUT, 504, "upstream_timeout", id="cancelled"),
    pytest.param(500, "m", K.SERVER_ERROR, 502, "upstream_error", id="internal"),
    pytest.param(502, "m", K.SERVER_ERROR, 502, "upstream_error", id="bad_gateway"),
    pytest.param(503, "The model is overloaded.", K.OVERLOADED, 503, "provider_overloaded",
     id="f104_overloaded"),
    pytest.param(504, "m", K.TIMEOUT, 504, "upstream_timeout", id="deadline"),
])  # fmt: skip
def test_kinds(status: int, message: str, kind: FailureKind, ours: int, code: str | None) -> None:
    told = failure(status, message)
    assert (told.kind, told.status, told.code, told.message, told.upstream_status) == (
        kind,
        ours,
        code,
        message,
        status,
    )


def test_f101_the_delay_comes_from_retry_info() -> None:
    told = failure(
        429,
        QUOTA_WORDS,
        quota("GenerateRequestsPerMinutePerProjectPerModel"),
        retry("14.2s"),
        word="RESOURCE_EXHAUSTED",
    )
    assert (told.kind, told.retry_after, told.should_retry, told.upstream_code) == (
        K.RATE_LIMIT,
        14.2,
        None,
        "RESOURCE_EXHAUSTED",
    )


def test_f102_a_daily_allowance() -> None:
    """Its delay means the next minute, so it is not told."""
    told = failure(
        429, QUOTA_WORDS, quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retry("30s")
    )
    assert (told.kind, told.type, told.code) == (
        K.QUOTA,
        "insufficient_quota",
        "insufficient_quota",
    )
    assert (told.retry_after, told.should_retry) == (None, False)


@pytest.mark.parametrize("reason", ["API_KEY_INVALID", "API_KEY_EXPIRED"])
def test_f103_the_reason_tells_of_the_key(reason: str) -> None:
    assert failure(400, "m", info(reason)).kind is K.AUTHENTICATION


@pytest.mark.parametrize(("status", "details", "message", "headers", "delay"), [
    (429, [retry("0.5s")], "m", {}, 0.5),
    (429, [retry("99999999s")], "m", {}, 86_400.0),
    (429, [retry("soon")], "m", {"retry-after": "3"}, 3.0),
    (429, [retry(7)], "m", {}, None),
    (429, [], "Quota exceeded. Please retry in 48.939935699s.", {}, 48.939935699),
    (503, [], "m", {}, 2.0),
    (503, [], "m", {"retry-after": "9"}, 9.0),
    (500, [], "m", {}, None),
])  # fmt: skip
def test_delays(
    status: int, details: list[Any], message: str, headers: dict[str, str], delay: float | None
) -> None:
    assert failure(status, message, *details, headers=headers).retry_after == delay


def test_quota_with_a_delay_in_words_is_a_rate_limit() -> None:
    assert failure(429, QUOTA_WORDS + " Please retry in 5s.").kind is K.RATE_LIMIT


@pytest.mark.parametrize(("violations", "param"), [
    ([{"field": "contents[0].parts", "description": "bad"}], "contents[0].parts"),
    ([{"field": ""}], None),
    ([7], None),
    ([], None),
    ("x", None),
])  # fmt: skip
def test_the_field_that_was_refused(violations: Any, param: str | None) -> None:
    assert (
        failure(400, "m", {"@type": RPC + "BadRequest", "fieldViolations": violations}).param
        == param
    )


def test_violations_of_another_shape() -> None:
    assert (
        failure(429, "m", {"@type": RPC + "QuotaFailure", "violations": "PerDay"}, 7).kind
        is K.RATE_LIMIT
    )


@pytest.mark.parametrize(("body", "message"), [
    pytest.param(b'[{"error":{"code":400,"message":"listed"}}]', "listed", id="f90_list"),
    pytest.param(b'{"error":"a sentence"}', "a sentence", id="sentence"),
    pytest.param(b"<html><head><title>x</title></head><style>b{}</style><h1>Bad\n gateway</h1></html>",  # noqa: E501
                 "The provider answered with status 502: Bad gateway", id="f106_html"),
    pytest.param(b"upstream connect error",
     "The provider answered with status 502: upstream connect error", id="text"),
    pytest.param(b"", "The provider answered with status 502.", id="nothing"),
    pytest.param(b"{}", "The provider answered with status 502: {}", id="no_error"),
    pytest.param(b"[]", "The provider answered with status 502: []", id="empty_list"),
    pytest.param(b'{"error":{"details":7,"code":502}}', "The provider answered with status 502.",
     id="no_message"),
    pytest.param(b"\xff\xfe", "The provider answered with status 502: \ufffd\ufffd", id="bytes"),
])  # fmt: skip
def test_other_shapes(body: bytes, message: str) -> None:
    told = parse_error(502, {}, body)
    assert (told.kind, told.message) == (K.SERVER_ERROR, message)


@pytest.mark.parametrize("secret", ["AIzaSyA1234567890_abcdefghijklmnopqrstuv", "AQ.Ab8RN6_x-y"])
def test_keys_are_taken_out(secret: str) -> None:
    told = failure(400, f"bad {secret} at https://x?key={secret}&alt=sse")
    assert told.message == "bad [redacted] at https://x?key=[redacted]&alt=sse"


def test_a_key_in_a_url_is_taken_out_whatever_it_looks_like() -> None:
    assert failure(400, "GET /v1?key=s3cret failed").message == "GET /v1?key=[redacted] failed"


def test_long_messages_are_cut() -> None:
    assert len(failure(400, "x" * 5000).message) == 2000


@pytest.mark.parametrize(("word", "status", "kind"), [
    ("INVALID_ARGUMENT", 400, K.INVALID_REQUEST),
    ("FAILED_PRECONDITION", 400, K.SERVER_ERROR),
    ("OUT_OF_RANGE", 400, K.SERVER_ERROR),
    ("UNAUTHENTICATED", 401, K.AUTHENTICATION),
    ("PERMISSION_DENIED", 403, K.PERMISSION),
    ("NOT_FOUND", 404, K.MODEL_NOT_FOUND),
    ("RESOURCE_EXHAUSTED", 429, K.RATE_LIMIT),
    ("CANCELLED", 499, K.TIMEOUT),
    ("INTERNAL", 500, K.SERVER_ERROR),
    ("UNKNOWN", 500, K.SERVER_ERROR),
    ("UNAVAILABLE", 503, K.OVERLOADED),
    ("DEADLINE_EXCEEDED", 504, K.TIMEOUT),
    ("STRANGE", 500, K.SERVER_ERROR),
])  # fmt: skip
def test_an_error_inside_a_200_is_known_by_its_word(
    word: str, status: int, kind: FailureKind
) -> None:
    told = parse_error(200, {}, dumps({"error": {"message": "m", "status": word}}))
    assert (told.kind, told.upstream_status) == (kind, status)


@pytest.mark.parametrize(
    ("more", "kind"), [({}, K.SERVER_ERROR), ({"status": "INVALID_ARGUMENT"}, K.INVALID_REQUEST)]
)
def test_a_400_inside_a_200_is_the_requests_fault_only_by_its_word(
    more: dict[str, str], kind: FailureKind
) -> None:
    assert (
        parse_error(200, {}, dumps({"error": {"code": 400, "message": "m", **more}})).kind is kind
    )
