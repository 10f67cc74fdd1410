"""One request and all that becomes known of it on its way: the record that headers, events and the native answer are made from."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from gateway.accounting.cost import cost_of_usage
from gateway.accounting.usage import count, totals
from gateway.config import ApiKey, Timeouts
from gateway.health.targets import Leave
from gateway.routing.candidates import Candidate
from gateway.routing.decision_log import Record, compact_text
from gateway.routing.plan import Plan
from gateway.telemetry.events import AttemptEnded, Bus, RequestEnded, Usage, Why
from gateway.upstream.concurrency import Place
from gateway.upstream.failures import FIRST_CONTENT_CLOCK, TOTAL_CLOCK
from gateway.upstream.response import Limit, no_time
from translators.chat.usage import summed
from translators.errors import UpstreamFailure
from translators.notes import Note

_HEADER_LIMIT: Final = 2000
_IDS: Final = frozenset({"request-id", "x-request-id", "x-goog-request-id"})
_LIMITS: Final = ("x-ratelimit-", "anthropic-ratelimit-")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_CLEAN: Final = re.compile(r"[ -~]{1,200}").fullmatch


def uncounted(size: int) -> None:
    """Nobody counts bytes."""


@dataclass(init=False, slots=True)  # a written __init__ takes half the instructions of a generated one with twenty defaults
class Trial:
    """One try at one target, and what becomes known of it. Several may run at once; the exchange shows the one that won."""

    candidate: Candidate
    why: Why
    clocks: Timeouts
    clock: Callable[[], float] = field(repr=False)
    deadline: float
    """Of the whole request, by `clock`."""
    persona_notes: Sequence[Note]
    key: ApiKey | None
    leave: Leave | None
    fans_out: bool
    """Several answers may be asked for one by one."""
    place: Place | None
    notes: list[Note]
    """What the translation did to the request, after what the persona did."""
    upstream_headers: Mapping[str, str]
    """What the provider said of the request and of its limits, under our names."""
    model: str | None
    """The upstream model that served, by its own name."""
    usage: dict[str, Any] | None
    billed_prompt_tokens: int | None
    """What was read for an answer that came in several rounds, where its usage tells only of the first."""
    warnings: list[str]
    """What the caller should know of an answer that is no failure, as words of our own."""
    unfollowed: str | None
    """The warning for an answer that lacks what was asked for in words only: it is shown if nobody gives a better one."""
    finish_reason: str | None
    first_chunk_at: float | None
    upstream_seconds: float
    held_up: Callable[[], float] = field(repr=False)
    """Seconds in which the caller of this request took nothing of what was there for it."""
    hold: Callable[[int], None] = field(repr=False)
    """Told of so many bytes that are in memory for this request, beside its body. Raises RequestFailed if they are too many."""
    received: int
    """Bytes of a whole answer."""
    started: float
    asked_at: float
    """When the request went to the provider, after the wait for a place; its clocks run from here."""
    number: int
    """Its place among the exchange's attempts, once it has ended or has content to show."""

    def __init__(
        self,
        candidate: Candidate,
        why: Why,
        clocks: Timeouts,
        clock: Callable[[], float],
        deadline: float,
        persona_notes: Sequence[Note] = (),
        key: ApiKey | None = None,
        leave: Leave | None = None,
        fans_out: bool = True,
        held_up: Callable[[], float] = no_time,
        hold: Callable[[int], None] = uncounted,
    ) -> None:
        self.candidate = candidate
        self.fans_out = fans_out
        self.why = why
        self.clocks = clocks
        self.clock = clock
        self.deadline = deadline
        self.persona_notes = persona_notes
        self.key = key
        self.leave = leave
        self.held_up = held_up
        self.hold = hold
        self.notes = [*persona_notes]
        self.warnings = []
        self.upstream_headers = _NOTHING
        self.place = self.model = self.usage = self.billed_prompt_tokens = self.unfollowed = None
        self.finish_reason = self.first_chunk_at = None
        self.upstream_seconds = 0.0
        self.started = self.asked_at = clock()
        self.number = self.received = 0

    def limit(self, more: bool = False) -> Limit:
        """How long the provider may take from now on. Until it has given content, or `more` of it after a pause, that clock runs, too."""
        now, clocks = self.clock(), self.clocks
        total, left = clocks.total, self.deadline + self.held_up() - now
        content = total = left if left < total else total
        if self.first_chunk_at is None:
            content = self.asked_at + clocks.first_content - now
        elif more:
            content = clocks.first_content
        return Limit(content, FIRST_CONTENT_CLOCK) if content < total else Limit(total, TOTAL_CLOCK, self.held_up)

    def heard(self, headers: Mapping[str, str]) -> None:
        """Keep the provider's id of the request and its rate limits (`headers` has lower-case names)."""
        kept = {}
        for name, value in headers.items():
            if "ratelimit" in name:
                if name.startswith(_LIMITS):
                    kept[f"x-llm-router-upstream-ratelimit-{name.partition('ratelimit-')[2]}"] = value
            elif name in _IDS:
                kept["x-llm-router-upstream-request-id"] = value
        if not kept:
            self.upstream_headers = _NOTHING
            return
        holds = self.candidate.provider.redactor.holds
        spoilt = holds("\n".join(kept.values()))
        self.upstream_headers = {name: value for name, value in kept.items() if _CLEAN(value) and not (spoilt and holds(value))}

    def cleaned(self, failure: UpstreamFailure) -> UpstreamFailure:
        """A failure without any of our keys in the provider's words: before anybody hears of it."""
        clean = self.candidate.provider.redactor.clean
        type_, code, param, own = (word and clean(word) for word in (failure.type, failure.code, failure.param, failure.upstream_code))
        return replace(failure, message=clean(failure.message), type=type_ or "", code=code, param=param, upstream_code=own)


@dataclass(init=False, slots=True)
class Exchange:
    """Mutable, owned by one handler."""

    request_id: str
    api: str
    clock: Callable[[], float] = field(repr=False)
    held_up: Callable[[], float] = field(repr=False)
    """As in Trial."""
    hold: Callable[[int], None] = field(repr=False)
    """As in Trial."""
    simulated: bool
    key_id: str | None
    stream: bool
    started: float
    plan: Plan | None
    record: Record | None
    service_tier: str | None
    """The one the caller asked for."""
    params: str
    """What happens to what a provider cannot be told: report · strict · quiet."""
    persona_notes: Sequence[Note]
    """What the persona's limits did to the request."""
    attempts: list[AttemptEnded]
    trial: Trial | None
    """The try that is shown: the one that won, else the one that ended last."""
    served: Candidate | None
    resumable: bool
    """An answer that breaks off is taken up by another target."""
    resumed: list[dict[str, Any]]
    """Targets that took up an answer that had broken off, and after how many characters."""
    usage_before: list[dict[str, Any]]
    """What was counted of the answer before it was taken up by another target."""
    status: int
    outcome: str
    error_code: str | None

    def __init__(self, request_id: str, api: str, clock: Callable[[], float], simulated: bool = False, key_id: str | None = None) -> None:
        self.request_id = request_id
        self.api = api
        self.clock = clock
        self.held_up = no_time
        self.hold = uncounted
        self.simulated = simulated
        self.key_id = key_id
        self.stream = self.resumable = False
        self.started = clock()
        self.plan = self.record = self.service_tier = self.trial = self.served = self.error_code = None
        self.params = "report"
        self.persona_notes = ()
        self.attempts = []
        self.resumed = []
        self.usage_before = []
        self.status = 200
        self.outcome = "ok"

    @property
    def notes(self) -> Sequence[Note]:
        return self.persona_notes if self.trial is None else self.trial.notes

    @property
    def warnings(self) -> Sequence[str]:
        return () if self.trial is None else self.trial.warnings

    @property
    def model(self) -> str | None:
        return None if self.trial is None else self.trial.model

    @property
    def received(self) -> int:
        """Bytes that came of a whole answer, about as many as are shown."""
        return 0 if self.trial is None else self.trial.received

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
        plan, trial, served = self.plan, self.trial, self.served
        headers = {"x-request-id": self.request_id, "x-llm-router-request-id": self.request_id}
        if plan is not None:
            headers["x-llm-router-persona"] = plan.policy.name
        if self.record is not None:
            headers["x-llm-router-decision"] = self.record.id
        if served is not None:
            headers["x-llm-router-provider"] = served.provider.name
            model = None if trial is None else trial.model
            if model.__class__ is not str or not model or not _CLEAN(model) or served.provider.redactor.holds(model):
                model = served.model.id
            headers["x-llm-router-model"] = model
        elif self.attempts:
            headers["x-llm-router-provider"] = self.attempts[-1].provider
            headers["x-llm-router-model"] = self.attempts[-1].model
        if plan is not None:
            headers["x-llm-router-attempts"] = str(len(self.attempts))
        notes = self.persona_notes
        if trial is not None:
            notes = trial.notes
            if trial.upstream_headers:
                headers.update(trial.upstream_headers)
            if trial.billed_prompt_tokens is not None:
                headers["x-llm-router-billed-prompt-tokens"] = str(trial.billed_prompt_tokens)
            if trial.warnings:
                headers["x-llm-router-warning"] = ", ".join(dict.fromkeys(trial.warnings))
        if notes and self.params != "quiet":
            headers["x-llm-router-dropped-params"] = dropped_header(notes)
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
        return self._cost(self.usage)

    def _cost(self, usage: Any) -> int | None:
        if self.served is None or self.record is None:
            return None
        return cost_of_usage(self.served.model, usage, self.record.moment.date(), self.service_tier)

    def tell(self, bus: Bus) -> None:
        """The request is over: tell it to whoever listens."""
        now, started = self.clock(), self.started
        attempts, trial, record, usage = self.attempts, self.trial, self.record, self.usage
        for event in attempts:
            bus.tell(event)
        provider = model = finish_reason = first_chunk_seconds = None
        if (served := self.served) is not None:
            provider, model = served.provider.name, served.model.id
        elif attempts:
            provider, model = attempts[-1].provider, attempts[-1].model
        notes, upstream_seconds = self.persona_notes, 0.0
        if trial is not None:
            notes, finish_reason, upstream_seconds = trial.notes, trial.finish_reason, trial.upstream_seconds
            if trial.first_chunk_at is not None:
                first_chunk_seconds = trial.first_chunk_at - started
        ended = RequestEnded(  # in its fields' order: their names would cost 1 µs
            self.request_id,
            self.api,
            self.key_id,
            None if self.plan is None else self.plan.policy.name,
            provider,
            model,
            self.stream,
            self.status,
            self.outcome,
            self.error_code,
            tuple(attempts),
            tuple([note.param for note in notes if note.kind in ("dropped", "changed")]) if notes else (),
            _usage(usage),
            finish_reason,
            now - started,
            upstream_seconds,
            first_chunk_seconds,
            None if record is None else partial(compact_text, record.id, record.plan),  # not the record, which holds this event
            len(self.resumed),
            self._cost(usage),
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
    prompt, completion = totals(usage)
    cached, reasoning = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return Usage(
        prompt or 0,
        count(cached, "cached_tokens") or 0 if cached else 0,
        completion or 0,
        count(reasoning, "reasoning_tokens") or 0 if reasoning else 0,
    )
