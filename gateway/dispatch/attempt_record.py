"""One attempt at one target, and all that becomes known of it: what an exchange keeps of each, and
shows of the one that won.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from gateway.config import ApiKey, Timeouts
from gateway.dispatch.attempt_result import AttemptResult
from gateway.health.news import CallPermit
from gateway.routing.candidates import Candidate
from gateway.telemetry.events import Why
from gateway.telemetry.trace_context import TraceContext
from gateway.upstream.concurrency import Slot
from gateway.upstream.failures import FIRST_CONTENT_CLOCK, TOTAL_CLOCK
from gateway.upstream.response import Limit, no_time
from translators.chat import wire
from translators.dialect.inbound import Origin, Overlay
from translators.errors import UpstreamFailure
from translators.notes import Note

_IDS: Final = frozenset({"request-id", "x-request-id", "x-goog-request-id"})
_LIMITS: Final = ("x-ratelimit-", "anthropic-ratelimit-")
fits_header: Final = re.compile(r"[ -~]{1,200}").fullmatch
"""Whether a provider's word may be a header's value: printable ASCII, and short."""


@lru_cache(maxsize=64)
def _shown(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Which of a provider's headers the caller is shown, each with our name for it: a provider
    sends the same ones always.
    """
    shown = []
    for name in names:
        if name.startswith(_LIMITS):
            limit = name.partition("ratelimit-")[2]
            shown.append((name, f"x-llm-router-upstream-ratelimit-{limit}"))
        elif name in _IDS:
            shown.append((name, "x-llm-router-upstream-request-id"))
    return tuple(shown)


def _id_of(answer: Any) -> str | None:
    """Of a completion, or of a stream whose first content has come."""
    found = answer.get("id") if answer.__class__ is dict else getattr(answer, "id", None)
    return found if found.__class__ is str else None


def uncounted(size: int) -> None:
    """Nobody counts bytes."""


@dataclass(slots=True)
class Attempt:
    """One attempt at one target, and what becomes known of it. Several may run at once; the
    exchange shows the one that won.

    Only its methods change it.
    """

    candidate: Candidate
    why: Why
    clocks: Timeouts
    clock: Callable[[], float] = field(repr=False)
    deadline: float
    """Of the whole request, by `clock`."""
    started: float
    asked_at: float
    """When the request went to the provider, after the wait for a place; its clocks run from here.
    """
    persona_notes: tuple[Note, ...] = ()
    key: ApiKey | None = None
    leave: CallPermit | None = None
    fans_out: bool = True
    """Several answers may be asked for one by one."""
    held_up: Callable[[], float] = field(default=no_time, repr=False)
    """Seconds in which the caller of this request took nothing of what was there for it."""
    hold: Callable[[int], None] = field(default=uncounted, repr=False)
    """Counts bytes that are in memory for this request, beside its body. Raises RequestFailed if
    they are too many."""
    origin: Origin | None = None
    """What the request was in its caller's own dialect; None for what the gateway made itself, as
    to resume an answer."""
    overlay: Overlay | None = None
    """What is laid over the caller's own body where that is sent; None if the target is sent the
    hub's request in its words."""
    trace: TraceContext | None = None
    """Of its own span, where the request is traced."""
    received: int = 0
    """Bytes of a whole answer."""
    place: Slot | None = None
    notes: tuple[Note, ...] = ()
    """What the translation did to the request, beside what the persona did."""
    upstream_headers: Mapping[str, str] | None = None
    """What the provider said of the request and of its limits, under our names."""
    upstream_seconds: float = 0.0
    first_chunk_at: float | None = None
    number: int = 0
    """Its place among the exchange's attempts, once it has ended or has content to show."""
    model: str | None = None
    """This and what follows: as in AttemptResult."""
    usage: wire.Usage | None = None
    finish_reason: str | None = None
    warnings: tuple[str, ...] = ()
    billed_prompt_tokens: int | None = None
    answer_id: str | None = None
    """The provider's id of the answer; only where the request is traced."""

    def set_number(self, number: int) -> None:
        """Set its place among the exchange's attempts."""
        self.number = number

    def set_place(self, place: Slot | None) -> None:
        """Keep the place that the attempt waited for at its target; None if the target has no limit
        any more.
        """
        self.place, self.asked_at = place, self.clock()

    def set_leave(self, leave: CallPermit | None) -> None:
        """Replace the leave to call the target; None if it may not be called any more."""
        self.leave = leave

    def drop_reasoning(self) -> None:
        """The caller's own body goes without the signed reasoning in it, which was refused."""
        assert self.overlay is not None
        self.overlay = self.overlay._replace(keeps_reasoning=False)

    def add_notes(self, notes: tuple[Note, ...]) -> None:
        """Add what a translation did to the request."""
        self.notes += notes

    def note_unshown(self, name: str) -> None:
        """A part of the answer has no place in the caller's dialect."""
        note = Note("dropped", name, "the caller's API has no place for it in an answer")
        if note not in self.notes:
            self.notes += (note,)

    def clear_notes(self) -> None:
        """Forget the notes of a translation whose request was refused: the corrected request makes
        its own.
        """
        self.notes = ()

    def mark_first_chunk(self) -> None:
        """The first content has arrived now."""
        self.first_chunk_at = self.clock()

    def set_upstream_seconds(self, seconds: float) -> None:
        """Set how long the provider took, over all requests of this attempt."""
        self.upstream_seconds = seconds

    def record_usage(self, usage: wire.Usage | None) -> None:
        """Keep what the provider has counted of an answer that may be given up: it is billed even
        so.
        """
        self.usage = usage

    def record_result(self, result: AttemptResult[Any]) -> None:
        """Keep what is known of the answer, without the answer itself."""
        self.notes, self.warnings = result.notes, result.warnings
        self.model, self.usage, self.finish_reason = (
            result.model,
            result.usage,
            result.finish_reason,
        )
        self.billed_prompt_tokens = result.billed_prompt_tokens
        if self.trace is not None:
            self.answer_id = _id_of(result.answer)

    def record_received(self, size: int) -> None:
        """Keep how many bytes a whole answer has."""
        self.received = size

    def record_stream_end(self, usage: wire.Usage | None, finish_reason: str | None) -> None:
        """Keep what a stream knows when it has ended or was hung up."""
        self.usage, self.finish_reason = usage, finish_reason

    def add_warnings(self, *warnings: str) -> None:
        """Add what else the caller should know of the answer."""
        self.warnings += warnings

    def limit(self, more: bool = False) -> Limit:
        """How long the provider may take from now on. Until it has given content, or `more` of it
        after a pause, that clock runs, too.
        """
        now, clocks = self.clock(), self.clocks
        total, left = clocks.total, self.deadline + self.held_up() - now
        content = total = left if left < total else total
        if self.first_chunk_at is None:
            content = self.asked_at + clocks.first_content - now
        elif more:
            content = clocks.first_content
        return (
            Limit(content, FIRST_CONTENT_CLOCK)
            if content < total
            else Limit(total, TOTAL_CLOCK, self.held_up)
        )

    def heard(self, headers: Mapping[str, str]) -> None:
        """Keep the provider's id of the request and its rate limits (`headers` has lower-case
        names).
        """
        shown = _shown(tuple(headers))
        if not shown:
            self.upstream_headers = None
            return
        kept = {ours: headers[name] for name, ours in shown}
        holds = self.candidate.provider.redactor.holds
        spoilt = holds("\n".join(kept.values()))
        self.upstream_headers = {
            name: value
            for name, value in kept.items()
            if fits_header(value) and not (spoilt and holds(value))
        }

    def cleaned(self, failure: UpstreamFailure) -> UpstreamFailure:
        """A failure without any of our keys in the provider's words: before anybody hears of it."""
        clean = self.candidate.provider.redactor.clean
        type_, code, param, own = (
            word and clean(word)
            for word in (failure.type, failure.code, failure.param, failure.upstream_code)
        )
        body = failure.body and clean(failure.body.decode("utf-8", "replace")).encode()
        return replace(
            failure,
            message=clean(failure.message),
            type=type_ or "",
            code=code,
            param=param,
            upstream_code=own,
            body=body,
        )
