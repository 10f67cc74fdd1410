"""What can go wrong between us and a provider before its dialect has a say: one constant for each way."""

from typing import Final

from translators.errors import FailureKind, UpstreamFailure, malformed


def _failed(kind: FailureKind, message: str, status: int, code: str) -> UpstreamFailure:
    return UpstreamFailure(kind=kind, message=message, status=status, type="server_error", code=code)


_UNREACHABLE: Final = "upstream_unreachable"

NO_NAME: Final = _failed(FailureKind.CONNECT, "The provider's name could not be resolved.", 502, _UNREACHABLE)
NO_TLS: Final = _failed(FailureKind.CONNECT, "The TLS handshake with the provider failed.", 502, _UNREACHABLE)
NO_CONNECTION: Final = _failed(FailureKind.CONNECT, "The provider could not be reached.", 502, _UNREACHABLE)
NO_ANSWER: Final = _failed(FailureKind.CONNECT, "The provider closed the connection without an answer.", 502, _UNREACHABLE)
BROKEN: Final = _failed(FailureKind.CONNECT, "The connection to the provider broke.", 502, _UNREACHABLE)
CUT: Final = _failed(FailureKind.TRUNCATED, "The provider ended the answer before completing it.", 502, "stream_truncated")
NOT_HTTP: Final = malformed("The provider's answer is not valid HTTP.")
NOT_DECODABLE: Final = malformed("The provider's answer has a content encoding that cannot be decoded.")

CONNECT_CLOCK: Final = _failed(FailureKind.TIMEOUT, "Connecting to the provider took too long.", 504, "connect_timeout")
FIRST_CONTENT_CLOCK: Final = _failed(FailureKind.TIMEOUT, "The provider gave no content in time.", 504, "first_content_timeout")
IDLE_CLOCK: Final = _failed(FailureKind.TIMEOUT, "The provider was silent for too long.", 504, "idle_timeout")
TOTAL_CLOCK: Final = _failed(FailureKind.TIMEOUT, "The provider took longer than the total time limit.", 504, "total_timeout")
