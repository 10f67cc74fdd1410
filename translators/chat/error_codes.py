"""Errors as OpenAI's servers and their kin write them: by code and status first, by the words of
the message last.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from translators.chat.error_documents import Told, told
from translators.chat.redaction import redacted
from translators.chat.refusal_words import Refusal, is_larger_than_the_rate, key_is_refused, refusal
from translators.errors import FailureKind, UpstreamFailure
from translators.failures import Cause, cause_of_status, failure

_K = FailureKind
_BROKE: Final = Cause(_K.SERVER_ERROR)
_LARGER_THAN_THE_RATE: Final = Cause(_K.UNSUPPORTED, None, 429)


def _each(codes: str, kind: FailureKind) -> dict[str, FailureKind]:
    return dict.fromkeys(codes.split(), kind)


_BY_CODE: Final[Mapping[str, FailureKind]] = MappingProxyType(
    {
        **_each(
            "context_length_exceeded string_above_max_length model_max_prompt_tokens_exceeded"
            " exceed_context_size_error",
            _K.CONTEXT_LENGTH,
        ),
        **_each(
            "model_context_window_exceeded context_window_exceeded prompt_too_long"
            " content_length_exceeds_threshold 1261",
            _K.CONTEXT_LENGTH,
        ),
        **_each("request_too_large payload_too_large", _K.REQUEST_TOO_LARGE),
        **_each("model_not_found", _K.MODEL_NOT_FOUND),
        **_each(
            "invalid_api_key authentication_error invalid_authentication_error", _K.AUTHENTICATION
        ),
        **_each(
            "insufficient_quota billing_hard_limit_reached billing_not_active"
            " exceeded_current_quota_error arrearage",
            _K.QUOTA,
        ),
        **_each(
            "credit_balance_exhausted insufficient_balance insufficient_user_quota payment_required"
            " 1113",
            _K.QUOTA,
        ),
        **_each("rate_limit_exceeded rate_limit_error rate_limit_reached_error", _K.RATE_LIMIT),
        **_each(
            "content_filter content_policy_violation content_policy data_inspection_failed"
            " datainspectionfailed",
            _K.CONTENT_FILTER,
        ),
        **_each(
            "responsibleaipolicyviolation censorship_blocked moderation_blocked"
            " sensitive_words_detected cyber_policy",
            _K.CONTENT_FILTER,
        ),
        **_each(
            "inputtextsensitivecontentdetected inputimagesensitivecontentdetected"
            " sensitivecontentdetected",
            _K.CONTENT_FILTER,
        ),
        **_each(
            "outputtextsensitivecontentdetected contentriskblocked refusal 1301 1026 1027",
            _K.CONTENT_FILTER,
        ),
        **_each(
            "server_is_overloaded slow_down overloaded_error engine_overloaded_error"
            " provider_overloaded 1305",
            _K.OVERLOADED,
        ),
        **_each("tool_use_failed json_validate_failed output_parse_failed", _K.MODEL_OUTPUT),
        **_each(
            "array_above_max_length invalid_function_parameters unsupported_parameter"
            " unsupported_value",
            _K.UNSUPPORTED,
        ),
        **_each("unknown_parameter extra_forbidden", _K.UNSUPPORTED),
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

_ONE_CODE: Final = frozenset({_K.CONTENT_FILTER, _K.MODEL_OUTPUT})
"""Kinds that are told with one code, whatever a compatible server calls it, unless the API is one
that has codes of its own."""


def read_failure(
    document: Any,
    status: int,
    retry_after: float | None = None,
    codes: Mapping[str, FailureKind] = MappingProxyType({}),
) -> UpstreamFailure:
    """The failure that an error document tells of; `status` is 200 for one inside a stream.

    `codes` are error codes that only one API has, `retry_after` the seconds that the headers spoke
    of. `upstream_code` is the server's own code or, where a refusal shows a fact about the model to
    be wrong, the name of that: what a repair is chosen by.
    """
    error = told(document)
    own = None if error.code is None else codes.get(error.code)
    found, said = (own, None) if own is not None else _classify(status, error)
    kind, _, told_with = found if isinstance(found, tuple) else (found, None, None)
    fact = None if said is None else said.fact
    return failure(
        Cause(kind, None if kind in _ONE_CODE and own is None else error.code, told_with),
        redacted(error.message or _silent(status)),
        type=error.type,
        param=said.param if said is not None and said.param is not None else error.param,
        retry_after=None if kind is _K.UNSUPPORTED else retry_after,
        upstream_status=status,
        upstream_code=fact or error.code,
    )


def _silent(status: int) -> str:
    return (
        "The provider reported an error without a message."
        if status == 200
        else f"The provider answered with status {status}."
    )


def _classify(status: int, error: Told) -> tuple[FailureKind | Cause, Refusal | None]:
    """What happened, and what is said of the model, by a code or in words."""
    message, accepted = error.message or "", status == 200
    if (
        accepted
    ):  # an error inside an answer that had begun: some servers put the status into the document
        status = error.status or 500
    code, kind = _named(error)
    if (
        kind is _K.CONTEXT_LENGTH
        and code == "string_above_max_length"
        and not _is_content(error.param)
    ):
        return _K.UNSUPPORTED, None
    if (kind is _K.RATE_LIMIT or status in (413, 429)) and is_larger_than_the_rate(message):
        return _LARGER_THAN_THE_RATE, None
    if kind is not None:
        return kind, _said_by(code, error)
    if error.flagged and status in (400, 403):
        return _K.CONTENT_FILTER, None
    if key_is_refused(status, message):
        return _K.AUTHENTICATION, None
    if (said := refusal(status, message, accepted)) is not None:
        return said.kind, said
    return _by_status(status, accepted, error.type), None


def _named(error: Told) -> tuple[str, FailureKind | None]:
    """The most exact code that is known, and what it says."""
    for code in error.codes:
        code = code.lower()
        kind = _BY_CODE.get(code) or _BY_CODE.get(
            code.partition(".")[0]
        )  # Volcengine: SensitiveContentDetected.PolicyViolation
        if kind is not None:
            return code, kind
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


def _by_status(status: int, accepted: bool, type_: str | None) -> Cause:
    cause = cause_of_status(status)
    # Servers that had taken the request say 400 of whatever fails while they answer: only the type
    # makes it the request's fault.
    broke = accepted and type_ != "invalid_request_error"
    return _BROKE if broke and cause.kind is _K.INVALID_REQUEST else cause
