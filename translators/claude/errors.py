"""Claude's errors: by status and typed code first, by the words of the message last."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from translators.chat.error_documents import told
from translators.chat.redaction import redacted
from translators.chat.refusal_words import refusal
from translators.errors import FailureKind, UpstreamFailure
from translators.jsontext import loads
from translators.retry_after import retry_after

_K = FailureKind


@dataclass(frozen=True, slots=True)
class _Row:
    """What one kind of error is to us and to our caller."""

    kind: FailureKind
    status: int
    type: str
    code: str | None = None


_INVALID: Final = _Row(_K.INVALID_REQUEST, 400, "invalid_request_error")
_QUOTA: Final = _Row(_K.QUOTA, 429, "insufficient_quota", "insufficient_quota")
_RATE_LIMIT: Final = _Row(_K.RATE_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded")
_CONTEXT: Final = _Row(_K.CONTEXT_LENGTH, 400, "invalid_request_error", "context_length_exceeded")
_FILTERED: Final = _Row(_K.CONTENT_FILTER, 400, "invalid_request_error", "content_filter")
_UNSUPPORTED: Final = _Row(_K.UNSUPPORTED, 400, "invalid_request_error")
_BAD_OUTPUT: Final = _Row(_K.MODEL_OUTPUT, 502, "server_error", "bad_output")

_OF_OTHERS: Final = {row.kind: row for row in (_INVALID, _QUOTA, _CONTEXT, _FILTERED, _UNSUPPORTED, _BAD_OUTPUT)}
"""What other servers that speak this API say in words of their own."""

_BY_STATUS: Final[dict[int, _Row]] = {
    400: _INVALID,
    401: _Row(_K.AUTHENTICATION, 500, "server_error", "provider_auth_failed"),
    402: _QUOTA,
    403: _Row(_K.PERMISSION, 500, "permission_error", "permission_denied"),
    404: _Row(_K.MODEL_NOT_FOUND, 404, "invalid_request_error", "model_not_found"),
    408: _Row(_K.TIMEOUT, 503, "server_error"),
    409: _Row(_K.SERVER_ERROR, 409, "conflict_error"),
    413: _Row(_K.REQUEST_TOO_LARGE, 413, "invalid_request_error", "request_too_large"),
    422: _INVALID,
    425: _Row(_K.SERVER_ERROR, 503, "server_error"),
    429: _RATE_LIMIT,
    500: _Row(_K.SERVER_ERROR, 500, "server_error", "upstream_error"),
    503: _Row(_K.SERVER_ERROR, 503, "server_error", "upstream_error"),
    504: _Row(_K.TIMEOUT, 504, "server_error", "upstream_timeout"),
    529: _Row(_K.OVERLOADED, 503, "server_error", "provider_overloaded"),
}
_BAD_GATEWAY: Final = _Row(_K.SERVER_ERROR, 502, "server_error", "upstream_error")

_STATUS_OF_TYPE: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

_SPENT: Final = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached", "linked_organization_spend_limit_reached"})

_BY_WORDS: Final[tuple[tuple[re.Pattern[str], _Row, str], ...]] = tuple(
    (re.compile(words, re.IGNORECASE), row, name)
    for words, row, name in (
        (r"prompt is too long|input length and `?max_tokens`? exceed|exceeds? the context window", _CONTEXT, "context_length_exceeded"),
        (r"credit balance is too low", _QUOTA, "credit_balance_too_low"),
        (r"usage limits|spend(ing)? limit", _QUOTA, "usage_limit_reached"),
        (r"content filtering policy", _FILTERED, "content_filter"),
        (r"invalid `?signature`? in `?thinking`?|bound to a different conversation", _INVALID, "thinking_signature_invalid"),
        (r"expected `?thinking`? or `?redacted_thinking`?", _INVALID, "thinking_missing"),
        (r"thinking\.type\.\w+\W+is not supported|adaptive thinking is not supported", _UNSUPPORTED, "thinking_type_unsupported"),
        (r"thinking may not be enabled when `?tool_choice`? forces", _INVALID, "thinking_with_forced_tool"),
        (r"tool_choice.*not supported for this model", _UNSUPPORTED, "tool_choice_unsupported"),
        (r"\b(temperature|top_p|top_k)\b.*(deprecated|not supported|cannot both be specified)", _UNSUPPORTED, "sampling_unsupported"),
        (r"role '?system'? is not supported on this model", _UNSUPPORTED, "system_role_unsupported"),
        (r"does not support assistant message prefill", _UNSUPPORTED, "prefill_unsupported"),
        (
            r"too many strict tools|too many optional parameters|compiled grammar is too large|grammar compilation timed out"
            r"|schema is too complex for compilation|output_config[^\n]{0,200}property keys should match pattern",
            _UNSUPPORTED,
            "schema_too_complex",
        ),
        (r"max_tokens: \d+ > \d+, which is the maximum allowed", _INVALID, "max_tokens_too_large"),
        (r"unexpected value\(s\).*`?anthropic-beta`? header", _INVALID, "beta_unknown"),
        (r"many-image requests", _INVALID, "image_too_large"),
        (r"\Atools\.\d+\.", _UNSUPPORTED, "tool_refused"),
    )
)
"""Refusals that Claude tells apart only in words: what they are to us, and the name they get as `upstream_code`."""

_IDS: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
"""Of organizations and workspaces."""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """An error answer: Claude's object, or whatever a proxy in between wrote.

    `upstream_code` is Claude's own error code, else a name for what the words of a refusal say (`thinking_signature_invalid`,
    `sampling_unsupported`, …), else Claude's error type: what a repair can be chosen by.
    """
    try:
        document = loads(body)
    except ValueError:
        document = None
    return _failure(document, status, headers)


def error_failure(document: Any) -> UpstreamFailure:
    """The failure that an error tells of which came under a good status: as a stream's event or in place of a message."""
    return _failure(document, None, {})


def _failure(document: Any, status: int | None, headers: Mapping[str, str]) -> UpstreamFailure:
    error = document.get("error") if document.__class__ is dict else None
    fields = error if error.__class__ is dict else {"message": error}
    type_, message = _text(fields.get("type")), None
    details = fields.get("details")
    if document.__class__ is dict:
        message = told(document).message  # a server in between may put it anywhere
    own_code = _text(details.get("error_code")) if details.__class__ is dict else None
    wait = retry_after(headers)
    row, name = _classify(status, type_, own_code, message or "", wait)
    return UpstreamFailure(
        kind=row.kind,
        message=_IDS.sub("[redacted]", redacted(message)) if message else _silent(status),
        status=row.status,
        type=row.type,
        code=row.code,
        retry_after=wait,
        should_retry=False if row.kind in (_K.QUOTA, _K.UNSUPPORTED) else None,
        upstream_status=status,
        upstream_code=own_code or name or type_,
    )


def _text(value: Any) -> str | None:
    return value if value.__class__ is str and value else None


def _silent(status: int | None) -> str:
    return "The provider reported an error without a message." if status is None else f"The provider answered with status {status}."


def _classify(status: int | None, type_: str | None, own_code: str | None, message: str, wait: float | None) -> tuple[_Row, str | None]:
    """The row, and the name of what the words say, if they say more than status and type: Claude's words first, then other servers'."""
    seen = status if status in _BY_STATUS else _STATUS_OF_TYPE.get(type_ or "", status)
    if seen in (400, 413, 422):
        for words, row, name in _BY_WORDS:
            if words.search(message):
                return row, name
    if (said := refusal(seen or 500, message, accepted=status is None)) is not None:
        return _OF_OTHERS[said.kind], said.fact
    if seen == 429 and own_code != "ramp_limit_exceeded" and (own_code in _SPENT or (status == 429 and wait is None)):
        return _QUOTA, None
    if type_ is not None and type_ not in _STATUS_OF_TYPE:
        return _unknown(seen, type_), None
    return _by_status(seen), None


def _by_status(status: int | None) -> _Row:
    if status is None:
        return _BY_STATUS[500]
    if (row := _BY_STATUS.get(status)) is not None:
        return row
    misplaced = status < 400 or status == 405  # a redirect, a wrong base URL: not the request's fault
    return _BAD_GATEWAY if status >= 500 or misplaced else _INVALID


def _unknown(status: int | None, type_: str) -> _Row:
    """A type that is not known keeps its status and its name."""
    row = _by_status(status)
    kept = row.status if status is None or row.kind in (_K.AUTHENTICATION, _K.PERMISSION) else status
    return _Row(row.kind, kept, "server_error" if kept >= 500 else "invalid_request_error", type_[:80])
