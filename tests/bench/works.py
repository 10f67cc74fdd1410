"""What is asked of every system, and what its answer must hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.bench.upstream import CHUNKS, LARGE, LARGE_WORDS, SMALL_WORDS, TOKEN
from translators.json_codec import dumps

Route = Literal["openai", "claude", "gemini", "tls"]
"""The dialect of the upstream that is to be asked; `tls` is openai over TLS."""


_END: Final = re.compile(rb'"finish_reason": ?"stop"')


@dataclass(frozen=True, slots=True)
class Way:
    """How a caller of one system reaches one route."""

    model: str
    path: str = "/v1/chat/completions"
    headers: Mapping[str, str] = field(default_factory=dict)


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
        body = dumps(
            {"model": way.model, "messages": messages, "stream": self.stream, "max_tokens": 1000}
        )
        headers = {
            "Host": "bench",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **way.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {way.path} HTTP/1.1\r\n{head}\r\n".encode() + body

    def check(self, body: bytes) -> None:
        """RuntimeError unless this is a whole answer."""
        if not self.stream:
            if body.count(b"word") != (LARGE_WORDS if self.large else SMALL_WORDS):
                raise RuntimeError(f"not the answer: {body[:300]!r}")
        elif body.count(TOKEN) != CHUNKS or not _END.search(body):
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
PACED: Final = (
    Work("paced chunk, OpenAI", "openai", stream=True, every=0.02),
    Work("paced chunk, Claude", "claude", stream=True, every=0.02),
)
