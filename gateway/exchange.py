"""One request and all that becomes known of it on its way: the record that headers, events and the native answer are made from."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from gateway.accounting.cost import cost_of_usage
from gateway.accounting.usage import count
from gateway.config import ApiKey, Timeouts
from gateway.routing.candidates import Candidate
from gateway.routing.health import Leave
from gateway.routing.records import Record, compact
from gateway.routing.selection import Plan
from gateway.telemetry.events import AttemptEnded, Bus, RequestEnded, Usage, Why
from gateway.upstream.connection import Limit
from gateway.upstream.failures import FIRST_CONTENT_CLOCK, TOTAL_CLOCK
from gateway.upstream.places import Place
from translators.chat.usage import summed
from translators.dialect import Note

_HEADER_LIMIT: Final = 2000
_IDS: Final = frozenset({"request-id", "x-request-id", "x-goog-request-id"})
_LIMITS: Final = ("x-ratelimit-", "anthropic-ratelimit-")
_CLEAN: Final = re.compile(r"[ -~]{1,200}").fullmatch


@dataclass(slots=True, kw_only=True)
class Trial:
    """One try at one target, and what becomes known of it. Several may run at once; the exchange shows the one that won."""

    candidate: Candidate
    why: Why
    clocks: Timeouts
    clock: Callable[[], float] = field(repr=False)
    deadline: float
    """Of the whole request, by `clock`."""
    persona_notes: Sequence[Note] = ()
    key: ApiKey | None = None
    leave: Leave | None = None
    place: Place | None = None
    notes: list[Note] = field(default_factory=list)
    """What the translation did to the request, after what the persona did."""
    upstream_headers: dict[str, str] = field(default_factory=dict)
    """What the provider said of the request and of its limits, under our names."""
    model: str | None = None
    """The upstream model that served, by its own name."""
    usage: dict[str, Any] | None = None
    billed_prompt_tokens: int | None = None
    """What was read for an answer that came in several rounds, where its usage tells only of the first."""
    warning: str | None = None
    """What the caller should know of an answer that is no failure."""
    finish_reason: str | None = None
    first_chunk_at: float | None = None
    upstream_seconds: float = 0.0
    started: float = 0.0
    asked_at: float = 0.0
    """When the request went to the provider, after the wait for a place; its clocks run from here."""
    number: int = 0
    """Its place among the exchange's attempts, once it has ended or has content to show."""

    def __post_init__(self) -> None:
        self.started = self.asked_at = self.clock()
        self.notes = list(self.persona_notes)

    def limit(self, more: bool = False) -> Limit:
        """How long the provider may take from now on. Until it has given content, or `more` of it after a pause, that clock runs, too."""
        now = self.clock()
        total = min(self.clocks.total, self.deadline - now)
        if self.first_chunk_at is None:
            content = self.asked_at + self.clocks.first_content - now
        else:
            content = self.clocks.first_content if more else total
        return Limit(content, FIRST_CONTENT_CLOCK) if content < total else Limit(total, TOTAL_CLOCK)

    def heard(self, headers: Mapping[str, str]) -> None:
        """Keep the provider's id of the request and its rate limits (`headers` has lower-case names)."""
        kept = {}
        for name, value in headers.items():
            if name in _IDS:
                kept["x-llm-router-upstream-request-id"] = value
            elif name.startswith(_LIMITS):
                kept[f"x-llm-router-upstream-ratelimit-{name.partition('ratelimit-')[2]}"] = value
        self.upstream_headers = {name: value for name, value in kept.items() if _CLEAN(value)}


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Mutable, owned by one handler."""

    request_id: str
    api: str
    clock: Callable[[], float] = field(repr=False)
    simulated: bool = False
    key_id: str | None = None
    stream: bool = False
    started: float = 0.0
    plan: Plan | None = None
    record: Record | None = None
    service_tier: str | None = None
    """The one the caller asked for."""
    params: str = "report"
    """What happens to what a provider cannot be told: report · strict · quiet."""
    persona_notes: list[Note] = field(default_factory=list)
    """What the persona's limits did to the request."""
    attempts: list[AttemptEnded] = field(default_factory=list)
    trial: Trial | None = None
    """The try that is shown: the one that won, else the one that ended last."""
    served: Candidate | None = None
    resumable: bool = False
    """An answer that breaks off is taken up by another target."""
    resumed: list[dict[str, Any]] = field(default_factory=list)
    """Targets that took up an answer that had broken off, and after how many characters."""
    usage_before: list[dict[str, Any]] = field(default_factory=list)
    """What was counted of the answer before it was taken up by another target."""
    status: int = 200
    outcome: str = "ok"
    error_code: str | None = None

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def notes(self) -> list[Note]:
        return self.persona_notes if self.trial is None else self.trial.notes

    @property
    def model(self) -> str | None:
        return None if self.trial is None else self.trial.model

    @property
    def finish_reason(self) -> str | None:
        return None if self.trial is None else self.trial.finish_reason

    @property
    def usage(self) -> dict[str, Any] | None:
        """What was counted of the answer, by all who gave a part of it."""
        own = None if self.trial is None else self.trial.usage
        if not self.usage_before:
            return own
        return summed([*self.usage_before, own] if own is not None else self.usage_before)

    def headers(self) -> dict[str, str]:
        """What every answer carries, as far as it is known now."""
        headers = {"x-request-id": self.request_id, "x-llm-router-request-id": self.request_id}
        if self.plan is not None:
            headers["x-llm-router-persona"] = self.plan.persona
        if self.record is not None:
            headers["x-llm-router-decision"] = self.record.id
        if self.served is not None:
            headers["x-llm-router-provider"] = self.served.provider.name
            model = self.model
            named = model if model.__class__ is str and _CLEAN(model) else None
            headers["x-llm-router-model"] = named or self.served.model.id
        elif self.attempts:
            headers["x-llm-router-provider"] = self.attempts[-1].provider
            headers["x-llm-router-model"] = self.attempts[-1].model
        if self.plan is not None:
            headers["x-llm-router-attempts"] = str(len(self.attempts))
        if (trial := self.trial) is not None:
            headers.update(trial.upstream_headers)
            if trial.billed_prompt_tokens is not None:
                headers["x-llm-router-billed-prompt-tokens"] = str(trial.billed_prompt_tokens)
            if trial.warning is not None:
                headers["x-llm-router-warning"] = trial.warning
        if self.notes and self.params != "quiet":
            headers["x-llm-router-dropped-params"] = dropped_header(self.notes)
        if self.resumable:
            headers["x-llm-router-resumable"] = "true"
        if self.simulated:
            headers["x-llm-router-simulated"] = "true"
        return headers

    def ended(self, trial: Trial, outcome: str, status: int | None) -> None:
        """A try is over, or has content to show."""
        candidate = trial.candidate
        seconds = self.clock() - trial.started
        trial.number = len(self.attempts)
        self.attempts.append(AttemptEnded(candidate.provider.name, candidate.model.id, outcome, seconds, status, trial.why))
        if self.served is None:
            self.trial = trial

    def won(self, trial: Trial) -> None:
        """The answer of `trial` is the one that is shown."""
        self.trial = trial
        self.served = trial.candidate

    def broke(self, trial: Trial, outcome: str) -> None:
        """An answer that had begun ended with a failure."""
        self.attempts[trial.number] = self.attempts[trial.number]._replace(outcome=outcome)

    @property
    def cost_nano_usd(self) -> int | None:
        """What the answer cost by the price list, in 10^-9 USD; None while it is not known."""
        if self.served is None or self.record is None:
            return None
        return cost_of_usage(self.served.model, self.usage, self.record.moment.date(), self.service_tier)

    def tell(self, bus: Bus) -> None:
        """The request is over: tell it to whoever listens."""
        now = self.clock()
        attempt = self.attempts[-1] if self.attempts else None
        trial = self.trial
        for event in self.attempts:
            bus.tell(event)
        record = self.record
        ended = RequestEnded(
            request_id=self.request_id,
            api=self.api,
            key_id=self.key_id,
            persona=self.plan.persona if self.plan is not None else None,
            provider=self.served.provider.name if self.served is not None else attempt.provider if attempt else None,
            model=self.served.model.id if self.served is not None else attempt.model if attempt else None,
            stream=self.stream,
            status=self.status,
            outcome=self.outcome,
            error_code=self.error_code,
            attempts=tuple(self.attempts),
            dropped=tuple(note.param for note in self.notes if note.kind in ("dropped", "changed")),
            usage=_usage(self.usage),
            finish_reason=self.finish_reason,
            seconds=now - self.started,
            upstream_seconds=0.0 if trial is None else trial.upstream_seconds,
            first_chunk_seconds=None if trial is None or trial.first_chunk_at is None else trial.first_chunk_at - self.started,
            decision=None if record is None else partial(compact, record.id, record.plan),
            resumed=len(self.resumed),
            cost_nano_usd=self.cost_nano_usd,
        )
        if record is not None:
            record.close(ended, self.resumed)
        bus.tell(ended)


def dropped_header(notes: Iterable[Note]) -> str:
    """`seed, temperature=changed, parallel_tool_calls=emulated`: names only, each once, cut to a header's length."""
    names = dict.fromkeys(note.param if note.kind == "dropped" else f"{note.param}={note.kind}" for note in notes)
    text = ", ".join(name.encode("ascii", "replace").decode() for name in names)
    text = "".join(c if 32 <= ord(c) < 127 else "?" for c in text)
    return text if len(text) <= _HEADER_LIMIT else text[: _HEADER_LIMIT - 3] + "..."


def _usage(usage: Any) -> Usage | None:
    """What a provider counted, as far as it is numbers: it may send anything."""
    if usage.__class__ is not dict:
        return None
    return Usage(
        prompt=count(usage, "prompt_tokens") or 0,
        cached=count(usage.get("prompt_tokens_details"), "cached_tokens") or 0,
        completion=count(usage, "completion_tokens") or 0,
        reasoning=count(usage.get("completion_tokens_details"), "reasoning_tokens") or 0,
    )
