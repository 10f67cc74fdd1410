"""How a translation can fail, and whose fault it is.

InvalidRequest    the caller's: the request breaks a rule. Raised while reading or building a
request.
UpstreamFailure   the provider's: a value that says what went wrong, in the words of our own API.
UpstreamError     the exception that carries an UpstreamFailure out of `parse_response`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class InvalidRequest(Exception):
    """A request that cannot be served as written: `param` names the field (`messages[3].content`),
    `message` the rule.
    """

    def __init__(
        self, message: str, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


class GrownTooLarge(InvalidRequest):
    """A request whose schemas' references stand for more than they may add to it."""


class FailureKind(StrEnum):
    """What happened upstream, as failover and metrics see it: a closed set."""

    CONNECT = "connect"  # no connection: refused, reset, DNS, TLS
    TIMEOUT = "timeout"  # one of our clocks, or the provider's own
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"  # money or a daily allowance is used up: waiting seconds does not help
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    AUTHENTICATION = "authentication"  # our key was refused
    PERMISSION = "permission"  # our key may not do this
    MODEL_NOT_FOUND = "model_not_found"
    CONTEXT_LENGTH = "context_length"
    REQUEST_TOO_LARGE = "request_too_large"
    CONTENT_FILTER = "content_filter"
    INVALID_REQUEST = "invalid_request"  # the provider refused what the caller asked for
    UNSUPPORTED = "unsupported"  # this model or server does not do what was asked for: another may
    MALFORMED = "malformed"  # bytes that are not the dialect's
    TRUNCATED = "truncated"  # the answer ended before its end mark
    NO_OUTPUT = "no_output"  # a complete answer without content or reason
    MODEL_OUTPUT = "model_output"  # the model produced something unusable (a malformed tool call)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFailure:
    """One failed attempt. `status`, `type` and `code` are what our caller is told; the rest is for
    routing and records.
    """

    kind: FailureKind
    message: str
    status: int
    type: str
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    """Seconds after which the provider wants to be asked again, from whichever form it used."""
    should_retry: bool | None = None
    """Sent to OpenAI SDKs as x-should-retry; None leaves the choice to them."""
    upstream_status: int | None = None
    upstream_code: str | None = None
    body: bytes | None = None
    """The provider's own answer, where its caller speaks the same dialect and the request was at
    fault."""


ONE_CHOICE: Final = "multiple_choices_unsupported"
"""The `upstream_code` of a refusal of `n`: the model gives one answer to a request."""


class UpstreamError(Exception):
    """Carries an UpstreamFailure."""

    def __init__(self, failure: UpstreamFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure
