"""Every way a request can fail, and the status each answers with. One function shapes every error
body.

    RequestFailed
    ├── NotAuthorized          401  the caller's key is missing or unknown
    ├── PersonaNotAllowed      403  the caller's key may not ask this persona
    ├── KeyNotFound            404  no key of that id
    ├── LimitsNotConfigured    404  the policy says nothing of limits
    ├── LimitExceeded          429  a limit has no room now; 400 for what it never has room for
    ├── LimitsUnavailable      503  limits cannot be counted
    ├── StoreUnavailable       503  what instances share cannot be reached
    ├── AdminDisabled          403  no admin key is configured
    ├── ModelNotFound          404  no persona (or direct model) of that name
    ├── DecisionNotFound       404  no decision of that id is kept
    ├── NoEligibleTarget       400  no target of the persona can do what the request needs
    │                          503  one could, but it is not available now
    ├── BodyTooLarge           413
    ├── BodyTimeout            408  the request body did not arrive in time
    ├── Stopping               503  the server is shutting down
    ├── ProviderQueueFull      503  the queue of the only target is full
    ├── OutOfDescriptors       503  this process has no file descriptor left for a connection
    ├── StoreUnavailable       503  what instances share cannot be reached
    ├── NoPeers                503  the process through which workers ask each other does not answer
    ├── ConfigRejected         422  an operator's files cannot be used
    ├── TooManyBodies          503  bodies of others take all memory (gateway.http.body_budget)
    ├── NotServed              404  an unknown route, 405 a wrong method, 415 an encoding or type
    │                               that is not read, 403 and 421 a web page's request, 400 no HTTP
    │                               or none that is served here, 500 a fault of our own
    └── UpstreamFailed         as the provider's failure says (translators.errors.UpstreamFailure)

A request that breaks a rule of the hub is translators.errors.InvalidRequest, 400 with `param`.
"""

import math
from collections.abc import Mapping
from typing import Final, NotRequired, cast

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from translators.chat.redaction import without_account
from translators.dialect.inbound import CallerError
from translators.errors import FailureKind, InvalidRequest, UpstreamFailure
from translators.failures import OUR_KEY


class ErrorDetailDocument(TypedDict):
    """What failed, in OpenAI's shape."""

    message: str
    """One or two sentences for people."""
    type: str
    """The class of the failure, as OpenAI names it: invalid_request_error, rate_limit_error,
    insufficient_quota, server_error …"""
    param: str | None
    """The field of the request that is at fault; null if none is."""
    code: str | None
    """The failure, for programs; null if it has no name."""
    limit: NotRequired["LimitDocument"]
    """The limit of the gateway's own that was in the way, if one was."""


class LimitDocument(TypedDict):
    """The limit that a request was refused for."""

    scope: str
    """What it holds for: all, team/NAME, key/ID, persona/NAME."""
    on: str
    """What it counts: requests, tokens, input_tokens, output_tokens, usd, concurrency."""
    per: str | None
    """Its window; null for concurrency."""
    amount: float
    """The most that may be used in a window."""
    used: float
    """What has been used, by answers that ended."""
    held: float
    """What is held for requests that run."""
    needs: float
    """What this request may need."""
    resets_at: str | None
    """When the window ends: UTC, ISO 8601; null if it never does."""


class ErrorDocument(TypedDict):
    """The body of every error answer and of every error event."""

    error: ErrorDetailDocument
    """What failed."""


class RequestFailed(Exception):
    """A request that ends with an error answer."""

    status: int = 500
    type: str = "server_error"
    code: str | None = None
    param: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.headers: dict[str, str] = {}
        self.retry_after: float | None = None
        """Seconds after which it makes sense to ask again, if that is known."""

    def retry_in(self, seconds: float) -> None:
        """Say when it makes sense to ask again."""
        self.retry_after = seconds
        self.headers["retry-after"] = str(max(1, math.ceil(seconds)))


class NotAuthorized(RequestFailed):
    status, type, code = 401, "invalid_request_error", "invalid_api_key"


class PersonaNotAllowed(RequestFailed):
    status, type, code, param = 403, "invalid_request_error", "persona_not_allowed", "model"


class ScopeMissing(RequestFailed):
    status, type, code = 403, "invalid_request_error", "scope_missing"


class KeyNotFound(RequestFailed):
    status, type, code, param = 404, "invalid_request_error", "key_not_found", "id"


class TeamNotFound(RequestFailed):
    status, type, code, param = 404, "invalid_request_error", "team_not_found", "id"


class LimitsNotConfigured(RequestFailed):
    status, type, code = 404, "invalid_request_error", "limits_not_configured"


class LimitsUnavailable(RequestFailed):
    """The store of limits cannot be used, and the policy says to refuse then."""

    status, code = 503, "limits_unavailable"

    def __init__(self) -> None:
        super().__init__("Limits cannot be counted at the moment.")
        self.retry_in(1.0)
        self.headers["x-should-retry"] = "true"


class LimitExceeded(RequestFailed):
    """A request that a limit has no room for. `limit` is told beside the error."""

    limit: LimitDocument

    def __init__(self, message: str, status: int, type_: str, code: str) -> None:
        super().__init__(message)
        self.status, self.type, self.code = status, type_, code
        self.should_retry = False

    def again_in(self, seconds: float, pointless: bool) -> None:
        """When there is room again; `pointless`: so late that nobody should wait for it."""
        self.retry_in(seconds)
        self.should_retry = not pointless
        self.headers["x-should-retry"] = str(self.should_retry).lower()


class AdminDisabled(RequestFailed):
    status, type, code = 403, "invalid_request_error", "admin_disabled"


class ModelNotFound(RequestFailed):
    status, type, code, param = 404, "invalid_request_error", "model_not_found", "model"


class StoreUnavailable(RequestFailed):
    """What instances share cannot be reached."""

    status, code = 503, "store_unavailable"


class DecisionNotFound(RequestFailed):
    status, type, code, param = 404, "invalid_request_error", "decision_not_found", "id"


_UNSERVED: Final = {
    400: ("invalid_request_error", "no_eligible_target"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    503: ("server_error", "no_available_target"),
}


class NoEligibleTarget(RequestFailed):
    """`reasons` says for each target which requirement failed."""

    def __init__(
        self, message: str, status: int, param: str | None, reasons: Mapping[str, list[str]]
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type, self.code = _UNSERVED[status]
        self.param = param
        self.reasons = reasons
        self.needed = 0
        """Tokens that the request needs, where it fits no target: of the one with the largest
        window."""
        self.window = 0
        """That window."""


class BodyTooLarge(RequestFailed):
    status, type, code = 413, "invalid_request_error", "request_too_large"


class BodyTimeout(RequestFailed):
    status, type, code = 408, "invalid_request_error", "request_timeout"


class Stopping(RequestFailed):
    status, code = 503, "server_stopping"


class ProviderQueueFull(RequestFailed):
    """`retry_after`: seconds until there should be a place."""

    status, code = 503, "no_place_in_queue"

    def __init__(self, target: str, retry_after: float) -> None:
        super().__init__(f"{target} is asked as much as it may be, and its queue is full.")
        self.retry_in(retry_after)


class OutOfDescriptors(RequestFailed):
    """This process, or the machine, may open no more files and connections. That is no provider's
    failure.
    """

    status, code = 503, "out_of_descriptors"

    def __init__(self) -> None:
        super().__init__(
            "The gateway has no file descriptor left for a connection to the provider."
        )
        self.retry_in(1.0)


class NoPeers(RequestFailed):
    status, code = 503, "no_siblings"


class ConfigRejected(RequestFailed):
    """`rejected` is told beside the error."""

    status, type, code = 422, "invalid_request_error", "invalid_configuration"

    def __init__(self, message: str, rejected: Mapping[str, object]) -> None:
        super().__init__(message)
        self.rejected = rejected


INVALID_HTTP: Final = "invalid_http"


class NotServed(RequestFailed):
    """An error that only has an HTTP status: no route was asked, or it failed in a way nobody
    foresaw.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = "server_error" if status >= 500 else "invalid_request_error"
        self.code = {404: "not_found", 405: "method_not_allowed", 500: None}.get(status, code)
        self.headers.update(headers or {})


UNTOLD: Final[Mapping[FailureKind, str]] = {
    **dict.fromkeys(OUR_KEY, "{provider} refused the gateway's credentials."),
    FailureKind.QUOTA: "{provider}: the gateway's quota or credit there is used up.",
}
"""What a caller is told in place of a provider's words where these are about our account, its
projects, permissions and limits: logged."""


class UpstreamFailed(RequestFailed):
    """The failure of the last attempt, in our words."""

    def __init__(self, failure: UpstreamFailure, provider: str) -> None:
        said = UNTOLD.get(failure.kind)
        super().__init__(
            f"{provider}: {without_account(failure.message)}"
            if said is None
            else said.format(provider=provider)
        )
        self.failure = failure
        self.provider = provider
        self.status, self.type = failure.status, failure.type
        self.code, self.param = failure.code, failure.param
        if failure.retry_after is not None:
            self.retry_in(failure.retry_after)
        if failure.should_retry is not None:
            self.headers["x-should-retry"] = "true" if failure.should_retry else "false"


def caller_error(error: RequestFailed | InvalidRequest) -> CallerError:
    """The failure as a dialect that is not the hub's is told of it."""
    if isinstance(error, InvalidRequest):
        return CallerError(
            error.status, error.message, "invalid_request_error", error.code, error.param
        )
    told = CallerError(
        error.status, error.message, error.type, error.code, error.param,
        retry_after=error.retry_after,
    )  # fmt: skip
    if isinstance(error, LimitExceeded):
        return told._replace(should_retry=error.should_retry, limit=error.limit)
    if isinstance(error, NoEligibleTarget) and error.window:
        return told._replace(windows=error.window, needed=error.needed)
    if not isinstance(error, UpstreamFailed):
        return told
    failure = error.failure
    words = None if failure.kind in UNTOLD else without_account(failure.message)
    return told._replace(
        kind=failure.kind, provider=error.provider, provider_message=words, relayed=failure.body,
        should_retry=failure.should_retry,
    )  # fmt: skip


def error_body(error: RequestFailed | InvalidRequest) -> ErrorDocument:
    """The body of every error answer and of every error event: OpenAI's shape."""
    if isinstance(error, InvalidRequest):
        return _body(error.message, "invalid_request_error", error.param, error.code)
    body = _body(error.message, error.type, error.param, error.code)
    if isinstance(error, ConfigRejected):
        return cast(ErrorDocument, {**body, **error.rejected})
    if isinstance(error, LimitExceeded):
        body["error"]["limit"] = error.limit
    return body


def _body(message: str, type_: str, param: str | None, code: str | None) -> ErrorDocument:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}
