"""Failures in this API's words: as an HTTP answer, and inside a stream."""

from collections.abc import Mapping
from typing import Final

from translators.dialect.inbound import CallerError, WrittenError
from translators.errors import FailureKind
from translators.json_codec import JsonObject, dumps
from translators.responses.inbound.fields import CHATS

_CODES: Final[Mapping[FailureKind, str]] = {
    FailureKind.RATE_LIMIT: "rate_limit_exceeded",
    FailureKind.QUOTA: "insufficient_quota",
    FailureKind.CONTEXT_LENGTH: "context_length_exceeded",
    FailureKind.CONTENT_FILTER: "invalid_prompt",
}
SERVER_ERROR: Final = "server_error"
_PARAMS: Final = {
    **CHATS,
    "verbosity": "text.verbosity",
    "logprobs": "top_logprobs",
    "web_search_options": "tools",
}
"""The hub's parameters in the words of this API."""


def in_our_words(param: str | None) -> str | None:
    """A path of the hub's; which item a message was is not known here."""
    if param is None:
        return None
    if param == "messages" or param.startswith(("messages[", "messages.")):
        return "input"
    head, dot, rest = param.partition(".")
    return _PARAMS.get(head, head) + dot + rest


def _param(error: CallerError) -> str | None:
    """What is no parameter of this API is named as its caller wrote it."""
    return error.param if error.code == "unknown_parameter" else in_our_words(error.param)


def told(error: CallerError) -> tuple[str, str]:
    """Code and message of a failure inside a stream."""
    code = SERVER_ERROR if error.kind is None else _CODES.get(error.kind, SERVER_ERROR)
    message = error.message
    if code == SERVER_ERROR and error.code and error.code != SERVER_ERROR:
        message = f"{message} ({error.code})"
    if code == "rate_limit_exceeded" and error.retry_after is not None:
        message = f"{message} Please try again in {max(1, round(error.retry_after))}s."
    return code, message


def error_event(error: CallerError) -> JsonObject:
    """The fields of an `error` event: flat, as the types say, and nested, as SDKs look for it."""
    code, message = told(error)
    param = _param(error)
    nested = {"type": error.type, "code": code, "message": message, "param": param}
    return {"code": code, "message": message, "param": param, "error": nested}


def error_body(error: CallerError) -> JsonObject:
    """OpenAI's shape."""
    detail = {"message": error.message, "type": error.type, "param": _param(error)}
    limit = {} if error.limit is None else {"limit": error.limit}
    return {"error": {**detail, "code": error.code, **limit}}


def write_error(error: CallerError) -> WrittenError:
    """An error answer. 422 is told as 400: Codex sends a refused body again for the former."""
    status = 400 if error.status == 422 else error.status
    return WrittenError(status, error.relayed or dumps(error_body(error)))
