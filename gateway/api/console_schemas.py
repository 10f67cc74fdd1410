"""What the routes of the console answer, and their rows in the OpenAPI document. They are served
only where `server.console` is enabled: gateway.console.
"""

from typing import Final, Literal

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from gateway.routing.documents import DecisionAttemptDocument
from gateway.workers.peers import WorkersDocument


class CountsDocument(TypedDict):
    """What was counted. Percentiles are read off a histogram whose bounds lie 25 % apart."""

    requests: int
    """Requests that ended; of a target: attempts at it."""
    errors: int
    """Those that failed for their callers with a status of 500 or more or a broken stream; of a
    target: attempts that failed."""
    extra_attempts: int
    """Attempts beside the first of each request: failover, retries, hedges."""
    prompt_tokens: int
    """As providers counted them."""
    completion_tokens: int
    """As providers counted them."""
    cost_usd: float
    """By the price list, where it is known."""
    p50_seconds: float | None
    """The median of durations; null without requests."""
    p95_seconds: float | None
    """Of durations; null without requests."""
    first_content_p95_seconds: float | None
    """Until the first content of a stream; null without streams."""


class PointDocument(CountsDocument):
    """What was counted in one step of time."""

    start: int
    """Its beginning, in seconds since 1970."""


class FiguresDocument(TypedDict):
    """What was counted in a window of time."""

    total: CountsDocument
    """Of the whole window."""
    points: list[PointDocument]
    """The oldest first; steps without requests are left out."""
    personas: dict[str, CountsDocument]
    """By persona, over the minutes that the window touches."""
    targets: dict[str, CountsDocument]
    """By provider/model, over the minutes that the window touches."""


class StatsDocument(FiguresDocument):
    """Traffic of the last hour at most, of all workers together."""

    time: int
    """Now, in seconds since 1970."""
    revision: str
    """The revision of the configuration."""
    simulated: bool
    """Whether the simulator answers in place of all providers."""
    store: Literal["memory", "sqlite", "off"]
    """Where answers of the Responses API are kept."""
    workers: WorkersDocument | None
    """null where there is one process."""
    window_seconds: int
    """What the figures cover."""
    step_seconds: int
    """Between two points."""
    in_flight: int
    """Requests that are being served."""


class DecidedAttemptDocument(DecisionAttemptDocument):
    """One try at one target, and when it was made."""

    began_ms: float
    """Milliseconds from the first byte of the request."""


class DecidedDocument(TypedDict):
    """One request that was routed and has ended, without content."""

    id: str
    """The decision: `GET /api/v1/decisions/{id}` has its plan."""
    time: str
    """When it ended: UTC, ISO 8601 with milliseconds."""
    request_id: str
    """As the header `x-request-id` says it."""
    trace_id: str | None
    """Of the trace that it stands in; null where neither its caller nor this gateway traces it."""
    api: str
    """What its caller speaks."""
    key: str | None
    """The first 8 hex digits of the SHA-256 digest of the caller's key."""
    persona: str | None
    """What was asked for."""
    stream: bool
    """Whether a stream was asked for."""
    status: int
    """The HTTP status of the answer; 499 if the caller left."""
    outcome: str
    """ok, or how it failed, as `GET /api/v1/decisions/{id}` says it."""
    error_code: str | None
    """The code of the error that the caller was told; null if it was told none."""
    served: str | None
    """The target (provider/model) whose answer was shown."""
    attempts: list[DecidedAttemptDocument]
    """Every try, in order."""
    dropped: list[str]
    """Parameters that the provider could not be told."""
    ms: float
    """Milliseconds, from the first byte read to the last one written."""
    first_content_ms: float | None
    """Milliseconds until the first content; null where it was no stream."""
    prompt_tokens: int | None
    """As the provider counted them; null if it counted nothing."""
    completion_tokens: int | None
    """As the provider counted them; null if it counted nothing."""
    cost_usd: float | None
    """By the price list; null where it is not known."""


class DecisionsDocument(TypedDict):
    """The newest requests that were routed and have ended."""

    decisions: list[DecidedDocument]
    """The newest first."""
    next: str
    """What `after` must be for those that come later."""
    left_off: int
    """Older ones that fit as well, and are more than one answer holds."""


_REFUSED: Final = (400, 401, 403, 417, 421, 500)
OPERATIONS: Final = {
    ("/api/v1/stats", "get"): (
        "Traffic of the last hour; where the console is enabled, with the admin key", "Stats",
        (*_REFUSED, 404, 503)
    ),
    ("/api/v1/decisions", "get"): (
        "The newest decisions; where the console is enabled, with the admin key", "Decisions",
        (*_REFUSED, 404, 503)
    ),
}  # fmt: skip
"""Summary, component, statuses of errors."""
QUERY: Final = {
    "/api/v1/stats": {
        "window": "How far to look back: a number with s, m or h, up to 1h, which it is unless said.",  # noqa: E501
        "step": "Between two points: a multiple of 10s, which it is unless said, up to 10m.",
    },
    "/api/v1/decisions": {"after": "`next` of an earlier answer: only what came later."},
}
"""Parameters in the query."""
EVENTS: Final = {
    "Decisions": (
        "For who accepts text/event-stream: a `decisions` event for whatever comes, from `after` on.",  # noqa: E501
        {"decisions": "Decisions"},
    )
}
