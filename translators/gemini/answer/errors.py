"""Google's errors: by HTTP status, typed details and status word first, by the words of the message
where nothing else tells.

`{"error": {"code", "message", "status", "details": [google.rpc.*]}}`, sometimes in a list of one,
sometimes HTML, sometimes nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from translators.chat.error_documents import plain_text
from translators.chat.redaction import redacted
from translators.chat.refusal_words import refusal
from translators.errors import ONE_CHOICE, FailureKind, UpstreamFailure
from translators.failures import Cause
from translators.failures import failure as failure_of
from translators.gemini.wire import GoogleError
from translators.json_codec import JsonObject, loads
from translators.retry_after import LONGEST, retry_after

_K = FailureKind

Details = dict[str, JsonObject]
"""`error.details` by the last word of their type (`RetryInfo`)."""

_DELAY: Final = re.compile(r"(\d+(?:\.\d+)?)s", re.ASCII).fullmatch
_DELAY_IN_WORDS: Final = re.compile(r"retry in (\d+(?:\.\d+)?)s", re.ASCII)
_OVERLOAD_DELAY: Final = 2.0
"""Seconds to wait for an overloaded model that does not say how long."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One kind of failure. A rule without words holds for its statuses; one with words only where
    the message has them.
    """

    statuses: tuple[int, ...]
    cause: Cause
    words: re.Pattern[str] | None = None
    name: str | None = None
    """What a repair is chosen by, where the caller's code says less."""


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.I)


_OF_OTHERS: Final = frozenset({_K.CONTEXT_LENGTH, _K.CONTENT_FILTER, _K.MODEL_OUTPUT})
"""What only the words of other servers tell."""

_RULES: Final = (
    _Rule((400,), Cause(_K.AUTHENTICATION), _words("API key not valid|API key expired")),
    _Rule((400,), Cause(_K.CONTEXT_LENGTH),
     _words("input token count.*exceeds|maximum number of tokens allowed")),
    _Rule(
        (400,), Cause(_K.INVALID_REQUEST, "invalid_thought_signature"),
        _words("thought_signature|thought signature|Base64 decoding failed"),
    ),
    _Rule((400,), Cause(_K.PERMISSION), _words("User location is not supported")),
    _Rule((400,), Cause(_K.QUOTA), _words("billing")),
    _Rule((400,), Cause(_K.UNSUPPORTED), _words(r"function_declarations|\btools\[")),
    _Rule(
        (400,), Cause(_K.UNSUPPORTED, "unsupported_parameter"),
        _words(
            r"multiple candidates|only one candidate"
            r"|candidateCount (?:must be 1\b|value of \d+ but the supported range)"
        ),
        ONE_CHOICE,
    ),
    _Rule(
        (400,), Cause(_K.UNSUPPORTED, "unsupported_parameter"),
        _words("is not enabled|Budget 0 is invalid|thinking level|is unsupported|Unknown name"),
    ),
    # The caller named it, and it has expired: neither our key nor the model is at fault, and nobody
    # else has it.
    _Rule((403, 404), Cause(_K.INVALID_REQUEST, None, 404),
     _words("cached? ?content|access the File")),
    _Rule((401,), Cause(_K.AUTHENTICATION)),
    _Rule((402,), Cause(_K.QUOTA)),
    _Rule((403,), Cause(_K.PERMISSION)),
    _Rule((404,), Cause(_K.MODEL_NOT_FOUND)),
    _Rule((408, 499, 504), Cause(_K.TIMEOUT)),
    _Rule((409, 425), Cause(_K.SERVER_ERROR, None, 503)),
    _Rule((413,), Cause(_K.REQUEST_TOO_LARGE)),
    _Rule((451,), Cause(_K.CONTENT_FILTER)),
    _Rule((503, 529), Cause(_K.OVERLOADED)),
)  # fmt: skip
"""Source: https://ai.google.dev/gemini-api/docs/troubleshooting and
https://cloud.google.com/apis/design/errors"""

_STATUS_OF: Final = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404, "CANCELLED": 499, "RESOURCE_EXHAUSTED": 429, "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
"""The HTTP status that google.rpc's words stand for: an error inside a stream may have no other.
Any other word is 500."""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """An error answer of any shape."""
    try:
        document = loads(body)
    except ValueError:
        document = None
    error = error_of(document)
    if error is None:
        text = " ".join(plain_text(body[: 64 * 1024].decode("utf-8", "replace")).split())[:500]
        error = {
            "message": f"The provider answered with status {status}{': ' if text else '.'}{text}"
        }
    return failure(error, status, headers)


def error_of(document: Any) -> GoogleError | None:
    """The error object in a document: in a list of one, or by itself. None if the document tells of
    no error.
    """
    if document.__class__ is list and document:
        document = document[0]
    error = document.get("error") if document.__class__ is dict else None
    if error.__class__ is str and error:
        return {"message": error}
    return error if error.__class__ is dict and error else None


def failure(error: GoogleError, status: int, headers: Mapping[str, str]) -> UpstreamFailure:
    """The failure an error object tells of; `status` is that of the HTTP answer, 200 for an error
    inside a stream.
    """
    word = error.get("status")
    accepted = status < 400
    if accepted:
        code = error.get("code")
        status = (
            code if code.__class__ is int and 400 <= code < 600 else _STATUS_OF.get(str(word), 500)
        )
    message = str(error.get("message") or f"The provider answered with status {status}.")
    details = _details(error)
    delay = _retry_delay(details, message)
    cause, name = _cause(status, message, details, delay)
    if accepted and cause is _OTHER and word != "INVALID_ARGUMENT":
        cause = Cause(
            _K.SERVER_ERROR
        )  # the request had been taken: only the word makes it the request's fault
    return failure_of(
        cause,
        redacted(message),
        param=_field(details) if cause.kind is _K.INVALID_REQUEST else None,
        # The delay that comes with a daily allowance means the next minute, not the next day.
        retry_after=None if cause.kind is _K.QUOTA else _wait(cause.kind, delay, headers),
        upstream_status=status,
        upstream_code=name or (word if word.__class__ is str else None),
    )


def _details(error: GoogleError) -> Details:
    """The typed details by the last word of their type (`RetryInfo`); the first of each."""
    found: Details = {}
    given = error.get("details")
    for detail in given if given.__class__ is list else ():
        if detail.__class__ is dict:
            found.setdefault(str(detail.get("@type")).rpartition(".")[2], detail)
    return found


_OTHER: Final = Cause(_K.INVALID_REQUEST)
"""An error of the 400s that nothing else is known of."""


def _cause(
    status: int, message: str, details: Details, delay: float | None
) -> tuple[Cause, str | None]:
    """What happened, and the name that a repair is chosen by."""
    if status == 400 and details.get("ErrorInfo", {}).get("reason") in (
        "API_KEY_INVALID",
        "API_KEY_EXPIRED",
    ):
        return Cause(_K.AUTHENTICATION), None
    if status == 429:
        spent = _is_daily(details) or ("exceeded your current quota" in message and delay is None)
        return Cause(_K.QUOTA if spent else _K.RATE_LIMIT), None
    for rule in _RULES:
        if status in rule.statuses and (rule.words is None or rule.words.search(message)):
            return rule.cause, rule.name
    said = refusal(status, message)
    if said is not None and said.kind in _OF_OTHERS:
        return Cause(said.kind), None
    # 405 is a wrong base URL: not the request's fault.
    return Cause(_K.SERVER_ERROR) if status >= 500 or status == 405 else _OTHER, None


def _is_daily(details: Details) -> bool:
    violations = details.get("QuotaFailure", {}).get("violations")
    return any(
        violation.__class__ is dict and "PerDay" in str(violation.get("quotaId"))
        for violation in (violations if violations.__class__ is list else ())
    )


def _retry_delay(details: Details, message: str) -> float | None:
    """Seconds, from RetryInfo or from the sentence that says the same."""
    told = details.get("RetryInfo", {}).get("retryDelay")
    match = (_DELAY(told) if told.__class__ is str else None) or _DELAY_IN_WORDS.search(message)
    return min(float(match[1]), LONGEST) if match is not None else None


def _wait(kind: FailureKind, delay: float | None, headers: Mapping[str, str]) -> float | None:
    if delay is None:
        delay = retry_after(headers)
    return _OVERLOAD_DELAY if delay is None and kind is _K.OVERLOADED else delay


def _field(details: Details) -> str | None:
    violations = details.get("BadRequest", {}).get("fieldViolations")
    first = violations[0] if violations.__class__ is list and violations else None
    name = first.get("field") if first.__class__ is dict else None
    return name if name.__class__ is str and name else None
