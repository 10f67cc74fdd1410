"""Errors in Google's shape (https://cloud.google.com/apis/design/errors), with our own code in the
details."""

import math
import re
from typing import Final

from translators.dialect.inbound import CallerError, WrittenError
from translators.errors import FailureKind
from translators.gemini.inbound.request import field_of
from translators.json_codec import JsonObject, dumps

_TYPES: Final = "type.googleapis.com/google.rpc."
_DOMAIN: Final = "llm-router"
_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_NAME: Final = re.compile(r"[^A-Z0-9]+")
_WAITING: Final = (429, 503)


def status_of(error: CallerError) -> JsonObject:
    """`{code, message, status, details}`; of details only when to ask again, if that is known."""
    status = _STATUSES.get(error.status, "INVALID_ARGUMENT" if error.status < 500 else "INTERNAL")
    told: JsonObject = {"code": error.status, "message": _message(error), "status": status}
    if error.status in _WAITING and error.retry_after is not None:
        delay = f"{max(1, math.ceil(error.retry_after))}s"
        told["details"] = [{"@type": f"{_TYPES}RetryInfo", "retryDelay": delay}]
    return told


def error_document(error: CallerError) -> JsonObject:
    """`{"error": …}`, with the field that is at fault and our own code in the details."""
    told = status_of(error)
    told["details"] = [*_fields(error), *told.get("details", ()), _info(error)]
    return {"error": told}


def write_error(error: CallerError, request_id: str) -> WrittenError:
    """The provider's own body where it is Gemini's and the request was at fault."""
    body = error.relayed if error.relayed is not None else dumps(error_document(error))
    return WrittenError(error.status, body)


def _message(error: CallerError) -> str:
    if error.kind is FailureKind.CONTEXT_LENGTH or error.code == "context_length_exceeded":
        if error.needed is not None and error.windows is not None:
            limit = f"the maximum number of tokens allowed ({error.windows})"
            return f"The input token count ({error.needed}) exceeds {limit}."
        if "token" not in error.message:
            return "The input token count exceeds the maximum number of tokens allowed."
    return error.message


def _fields(error: CallerError) -> list[JsonObject]:
    field = field_of(error.param)
    if error.status not in (400, 413) or field is None:
        return []
    violation = {"field": field, "description": error.message}
    return [{"@type": f"{_TYPES}BadRequest", "fieldViolations": [violation]}]


def _info(error: CallerError) -> JsonObject:
    reason = _NAME.sub("_", (error.code or error.type).upper()).strip("_")
    told: JsonObject = {"@type": f"{_TYPES}ErrorInfo", "reason": reason, "domain": _DOMAIN}
    if error.limit is not None:  # google.rpc.ErrorInfo: texts under names
        told["metadata"] = {f"limit_{name}": str(value) for name, value in error.limit.items()}
    return told
