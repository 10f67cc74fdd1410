"""The spans of a request that is over, made by the official SDK: one of the request, and one of
each attempt below it. Nothing of content is ever in a span.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway.telemetry import genai_names as names
from gateway.telemetry.events import AttemptEnded, RequestEnded
from gateway.telemetry.trace_context import FORM, RequestTrace, TraceContext

MOST_REJECTED: Final = 10
_SECOND: Final = 1_000_000_000
_FLAGGED: Final = (TraceFlags(TraceFlags.DEFAULT), TraceFlags(TraceFlags.SAMPLED))
_NO_STATE: Final = TraceState()
_NOWHERE: Final = context.Context()
_FORMS: Final = {"text": names.TEXT, "json_object": names.JSON, "json_schema": names.JSON}
_PORTS: Final = {"https": 443, "http": 80}


class Ids(IdGenerator):
    """Gives the ids that were handed out while the request ran."""

    def __init__(self) -> None:
        self.trace_id = self.span_id = 0

    def generate_span_id(self) -> int:
        return self.span_id

    def generate_trace_id(self) -> int:
        return self.trace_id


class Spans:
    """Makes and ends them, which hands them on to the tracer's processors."""

    def __init__(
        self,
        tracer: trace.Tracer,
        ids: Ids,
        url_of: Callable[[str], str],
        vocabulary: names.Vocabulary,
    ) -> None:
        """`ids`: what `tracer` takes its ids from. `url_of` gives the base URL of a provider; empty
        for one that is gone.
        """
        self._tracer, self._ids = tracer, ids
        self._url_of, self._vocabulary = url_of, vocabulary

    def tell(self, event: RequestEnded, told: RequestTrace, when: int) -> None:
        """Of a request that was over at `when`, in ns of the Unix epoch."""
        here = told.context
        began = when - int(event.seconds * _SECOND)
        self._ids.trace_id = int(here.trace_id, 16)
        self._of_the_request(event, told, began, when)
        below = parent(here.trace_id, here.span_id, here.sampled, here.state)
        serving = _serving(event)
        for number, attempt in enumerate(event.attempts, 1):
            if attempt.span_id is not None:
                self._ids.span_id = int(attempt.span_id, 16)
                more = {"llm_router.attempt": number}
                if attempt is serving:
                    more |= _of_answer(event, attempt, self._vocabulary)
                self._of_an_attempt(event, told, attempt, below, more, began, when)

    def _of_the_request(
        self, event: RequestEnded, told: RequestTrace, began: int, when: int
    ) -> None:
        here = told.context
        self._ids.span_id = int(here.span_id, 16)
        decision = {} if event.decision is None else json.loads(event.decision())
        span = self._tracer.start_span(
            f"POST {told.route}",
            around(here),
            SpanKind.SERVER,
            _known(
                {
                    "http.request.method": "POST",
                    "http.route": told.route,
                    "url.path": told.route,
                    "http.response.status_code": event.status,
                    "client.address": told.address,
                    "user_agent.original": told.agent,
                    "error.type": None if event.outcome == "ok" else event.outcome,
                    "llm_router.persona": event.persona,
                    "llm_router.decision": decision.get("id"),
                    "llm_router.rule": decision.get("rule"),
                    "llm_router.revision": decision.get("revision"),
                    "llm_router.key_id": event.key_id,
                    "llm_router.team": told.team,
                    "llm_router.attempts": len(event.attempts),
                    "llm_router.dropped_params": event.dropped or None,
                    "llm_router.cache": event.cache,
                    "llm_router.cache.age": told.cache_age,
                    "llm_router.simulated": told.simulated or None,
                }
            ),
            start_time=began,
        )
        if decision:
            span.add_event("llm_router.plan", _planned(decision), began)
        if event.status >= 500 or event.outcome == "stream_aborted":
            span.set_status(Status(StatusCode.ERROR, event.error_code or event.outcome))
        span.end(when)

    def _of_an_attempt(
        self,
        event: RequestEnded,
        told: RequestTrace,
        attempt: AttemptEnded,
        below: context.Context,
        more: Mapping[str, Any],
        began: int,
        when: int,
    ) -> None:
        """`more`: what else is known of it. `below` is the request's own span."""
        operation = names.EMBEDDINGS if event.api == names.EMBEDDINGS else names.CHAT
        start, failed = began + int(attempt.began * _SECOND), attempt.outcome != "ok"
        attributes = {names.OPERATION: operation, **self._of_request(event, told, attempt)}
        if failed:
            attributes["error.type"] = attempt.outcome
        span = self._tracer.start_span(
            f"{operation} {attempt.model}",
            below,
            SpanKind.CLIENT,
            _known({**attributes, **_of_try(attempt), **more}),
            start_time=start,
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR, attempt.outcome))
        # of a stream, `seconds` end with its first content
        broke = failed and event.outcome == "stream_aborted"
        whole = event.stream and (broke or attempt is _serving(event))
        span.end(when if whole else start + int(attempt.seconds * _SECOND))

    def _of_request(
        self, event: RequestEnded, told: RequestTrace, attempt: AttemptEnded
    ) -> dict[str, Any]:
        parts = urlsplit(self._url_of(attempt.provider).partition("{")[0])
        host = parts.hostname or ""
        words = self._vocabulary.asked
        asked = {words[name]: value for name, value in told.asked.items() if name in words}
        if isinstance(stop := told.asked.get("stop"), str):
            asked[words["stop"]] = [stop]
        if (top := told.asked.get("top_k")) is not None:
            asked[words["top_k"]] = self._vocabulary.top_k(top)
        return {
            names.PROVIDER: names.provider_name(attempt.provider, host),
            names.REQUEST_MODEL: attempt.model,
            names.REQUEST_STREAM: event.stream,
            names.CONVERSATION: told.session or told.asked.get("prompt_cache_key"),
            names.OUTPUT_TYPE: _FORMS.get(told.asked.get(FORM, "")),
            "server.address": host or None,
            "server.port": parts.port or _PORTS.get(parts.scheme),
            **asked,
        }


def _planned(decision: Mapping[str, Any]) -> dict[str, Any]:
    targets = decision["targets"]
    rejected = [target for target in targets if target.endswith(")")]
    chosen = next((target for target in targets if not target.endswith(")")), None)
    return _known(
        {
            "strategy": decision["strategy"],
            "chosen": chosen,
            "rejected": rejected[:MOST_REJECTED],
        }
    )


def _of_try(attempt: AttemptEnded) -> dict[str, Any]:
    return {
        "llm_router.target": f"{attempt.provider}/{attempt.model}",
        "llm_router.key": attempt.key,
        "llm_router.purpose": attempt.why,
        "llm_router.outcome": attempt.outcome,
        "http.response.status_code": attempt.status,
    }


def _of_answer(
    event: RequestEnded, attempt: AttemptEnded, words: names.Vocabulary
) -> dict[str, Any]:
    told: dict[str, Any] = {names.RESPONSE_MODEL: event.model, names.RESPONSE_ID: event.answer_id}
    if event.finish_reason is not None:
        told[names.FINISH_REASONS] = [str(event.finish_reason)]
    if event.first_chunk_seconds is not None:
        told[names.FIRST_CHUNK] = event.first_chunk_seconds - attempt.began
    if (usage := event.usage) is not None:
        told |= {
            names.INPUT_TOKENS: usage.prompt,
            names.OUTPUT_TOKENS: usage.completion,
            names.CACHED_TOKENS: usage.cached,
            words.written_tokens: usage.written,
            names.REASONING_TOKENS: usage.reasoning,
        }
    if (cost := event.cost_nano_usd) is not None:
        told |= {names.COST: cost / 1e9, "llm_router.cost.nano_usd": cost}
    return told


def _serving(event: RequestEnded) -> AttemptEnded | None:
    """The attempt whose answer the caller has seen."""
    return next((each for each in reversed(event.attempts) if each.outcome == "ok"), None)


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def around(here: TraceContext) -> context.Context:
    """What the request's span stands in: its caller's span, or nothing."""
    if here.parent_id is None:
        return _NOWHERE
    return parent(here.trace_id, here.parent_id, here.sampled, here.state)


def parent(trace_id: str, span_id: str, sampled: bool, state: str) -> context.Context:
    """A span that others stand below, as the SDK wants it."""
    found = SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=True,
        trace_flags=_FLAGGED[sampled],
        trace_state=TraceState.from_header([state]) if state else _NO_STATE,
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(found), _NOWHERE)
