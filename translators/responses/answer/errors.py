"""Errors of the Responses API: as an HTTP answer, as an event of a stream, and inside a response
that failed.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from translators.chat.error_codes import read_failure
from translators.errors import FailureKind, UpstreamFailure
from translators.json_codec import loads
from translators.retry_after import retry_after

_OF_IMAGES: Final = (
    "invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url",
    "image_too_large", "image_too_small",
    "image_parse_error", "invalid_image_mode", "image_file_too_large",
    "unsupported_image_media_type", "empty_image_file",
    "failed_to_download_image", "image_file_not_found",
)  # fmt: skip

_CODES: Final[Mapping[str, FailureKind]] = MappingProxyType(
    {
        "invalid_prompt": FailureKind.CONTENT_FILTER,  # what is said of a prompt that was flagged
        "bio_policy": FailureKind.CONTENT_FILTER,
        "misalignment_policy_violation": FailureKind.CONTENT_FILTER,
        "image_content_policy_violation": FailureKind.CONTENT_FILTER,
        "data_residency_mismatch": FailureKind.PERMISSION,
        "vector_store_timeout": FailureKind.TIMEOUT,
        "server_error": FailureKind.SERVER_ERROR,
        **dict.fromkeys(_OF_IMAGES, FailureKind.INVALID_REQUEST),
    }
)
"""The codes of `response.error` that Chat Completions has not."""

_STATUS_OF_TYPE: Final = {
    "invalid_request_error": 400,
    "rate_limit_error": 429,
    "requests": 429,
    "tokens": 429,
}
"""What an error that came under a good status would have been as an answer, by its type; anything
else is the server's fault."""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """An error answer of any shape: OpenAI's object, a bare string, a list, HTML."""
    try:
        document = loads(body)
    except ValueError:
        document = body.decode("utf-8", "replace").strip()
    return read_failure(document, status, retry_after(headers), _CODES)


def told_failure(error: Any) -> UpstreamFailure:
    """The failure of an error told under a good status: `response.error`, or an `error` event in
    either of its two shapes.
    """
    if not isinstance(error, dict):
        error = {}
    inner = error.get("error")
    fields = dict(inner if isinstance(inner, dict) else error)
    if fields.get("type") == "error":  # the type of the event, not of the error
        del fields["type"]
    fields.setdefault("message", "The provider reported an error without a message.")
    status = _STATUS_OF_TYPE.get(str(fields.get("type")), 200)
    return replace(read_failure({"error": fields}, status, codes=_CODES), upstream_status=200)
