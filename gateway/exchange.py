"""One request and all that becomes known of it on its way: the record that headers, events and the native answer are made from."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.routing.selection import Candidate, Plan
from gateway.telemetry.events import AttemptEnded, Bus, RequestEnded, Usage
from translators.dialect import Note

_HEADER_LIMIT: Final = 2000
_IDS: Final = frozenset({"request-id", "x-request-id", "x-goog-request-id"})
_LIMITS: Final = ("x-ratelimit-", "anthropic-ratelimit-")
_CLEAN: Final = re.compile(r"[ -~]{1,200}").fullmatch


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
    params: str = "report"
    """What happens to what a provider cannot be told: report · strict · quiet."""
    notes: list[Note] = field(default_factory=list)
    attempts: list[AttemptEnded] = field(default_factory=list)
    served: Candidate | None = None
    model: str | None = None
    """The upstream model that served, by its own name."""
    upstream_headers: dict[str, str] = field(default_factory=dict)
    """What the provider said of the request and of its limits, under our names."""
    usage: dict[str, Any] | None = None
    billed_prompt_tokens: int | None = None
    """What was read for an answer that came in several rounds, where its usage tells only of the first."""
    warning: str | None = None
    """What the caller should know of an answer that is no failure."""
    finish_reason: str | None = None
    upstream_seconds: float = 0.0
    first_chunk_at: float | None = None
    status: int = 200
    outcome: str = "ok"
    error_code: str | None = None

    def __post_init__(self) -> None:
        self.started = self.clock()

    def headers(self) -> dict[str, str]:
        """What every answer carries, as far as it is known now."""
        headers = {"x-request-id": self.request_id, "x-llm-router-request-id": self.request_id}
        if self.plan is not None:
            headers["x-llm-router-persona"] = self.plan.persona
        if self.served is not None:
            headers["x-llm-router-provider"] = self.served.provider.name
            named = self.model if self.model.__class__ is str and _CLEAN(self.model) else None
            headers["x-llm-router-model"] = named or self.served.model.id
        elif self.attempts:
            headers["x-llm-router-provider"] = self.attempts[-1].provider
            headers["x-llm-router-model"] = self.attempts[-1].model
        if self.plan is not None:
            headers["x-llm-router-attempts"] = str(len(self.attempts))
        headers.update(self.upstream_headers)
        if self.notes and self.params != "quiet":
            headers["x-llm-router-dropped-params"] = dropped_header(self.notes)
        if self.billed_prompt_tokens is not None:
            headers["x-llm-router-billed-prompt-tokens"] = str(self.billed_prompt_tokens)
        if self.warning is not None:
            headers["x-llm-router-warning"] = self.warning
        if self.simulated:
            headers["x-llm-router-simulated"] = "true"
        return headers

    def heard(self, headers: Mapping[str, str]) -> None:
        """Keep the provider's id of the request and its rate limits (`headers` has lower-case names)."""
        kept = {}
        for name, value in headers.items():
            if name in _IDS:
                kept["x-llm-router-upstream-request-id"] = value
            elif name.startswith(_LIMITS):
                kept[f"x-llm-router-upstream-ratelimit-{name.partition('ratelimit-')[2]}"] = value
        self.upstream_headers = {name: value for name, value in kept.items() if _CLEAN(value)}

    def broke(self, outcome: str) -> None:
        """The answer that had begun ended with a failure."""
        self.attempts[-1] = self.attempts[-1]._replace(outcome=outcome)
        self.outcome = "stream_aborted"

    def tell(self, bus: Bus) -> None:
        """The request is over: tell it to whoever listens."""
        now = self.clock()
        attempt = self.attempts[-1] if self.attempts else None
        for event in self.attempts:
            bus.tell(event)
        bus.tell(
            RequestEnded(
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
                upstream_seconds=self.upstream_seconds,
                first_chunk_seconds=None if self.first_chunk_at is None else self.first_chunk_at - self.started,
            )
        )


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
        prompt=_count(usage, "prompt_tokens"),
        cached=_count(usage.get("prompt_tokens_details"), "cached_tokens"),
        completion=_count(usage, "completion_tokens"),
        reasoning=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(holder: Any, name: str) -> int:
    value = holder.get(name) if holder.__class__ is dict else None
    return value if value.__class__ is int and value > 0 else 0
