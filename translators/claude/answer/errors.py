"""Claude's errors: by status and typed code first, by the words of the message last."""

import re
from collections.abc import Mapping
from typing import Any, Final

from translators.chat.error_documents import told
from translators.chat.redaction import redacted
from translators.chat.refusal_words import refusal
from translators.errors import FailureKind, UpstreamFailure
from translators.failures import BY_STATUS, Cause, cause_of_status, failure
from translators.json_codec import loads
from translators.retry_after import retry_after

_K = FailureKind


_OF_OTHERS: Final = frozenset(
    {
        _K.INVALID_REQUEST,
        _K.QUOTA,
        _K.CONTEXT_LENGTH,
        _K.CONTENT_FILTER,
        _K.UNSUPPORTED,
        _K.MODEL_OUTPUT,
    }
)
"""What other servers that speak this API say in words of their own."""

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

_SPENT: Final = frozenset(
    {
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
    }
)

_BY_WORDS: Final[tuple[tuple[re.Pattern[str], FailureKind, str], ...]] = tuple(
    (re.compile(words, re.IGNORECASE), kind, name)
    for words, kind, name in (
        (
            (
                r"prompt is too long|input length and `?max_tokens`? exceed|exceeds? the context"
                r" window"
            ),
            _K.CONTEXT_LENGTH,
            "context_length_exceeded",
        ),
        (r"credit balance is too low", _K.QUOTA, "credit_balance_too_low"),
        (r"usage limits|spend(ing)? limit", _K.QUOTA, "usage_limit_reached"),
        (r"content filtering policy", _K.CONTENT_FILTER, "content_filter"),
        (
            r"invalid `?signature`? in `?thinking`?|bound to a different conversation",
            _K.INVALID_REQUEST,
            "thinking_signature_invalid",
        ),
        (r"expected `?thinking`? or `?redacted_thinking`?", _K.INVALID_REQUEST, "thinking_missing"),
        (
            r"thinking\.type\.\w+\W+is not supported|adaptive thinking is not supported",
            _K.UNSUPPORTED,
            "thinking_type_unsupported",
        ),
        (
            r"thinking may not be enabled when `?tool_choice`? forces",
            _K.INVALID_REQUEST,
            "thinking_with_forced_tool",
        ),
        (r"tool_choice.*not supported for this model", _K.UNSUPPORTED, "tool_choice_unsupported"),
        (
            r"\b(temperature|top_p|top_k)\b.*(deprecated|not supported|cannot both be specified)",
            _K.UNSUPPORTED,
            "sampling_unsupported",
        ),
        (
            r"role '?system'? is not supported on this model",
            _K.UNSUPPORTED,
            "system_role_unsupported",
        ),
        (r"does not support assistant message prefill", _K.UNSUPPORTED, "prefill_unsupported"),
        (
            r"too many strict tools|too many optional parameters|compiled grammar is too"
            r" large|grammar compilation timed out"
            r"|schema is too complex for compilation|output_config[^\n]{0,200}property keys should"
            r" match pattern",
            _K.UNSUPPORTED,
            "schema_too_complex",
        ),
        (
            r"max_tokens: \d+ > \d+, which is the maximum allowed",
            _K.INVALID_REQUEST,
            "max_tokens_too_large",
        ),
        (r"unexpected value\(s\).*`?anthropic-beta`? header", _K.INVALID_REQUEST, "beta_unknown"),
        (r"many-image requests", _K.INVALID_REQUEST, "image_too_large"),
        (r"\Atools\.\d+\.", _K.UNSUPPORTED, "tool_refused"),
    )
)
"""Refusals that Claude tells apart only in words: what they are to us, and the name they get as
`upstream_code`."""

_IDS: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
"""Of organizations and workspaces."""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """An error answer: Claude's object, or whatever a proxy in between wrote.

    `upstream_code` is Claude's own error code, else a name for what the words of a refusal say
    (`thinking_signature_invalid`, `sampling_unsupported`, …), else Claude's error type: what a
    repair can be chosen by.
    """
    try:
        document = loads(body)
    except ValueError:
        document = None
    return _failure(document, status, headers)


def error_failure(document: Any) -> UpstreamFailure:
    """The failure that an error tells of which came under a good status: as a stream's event or in
    place of a message.
    """
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
    cause, name = _classify(status, type_, own_code, message or "", wait)
    return failure(
        cause,
        _IDS.sub("[redacted]", redacted(message)) if message else _silent(status),
        retry_after=wait,
        upstream_status=status,
        upstream_code=own_code or name or type_,
    )


def _text(value: Any) -> str | None:
    return value if value.__class__ is str and value else None


def _silent(status: int | None) -> str:
    return (
        "The provider reported an error without a message."
        if status is None
        else f"The provider answered with status {status}."
    )


def _classify(
    status: int | None, type_: str | None, own_code: str | None, message: str, wait: float | None
) -> tuple[FailureKind | Cause, str | None]:
    """The cause, and the name of what the words say, if they say more than status and type:
    Claude's words first, then other servers'.
    """
    seen = status if status in BY_STATUS else _STATUS_OF_TYPE.get(type_ or "", status)
    if seen in (400, 413, 422):
        for words, kind, name in _BY_WORDS:
            if words.search(message):
                return kind, name
    if (
        said := refusal(seen or 500, message, accepted=status is None)
    ) is not None and said.kind in _OF_OTHERS:
        return said.kind, said.fact
    if (
        seen == 429
        and own_code != "ramp_limit_exceeded"
        and (own_code in _SPENT or (status == 429 and wait is None))
    ):
        return _K.QUOTA, None
    unknown = type_ if type_ is not None and type_ not in _STATUS_OF_TYPE else None
    kind, _, told_with = cause_of_status(500 if seen is None else seen)
    return Cause(kind, unknown, told_with), None
