"""Why a server says that an answer ended, in the hub's words: an answer that broke, was cut or was
filtered never ends with `stop`.
"""

from typing import Any, Final

from translators.chat.chunks import FINISH_REASONS
from translators.chat.wire import FinishReason
from translators.errors import FailureKind, UpstreamFailure
from translators.failures import failure

UNKNOWN_FINISH_REASON: Final = "unknown_finish_reason"
"""The warning beside an answer whose finish_reason stands in no table here: it is shown as `stop`.
"""

_CUT: Final = (
    "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length",
    "model_context_window_exceeded",
    "context_length_exceeded", "context_length", "error_limit",
)  # fmt: skip
_FILTERED: Final = (
    "sensitive", "safety", "image_safety", "refusal", "content_filtered", "recitation",
    "blocklist", "prohibited_content", "spii",
    "error_toxic", "guardrail_intervened", "data_inspection_failed", "moderation", "flagged",
)  # fmt: skip
_HUB: Final[dict[str, FinishReason]] = {
    **{reason: reason for reason in FINISH_REASONS},
    **dict.fromkeys(_CUT, "length"),
    **dict.fromkeys(_FILTERED, "content_filter"),
}

_BROKEN: Final[dict[str, FailureKind]] = {
    **dict.fromkeys(
        (
            "error",
            "network_error",
            "server_error",
            "internal_error",
            "failed",
            "failure",
            "unknown_error",
        ),
        FailureKind.SERVER_ERROR,
    ),
    **dict.fromkeys(
        ("abort", "aborted", "cancel", "cancelled", "canceled", "interrupted", "user_cancel"),
        FailureKind.SERVER_ERROR,
    ),
    **dict.fromkeys(
        ("insufficient_system_resource", "overloaded", "resource_exhausted"), FailureKind.OVERLOADED
    ),
    **dict.fromkeys(("timeout", "timed_out"), FailureKind.TIMEOUT),
    **dict.fromkeys(("malformed_function_call", "unexpected_tool_call"), FailureKind.MODEL_OUTPUT),
}
"""Reasons that say that the answer is not whole: DeepSeek's insufficient_system_resource, Z.ai's
network_error, OpenRouter's error, …"""


def is_none(reason: Any) -> bool:
    """Whether a finish_reason says that the answer goes on: some servers write an empty text for
    null.
    """
    return reason is None or reason == ""


def meaning(reason: Any) -> FinishReason | UpstreamFailure | None:
    """The hub's reason, or the failure that the server's stands for; None for one that is not
    known.
    """
    if reason.__class__ is dict:  # SGLang's own form, which some of its versions let out
        reason = reason.get("type")
    if reason.__class__ is not str:
        return None
    if (known := _HUB.get(reason)) is not None:
        return known
    word = reason.strip().lower()
    for each in (
        word,
        *map(str.strip, word.split(":")),
    ):  # Gemini's OpenAI route: "content_filter: RECITATION"
        if (kind := _BROKEN.get(each)) is not None:
            return failure(
                kind,
                f"The provider ended the answer with finish_reason {each!r}.",
                upstream_code=each,
            )
        if (known := _HUB.get(each)) is not None:
            return known
    return None


def fitting(reason: FinishReason, calls: bool, function_call: bool) -> FinishReason:
    """`reason` as it goes with what was said: `tool_calls` if and only if there are calls, where
    the answer ended by itself.
    """
    if reason == "length" or reason == "content_filter":
        return reason
    return "tool_calls" if calls else "function_call" if function_call else "stop"
