"""The mix: what callers ask, how often, and which statuses that may have."""

from dataclasses import dataclass, field
from typing import Any, Final

CONVERSATIONS: Final = 20
"""Different ones: what the gateway remembers of them is complete after the warm-up."""

POLICY: Final = """
version: 1
resilience: {breaker: {min_calls: 10000}}  # faults go on being tried
personas:
  openai: {description: d, targets: [openai/gpt-4.1]}
  claude: {description: d, targets: [claude/claude-sonnet-5]}
  gemini: {description: d, targets: [gemini/gemini-3.5-flash]}
  reasons: {description: d, targets: [claude/claude-opus-4-5]}
  falls_back: {description: d, targets: [claude/claude-haiku-4-5, openai/gpt-4.1, gemini/gemini-3.5-flash]}
  faulty: {description: d, targets: [openai/gpt-4.1-mini], on_failure: {retries: 0}}
  silent:
    description: d
    targets: [openai/gpt-4.1-mini]
    timeouts: {first_content: 0.5, idle: 0.3}
    on_failure: {retries: 0}
  limited: {description: d, targets: [openai/gpt-4o], on_failure: {retries: 0}}
  hedged: {description: d, targets: [openai/gpt-4o-mini, claude/claude-sonnet-5], hedge: {after: 20ms, max_extra: 100%}}
  resumed: {description: d, targets: [openai/gpt-4.1-mini, claude/claude-sonnet-5], resume: true}
"""  # noqa: E501

WEATHER: Final = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of request; `weight` is its share of a hundred or so."""

    name: str
    weight: float
    model: str = "openai"
    text: str = "Hello!"
    stream: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    expected: frozenset[int] = frozenset({200})
    leaves_after: float | None = None
    """Seconds after which the caller leaves; 0 after the first bytes of the answer."""
    path: str = "/v1/chat/completions"
    raw: bytes | None = None
    """A body in place of a chat request; b"" is a GET."""

    def body(self, number: int) -> dict[str, Any]:
        first = {"role": "user", "content": f"conversation {number % CONVERSATIONS}"}
        messages = [
            first,
            {"role": "assistant", "content": "Go on."},
            {"role": "user", "content": self.text},
        ]
        name = "persona" if self.path.startswith("/api/v1/chat") else "model"
        return {
            name: self.model,
            "messages": messages,
            "stream": self.stream,
            "max_tokens": 200,
            **self.more,
        }


FAILS: Final = frozenset({500, 502, 503, 504})
TOOLS: Final = {"tools": [WEATHER]}
USAGE: Final = {"stream_options": {"include_usage": True}}
CALLS: Final = '[[sim: think]] [[sim: call get_weather {"city": "Paris"}]]'
WORKS: Final = (
    *(Work(f"JSON, {name}", 10, name) for name in ("openai", "claude", "gemini")),
    *(
        Work(f"stream, {name}", 8, name, stream=True, more=USAGE)
        for name in ("openai", "claude", "gemini")
    ),
    Work("JSON, 100 KB", 2, "claude", "word " * 20_000),
    Work(
        "tool calls with signed reasoning",
        2,
        "reasons",
        CALLS,
        more={**TOOLS, "reasoning_effort": "low"},
    ),
    Work(
        "tool calls with signed reasoning, stream",
        2,
        "reasons",
        CALLS,
        True,
        {**TOOLS, "reasoning_effort": "low"},
    ),
    Work("native JSON", 3, path="/api/v1/chat"),
    Work("native stream", 3, "gemini", stream=True, path="/api/v1/chat"),
    Work("two answers from a model that gives one", 1, "claude", more={"n": 2}),
    Work("two answers, stream", 1, "claude", stream=True, more={"n": 2}),
    Work("falls back", 3, "falls_back", "[[sim: fail claude]]"),
    Work("falls back, stream", 3, "falls_back", "[[sim: stream-error first on claude]]", True),
    Work("hedged", 1, "hedged", "[[sim: delay 0.05 on openai]]"),
    Work("hedged, stream", 1, "hedged", "[[sim: delay 0.05 on openai]]", True),
    Work("resumed", 1, "resumed", "[[sim: words 20]] [[sim: cut 4 on openai]]", True),
    Work("500", 1, "faulty", "[[sim: error 500]]", expected=FAILS),
    Work("503, stream", 1, "faulty", "[[sim: error 503]]", True, expected=FAILS),
    Work("400", 1, "faulty", "[[sim: error 400]]", expected=frozenset({400})),
    Work("429", 0.5, "limited", "[[sim: error 429 retry-after 1]]", expected=frozenset({429, 503})),
    Work("reset", 1, "faulty", "[[sim: reset]]", expected=FAILS),
    Work("garbage", 1, "faulty", "[[sim: garbage]]", True, expected=frozenset({200, 502})),
    Work("cut", 1, "faulty", "[[sim: cut 3]]", True, expected=frozenset({200, 502})),
    Work("cut JSON", 1, "faulty", "[[sim: cut 1]]", expected=FAILS),
    Work("truncated", 1, "faulty", "[[sim: truncate 3]]", True, expected=frozenset({200, 502})),
    Work("error event", 1, "faulty", "[[sim: stream-error]]", True, expected=frozenset({200, 502})),
    Work("stall", 0.5, "silent", "[[sim: stall 3]]", True, expected=frozenset({200, 504})),
    Work("no answer", 0.5, "silent", "[[sim: hang]]", expected=frozenset({504})),
    Work(
        "leaves a stream",
        4,
        "openai",
        "[[sim: words 300]] [[sim: slow 0.002]]",
        True,
        leaves_after=0,
    ),
    Work(
        "leaves a stream of minutes",
        1,
        "openai",
        "[[sim: words 5000]] [[sim: slow 0.02]]",
        True,
        {"max_tokens": 20_000},
        leaves_after=0,
    ),
    Work("leaves before an answer", 2, "openai", "[[sim: delay 5]]", leaves_after=0.02),
    Work("leaves a fan-out", 1, "claude", "[[sim: delay 5]]", more={"n": 3}, leaves_after=0.02),
    Work("leaves a hedge", 1, "hedged", "[[sim: delay 5]]", leaves_after=0.05),
    Work("unknown model", 0.5, "nobody", expected=frozenset({404})),
    Work("broken JSON", 0.5, raw=b'{"model": "openai", ', expected=frozenset({400})),
    Work("unknown route", 0.5, path="/v2/chat", raw=b"", expected=frozenset({404})),
    Work("models", 0.5, path="/v1/models", raw=b""),
    Work("providers", 0.5, path="/api/v1/providers", raw=b""),
    Work("plan", 0.5, path="/api/v1/route"),
    Work("tokens", 0.5, path="/api/v1/tokens"),
    Work("metrics", 0.2, path="/metrics", raw=b""),
)

LARGE_WORKS: Final = (
    Work(
        "a large answer",
        1,
        "openai",
        f'[[sim: call get_weather {{"city": "{"x" * 1_500_000}"}}]]',
        more=TOOLS,
    ),
)
"""More than is taken from a provider before it is read. Not of the mix: what is on its way of them
hides a leak of kilobytes."""
