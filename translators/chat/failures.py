"""Errors as OpenAI's servers and their kin write them: by code and status first, by the words of the message last."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from translators.chat.error_documents import Told, told
from translators.chat.redaction import redacted
from translators.chat.refusal_words import Refusal, is_larger_than_the_rate, key_is_refused, refusal
from translators.errors import FailureKind, UpstreamFailure

_K = FailureKind
Row = tuple[FailureKind, int, str]
"""What one kind of error is to us, and the status and type that our caller is told."""

_INVALID: Final[Row] = (_K.INVALID_REQUEST, 400, "invalid_request_error")
_UNSUPPORTED: Final[Row] = (_K.UNSUPPORTED, 400, "invalid_request_error")
_CONTEXT: Final[Row] = (_K.CONTEXT_LENGTH, 400, "invalid_request_error")
_TOO_LARGE: Final[Row] = (_K.REQUEST_TOO_LARGE, 413, "invalid_request_error")
_FILTERED: Final[Row] = (_K.CONTENT_FILTER, 400, "invalid_request_error")
_KEY_REFUSED: Final[Row] = (_K.AUTHENTICATION, 502, "server_error")
_QUOTA: Final[Row] = (_K.QUOTA, 429, "insufficient_quota")
_RATE_LIMIT: Final[Row] = (_K.RATE_LIMIT, 429, "rate_limit_error")
_LARGER_THAN_THE_RATE: Final[Row] = (_K.UNSUPPORTED, 429, "rate_limit_error")
_OVERLOADED: Final[Row] = (_K.OVERLOADED, 503, "server_error")
_BAD_OUTPUT: Final[Row] = (_K.MODEL_OUTPUT, 502, "server_error")
_FAULT: Final[Row] = (_K.SERVER_ERROR, 502, "server_error")

_ROWS: Final = {row[0]: row for row in (_INVALID, _UNSUPPORTED, _CONTEXT, _FILTERED, _QUOTA, _BAD_OUTPUT)}
"""Of what words tell."""


def _each(codes: str, row: Row) -> dict[str, Row]:
    return dict.fromkeys(codes.split(), row)


_BY_CODE: Final[Mapping[str, Row]] = MappingProxyType(
    {
        **_each("context_length_exceeded string_above_max_length model_max_prompt_tokens_exceeded exceed_context_size_error", _CONTEXT),
        **_each("model_context_window_exceeded context_window_exceeded prompt_too_long content_length_exceeds_threshold 1261", _CONTEXT),
        **_each("request_too_large payload_too_large", _TOO_LARGE),
        **_each("model_not_found", (_K.MODEL_NOT_FOUND, 404, "invalid_request_error")),
        **_each("invalid_api_key authentication_error invalid_authentication_error", _KEY_REFUSED),
        **_each("insufficient_quota billing_hard_limit_reached billing_not_active exceeded_current_quota_error arrearage", _QUOTA),
        **_each("credit_balance_exhausted insufficient_balance insufficient_user_quota payment_required 1113", _QUOTA),
        **_each("rate_limit_exceeded rate_limit_error rate_limit_reached_error", _RATE_LIMIT),
        **_each("content_filter content_policy_violation content_policy data_inspection_failed datainspectionfailed", _FILTERED),
        **_each("responsibleaipolicyviolation censorship_blocked moderation_blocked sensitive_words_detected cyber_policy", _FILTERED),
        **_each("inputtextsensitivecontentdetected inputimagesensitivecontentdetected sensitivecontentdetected", _FILTERED),
        **_each("outputtextsensitivecontentdetected contentriskblocked refusal 1301 1026 1027", _FILTERED),
        **_each("server_is_overloaded slow_down overloaded_error engine_overloaded_error provider_overloaded 1305", _OVERLOADED),
        **_each("tool_use_failed json_validate_failed output_parse_failed", _BAD_OUTPUT),
        **_each("array_above_max_length invalid_function_parameters unsupported_parameter unsupported_value", _UNSUPPORTED),
        **_each("unknown_parameter extra_forbidden", _UNSUPPORTED),
    }
)
"""What a code or type says, in small letters. The numbers are those of Z.ai and MiniMax."""

_FACTS: Final = {
    "unsupported_parameter": "parameter_unsupported",
    "unknown_parameter": "parameter_unsupported",
    "extra_forbidden": "parameter_unsupported",
    "unsupported_value": "value_unsupported",
}
"""Codes that show a fact about the model to be wrong."""

_BY_STATUS: Final[Mapping[int, Row]] = MappingProxyType(
    {
        401: _KEY_REFUSED,
        402: _QUOTA,
        403: (_K.PERMISSION, 502, "server_error"),
        404: (_K.MODEL_NOT_FOUND, 404, "invalid_request_error"),
        408: (_K.TIMEOUT, 504, "server_error"),
        409: (_K.SERVER_ERROR, 503, "server_error"),
        413: _TOO_LARGE,
        425: (_K.SERVER_ERROR, 503, "server_error"),
        429: _RATE_LIMIT,
        451: _FILTERED,
        503: _OVERLOADED,
        504: (_K.TIMEOUT, 504, "server_error"),
        529: _OVERLOADED,
    }
)

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
    _K.CONTENT_FILTER: "content_filter",
    _K.MODEL_NOT_FOUND: "model_not_found",
    _K.MODEL_OUTPUT: "bad_output",
}

_OURS: Final = frozenset({_K.AUTHENTICATION, _K.PERMISSION})
_ONE_CODE: Final = frozenset({_K.CONTEXT_LENGTH, _K.CONTENT_FILTER, _K.MODEL_OUTPUT})
"""Kinds that callers know by one code, whatever a compatible server calls it."""
_NOT_AGAIN: Final = frozenset({_K.QUOTA, _K.UNSUPPORTED})
"""After these the same request makes no sense."""


def failure(
    document: Any, status: int, retry_after: float | None = None, codes: Mapping[str, Row] = MappingProxyType({})
) -> UpstreamFailure:
    """The failure that an error document tells of; `status` is 200 for one inside a stream.

    `codes` are error codes that only one API has, `retry_after` the seconds that the headers spoke of. `upstream_code` is the server's own
    code or, where a refusal shows a fact about the model to be wrong, the name of that: what a repair is chosen by.
    """
    error = told(document)
    own = None if error.code is None else codes.get(error.code)
    row, said = (own, None) if own is not None else _classify(status, error)
    kind, ours, type_ = row
    by_default = error.code is None or kind in _OURS or (kind in _ONE_CODE and own is None)
    fact = None if said is None else said.fact
    return UpstreamFailure(
        kind=kind,
        message=redacted(error.message or _silent(status)),
        status=ours,
        type=error.type[:80] if kind is _K.INVALID_REQUEST and error.type is not None else type_,
        code=_DEFAULT_CODE.get(kind) if by_default else error.code,
        param=said.param if said is not None and said.param is not None else error.param,
        retry_after=None if kind is _K.UNSUPPORTED else retry_after,
        should_retry=False if kind in _NOT_AGAIN else None,
        upstream_status=status,
        upstream_code=fact or error.code,
    )


def _silent(status: int) -> str:
    return "The provider reported an error without a message." if status == 200 else f"The provider answered with status {status}."


def _classify(status: int, error: Told) -> tuple[Row, Refusal | None]:
    """The row, and what is said of the model, by a code or in words."""
    message, accepted = error.message or "", status == 200
    if accepted:  # an error inside an answer that had begun: some servers put the status into the document
        status = error.status or 500
    code, row = _named(error)
    if row is _CONTEXT and code == "string_above_max_length" and not _is_content(error.param):
        return _UNSUPPORTED, None
    if (row is _RATE_LIMIT or status in (413, 429)) and is_larger_than_the_rate(message):
        return _LARGER_THAN_THE_RATE, None
    if row is not None:
        return row, _said_by(code, error)
    if error.flagged and status in (400, 403):
        return _FILTERED, None
    if key_is_refused(status, message):
        return _KEY_REFUSED, None
    if (said := refusal(status, message, accepted)) is not None:
        return _ROWS[said.kind], said
    return _by_status(status, accepted, error.type), None


def _named(error: Told) -> tuple[str, Row | None]:
    """The most exact code that is known, and its row."""
    for code in error.codes:
        code = code.lower()
        row = _BY_CODE.get(code) or _BY_CODE.get(code.partition(".")[0])  # Volcengine: SensitiveContentDetected.PolicyViolation
        if row is not None:
            return code, row
    return "", None


def _is_content(param: str | None) -> bool:
    """What is too long is what was said, not a name or an id."""
    return param is None or param.endswith(("content", "text", "input", "prompt"))


def _said_by(code: str, error: Told) -> Refusal | None:
    """What a code says of the model, with the parameter it is about."""
    fact = _FACTS.get(code)
    if fact is None:
        return None
    if error.param is None:  # only the words name it
        said = refusal(400, error.message or "")
        return said if said is not None and said.kind is _K.UNSUPPORTED else None
    if error.param.startswith("messages"):
        fact = "role_unsupported" if error.param.endswith(".role") else "message_field_unsupported"
    return Refusal(_K.UNSUPPORTED, fact, error.param)


def _by_status(status: int, accepted: bool, type_: str | None) -> Row:
    if (row := _BY_STATUS.get(status)) is not None:
        return row
    if status >= 500 or status < 400 or status == 405:  # a redirect, a wrong base URL: not the request's fault
        return _FAULT
    # Servers that had taken the request say 400 of whatever fails while they answer: only the type makes it the request's fault.
    return _FAULT if accepted and type_ != "invalid_request_error" else _INVALID
