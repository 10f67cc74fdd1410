"""The spans of a request that is over: one of the request, and one of each attempt below it, as
values of the official SDK. Nothing of content is ever in a span.

They are made ready at once, not begun and ended by a tracer, which takes five times as long: it
checks each attribute by itself, and asks for locks, limits and the clock of a span under way.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway.telemetry import genai_names as names
from gateway.telemetry.events import AttemptEnded, RequestEnded
from gateway.telemetry.trace_context import FORM, RequestTrace, TraceContext

MOST_REJECTED: Final = 10
MOST_ATTRIBUTES: Final = 64
"""No span has more."""
_SECOND: Final = 1_000_000_000
_FLAGGED: Final = (TraceFlags(TraceFlags.DEFAULT), TraceFlags(TraceFlags.SAMPLED))
_NO_STATE: Final = TraceState()
_NOWHERE: Final = context.Context()
_FORMS: Final = {"text": names.TEXT, "json_object": names.JSON, "json_schema": names.JSON}
_PORTS: Final = {"https": 443, "http": 80}
_FINE: Final = Status(StatusCode.UNSET)
_PLAN: Final = "llm_router.plan"

Attributes = Mapping[str, Any]
"""Those whose value is None are not told."""


class Spans:
    """Makes them, and hands each on."""

    def __init__(
        self,
        hand_on: Callable[[ReadableSpan], None],
        resource: Resource,
        scope: InstrumentationScope,
        url_of: Callable[[str], str],
        vocabulary: names.Vocabulary,
    ) -> None:
        """`url_of` gives the base URL of a provider; empty for one that is gone."""
        self._hand_on, self._resource, self._scope = hand_on, resource, scope
        self._url_of, self._vocabulary = url_of, vocabulary
        limits = SpanLimits()  # by the environment
        self._most, self._longest = limits.max_span_attributes, limits.max_span_attribute_length
        self._of_event = limits.max_event_attributes, limits.max_attribute_length

    def tell(self, event: RequestEnded, told: RequestTrace, when: int) -> None:
        """Of a request that was over at `when`, in ns of the Unix epoch."""
        here = told.context
        began = when - int(event.seconds * _SECOND)
        state = TraceState.from_header([here.state]) if here.state else _NO_STATE
        trace_id = int(here.trace_id, 16)
        own = _standing(trace_id, here.span_id, state)
        above = None
        if here.parent_id is not None:
            above = _standing(trace_id, here.parent_id, state, here.sampled, remote=True)
        self._of_the_request(event, told, own, above, began, when)
        serving = _serving(event)
        for number, attempt in enumerate(event.attempts, 1):
            if attempt.span_id is not None:
                attributes = self._of_attempt(event, told, attempt, number)
                if attempt is serving:
                    attributes |= _of_answer(event, attempt, self._vocabulary)
                below = _standing(trace_id, attempt.span_id, state)
                ends = _end(event, attempt, began, when, whole=attempt is serving)
                self._hand_on(
                    ReadableSpan(
                        f"{attributes[names.OPERATION]} {attempt.model}",
                        below,
                        own,
                        self._resource,
                        self._known(attributes),
                        kind=SpanKind.CLIENT,
                        status=_FINE if attempt.outcome == "ok" else _error(attempt.outcome),
                        start_time=began + int(attempt.began * _SECOND),
                        end_time=ends,
                        instrumentation_scope=self._scope,
                    )
                )

    def _of_the_request(
        self,
        event: RequestEnded,
        told: RequestTrace,
        own: SpanContext,
        above: SpanContext | None,
        began: int,
        when: int,
    ) -> None:
        decision = {} if event.decision is None else json.loads(event.decision())
        failed = event.status >= 500 or event.outcome == "stream_aborted"
        attributes = {
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
        self._hand_on(
            ReadableSpan(
                f"POST {told.route}",
                own,
                above,
                self._resource,
                self._known(attributes),
                self._planned(decision, began) if decision else (),
                kind=SpanKind.SERVER,
                status=_error(event.error_code or event.outcome) if failed else _FINE,
                start_time=began,
                end_time=when,
                instrumentation_scope=self._scope,
            )
        )

    def _of_attempt(
        self, event: RequestEnded, told: RequestTrace, attempt: AttemptEnded, number: int
    ) -> dict[str, Any]:
        words, stop = self._vocabulary.asked, told.asked.get("stop")
        attributes = {
            names.OPERATION: names.EMBEDDINGS if event.api == names.EMBEDDINGS else names.CHAT,
            **_of_target(attempt.provider, attempt.model, self._url_of(attempt.provider)),
            names.REQUEST_STREAM: event.stream,
            names.CONVERSATION: told.session or told.asked.get("prompt_cache_key"),
            names.OUTPUT_TYPE: _FORMS.get(told.asked.get(FORM, "")),
            **{words[name]: value for name, value in told.asked.items() if name in words},
            "llm_router.key": attempt.key,
            "llm_router.attempt": number,
            "llm_router.purpose": attempt.why,
            "llm_router.outcome": attempt.outcome,
            "http.response.status_code": attempt.status,
        }
        if isinstance(stop, str):
            attributes[words["stop"]] = [stop]
        if (top := told.asked.get("top_k")) is not None:
            attributes[words["top_k"]] = self._vocabulary.top_k(top)
        if attempt.outcome != "ok":
            attributes["error.type"] = attempt.outcome
        return attributes

    def _planned(self, decision: Mapping[str, Any], began: int) -> tuple[Event]:
        targets = decision["targets"]
        rejected = [target for target in targets if target.endswith(")")]
        attributes = {
            "strategy": decision["strategy"],
            "chosen": next((target for target in targets if not target.endswith(")")), None),
            "rejected": [_with_reason(target) for target in rejected[:MOST_REJECTED]],
        }
        return (Event(_PLAN, _limited(attributes, *self._of_event), began),)

    def _known(self, told: Attributes) -> Attributes:
        return _limited(told, self._most, self._longest)


def _limited(told: Attributes, most: int | None, longest: int | None) -> Attributes:
    """As the SDK limits them, where the operator asks for it."""
    known = {name: value for name, value in told.items() if value is not None}
    if longest is None and (most is None or most >= MOST_ATTRIBUTES):
        return known
    return BoundedAttributes(most, known, max_value_len=longest)


@lru_cache(maxsize=1024)
def _of_target(provider: str, model: str, url: str) -> Attributes:
    """What all attempts at it share."""
    parts = urlsplit(url.partition("{")[0])
    host = parts.hostname or ""
    return MappingProxyType(
        {
            names.PROVIDER: names.provider_name(provider, host),
            names.REQUEST_MODEL: model,
            "server.address": host or None,
            "server.port": parts.port or _PORTS.get(parts.scheme),
            "llm_router.target": f"{provider}/{model}",
        }
    )


def _with_reason(target: str) -> str:
    """Of `provider/model (why)`, as a decision shows it."""
    name, _, why = target.removesuffix(")").partition(" (")
    return f"{name}: {why}"


def _end(event: RequestEnded, attempt: AttemptEnded, began: int, when: int, *, whole: bool) -> int:
    """When an attempt was over; `whole`: its answer is the one that the caller has seen."""
    # of a stream, `seconds` end with its first content
    broke = attempt.outcome != "ok" and event.outcome == "stream_aborted"
    if event.stream and (broke or whole):
        return when
    return began + int((attempt.began + attempt.seconds) * _SECOND)


def _error(why: str) -> Status:
    return Status(StatusCode.ERROR, why)


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


def _standing(
    trace_id: int, span_id: str, state: TraceState, sampled: bool = True, *, remote: bool = False
) -> SpanContext:
    """A span's place. Ours are flagged as sampled, whatever the sampler said: only those that are
    told of are made, and the SDK exports no others.
    """
    return SpanContext(trace_id, int(span_id, 16), remote, _FLAGGED[sampled], state)


def around(here: TraceContext) -> context.Context:
    """What the request's span stands in, for samplers: its caller's span, or nothing."""
    if here.parent_id is None:
        return _NOWHERE
    state = TraceState.from_header([here.state]) if here.state else _NO_STATE
    trace_id = int(here.trace_id, 16)
    found = _standing(trace_id, here.parent_id, state, here.sampled, remote=True)
    return trace.set_span_in_context(trace.NonRecordingSpan(found), _NOWHERE)
