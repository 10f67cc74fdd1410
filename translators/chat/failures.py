"""Errors as OpenAI's servers and their kin write them: by status and code first, by the words of the message last."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from translators.errors import FailureKind, UpstreamFailure

_K = FailureKind
Row = tuple[FailureKind, int, str]
"""What one kind of error is to us, and the status and type that our caller is told."""

_BY_CODE: Final[dict[str, Row]] = {
    "context_length_exceeded": (_K.CONTEXT_LENGTH, 400, "invalid_request_error"),
    "string_above_max_length": (_K.CONTEXT_LENGTH, 400, "invalid_request_error"),
    "model_not_found": (_K.MODEL_NOT_FOUND, 404, "invalid_request_error"),
    "invalid_api_key": (_K.AUTHENTICATION, 502, "server_error"),
    "insufficient_quota": (_K.QUOTA, 429, "insufficient_quota"),
    "billing_hard_limit_reached": (_K.QUOTA, 429, "insufficient_quota"),
    "rate_limit_exceeded": (_K.RATE_LIMIT, 429, "rate_limit_error"),
    "content_filter": (_K.CONTENT_FILTER, 400, "invalid_request_error"),
    "content_policy_violation": (_K.CONTENT_FILTER, 400, "invalid_request_error"),
    "server_is_overloaded": (_K.OVERLOADED, 503, "server_error"),
    "slow_down": (_K.OVERLOADED, 503, "server_error"),
}

_BY_STATUS: Final[dict[int, Row]] = {
    401: (_K.AUTHENTICATION, 502, "server_error"),
    402: (_K.QUOTA, 429, "insufficient_quota"),
    403: (_K.PERMISSION, 502, "server_error"),
    404: (_K.MODEL_NOT_FOUND, 404, "invalid_request_error"),
    408: (_K.TIMEOUT, 504, "server_error"),
    409: (_K.SERVER_ERROR, 503, "server_error"),
    413: (_K.REQUEST_TOO_LARGE, 413, "invalid_request_error"),
    425: (_K.SERVER_ERROR, 503, "server_error"),
    429: (_K.RATE_LIMIT, 429, "rate_limit_error"),
    503: (_K.OVERLOADED, 503, "server_error"),
    504: (_K.TIMEOUT, 504, "server_error"),
    529: (_K.OVERLOADED, 503, "server_error"),
}

_DEFAULT_CODE: Final = {
    _K.AUTHENTICATION: "provider_auth_failed",
    _K.PERMISSION: "provider_auth_failed",
    _K.QUOTA: "insufficient_quota",
    _K.RATE_LIMIT: "rate_limit_exceeded",
    _K.OVERLOADED: "provider_overloaded",
    _K.TIMEOUT: "upstream_timeout",
    _K.SERVER_ERROR: "upstream_error",
    _K.REQUEST_TOO_LARGE: "request_too_large",
    _K.CONTEXT_LENGTH: "context_length_exceeded",
    _K.MODEL_NOT_FOUND: "model_not_found",
}

_CONTEXT_WORDS: Final = re.compile(r"context window|context length|too many tokens", re.I)
_SECRETS: Final = re.compile(r"sk-[A-Za-z0-9_*-]{6,}|Bearer\s+\S+")


def failure(
    document: Any, status: int, retry_after: float | None = None, codes: Mapping[str, Row] = MappingProxyType({})
) -> UpstreamFailure:
    """The failure that an error document tells of; `status` is 200 for one inside a stream.

    `codes` are error codes that only one API has, `retry_after` the seconds that the headers spoke of.
    """
    error = _error_object(document)
    message = redacted(str(error.get("message") or f"The provider answered with status {status}."))
    code = error.get("code") if isinstance(error.get("code"), str) else None
    kind, ours, type_ = _classify(status, error, message, codes)
    own = kind in (_K.AUTHENTICATION, _K.PERMISSION)
    return UpstreamFailure(
        kind=kind,
        message=message,
        status=ours,
        type=str(error["type"]) if kind is _K.INVALID_REQUEST and isinstance(error.get("type"), str) else type_,
        code=_DEFAULT_CODE.get(kind, code) if own or code is None else code,
        param=error.get("param") if isinstance(error.get("param"), str) else None,
        retry_after=retry_after,
        should_retry=False if kind is _K.QUOTA else None,
        upstream_status=status,
        upstream_code=code,
    )


def _error_object(document: Any) -> dict[str, Any]:
    if isinstance(document, list) and document:
        document = document[0]
    if isinstance(document, dict):
        inner = document.get("error", document)
        if isinstance(inner, dict):
            return inner
        document = inner
    return {"message": document if isinstance(document, str) else None}


def _classify(status: int, error: dict[str, Any], message: str, codes: Mapping[str, Row]) -> Row:
    code = error.get("code")
    if isinstance(code, str) and (row := codes.get(code) or _BY_CODE.get(code)) is not None:
        return row
    if error.get("type") == "insufficient_quota":
        return _BY_CODE["insufficient_quota"]
    accepted = status == 200  # an error inside an answer that had begun: some servers put the status into `code`
    if accepted:
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
    if status in (400, 422) and _CONTEXT_WORDS.search(message):
        return _BY_CODE["context_length_exceeded"]
    if (row := _BY_STATUS.get(status)) is not None:
        return row
    if status >= 500 or status < 400 or status == 405:  # a redirect, a wrong base URL: not the request's fault
        return _K.SERVER_ERROR, 502, "server_error"
    # Servers that had taken the request say 400 of whatever fails while they answer: only the type makes it the request's fault.
    if accepted and error.get("type") != "invalid_request_error":
        return _K.SERVER_ERROR, 502, "server_error"
    return _K.INVALID_REQUEST, 400, "invalid_request_error"


def redacted(message: str) -> str:
    """Cut to 2,000 characters, without anything that looks like a key."""
    return _SECRETS.sub("[redacted]", message[:2000])
