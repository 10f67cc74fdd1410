"""Failures in Anthropic's shape, with the statuses that its clients act on."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from translators.dialect.inbound import CallerError, WrittenError
from translators.errors import FailureKind
from translators.json_codec import dumps

_K = FailureKind
_INVALID: Final = "invalid_request_error"
_SERVER: Final = "api_error"
OUR_KEY: Final = "The provider did not accept the router's key."
INTERNAL: Final = "Internal error."


class Told(NamedTuple):
    """How a failure is told."""

    status: int
    type: str
    retry: bool | None = None
    """`x-should-retry`; None: the client decides."""
    message: str | None = None
    """In place of the failure's own."""


_BAD_REQUEST: Final = Told(400, _INVALID, False)
_BAD_GATEWAY: Final = Told(502, _SERVER)
_REFUSED_KEY: Final = Told(502, _SERVER, False, OUR_KEY)
_OVERLOADED: Final = Told(529, "overloaded_error")

BY_KIND: Final[Mapping[FailureKind, Told]] = MappingProxyType(
    {
        _K.CONNECT: _BAD_GATEWAY,
        _K.MALFORMED: _BAD_GATEWAY,
        _K.TRUNCATED: _BAD_GATEWAY,
        _K.NO_OUTPUT: _BAD_GATEWAY,
        _K.MODEL_OUTPUT: _BAD_GATEWAY,
        _K.SERVER_ERROR: _BAD_GATEWAY,
        _K.TIMEOUT: Told(504, "timeout_error"),
        _K.RATE_LIMIT: Told(429, "rate_limit_error"),
        _K.QUOTA: Told(429, "rate_limit_error", False),
        _K.OVERLOADED: _OVERLOADED,
        _K.AUTHENTICATION: _REFUSED_KEY,
        _K.PERMISSION: _REFUSED_KEY,
        _K.MODEL_NOT_FOUND: Told(502, _SERVER, False),
        _K.CONTEXT_LENGTH: _BAD_REQUEST,
        _K.CONTENT_FILTER: _BAD_REQUEST,
        _K.INVALID_REQUEST: _BAD_REQUEST,
        _K.UNSUPPORTED: _BAD_REQUEST,
        _K.REQUEST_TOO_LARGE: Told(413, "request_too_large", False),
    }
)
"""What a provider did."""

BY_STATUS: Final[Mapping[int, Told]] = MappingProxyType(
    {
        400: _BAD_REQUEST,
        401: Told(401, "authentication_error", False, "invalid x-api-key"),
        403: Told(403, "permission_error", False),
        404: Told(404, "not_found_error", False),
        405: Told(405, _INVALID, False),
        408: Told(408, "timeout_error"),
        413: Told(413, "request_too_large", False),
        415: Told(415, _INVALID, False),
        429: Told(429, "rate_limit_error"),
        500: Told(500, _SERVER, None, INTERNAL),
        502: _BAD_GATEWAY,
        503: _OVERLOADED,
        504: Told(504, "timeout_error"),
    }
)
"""What the gateway itself says."""

_OTHERS: Final = Told(500, _SERVER)
_PARAMS: Final = {
    "max_completion_tokens": "max_tokens",
    "reasoning_effort": "thinking",
    "response_format": "output_config.format",
    "web_search_options": "tools",
    "parallel_tool_calls": "tool_choice",
    "stop": "stop_sequences",
}
"""The hub's parameters in the words of this API."""
_INDEX: Final = re.compile(r"\[(\d+)\]")
_FAULT_OF_REQUEST: Final = frozenset({_K.INVALID_REQUEST, _K.UNSUPPORTED, _K.REQUEST_TOO_LARGE})
_TOO_LONG: Final = re.compile(r"prompt is too long|input length and `?max_tokens`? exceed")
_LIMIT: Final = re.compile(r"\b(\d{4,9})\b")


def told(error: CallerError) -> Told:
    """Status, type and retry of a failure."""
    if error.kind is not None:
        found = BY_KIND[error.kind]
    else:
        found = BY_STATUS.get(error.status) or _OTHERS._replace(status=error.status)
        if error.status < 500 and found is _OTHERS:
            found = Told(error.status, _INVALID, False)
    if error.should_retry is not None and found.retry is None:
        found = found._replace(retry=error.should_retry)
    return found


def message_of(error: CallerError, found: Told) -> str:
    """What a caller reads. A provider's words stand alone: clients know them again."""
    if found.message is not None:
        return found.message
    if error.kind is _K.CONTEXT_LENGTH or error.code == "context_length_exceeded":
        return _too_long(error)
    if error.kind is not None:
        return error.provider_message or error.message
    param = error.param
    if param is None or error.message.startswith(f"{param}: "):
        return error.message
    head, dot, rest = _INDEX.sub(r".\1", param).partition(".")
    return f"{_PARAMS.get(head, head)}{dot}{rest}: {error.message}"


def _too_long(error: CallerError) -> str:
    """The words at which agents begin to compact their conversation."""
    said = error.provider_message or error.message
    if _TOO_LONG.search(said):
        return said
    numbers = sorted(map(int, _LIMIT.findall(said)))
    most = error.windows or (numbers[0] if numbers else 0)
    needed = error.needed or (numbers[-1] if len(numbers) > 1 else most + 1)
    return f"prompt is too long: {needed} tokens > {most} maximum ({said})"


def error_document(error: CallerError, request_id: str) -> dict[str, Any]:
    """Anthropic's shape."""
    found = told(error)
    detail: dict[str, Any] = {"type": found.type, "message": message_of(error, found)}
    if error.limit is not None:
        detail["limit"] = error.limit
    return {"type": "error", "error": detail, "request_id": request_id}


def write_error(error: CallerError, request_id: str) -> WrittenError:
    """An error answer; the provider's own body where the request was at fault."""
    found = told(error)
    extra = {} if found.retry is None else {"x-should-retry": str(found.retry).lower()}
    if error.code is not None:
        extra["x-llm-router-error-code"] = error.code
    if error.relayed is not None:
        return WrittenError(found.status, error.relayed, extra)
    return WrittenError(found.status, dumps(error_document(error, request_id)), extra)
