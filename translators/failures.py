"""What a caller is told of each way in which a provider can fail: one table, whichever provider it
was.

A caller's retry logic reads status, type and code; it must not depend on who served. OpenAI's own
errors are the model for all of them: https://platform.openai.com/docs/guides/error-codes
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from translators.errors import FailureKind, UpstreamFailure

_K = FailureKind


class _Told(NamedTuple):
    """The HTTP status, the error's type, and its code where nothing says more exactly what
    happened.
    """

    status: int
    type: str
    code: str | None


_INVALID: Final = "invalid_request_error"
_SERVER: Final = "server_error"

_TOLD: Final[Mapping[FailureKind, _Told]] = MappingProxyType(
    {
        _K.CONNECT: _Told(502, _SERVER, "upstream_unreachable"),
        _K.TIMEOUT: _Told(504, _SERVER, "upstream_timeout"),
        _K.RATE_LIMIT: _Told(429, "rate_limit_error", "rate_limit_exceeded"),
        _K.QUOTA: _Told(429, "insufficient_quota", "insufficient_quota"),
        _K.OVERLOADED: _Told(503, _SERVER, "provider_overloaded"),
        _K.SERVER_ERROR: _Told(502, _SERVER, "upstream_error"),
        _K.AUTHENTICATION: _Told(502, _SERVER, "provider_auth_failed"),
        _K.PERMISSION: _Told(502, _SERVER, "provider_auth_failed"),
        _K.MODEL_NOT_FOUND: _Told(404, _INVALID, "model_not_found"),
        _K.CONTEXT_LENGTH: _Told(400, _INVALID, "context_length_exceeded"),
        _K.REQUEST_TOO_LARGE: _Told(413, _INVALID, "request_too_large"),
        _K.CONTENT_FILTER: _Told(400, _INVALID, "content_filter"),
        _K.INVALID_REQUEST: _Told(400, _INVALID, None),
        _K.UNSUPPORTED: _Told(400, _INVALID, None),
        _K.MALFORMED: _Told(502, _SERVER, "upstream_malformed"),
        _K.TRUNCATED: _Told(502, _SERVER, "stream_truncated"),
        _K.NO_OUTPUT: _Told(502, _SERVER, "upstream_no_output"),
        _K.MODEL_OUTPUT: _Told(502, _SERVER, "bad_output"),
    }
)

_ONE_CODE: Final = frozenset(
    {_K.AUTHENTICATION, _K.PERMISSION, _K.QUOTA, _K.RATE_LIMIT, _K.OVERLOADED, _K.CONTEXT_LENGTH,
     _K.REQUEST_TOO_LARGE, _K.MODEL_NOT_FOUND}
)  # fmt: skip
"""Kinds that callers know by one code, whatever the provider calls it (`upstream_code` has the
provider's)."""
OUR_KEY: Final = frozenset({_K.AUTHENTICATION, _K.PERMISSION})
"""The provider refuses the key that the gateway has for it: never the caller's 401."""
_NOT_AGAIN: Final = frozenset({_K.QUOTA, _K.UNSUPPORTED})
"""After these the same request makes no sense: an SDK is told not to send it again."""


class Cause(NamedTuple):
    """What a provider's error says of what happened."""

    kind: FailureKind
    code: str | None = None
    """What it is called more exactly, for kinds that may be told with a code of their own."""
    status: int | None = None
    """Where the kind is told with another status than usual: 503 for a conflict that may pass, 404
    for a caller's own file that is gone."""


_MAY_PASS_AT_ONCE: Final = Cause(_K.SERVER_ERROR, None, 503)
"""A conflict, or too early: an SDK asks again."""
BY_STATUS: Final[Mapping[int, Cause]] = MappingProxyType(
    {
        400: Cause(_K.INVALID_REQUEST),
        401: Cause(_K.AUTHENTICATION),
        402: Cause(_K.QUOTA),
        403: Cause(_K.PERMISSION),
        404: Cause(_K.MODEL_NOT_FOUND),
        408: Cause(_K.TIMEOUT),
        409: _MAY_PASS_AT_ONCE,
        413: Cause(_K.REQUEST_TOO_LARGE),
        422: Cause(_K.INVALID_REQUEST),
        425: _MAY_PASS_AT_ONCE,
        429: Cause(_K.RATE_LIMIT),
        451: Cause(_K.CONTENT_FILTER),
        500: Cause(_K.SERVER_ERROR),
        503: Cause(_K.OVERLOADED),
        504: Cause(_K.TIMEOUT),
        529: Cause(_K.OVERLOADED),
    }
)
"""What a provider's status means where neither a code nor words say more."""


def cause_of_status(status: int) -> Cause:
    """What any status of a provider's error means. One below 400, or 405, comes of a redirect or a
    wrong base URL: it is not the request's fault.
    """
    found = BY_STATUS.get(status)
    if found is not None:
        return found
    misplaced = status < 400 or status == 405
    return Cause(_K.SERVER_ERROR if status >= 500 or misplaced else _K.INVALID_REQUEST)


def failure(
    cause: FailureKind | Cause,
    message: str,
    *,
    type: str | None = None,
    param: str | None = None,
    retry_after: float | None = None,
    upstream_status: int | None = None,
    upstream_code: str | None = None,
) -> UpstreamFailure:
    """The failure of one attempt, as callers are told of it.

    `type`: the provider's own, told where the request is at fault. `retry_after`: seconds that the
    provider wants to be left alone.
    """
    kind, code, status = cause if isinstance(cause, tuple) else (cause, None, None)
    told = _TOLD[kind]
    if kind is not _K.INVALID_REQUEST or type is None:
        type = "rate_limit_error" if status == 429 else told.type
    return UpstreamFailure(
        kind=kind,
        message=message,
        status=told.status if status is None else status,
        type=type[:80],
        code=told.code if code is None or kind in _ONE_CODE else code[:80],
        param=None if kind in OUR_KEY else param,
        retry_after=retry_after,
        should_retry=False if kind in _NOT_AGAIN else None,
        upstream_status=upstream_status,
        upstream_code=upstream_code,
    )


def truncated(
    message: str = "The provider ended the stream before completing the response.",
) -> UpstreamFailure:
    """The failure of an answer that stopped before its dialect's end mark."""
    return failure(_K.TRUNCATED, message)


def malformed(message: str) -> UpstreamFailure:
    """The failure of an answer that is not in its dialect."""
    return failure(_K.MALFORMED, message)


def no_output(
    message: str = "The provider's answer has neither content nor a reason for its end.",
) -> UpstreamFailure:
    """The failure of an answer that is complete and says nothing."""
    return failure(_K.NO_OUTPUT, message)
