"""What is asked of every system, and what its answer must hold."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from tests.bench.agents import NUMBER, TURNS, agents_turn
from tests.bench.upstream import CHUNKS, COALESCED, LARGE, LARGE_WORDS, SMALL_WORDS, TOKEN
from translators.json_codec import dumps

Spoken = Literal["chat", "messages", "responses", "gemini"]
"""A caller's dialect."""
Route = Literal[
    "openai", "claude", "gemini", "tls", "bare",
    "messages to claude", "messages to openai", "responses to openai", "responses to claude",
    "gemini to gemini", "gemini to openai",
]  # fmt: skip
"""The dialect of the upstream that is to be asked; `tls` is openai over TLS, `bare` openai by a
persona that says nothing but that. Callers speak Chat Completions where nothing else is said."""
Content = Literal["words", "conversation", "first turn", "later turn"]
"""What is said: one text of ASCII; what people and assistants write; or an agent's turn, with tools
that nobody has seen or with those of its turns before."""


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
    """Where `{model}` and `{method}` stand for what Gemini's clients name and call."""
    headers: Mapping[str, str] = field(default_factory=dict)
    spoken: Spoken = "chat"


_SAID: Final = (
    "Can you tell me why “café” sorts behind 'cafz' here? I had expected the reverse.\n\n",
    'Of course: bytes are compared, not letters.\n```python\nsorted(["café", "cafz"])\n```\n',
    "Ça marche! Und wie wäre es auf Deutsch: kommt „ä“ vor „b“, oder dahinter? 多谢。\n",
    "It depends on the locale:\n\n1. DIN 5007-1 takes `ä` as `a`,\n2. DIN 5007-2 as `ae`.\t(So…)\n",
)
"""Quotes, escapes and letters beyond ASCII, as they stand in any conversation."""
_NUMBERS: Final = count()
"""Of all requests of this process: no system sees one twice."""


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
    coalesced: bool = False
    """A proxy has put the events of a burst together: not one HTTP chunk each, but 16 KB each."""
    content: Content = "words"

    def http(self, way: Way) -> bytes:
        """A request as it goes over the wire."""
        return next(self.requests_of(way))

    def requests_of(self, way: Way) -> Iterator[bytes]:
        """One after the other, for ever. Those of people and agents are all different, and equally
        long.
        """
        texts = [self._over_the_wire(way, body) for body in self._bodies(way)]
        mark, numbered = NUMBER.encode(), NUMBER.encode() in texts[0]
        for number in _NUMBERS:
            session, turn = divmod(number, len(texts))
            yield texts[turn].replace(mark, b"%08d" % session) if numbered else texts[turn]

    def check(self, body: bytes) -> None:
        """RuntimeError unless this is a whole answer."""
        if not self.stream:
            if body.count(b"word ") != (LARGE_WORDS if self.large else SMALL_WORDS):
                raise RuntimeError(f"not the answer: {body[:300]!r}")
        elif (body.count(TOKEN) - CHUNKS) % CHUNKS or not _END.search(body):
            raise RuntimeError(f"{body.count(TOKEN)} of {CHUNKS} chunks, ends with {body[-200:]!r}")

    def _over_the_wire(self, way: Way, body: bytes) -> bytes:
        headers = {
            "Host": "bench",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **way.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        method = "streamGenerateContent?alt=sse" if self.stream else "generateContent"
        path = way.path.format(model=way.model, method=method)
        return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body

    def _bodies(self, way: Way) -> list[bytes]:
        if self.content == "first turn":
            return [agents_turn(way.model, new_tools=True)]
        if self.content == "later turn":
            return [agents_turn(way.model, turn) for turn in range(2, TURNS + 1)]
        return [dumps(BODIES[way.spoken](way.model, self._messages(), self.stream))]

    def _messages(self) -> Messages:
        size, roles = 1000 * self.kilobytes // self.messages, ("user", "assistant")
        if self.content == "words":
            texts = ["word " * (size // 5)] * self.messages
        else:
            texts = [_written(number, size) for number in range(self.messages)]
            texts[0] = NUMBER + texts[0]
        messages = [
            {"role": roles[number % 2], "content": text} for number, text in enumerate(texts)
        ]
        messages[-1]["role"] = "user"
        messages[-1]["content"] += self._marks()
        return messages

    def _marks(self) -> str:
        """What tells the provider how to answer."""
        if self.every:
            return f"[[every {self.every:g}]]"
        return (LARGE if self.large else COALESCED if self.coalesced else b"").decode()


def _written(number: int, size: int) -> str:
    """So many bytes, as they stand in JSON, or a few less."""
    text, left = "", size
    while left > 0:
        piece = _SAID[(number + len(text)) % len(_SAID)]
        text, left = text + piece, left - len(dumps(piece)) + 2
    return text


def _in_each(name: str, **how: Any) -> tuple[Work, ...]:
    """The same work in the dialects of three providers."""
    routes: tuple[tuple[str, Route], ...] = (
        ("OpenAI", "openai"), ("Claude", "claude"), ("Gemini", "gemini"),
    )  # fmt: skip
    return tuple(Work(f"{name}, {shown}", route, **how) for shown, route in routes)


_STREAMED: Final = {"requests": 600, "units": CHUNKS, "stream": True}
BURSTS: Final = (
    Work("1 KB JSON, OpenAI", "openai"),
    Work("1 KB JSON, OpenAI, a persona that says nothing", "bare"),
    Work("1 KB JSON, OpenAI over TLS", "tls"),
    Work("1 KB JSON, Claude", "claude"),
    Work("1 KB JSON, Gemini", "gemini"),
    *_in_each("agent's first turn, 106 KB", requests=200, content="first turn"),
    *_in_each("agent's later turn", requests=400, content="later turn"),
    *_in_each(
        "100 KB conversation", requests=800, kilobytes=100, messages=40, content="conversation"
    ),
    *_in_each(
        "200 messages, 47 KB", requests=1000, kilobytes=30, messages=200, content="conversation"
    ),
    *_in_each("answer of 100 KB", requests=800, large=True),
    *_in_each("burst chunk", **_STREAMED),
    Work("burst chunk, OpenAI over TLS", "tls", 600, CHUNKS, stream=True),
    *_in_each("coalesced burst chunk", coalesced=True, **_STREAMED),
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
PACED: Final = _in_each("paced chunk", stream=True, every=0.02)
