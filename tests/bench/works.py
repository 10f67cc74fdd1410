"""What is asked of every system, and what its answer must hold."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.bench.upstream import CHUNKS, LARGE, LARGE_WORDS, SMALL_WORDS, TOKEN
from translators.json_codec import dumps

Spoken = Literal["chat", "messages", "responses", "gemini"]
"""A caller's dialect."""
Route = Literal[
    "openai", "claude", "gemini", "tls",
    "messages to claude", "messages to openai", "responses to openai", "responses to claude",
    "gemini to gemini", "gemini to openai",
]  # fmt: skip
"""The dialect of the upstream that is to be asked; `tls` is openai over TLS. Callers speak Chat
Completions where nothing else is said."""


_END: Final = re.compile(
    rb'"finish_reason": ?"stop"|"type": ?"message_stop"|"type": ?"response.completed"'
    rb'|"finishReason": ?"STOP"'
)


Messages = list[dict[str, str]]


def _chat(model: str, messages: Messages, stream: bool) -> dict[str, Any]:
    return {"model": model, "messages": messages, "stream": stream, "max_tokens": 1000}


def _responses(model: str, messages: Messages, stream: bool) -> dict[str, Any]:
    said = {"model": model, "input": messages, "stream": stream, "max_output_tokens": 1000}
    return {**said, "store": False}


def _gemini(model: str, messages: Messages, stream: bool) -> dict[str, Any]:
    roles = {"user": "user", "assistant": "model"}
    contents = [
        {"role": roles[each["role"]], "parts": [{"text": each["content"]}]} for each in messages
    ]
    return {"contents": contents, "generationConfig": {"maxOutputTokens": 1000}}


BODIES: Final[Mapping[Spoken, Callable[[str, Messages, bool], dict[str, Any]]]] = {
    "chat": _chat,
    "messages": _chat,
    "responses": _responses,
    "gemini": _gemini,
}
"""A request in each dialect: to a model, with messages as Chat Completions has them; a stream or
not."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a caller of one system reaches one route."""

    model: str
    path: str = "/v1/chat/completions"
    """Where `{method}` stands for what Gemini's clients call."""
    headers: Mapping[str, str] = field(default_factory=dict)
    spoken: Spoken = "chat"


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of request; `units` is what its cost is divided by: 1 for a request, the number of
    chunks for a burst.
    """

    name: str
    route: Route
    requests: int = 3000
    units: int = 1
    stream: bool = False
    kilobytes: int = 1
    messages: int = 1
    large: bool = False
    """The answer has 100 KB."""
    every: float = 0
    """Seconds between two chunks of a stream that never ends by itself; 0 is a burst."""

    def http(self, way: Way) -> bytes:
        """The request as it goes over the wire."""
        text = "word " * (200 * self.kilobytes // self.messages)
        last = text + (
            f"[[every {self.every:g}]]" if self.every else LARGE.decode() if self.large else ""
        )
        roles = ("user", "assistant")
        messages = [
            {"role": roles[number % 2], "content": text} for number in range(self.messages - 1)
        ]
        messages.append({"role": "user", "content": last})
        body = dumps(BODIES[way.spoken](way.model, messages, self.stream))
        headers = {
            "Host": "bench",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **way.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        method = "streamGenerateContent?alt=sse" if self.stream else "generateContent"
        path = way.path.format(method=method)
        return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body

    def check(self, body: bytes) -> None:
        """RuntimeError unless this is a whole answer."""
        if not self.stream:
            if body.count(b"word") != (LARGE_WORDS if self.large else SMALL_WORDS):
                raise RuntimeError(f"not the answer: {body[:300]!r}")
        elif (body.count(TOKEN) - CHUNKS) % CHUNKS or not _END.search(body):
            raise RuntimeError(f"{body.count(TOKEN)} of {CHUNKS} chunks, ends with {body[-200:]!r}")


BURSTS: Final = (
    Work("1 KB JSON, OpenAI", "openai"),
    Work("1 KB JSON, OpenAI over TLS", "tls"),
    Work("1 KB JSON, Claude", "claude"),
    Work("1 KB JSON, Gemini", "gemini"),
    Work("100 KB JSON, OpenAI", "openai", 800, kilobytes=100, large=True),
    Work("100 KB JSON, Claude", "claude", 800, kilobytes=100, large=True),
    Work("100 KB JSON, Gemini", "gemini", 800, kilobytes=100, large=True),
    Work("burst chunk, OpenAI", "openai", 600, CHUNKS, stream=True),
    Work("burst chunk, OpenAI over TLS", "tls", 600, CHUNKS, stream=True),
    Work("burst chunk, Claude", "claude", 600, CHUNKS, stream=True),
    Work("burst chunk, Gemini", "gemini", 600, CHUNKS, stream=True),
)
SMALL: Final = BURSTS[0]
_PAIRS: Final[tuple[tuple[str, Route], ...]] = (
    ("Messages → Claude relay", "messages to claude"),
    ("Responses → OpenAI relay", "responses to openai"),
    ("Gemini → Gemini relay", "gemini to gemini"),
    ("Messages → OpenAI", "messages to openai"),
    ("Responses → Claude", "responses to claude"),
    ("Gemini → OpenAI", "gemini to openai"),
)
INBOUND: Final = (
    *(Work(f"1 KB JSON, {name}", route) for name, route in _PAIRS),
    *(Work(f"burst chunk, {name}", route, 600, CHUNKS, stream=True) for name, route in _PAIRS),
)
"""Callers of the other dialects: what is relayed costs no more than a plain chat request to OpenAI,
what is translated at most 1.35 times as much."""
PACED: Final = (
    Work("paced chunk, OpenAI", "openai", stream=True, every=0.02),
    Work("paced chunk, Claude", "claude", stream=True, every=0.02),
)
