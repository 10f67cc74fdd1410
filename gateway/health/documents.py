"""What is known of targets, keys and providers, as the JSON that `GET /api/v1/providers`
answers."""

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from gateway.config import CheckOutcome
from gateway.health.breaker import Breaker, State


class BreakerDocument(TypedDict):
    """Whether calls are made: closed is healthy, open sets aside, half_open tries one call, ramping
    lets part of the calls through.
    """

    state: State
    """closed, open, half_open or ramping."""
    reason: NotRequired[str | None]
    """The kind of failure that opened it; there while it is not closed."""
    retry_in_seconds: NotRequired[float | None]
    """Seconds until the next call may be tried; there while none may be."""
    share: NotRequired[float | None]
    """The part of the usual calls that is let through, 0 to 1; there while ramping."""
    told_by: NotRequired[str]
    """The instance that told of the failure; there while it is set aside for what was not seen by
    the one that answers."""


class HintsDocument(TypedDict):
    """What other instances say of a target."""

    hinted_by: NotRequired[list[str]]
    """The instances that have set the target aside of late: it is asked behind others, and set
    aside after two failures."""


class TargetHealthDocument(BreakerDocument, HintsDocument):
    """How a model at a provider is doing."""

    first_content_seconds: float | None
    """Usual seconds until the first content of a stream; null while not measured."""
    whole_answer_seconds: float | None
    """Usual seconds until a whole JSON answer; null while not measured."""
    tokens_per_second: float | None
    """Usual speed of a stream; null while not measured."""


class KeyDocument(BreakerDocument):
    """How a provider's key is doing: by the name of its variable, never the key."""

    variable: str
    """The environment variable that holds the key."""
    weight: float
    """Its share of the calls beside the provider's other keys."""
    targets: NotRequired[dict[str, BreakerDocument]]
    """The targets (provider/model) at which this key is set aside, for rate limits and permissions.
    """


class CheckDocument(TypedDict):
    """What a provider's health check found."""

    state: str
    """up, failing (failed once), down (set aside), or unknown before the first check; then nothing
    else is said."""
    outcome: NotRequired[CheckOutcome]
    """How the last check ended."""
    status: NotRequired[int | None]
    """The HTTP status of its answer; null if there was none."""
    failures: NotRequired[int]
    """Failures in a row up to the last check."""
    checked_seconds_ago: NotRequired[float]
    """Seconds since the last check."""
    next_check_in_seconds: NotRequired[float]
    """Seconds until the next check."""


def breaker_document(breaker: Breaker, now: float) -> BreakerDocument:
    """What a breaker says of itself."""
    state = breaker.state(now)
    document: BreakerDocument = {"state": state}
    if state != "closed":
        document["reason"] = breaker.reason
        if breaker.told_by is not None:
            document["told_by"] = breaker.told_by
    if (wait := breaker.opens_in(now)) is not None:
        document["retry_in_seconds"] = rounded(wait)
    if state == "ramping":
        document["share"] = rounded(breaker.share(now))
    return document


def rounded(value: float | None) -> float | None:
    """To milliseconds, or thousandths of a share."""
    return None if value is None else round(value, 3)
