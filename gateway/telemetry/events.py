"""The events: plain values without content and without secrets. Whoever wants to know listens; the
request path calls no sink by name.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Literal, NamedTuple, Protocol

from gateway.telemetry.trace_context import RequestTrace, TraceContext

_log: Final = logging.getLogger("llm_router")


Why = Literal["first", "failover", "retry", "key", "hedge", "resume"]
"""What an attempt was made for: key is the same target with another key, resume the rest of an
answer that broke off."""


class AttemptEnded(NamedTuple):
    """One try at one target, over.

    `outcome` is "ok", a FailureKind's value, for a time limit which one (connect_timeout …),
    "cancelled" (the caller left, or another target was faster), "rejected" (its dialect cannot say
    the request: never sent), "no_place" (its queue is full: never sent) or "out_of_descriptors" (of
    ours: never sent).
    """

    provider: str
    model: str
    outcome: str
    seconds: float
    status: int | None = None
    why: Why = "first"
    began: float = 0.0
    """Seconds from the first byte of its request; `seconds` are from here."""
    span_id: str | None = None
    """Its span, where the request is traced."""
    key: str | None = None
    """The variable of the provider's key; only where the request is traced."""


class Usage(NamedTuple):
    """Tokens of an answer as the provider counted them."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0
    written: int = 0
    """Of the prompt's, those that were written to a cache."""


CHUNK_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Bounds between waits within a stream that are told apart."""


class Streamed(NamedTuple):
    """What was written of a stream, comments aside."""

    size: int
    """Bytes."""
    pieces: int
    """Each is what one read from the provider gave."""
    waits: Sequence[float]
    """Between two pieces: all seconds together, then how many waits were up to each of
    CHUNK_SECONDS, and how many longer ones there were."""


class RequestEnded(NamedTuple):
    """One request, over. Seconds are from its first byte read; `upstream_seconds` is the part spent
    waiting for providers.
    """

    request_id: str
    api: str
    """chat · native · embeddings, or the route of what asks no provider (`/v1/models/{id}`);
    unknown where there is none"""
    key_id: str | None
    persona: str | None
    provider: str | None
    model: str | None
    stream: bool
    status: int
    outcome: str
    """ok · invalid_request · not_authorized · no_target · refused · upstream_error · stream_aborted
    · client_gone · restarting · internal_error"""
    error_code: str | None
    attempts: tuple[AttemptEnded, ...]
    dropped: tuple[str, ...]
    usage: Usage | None
    finish_reason: str | None
    seconds: float
    upstream_seconds: float
    first_chunk_seconds: float | None
    decision: Callable[[], str] | None = None
    """Says how it was routed, as JSON text without content; asked by who writes it down."""
    resumed: int = 0
    """How often its answer broke off and was taken up by another target."""
    cost_nano_usd: int | None = None
    """By what the provider counted and the price list says (10^-9 USD); None where either is not
    known."""
    estimated: bool = False
    """`usage` is an estimate: the provider counted nothing."""
    trace: RequestTrace | None = None
    """None where neither its caller nor this gateway traces it."""
    cache: str | None = None
    """hit (nobody was asked) · miss · bypass · wait (it ended while it waited); None where the
    persona has no cache."""
    streamed: Streamed | None = None
    """None where nothing was streamed."""
    answer_id: str | None = None
    """The answer's id as the provider gave it; only where it is traced."""


class ConfigReloaded(NamedTuple):
    """The two files were read again."""

    trigger: str
    """What asked for it: SIGHUP, request or watch."""
    result: str
    """changed · unchanged · failed (the previous revision goes on)"""
    revision: str
    """What holds now."""
    previous: str
    problems: int


Event = RequestEnded | ConfigReloaded
Listener = Callable[[Event], None]


class TraceSource(Protocol):
    """Where requests' traces begin, and who is told of their ends: gateway.telemetry.traces."""

    @property
    def exported(self) -> int:
        """Spans that the receiver took."""

    @property
    def dropped(self) -> int:
        """Spans that it did not get."""

    def begin(self, headers: Mapping[str, str]) -> TraceContext:
        """The context of a request with these headers."""

    def on_event(self, event: Event) -> None:
        """A listener of the bus."""

    def running(self) -> AbstractContextManager[object]:
        """Spans are told until it is left."""


class EventBus:
    """Hands each event to every listener. A listener that fails is logged and does not touch the
    request.
    """

    __slots__ = ("_listeners",)

    def __init__(self, listeners: Sequence[Listener] = ()) -> None:
        self._listeners = tuple(listeners)

    def publish(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - a broken sink must not break the answer
                _log.error("a telemetry listener failed: %s", type(error).__name__)
