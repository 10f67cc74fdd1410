"""A request's place in a distributed trace: W3C Trace Context, level 1
(https://www.w3.org/TR/trace-context/).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gateway.telemetry.ids import unique

_PARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
).fullmatch
"""Version ff is none. What a later version adds behind the flags is not read; version 00 has
nothing there."""
_LENGTH: Final = 55
"""Characters of version 00."""
_SAMPLED: Final = "13579bdf"
"""Last digits of the flags in which the flag "sampled" stands, the lowest bit."""
MOST_STATE: Final = 512
"""Characters of a tracestate that are kept."""
_OURS: Final = "llmr"


class TraceContext(NamedTuple):
    """Where a span stands. Ids are lower-case hex, of 32 and 16 digits."""

    trace_id: str
    span_id: str
    """Of the span itself: ours."""
    parent_id: str | None = None
    """Of the caller's span; None where the trace begins here."""
    sampled: bool = True
    state: str = ""
    """The tracestate as it came."""
    told: bool = False
    """Its spans may be told of: what they are made from is kept."""

    def child(self, span_id: str) -> "TraceContext":
        """The context of a span below this one."""
        return TraceContext(
            self.trace_id, span_id, self.span_id, self.sampled, self.state, self.told
        )

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-0{int(self.sampled)}"

    @property
    def tracestate(self) -> str:
        """With our own entry in front, and without an older one of ours."""
        others = [
            entry
            for entry in self.state.split(",")
            if entry.strip() and not entry.strip().startswith(f"{_OURS}=")
        ]
        return ",".join([f"{_OURS}={self.span_id}", *others])


def read(headers: Mapping[str, str], span_id: str) -> TraceContext | None:
    """The context of a request with these headers, as a span `span_id` of the caller's trace; None
    if the caller has none, or none that is well formed.
    """
    found = _PARENT(headers.get("traceparent", "").strip())
    if found is None or (found[0].startswith("00") and len(found[0]) != _LENGTH):
        return None
    trace_id, parent_id, flags = found.groups()
    state = headers.get("tracestate", "")
    return TraceContext(
        trace_id,
        span_id,
        parent_id,
        flags[1] in _SAMPLED,
        state if len(state) <= MOST_STATE else "",
    )


_ASKED: Final = (
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "stop",
    "n",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "prompt_cache_key",
)
"""Parameters of a chat request that a trace shows: none of them is content."""
FORM: Final = "response_format.type"
"""Beside them, without the schema that may stand there."""


class RequestTrace(NamedTuple):
    """What a request's span is made from, beside the event that it is over."""

    context: TraceContext
    route: str
    """Its path, as in the table of routes."""
    asked: Mapping[str, Any] = MappingProxyType({})
    """Parameters of the request, in the hub's words."""
    simulated: bool = False
    session: str | None = None
    """The conversation that its caller names."""
    team: str | None = None
    """Of its caller's key."""
    address: str | None = None
    """Its caller's, only where the configuration asks for it; `agent`, its user agent, likewise."""
    agent: str | None = None
    cache_age: int | None = None
    """Seconds; only of an answer that was given before."""

    def of_attempt(self, propagated: bool) -> TraceContext | None:
        """The context of a new attempt's span; None where nobody hears of it: it is not told, and
        not `propagated` to its provider.
        """
        here = self.context
        return here.child(unique(16)) if here.told or propagated else None

    def asking(self, body: Mapping[str, Any]) -> "RequestTrace":
        """With the parameters of a request of the hub, where they may be told."""
        if not self.context.told:
            return self
        asked = {name: body[name] for name in _ASKED if name in body}
        if (form := body.get("response_format")) is not None:
            asked[FORM] = form["type"]
        return self._replace(asked=asked)
