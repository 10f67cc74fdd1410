"""finishReason as finish_reason, all values; the reasons that mean there is no usable answer become
failures.
"""

from collections.abc import Sequence
from typing import Final

from translators.errors import FailureKind, UpstreamFailure
from translators.failures import Cause, no_output
from translators.failures import failure as failure_of
from translators.gemini.wire import Candidate

_FILTERED: Final = frozenset({
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR",
    "ESCALATION", "PUP_LIMITED_DISABLED",
    "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
})  # fmt: skip
CONTINUATION: Final = "CONTINUATION"
_CUT: Final = frozenset({"MAX_TOKENS", CONTINUATION})
_UNUSABLE: Final = frozenset({
    "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
})  # fmt: skip
_NO_IMAGE: Final = frozenset({"IMAGE_OTHER", "NO_IMAGE"})
UNSPECIFIED: Final = "FINISH_REASON_UNSPECIFIED"

_MAX_MESSAGE: Final = 500


def given(candidate: Candidate) -> str | None:
    """Gemini's own reason, if a candidate has one by now."""
    reason = candidate.get("finishReason")
    return reason if reason.__class__ is str and reason != UNSPECIFIED else None


def finish_reason(native: str | None, *, calls: str | None, content: bool) -> str | None:
    """The hub's reason; None if there is no answer to give a reason for (`failure` then says why).

    `calls` is the reason to give for calls that were made (`tool_calls`, `function_call`), None if
    none was; `content` is whether text or an image was shown.
    """
    if native == "STOP":
        return calls or "stop"
    if native in _FILTERED:
        return "content_filter"
    if native in _CUT:
        return "length"
    if native in _UNUSABLE:
        return None
    if calls or content:
        return calls or "stop"
    return "content_filter" if native in _NO_IMAGE else None


def failure(native: str | None, message: str | None) -> UpstreamFailure:
    """Why there is no answer."""
    told = f": {message[:_MAX_MESSAGE]}" if message else ""
    if native in _UNUSABLE:
        return failure_of(
            Cause(FailureKind.MODEL_OUTPUT, str(native).lower()), f"Gemini: {native}{told}"
        )
    return no_output(
        f"The provider gave no output ({native}){told}"
        if native
        else "The provider gave no output."
    )


def only_omitted(types: Sequence[str]) -> UpstreamFailure:
    """An answer in which there is nothing but media that nobody asked for."""
    return no_output(
        f"The provider answered with {', '.join(types)} only, which was not asked for"
        " ('modalities')."
    )
