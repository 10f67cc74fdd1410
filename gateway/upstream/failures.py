"""What can go wrong between us and a provider before its dialect has a say: one constant for each
way.
"""

import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from translators.errors import FailureKind, UpstreamFailure
from translators.failures import Cause, failure, malformed


def _failed(kind: FailureKind, message: str, code: str | None = None) -> UpstreamFailure:
    return failure(Cause(kind, code), message)


NO_NAME: Final = _failed(FailureKind.CONNECT, "The provider's name could not be resolved.")
NO_TLS: Final = _failed(FailureKind.CONNECT, "The TLS handshake with the provider failed.")


def _tls(code: str, why: str) -> UpstreamFailure:
    return _failed(
        FailureKind.CONNECT,
        f"The TLS handshake with the provider failed: {why}.",
        f"upstream_tls_{code}",
    )


_UNKNOWN_CA: Final = _tls("unknown_ca", "its certificate is signed by nobody who is trusted here")
_EXPIRED: Final = _tls("expired", "its certificate has expired, or is not valid yet")
_WRONG_NAME: Final = _tls("wrong_name", "its certificate is for another name")
_REVOKED: Final = _tls("revoked", "its certificate is revoked")
_VERSION: Final = _tls("version", "it speaks no version of TLS that is allowed here")
_CLIENT: Final = _tls("client_certificate", "it wants a client certificate, or another one")
_CERTIFICATE: Final[Mapping[int, UpstreamFailure]] = MappingProxyType(
    {2: _UNKNOWN_CA, 9: _EXPIRED, 10: _EXPIRED, 18: _UNKNOWN_CA, 19: _UNKNOWN_CA, 20: _UNKNOWN_CA,
     21: _UNKNOWN_CA, 23: _REVOKED,
     62: _WRONG_NAME, 63: _WRONG_NAME, 64: _WRONG_NAME}
)  # fmt: skip
"""By OpenSSL's X509_V_ERR_*."""
_REASONS: Final[Mapping[str, UpstreamFailure]] = MappingProxyType(
    {
        **dict.fromkeys(("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION",
         "NO_PROTOCOLS_AVAILABLE"), _VERSION),
        **dict.fromkeys(
            ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_UNKNOWN_CA",
             "TLSV1_ALERT_ACCESS_DENIED", "SSLV3_ALERT_BAD_CERTIFICATE",
             "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_UNKNOWN"),
            _CLIENT,
        ),
    }
)  # fmt: skip


def of_tls(error: ssl.SSLError) -> UpstreamFailure:
    """What is wrong between our TLS and the provider's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, NO_TLS)
    return _REASONS.get(
        getattr(error, "reason", None) or "", NO_TLS
    )  # one that OpenSSL did not raise has none


def of_proxy(why: str) -> UpstreamFailure:
    """What went wrong with the proxy that the provider is reached through."""
    return _failed(FailureKind.CONNECT, f"The provider's proxy {why}.", "upstream_proxy_failed")


NO_CONNECTION: Final = _failed(FailureKind.CONNECT, "The provider could not be reached.")
NO_ANSWER: Final = _failed(
    FailureKind.CONNECT, "The provider closed the connection without an answer."
)
BROKEN: Final = _failed(FailureKind.CONNECT, "The connection to the provider broke.")
CUT: Final = _failed(FailureKind.TRUNCATED, "The provider ended the answer before completing it.")
NOT_HTTP: Final = malformed("The provider's answer is not valid HTTP.")
NOT_DECODABLE: Final = malformed(
    "The provider's answer has a content encoding that cannot be decoded."
)

CONNECT_CLOCK: Final = _failed(
    FailureKind.TIMEOUT, "Connecting to the provider took too long.", "connect_timeout"
)
FIRST_CONTENT_CLOCK: Final = _failed(
    FailureKind.TIMEOUT, "The provider gave no content in time.", "first_content_timeout"
)
IDLE_CLOCK: Final = _failed(
    FailureKind.TIMEOUT, "The provider was silent for too long.", "idle_timeout"
)
TOTAL_CLOCK: Final = _failed(
    FailureKind.TIMEOUT, "The provider took longer than the total time limit.", "total_timeout"
)
